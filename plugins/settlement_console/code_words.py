"""The bank's codes in words, for pages; a code that is not here is shown as it stands."""

from __future__ import annotations

CARDS = {"J": "junior", "C": "classic", "G": "gold"}
FREQUENCIES = {"M": "monthly", "W": "weekly", "T": "after each transaction"}
PURPOSES = {
    "HH": "the household",
    "IC": "interest",
    "IN": "insurance",
    "IO": "overdraft interest",
    "LE": "leasing",
    "LO": "a loan",
    "PE": "a pension",
    "ST": "statement fees",
}
RIGHTS = {"O": "owner", "D": "may dispose of it"}
GENDERS = {"F": "woman", "M": "man"}
