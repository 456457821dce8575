"""The queue's filter as its form and its address have it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from include.cases.searches import NamedSearch
    from include.cases.views import QueueFilter

KINDS = ("break", "score", "late", "drift", "performance")
"""Kinds of findings, as `mart_findings` has them."""
FIELDS = ("from", "to", "kind", "code", "least", "most", "district", "state", "whose", "find")
"""Fields of an address. None holds an account, a posting or a login: an address is written into logs and sent to
colleagues. `find` is the random name of a search that is kept, `whose` may be a colleague's pseudonym."""
NUMBERS = ("account", "posting")
"""Fields of the form that are sent, and never stand in an address."""
MINE, NOBODYS = "mine", "nobody"
IS_NAME = re.compile(r"[0-9a-f]{32}")
IS_NUMBER = re.compile(r"[0-9]{1,18}")
_LONGEST = 80
"""Longest value of a field in characters; the longest that there are is a district's name."""
_MOST_VALUES = 20
"""Most values in one address: each check and each reason once would be 24, which is no filter any more."""
_MOST_MONEY = Decimal(10**15)
"""Largest amount that is asked for, beyond what any posting can hold."""
_NOT_KEPT = "the search by a number is over a day old, or somebody else's: write the number into the filter again"


@dataclass(frozen=True)
class AskedQueue:
    """What a reader asked the queue for.

    Attributes
    ----------
    given
        Values of each field as they were written, to be shown in the form again.
    wanted
        Filter that they say; the whole queue where one of them says nothing that can be understood.
    faults
        A sentence on each value that says nothing: which one, and what is allowed.
    """

    given: Mapping[str, tuple[str, ...]]
    wanted: QueueFilter
    faults: tuple[str, ...] = ()

    @classmethod
    def of_query(
        cls,
        query: str,
        who: str,
        *,
        holder: Callable[[str], str] = str,
        search: Callable[[str], NamedSearch | None] = lambda _: None,
    ) -> AskedQueue:
        """What the query of an address asks for.

        Parameters
        ----------
        query
            Query of an address, without its question mark.
        who
            The reader, whom `whose=mine` means.
        holder
            Function that gives the login of a pseudonym; what it does not know is nobody's login.
        search
            Function that gives the search that the reader kept under a name; None where there is none.
        """
        pairs = [(name, value.strip()) for name, value in _pairs(query) if name in FIELDS and value.strip()]
        given = {name: tuple(value for key, value in pairs if key == name) for name in dict.fromkeys(dict(pairs))}
        reading = _Reading(given)
        wanted = reading.named(reading.wanted(who, holder), search)
        return cls(given, _empty() if reading.faults else wanted, tuple(reading.faults))

    @classmethod
    def of_form(cls, sent: Sequence[tuple[str, Any]], who: str) -> AskedQueue:
        """What the form of the filter asks for, whose numbers are not kept yet."""
        told = [(name, value.strip()) for name, value in sent if isinstance(value, str) and value.strip()]
        asked = cls.of_query(
            urlencode([(name, value) for name, value in told if name in FIELDS and name != "find"]), who
        )
        numbers = {name: (value,) for name, value in told if name in NUMBERS}
        faults = [*asked.faults, *_number_faults(numbers)]
        return replace(asked, given={**asked.given, **numbers}, faults=tuple(faults))

    @property
    def is_named(self) -> bool:
        """Whether it asks for an account or a posting."""
        return any(name in self.given for name in (*NUMBERS, "find"))

    @property
    def query(self) -> str:
        """The filter as the query of an address; empty for the queue as it is without one."""
        return urlencode([(name, value) for name in FIELDS for value in self.given.get(name, ())])

    def one(self, name: str) -> str:
        """The value of a field that has one; empty without."""
        return next(iter(self.given.get(name, ())), "")

    def has(self, name: str, value: str) -> bool:
        """Whether a field has a value among those that were given."""
        return value in self.given.get(name, ())


def query_of(wanted: QueueFilter, whose: str = "") -> str:
    """A filter as the query of an address; an account or a posting is left out.

    Parameters
    ----------
    wanted
        The filter.
    whose
        Value of the field `whose` where it names a holder.

    >>> from include.cases.views import QueueFilter
    >>> query_of(QueueFilter(first_night=date(1994, 1, 31), codes=("fee_amount",)))
    'from=1994-01-31&code=fee_amount&state=open&state=in_review'
    """
    pairs: list[tuple[str, Any]] = [("from", wanted.first_night), ("to", wanted.last_night)]
    pairs += [("kind", kind) for kind in wanted.kinds] + [("code", code) for code in wanted.codes]
    pairs += [("least", wanted.least_amount), ("most", wanted.most_amount), ("district", wanted.district)]
    pairs += [("state", state.value) for state in wanted.states] + [("whose", NOBODYS if wanted.is_free else whose)]
    return urlencode([(name, value) for name, value in pairs if value not in (None, "")])


