"""Counterparties: text in any form, and when two texts mean the same account.

Two counterparties are the same where their keys are, `bank/account`:

* Letters count as upper case, and blanks of any kind not at all: `cz65 0800` is `CZ650800`, an IBAN however grouped.
* A number counts without leading zeros, both halves of a prefix and number too: `000019-0002000145399` is
  `19-2000145399`; a prefix of nothing but zeros is none. The number 0 stands for no account.
* A bank part, what follows the last slash (`19-2000145399/0800`), is the bank. Without one the bank is the code that
  the record gives beside the account, as it stands there; where both name the same bank, they are one.
* Nothing else is read into a text: an IBAN is not the same as the domestic number it was made of.

A number that fits 64 bits has the key it always had, so that a state written before counterparties were text holds.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile(r"[^A-Za-z0-9._/ -]")
# An IBAN has at most 34 characters (ISO 13616), 42 in its printed groups of four.
_LENGTH = 42


def account_text(account: object) -> str:
    """An account elsewhere with everything taken out that no account number has.

    Examples
    --------
    >>> account_text("19-2000145399/0800"), account_text("<b>CZ65 0800")
    ('19-2000145399/0800', 'bCZ65 0800')
    """
    return _UNSAFE.sub("", str(account))[:_LENGTH]
