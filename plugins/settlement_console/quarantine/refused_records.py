"""Reads what nights did not let in: counts by relation and reason, the records' places, and one record."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from include.settings import Settings
from plugins.settlement_console.lake_reader import days_before, masked_table, opened_lake, published_nights

if TYPE_CHECKING:
    from include.lake import Lake

NIGHTS_SHOWN = 31
"""Nights on the list: a month, as on the list of nights."""
RECORDS_SHOWN = 100
"""Records on one page of a night: what a person reads through before they ask for the file."""
_ID_LENGTH = 32


class NoSuchRecordError(LookupError):
    """Raised when a night's quarantine holds no record of an id."""


@dataclass(frozen=True)
class Reason:
    """Records of one relation that were refused for one reason; a record with several reasons counts in each."""

    relation: str
    code: str
    mend: str
    records: int


@dataclass(frozen=True)
class RefusedNight:
    """The records that a night did not let in.

    Attributes
    ----------
    night
        Settlement date.
    records
        Number of records.
    by_relation
        Number of records by relation.
    reasons
        Reasons, the most frequent first.
    """

    night: date
    records: int
    by_relation: Mapping[str, int]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class RefusedRecord:
    """One record that was not let in.

    Attributes
    ----------
    record_id
        Opaque name of the record, for links; it changes with the record's file and line.
    relation, codes
        Relation, and the reasons.
    place
        File or table and line, or the pseudonym of both.
    """

    record_id: str
    relation: str
    codes: tuple[str, ...]
    place: str


@dataclass(frozen=True)
class NightPage:
    """A night's quarantine.

    Attributes
    ----------
    refused
        Counts.
    records
        Records of the page that was asked for, in the order of their files and lines.
    first
        Place of the first of them, from 0.
    """

    refused: RefusedNight
    records: tuple[RefusedRecord, ...]
    first: int

    @property
    def following(self) -> int | None:
        """Place of the first record of the next page; None on the last one."""
        end = self.first + len(self.records)
        return end if end < self.refused.records else None

    @property
    def preceding(self) -> int | None:
        """Place of the first record of the page before; None on the first one."""
        return max(0, self.first - RECORDS_SHOWN) if self.first else None


def refused_nights(settings: Settings, before: date | None = None) -> list[RefusedNight]:
    """The newest published nights, or those before a date, newest first, each with what it did not let in."""
    lake = opened_lake(settings)
    if lake is None:
        return []
    shown = [*published_nights(lake, before and days_before(before, 1), NIGHTS_SHOWN)]
    if not shown:
        return []
    # Counts name nobody; they are made from the masked table for everybody.
    rows = _masked(lake, shown[0], shown[-1], ("night", "relation", "reason_codes"))
    by_night: dict[date, list[dict[str, Any]]] = {night: [] for night in reversed(shown)}
    for row in rows:
        by_night.setdefault(row["night"], []).append(row)
    return [_counted(night, by_night[night]) for night in by_night]


def night_page(settings: Settings, night: date, first: int, *, sees_places: bool) -> NightPage | None:
    """A night's quarantine; None where the night is not published.

    Parameters
    ----------
    first
        Place of the first record that is shown.
    sees_places
        Whether the reader may see file and line of a record; others get a pseudonym of both.
    """
    lake = opened_lake(settings)
    if lake is None or lake.published(night) is None:
        return None
    rows = _full(lake, night) if sees_places else _masked(lake, night, night)
    shown = sorted(rows, key=_order)[first : first + RECORDS_SHOWN]
    return NightPage(_counted(night, rows), tuple(map(_record, shown)), first)


def raw_record(settings: Settings, night: date, record_id: str) -> tuple[RefusedRecord, str, int | None]:
    """A record with its text as it came, and the account that it names.

    Raises
    ------
    NoSuchRecordError
        When the night's quarantine has no such record.
    IntegrityError
        When its text was changed, or the master key is another one.
    """
    from include.quality.sealed_quarantine import unseal_quarantine
    from include.security.envelope import Envelope

    lake = opened_lake(settings)
    found = None if lake is None else lake.read("quarantine", night, night)
    places = [] if found is None else [_record(row).record_id for row in found.to_pylist()]
    if lake is None or found is None or record_id not in places:
        raise NoSuchRecordError("the night's quarantine has no such record: it may have been played again since")
    sealed = found.slice(places.index(record_id), 1)
    (row,) = unseal_quarantine(sealed, night, Envelope.open(settings, lake.identity)).to_pylist()
    return _record(row), row["raw"] or "", row["account_id"]


def _masked(lake: Lake, first: date, last: date, columns: Iterable[str] | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = masked_table(lake, "quarantine", first, last, columns).to_pylist()
    return found


def _full(lake: Lake, night: date) -> list[dict[str, Any]]:
    """The records without their texts and accounts."""
    columns = ("night", "relation", "source_uri", "line", "reason_codes")
    found: list[dict[str, Any]] = lake.read("quarantine", night, night, columns).to_pylist()
    return found


def _counted(night: date, rows: list[dict[str, Any]]) -> RefusedNight:
    from include.quality.mends import mend_of

    found = Counter((row["relation"], code) for row in rows for code in row["reason_codes"])
    return RefusedNight(
        night=night,
        records=len(rows),
        by_relation=dict(Counter(row["relation"] for row in rows).most_common()),
        reasons=tuple(
            Reason(relation, code, mend_of(code), number) for (relation, code), number in found.most_common()
        ),
    )


def _order(row: Mapping[str, Any]) -> tuple[str, str, int]:
    return (row["relation"], row.get("source_line_id") or row["source_uri"] or "", row.get("line") or 0)


def _place(row: Mapping[str, Any]) -> str:
    return f"{row['source_uri']}, line {row['line']:,}" if row["line"] is not None else str(row["source_uri"])


def _record(row: Mapping[str, Any]) -> RefusedRecord:
    place = row.get("source_line_id") or _place(row)
    about = f"{row['night']} {row['relation']} {place}"
    record_id = hashlib.sha256(about.encode()).hexdigest()[:_ID_LENGTH]
    return RefusedRecord(record_id, row["relation"], tuple(row["reason_codes"]), place)