def codes() -> dict[str, tuple[str, ...]]:
    """The codes that a finding may have, by what they are called."""
    from include.features.catalog import REASON_CODES
    from include.settlement.findings import CHECK_CODES

    return {"Checks": tuple(sorted(CHECK_CODES)), "Reasons": REASON_CODES}


def _pairs(query: str) -> Sequence[tuple[str, str]]:
    try:
        return parse_qsl(query, max_num_fields=_MOST_VALUES)
    except ValueError:
        return [("code", "more values than a filter has")]


def _number_faults(numbers: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [
        f"{name} is {value[:_LONGEST]}: write its number, 1 to 18 digits"
        for name, (value,) in numbers.items()
        if not IS_NUMBER.fullmatch(value)
    ]


def _empty() -> QueueFilter:
    from include.cases.views import QueueFilter

    return QueueFilter()


@dataclass
class _Reading:
    """Reads the fields one by one and collects what is wrong with them."""

    given: dict[str, tuple[str, ...]]
    faults: list[str] = field(default_factory=list)

    def wanted(self, who: str, holder: Callable[[str], str]) -> QueueFilter:
        from include.cases.terms import UNFINISHED, CaseState
        from include.cases.views import QueueFilter

        every = tuple(code for group in codes().values() for code in group)
        states = self._among("state", tuple(CaseState))
        whose = self._whose()
        found = QueueFilter(
            first_night=self._day("from"),
            last_night=self._day("to"),
            codes=self._among("code", every),
            kinds=self._among("kind", KINDS),
            least_amount=self._money("least"),
            most_amount=self._money("most"),
            district=self._text("district"),
            states=tuple(CaseState(state) for state in states) or UNFINISHED,
            holder=who if whose == MINE else holder(whose) if IS_NAME.fullmatch(whose) else "",
            is_free=whose == NOBODYS,
        )
        self._in_order("from", "to", found.first_night, found.last_night)
        self._in_order("least", "most", found.least_amount, found.most_amount)
        return found

    def named(self, wanted: QueueFilter, search: Callable[[str], NamedSearch | None]) -> QueueFilter:
        """The filter with the numbers of the search that was kept, which the form shows again."""
        token = self._text("find")
        found = search(token) if token else None
        if found is None:
            if token:
                self.faults.append(_NOT_KEPT)
            return wanted
        numbers = zip(NUMBERS, (found.account, found.posting), strict=True)
        self.given |= {name: (str(number),) for name, number in numbers if number is not None}
        return replace(wanted, account=found.account, posting=found.posting)

    def _whose(self) -> str:
        value = self._text("whose")
        if value and value not in (MINE, NOBODYS) and not IS_NAME.fullmatch(value):
            self.faults.append(f"whose is {value}: write {MINE}, {NOBODYS}, or choose a colleague from the list")
        return value

    def _text(self, name: str) -> str:
        value = next(iter(self.given.get(name, ())), "")
        if len(value) > _LONGEST:
            self.faults.append(f"{name} has {len(value):,} characters: write {_LONGEST} at most")
        return value[:_LONGEST]

    def _day(self, name: str) -> date | None:
        value = self._text(name)
        try:
            return date.fromisoformat(value) if value else None
        except ValueError:
            self.faults.append(f"{name} is {value}, which is no date: write year-month-day, such as 1994-01-31")
            return None

    def _money(self, name: str) -> Decimal | None:
        value = self._text(name)
        try:
            amount = Decimal(value.replace(",", "").replace(" ", "")) if value else None
        except InvalidOperation:
            amount = Decimal("NaN")
        if amount is None or (amount.is_finite() and 0 <= amount < _MOST_MONEY):
            return amount
        self.faults.append(f"{name} is {value}, which is no amount: write a number from 0 on, such as 12500 or 99.50")
        return None

    def _among(self, name: str, allowed: Sequence[str]) -> tuple[str, ...]:
        values = self.given.get(name, ())
        for value in values:
            if value not in allowed:
                self.faults.append(f"{name} is {value[:_LONGEST]}: write one of {', '.join(allowed)}")
        return tuple(value for value in values if value in allowed)

    def _in_order(self, least: str, most: str, first: Any, last: Any) -> None:  # noqa: ANN401 - dates or amounts
        if first is not None and last is not None and first > last:
            self.faults.append(f"{least} ({first}) lies after {most} ({last}): give them the other way round")
