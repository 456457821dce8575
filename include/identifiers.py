"""Identifiers in sentences: marked where a sentence is written, so that it can be told with and without them.

Who writes a sentence knows which of its words name a person's account, posting, counterparty or place; nobody can find
them afterwards, as a counterparty may be any text.
"""

from __future__ import annotations

import re

# Private-use characters, which no bank's text may bring along: `named` takes them out.
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARKS = re.compile(f"[{_OPEN}{_CLOSE}]")
_NAMED = re.compile(f"{_OPEN}[^{_CLOSE}]*{_CLOSE}")

HIDDEN = "…"
"""Text that stands in a masked sentence where an identifier was."""


def named(identifier: object) -> str:
    """An identifier for a sentence, marked as one.

    Examples
    --------
    >>> masked(f"Account {named(12)} paid twice.")
    'Account … paid twice.'
    """
    return f"{_OPEN}{unmarked(str(identifier))}{_CLOSE}"


def unmarked(sentence: str) -> str:
    """The sentence with its identifiers, as full readers get it.

    Examples
    --------
    >>> unmarked(f"Account {named(12)} paid twice.")
    'Account 12 paid twice.'
    """
    return _MARKS.sub("", sentence)


def masked(sentence: str) -> str:
    """The sentence with `HIDDEN` in the place of each identifier."""
    return _NAMED.sub(HIDDEN, sentence)


def is_masked_form(masked_sentence: str | None, sentence: str | None) -> bool:
    """Whether a masked sentence says the same as a sentence, but for what it hides.

    Examples
    --------
    >>> is_masked_form("Account … paid twice.", "Account 12 paid twice.")
    True
    >>> is_masked_form("Account 12 paid twice.", "Account 12 paid once.")
    False
    """
    if masked_sentence is None or sentence is None:
        return masked_sentence is sentence
    pattern = ".*".join(map(re.escape, masked_sentence.split(HIDDEN)))
    return re.fullmatch(pattern, sentence, re.DOTALL) is not None
