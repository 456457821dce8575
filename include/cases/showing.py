"""What a reader may see: numbers and full sentences, or what the masked tables show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from include.identifiers import masked, unmarked
from include.masking.keys import NameKeys


@dataclass(frozen=True)
class Showing:
    """Shows values to one kind of reader.

    Attributes
    ----------
    sees_accounts
        Whether the reader may see whom.
    keys
        Function that gives the keys of pseudonyms, which are opened only where one is needed.
    hides_money
        Whether sentences and values that tell exact amounts are hidden from masked readers.
    """

    sees_accounts: bool
    keys: Callable[[], NameKeys]
    hides_money: bool

    def account(self, number: int | None) -> str | None:
        """An account."""
        return self._named("account", number)

    def posting(self, number: int | None) -> str | None:
        """A posting."""
        return self._named("transaction", number)

    def person(self, who: str | None) -> str | None:
        """The login of somebody who works on cases."""
        return self._named("analyst", who or None)

    def _named(self, kind: str, number: int | str | None) -> str | None:
        if number is None or self.sees_accounts:
            return None if number is None else str(number)
        keys = self.keys()
        return keys.namer(kind, keys.current).name(str(number))

    def money(self, cents: int | None, masked_cents: int | None) -> Decimal | None:
        """An amount, given as it is and as masked tables have it."""
        return money_of(cents if self.sees_accounts else masked_cents)

    def text(self, text: str, masked_text: str | None) -> str | None:
        """A sentence, given as it is and as masked tables have it."""
        return text if self.sees_accounts else masked_text

    def marked(self, sentence: str | None) -> str | None:
        """A sentence in which identifiers are marked."""
        if sentence is None:
            return None
        return unmarked(sentence) if self.sees_accounts else masked(sentence)

    def words(self, note: str | None) -> str | None:
        """A person's own words, which may name anybody."""
        return (note or None) if self.sees_accounts else None

    def value(self, value: str | None) -> str | None:
        """The right value of a correction, which may be an amount."""
        return None if self.hides_money and not self.sees_accounts else value


def money_of(cents: int | None) -> Decimal | None:
    """Cents as money.

    >>> money_of(-1250)
    Decimal('-12.50')
    """
    return None if cents is None else Decimal(cents).scaleb(-2)


def cents_of(money: Decimal | None) -> int | None:
    """Money as cents.

    >>> cents_of(Decimal("-12.50"))
    -1250
    """
    return None if money is None else int(money.scaleb(2))
