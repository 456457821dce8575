"""The generated bank: a demonstration bank of any size with the habits of a real one, plus times and places."""

from demo.generate import Bank, BankSummary, build_bank, generate_bank
from demo.injected_incidents import Incident
from demo.write import ROUNDING_CROWNS

__all__ = ["ROUNDING_CROWNS", "Bank", "BankSummary", "Incident", "build_bank", "generate_bank"]
