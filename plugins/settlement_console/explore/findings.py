"""The findings of a choice: which ones they are, and their counts and money by night, code and district."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from plugins.settlement_console.explore.choice import Choice
from plugins.settlement_console.explore.reading import Bounded, Reader

if TYPE_CHECKING:
    import pyarrow as pa

MOST_FINDINGS = 500_000
"""Largest number of findings that one page reads, the newest nights first: a hundred nights of a large bank, which take
half a second."""
_COLUMNS = ("settlement_date", "finding_id", "trans_id", "kind", "code", "amount", "score", "postings")
_OWN = ("amount", "score")
"""Quantities that a finding has itself; the others are those of its posting."""


@dataclass(frozen=True)
class Findings:
    """The findings of the nights that were read.

    Attributes
    ----------
    read
        All findings of these nights.
    chosen
        Those that the choice is about, with `district`, `number` (findings that the row stands for) and `money`.
    """

    read: Bounded
    chosen: pa.Table

    @property
    def count(self) -> int:
        """Number of the chosen findings."""
        return int(_sum(self.chosen, "number"))

    @property
    def money(self) -> float:
        """Money that the chosen findings are about."""
        return float(_sum(self.chosen, "money"))

    @property
    def codes(self) -> list[str]:
        """The codes of all findings that were read, in the order of the alphabet."""
        return sorted({code for code in self.read.rows["code"].unique().to_pylist() if code})

    def by(self, column: str) -> dict[Any, tuple[int, float]]:
        """Number and money of the chosen findings by the value of a column."""
        grouped = self.chosen.group_by([column]).aggregate([("number", "sum"), ("money", "sum")])
        return {row[column]: (row["number_sum"], float(row["money_sum"] or 0)) for row in grouped.to_pylist()}

    def by_code(self) -> dict[date, dict[str, int]]:
        """Number of the chosen findings by night and code."""
        grouped = self.chosen.group_by(["settlement_date", "code"]).aggregate([("number", "sum")])
        found: dict[date, dict[str, int]] = {}
        for row in grouped.to_pylist():
            found.setdefault(row["settlement_date"], {})[row["code"]] = row["number_sum"]
        return found


def _sum(rows: pa.Table, column: str) -> Any:  # noqa: ANN401 - a whole number or a float, as the column is
    import pyarrow.compute as pc

    return pc.sum(rows[column]).as_py() or 0


def findings_of(reader: Reader, choice: Choice) -> Findings:
    """The findings that a choice is about; ranges of what postings have are for `narrowed`."""
    columns = (*_COLUMNS, reader.district)
    read = reader.bounded(reader.mart("mart_findings"), choice.first, choice.last, columns, MOST_FINDINGS)
    return Findings(read, _chosen(_typed(read.rows, reader.district), choice))


def narrowed(found: Findings, postings: Sequence[Any]) -> Findings:
    """The findings about some postings alone.

    Parameters
    ----------
    found
        The findings.
    postings
        Numbers, or pseudonyms, of the postings.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pa.array(postings, found.chosen.schema.field("trans_id").type)
    return Findings(found.read, found.chosen.filter(pc.is_in(found.chosen["trans_id"], value_set=numbers)))


def _typed(rows: pa.Table, district: str) -> pa.Table:
    """The findings with `district`, the amount whatever its sign, and number and money as plain numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    named = rows.rename_columns(["district" if name == district else name for name in rows.column_names])
    amount = pc.abs(named["amount"].cast(pa.float64()))
    number = pc.fill_null(named["postings"], 1)
    plain = named.set_column(named.schema.get_field_index("amount"), "amount", amount)
    # A row that stands for many has the largest amount of them; its sum is not told here.
    return plain.append_column("number", number).append_column("money", pc.fill_null(amount, 0.0))


def _chosen(rows: pa.Table, choice: Choice) -> pa.Table:
    import pyarrow.compute as pc

    for name, column in (("kind", "kind"), ("code", "code"), ("district", "district")):
        if value := getattr(choice, name):
            rows = rows.filter(pc.field(column) == value)
    for name in _OWN:
        least, most = choice.ranges.get(name, (None, None))
        rows = within(rows, name, least, most)
    return rows


def within(rows: pa.Table, column: str, least: float | None, most: float | None) -> pa.Table:
    """The rows whose value lies in a range, whose ends count; what has no value lies in none."""
    import pyarrow.compute as pc

    if least is not None:
        rows = rows.filter(pc.field(column) >= least)
    return rows if most is None else rows.filter(pc.field(column) <= most)
