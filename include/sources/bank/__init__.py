"""The generated bank: a demonstration bank of any size with the habits of a real one, and times and places besides."""

from include.sources.bank.generate import Bank, BankSummary, build_bank, generate_bank
from include.sources.bank.troubles import Trouble

__all__ = ["Bank", "BankSummary", "Trouble", "build_bank", "generate_bank"]
