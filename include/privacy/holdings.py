"""What the lake's tables hold on a client: the rows that readers see, and the files of what they no longer see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.table import Table as IcebergTable

from include.lake import Lake
from include.lake.data_files import data_files, night_column, night_of, read_data_files
from include.lake.erasing import older_files, read_older
from include.lake.iceberg_catalog import arrow_schema
from include.lake.tables import TABLES
from include.masking.tables import SUFFIX
from include.privacy.rules import rule_of
from include.privacy.selecting import Selection, numbers_in
from include.privacy.subject import IDENTIFIERS, NAMES
from include.security.envelope import Envelope


@dataclass(frozen=True)
class Held:
    """A client's rows in one table.

    Attributes
    ----------
    table
        Name of the table.
    by_night
        Number of rows in current files by night; the key is None in a table that is not by night.
    older_files
        Number of files of older snapshots, or of none, that hold rows, or may as they were not written to their end.
    older_snapshots
        Number of the table's snapshots that are not the current one.
    """

    table: str
    by_night: Counter[date | None]
    older_files: int
    older_snapshots: int

    def __bool__(self) -> bool:
        return bool(self.by_night or self.older_files)

    @property
    def nights(self) -> list[date]:
        """The nights with rows, the oldest first."""
        return sorted(night for night in self.by_night if night is not None)

    def as_dict(self) -> dict[str, Any]:
        """The figures for people."""
        nights = self.nights
        return {
            "table": self.table,
            "rows": self.by_night.total(),
            "nights": len(nights),
            "first_night": nights[0].isoformat() if nights else None,
            "last_night": nights[-1].isoformat() if nights else None,
            "older_files": self.older_files,
            "older_snapshots": self.older_snapshots,
        }


def with_names(lake: Lake, selection: Selection) -> Selection:
    """The selection that also tells masked rows which name no number of the client's, by the full rows beside them."""
    findings = frozenset[str]()
    for name in ("settlement_breaks", "alerts"):
        findings |= set(_theirs(lake, name, selection)["finding_id"].drop_null().to_pylist())
    records = _theirs(lake, "quarantine", selection)
    lines = zip(records["source_uri"].to_pylist(), records["line"].to_pylist(), strict=True)
    names = {"finding_id": findings, "line": frozenset(f"{uri}:{line}" for uri, line in lines)}
    merged = {kind: names[kind] | selection.subject.names[kind] for kind in NAMES}
    return replace(selection, subject=replace(selection.subject, names=merged))


def _theirs(lake: Lake, name: str, selection: Selection) -> pa.Table:
    """The client's rows of a table, in files of any age."""
    table = lake.catalog.find(name)
    if table is None:
        return TABLES[name].schema.empty_table()
    current = read_data_files(table, data_files(table), TABLES[name].schema)
    older = [read_older(table, path, TABLES[name].schema) for path in older_files(table)]
    rows = pa.concat_tables([current, *(found for found in older if found is not None)])
    return rows.filter(selection.mask(name, rows))


def holdings(lake: Lake, selection: Selection) -> list[Held]:
    """What every table holds on the client; tables that hold nothing are left out."""
    names = [name for name in lake.catalog.names() if not rule_of(name).kept_because]
    return [held for name in names if (held := _held(name, lake.catalog.load(name), selection))]


def _held(name: str, table: IcebergTable, selection: Selection) -> Held:
    is_by_night = bool(night_column(table))
    found: Counter[date | None] = Counter()
    for file in data_files(table):
        if rows := selection.count(name, read_data_files(table, [file], arrow_schema(table))):
            found[night_of(file) if is_by_night else None] += rows
    older = [read_older(table, path, arrow_schema(table)) for path in older_files(table)]
    holding = sum(rows is None or selection.count(name, rows) > 0 for rows in older)
    return Held(name, found, holding, max(len(table.snapshots()) - 1, 0))


def numbers_present(lake: Lake, envelope: Envelope) -> dict[str, set[int]]:
    """Every number that current rows of any full table hold or quote, by the column of identifiers that it is of."""
    found: dict[str, set[int]] = {column: set() for column in IDENTIFIERS}
    names = [name for name in lake.catalog.names() if not rule_of(name).kept_because and not name.endswith(SUFFIX)]
    for name, table in ((name, lake.catalog.load(name)) for name in names):
        rows = read_data_files(table, data_files(table), arrow_schema(table))
        for column, number in numbers_in(rows, rule_of(name), envelope):
            found[column].add(number)
    return found


def counterparty_rows(lake: Lake, accounts: Collection[int]) -> int:
    """Number of other clients' postings whose counterparty has the number of an account of the client's.

    They are the others' data and stay. A number may also be that of an account at another bank.
    """
    postings = lake.read("fin_transaction", columns=["account_id", "other_account_id"])
    numbers = pa.array(sorted(accounts), pa.int64())
    own, other = (pc.is_in(postings[name], numbers) for name in ("account_id", "other_account_id"))
    return int(pc.sum(pc.and_(other, pc.invert(own))).as_py() or 0)


def nights_of(held: Iterable[Held]) -> list[date]:
    """The nights that hold something of the client's, the oldest first."""
    return sorted({night for each in held for night in each.nights})
