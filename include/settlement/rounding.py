"""Detects that balances break because the bank rounds more coarsely than declared or assumed."""

from __future__ import annotations

from collections.abc import Sequence

from include.settlement.findings import Break, money, plain

# On the real banks no account in a hundred breaks on any night, and on a bank whose rounding was taken too fine one in
# five did (73 breaks in 347 postings): a few per cent lie between.
_BROKEN_SHARE = 0.03
# A single account may break for any reason; five accounts with small gaps at once share a cause.
_FEWEST_ACCOUNTS = 5
# Measured on a bank of whole units that was held to cents: 57 of 75 and 52 of 66 gaps of a night are one unit, the
# others belong to days on which the search for an order went astray.
_EXPLAINED_SHARE = 0.5
# What banks round to: tenths, halves and whole units of their money, in cents. A larger gap is a posting.
_ROUNDINGS_CENTS = (10, 50, 100)


def rounding_warning(breaks: Sequence[Break], accounts: int, rounding_cents: int) -> str:
    """A sentence that names the rounding which would explain the night's broken balances; empty where none does.

    Parameters
    ----------
    breaks
        The night's breaks of `balance_chain`.
    accounts
        Accounts with postings on the night.
    rounding_cents
        Difference in cents that two balances were allowed.
    """
    gaps = sorted(abs(b.actual - b.expected) for b in breaks if b.actual is not None and b.expected is not None)
    if len(gaps) < max(_FEWEST_ACCOUNTS, _BROKEN_SHARE * accounts):
        return ""
    explaining = gaps[int(_EXPLAINED_SHARE * (len(gaps) - 1))]
    wider = [cents for cents in _ROUNDINGS_CENTS if cents > rounding_cents and cents >= explaining]
    if not wider:
        return ""
    unit = plain(wider[0])
    return (
        f"The balances of {len(gaps)} of {accounts} accounts with postings do not chain, half of them by "
        f"{money(explaining)} or less, though only {money(rounding_cents)} is taken for rounding. The bank seems to "
        f"round to {unit}: if it does, add ?rounding={unit} to the source's address and run the night again."
    )
