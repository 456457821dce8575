"""The generated bank: a demonstration bank of any size with the habits of a real one, and times and places besides."""

from include.sources.bank.generate import Bank, BankSummary, build_bank, generate_bank
from include.sources.bank.troubles import Trouble
from include.sources.bank.write import ROUNDING_CROWNS

__all__ = ["ROUNDING_CROWNS", "Bank", "BankSummary", "Trouble", "build_bank", "generate_bank"]
