"""The three dialects of the bank's files: names, delimiter, dates and codes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from include.relations import Column, Relation
from include.sources.moments import local_moment

# A time of day may follow: without a zone the record counts on the day that stands before it.
_CLOCK = r"(?:[ T](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)?"
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})" + _CLOCK, re.ASCII)
_SHORT_DATE = re.compile(r"(\d{2})(\d{2})(\d{2})" + _CLOCK, re.ASCII)
_LONGEST_DAY = len("2024-02-29")
_LONG_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})" + _CLOCK, re.ASCII)
# As POSIX reads two digits of a year: 69 to 99 are of the 1900s, 00 to 68 of the 2000s. A bank's own dates are those
# of its computers; births are put right afterwards, by the day their account was opened.
_FIRST_SHORT_YEAR = 69


def _existing(found: re.Match[str] | None, century: int = 0) -> date | None:
    if found is None:
        return None
    try:
        return date(century + int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def iso_date(text: str) -> date | None:
    """The date written `YYYY-MM-DD` (a time may follow), or None when it is not one that exists.

    >>> iso_date("2014-01-31 00:00:00"), iso_date("2014-02-30")
    (datetime.date(2014, 1, 31), None)
    """
    return _existing(_ISO_DATE.fullmatch(text))


def short_date(text: str) -> date | None:
    """The date written `YYMMDD`, `YYYYMMDD` or `YYYY-MM-DD` (a time may follow), None when it does not exist.

    >>> short_date("931107 00:00:00"), short_date("240229"), short_date("2024-02-29"), short_date("930231")
    (datetime.date(1993, 11, 7), datetime.date(2024, 2, 29), datetime.date(2024, 2, 29), None)
    """
    found = _SHORT_DATE.fullmatch(text)
    if found is None:
        return iso_date(text) or _existing(_LONG_DATE.fullmatch(text))
    return _existing(found, 1900 if int(found[1]) >= _FIRST_SHORT_YEAR else 2000)


def read_time(text: str) -> time | None:
    """The time of day written `HH:MM`, `HH:MM:SS` or with decimals, a date may precede; None when it is not one.

    >>> read_time("23:59:30"), read_time("2024-02-29 23:59:30"), read_time("24:10")
    (datetime.time(23, 59, 30), datetime.time(23, 59, 30), None)
    """
    clock = text[_LONGEST_DAY + 1 :] if iso_date(text) else text
    try:
        found = time.fromisoformat(clock)
    except ValueError:
        return None
    return found if ":" in clock and found.tzinfo is None else None


@dataclass(frozen=True)
class Dialect:
    """The form in which one bank writes its relations into files.

    Attributes
    ----------
    name
        Name of the dialect for people.
    delimiter
        Delimiter between two fields of a text file.
    has_header
        Whether the first record of a text file names the columns.
    rounding_cents
        Rounding of the dialect in cents, unless the address declares another; None where banks of any rounding write
        the dialect.
    read_date
        Function from a text to its date; None for a date that does not exist.
    date_form
        Form of dates, in words for people.
    zone
        Time zone in which the source counts its days; None where it declares none.
    """

    name: str
    delimiter: str
    has_header: bool
    rounding_cents: int | None
    read_date: Callable[[str], date | None]
    date_form: str = "YYYY-MM-DD"
    zone: ZoneInfo | None = None

    def in_zone(self, zone: ZoneInfo | None) -> Dialect:
        """The dialect of a source that counts its days in a zone."""
        return replace(self, zone=zone)

    def date_of(self, text: str) -> date | None:
        """The date a text names, None for one that does not exist; a moment with a zone is on the source's own day."""
        moment = self._moment(text)
        return moment.date() if moment else self.read_date(text)

    def time_of(self, text: str) -> time | None:
        """The time of day a text names, alone or after a date, None where it is none."""
        moment = self._moment(text)
        return moment.time() if moment else read_time(text)

    def _moment(self, text: str) -> datetime | None:
        return local_moment(text, self.zone) if self.zone and len(text) > _LONGEST_DAY else None

    def file_names(self, relation: Relation) -> tuple[str, ...]:
        """The names a file of the relation may have, the usual one first."""
        names = {"PKDD": (relation.pkdd,), "Teradata": (relation.teradata,)}
        return names.get(self.name, (f"{relation.name}.csv", f"{relation.name}.parquet"))

    def header_name(self, column: Column) -> str:
        """The column's name in a header; empty where the dialect does not have it."""
        return column.pkdd if self.name == "PKDD" else column.name

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """The relation's columns that files of the dialect may hold, in the relation's order."""
        return tuple(c for c in relation.source_columns if self.header_name(c))

    def codes(self, column: Column) -> Mapping[str, str]:
        """The canonical code of each code as written."""
        return {(pkdd if self.name == "PKDD" else code): code for code, pkdd in column.codes.items()}


PKDD = Dialect("PKDD", ";", has_header=True, rounding_cents=10, read_date=short_date, date_form="YYMMDD or YYYY-MM-DD")
"""The original `.asc` files: crowns, interest rounded to a tenth, Czech codes."""
TERADATA = Dialect("Teradata", "\t", has_header=False, rounding_cents=1, read_date=iso_date)
"""The up-to-date `.tsv` files: no header, English codes."""
CANONICAL = Dialect("canonical", ",", has_header=True, rounding_cents=None, read_date=iso_date)
"""`fin_*.csv` and `fin_*.parquet` with the names of the relations module."""

DIALECTS = (PKDD, TERADATA, CANONICAL)


def likely_delimiter(line: str) -> str:
    """The delimiter a line seems to be written with; empty when it holds none of the usual ones.

    >>> likely_delimiter("trans_id;account_id;trans_date")
    ';'
    """
    counts = Counter(character for character in line if character in ",;\t|")
    return counts.most_common(1)[0][0] if counts else ""
