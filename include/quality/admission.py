"""The gate's answer: accepted and refused records, the reasons, and the sums that prove that no record was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import ConservationError, GateError
from include.relations import FIN_TRANSACTION, RELATIONS

SuiteResult = dict[str, Any]
"""One suite's verdict as JSON holds it: `suite`, `relation`, `validation` (counts only, never a value of a row)."""


@dataclass(frozen=True)
class Counts:
    """Number of a relation's records by outcome; cents are those of transactions whose amount could be read."""

    offered_rows: int = 0
    published_rows: int = 0
    quarantined_rows: int = 0
    deduplicated_rows: int = 0
    unreadable_rows: int = 0
    offered_cents: int = 0
    published_cents: int = 0
    quarantined_cents: int = 0
    deduplicated_cents: int = 0

    def as_dict(self) -> dict[str, int]:
        """The figures by their names in the manifest."""
        return asdict(self)

    @property
    def refused_rows(self) -> int:
        """Number of records that were refused."""
        return self.quarantined_rows + self.unreadable_rows

    def check(self, relation: str) -> None:
        """Check that every offered record is accounted for.

        Raises
        ------
        ConservationError
            When a sum does not hold; the message gives both sides.
        """
        rows = self.published_rows + self.quarantined_rows + self.deduplicated_rows + self.unreadable_rows
        cents = self.published_cents + self.quarantined_cents + self.deduplicated_cents
        for unit, offered, found in (("rows", self.offered_rows, rows), ("cents", self.offered_cents, cents)):
            if offered != found:
                raise ConservationError(
                    f"{relation}: {offered} {unit} were offered, but published + quarantined + deduplicated + "
                    f"unreadable are {found}. The gate lost or doubled records; nothing may be published.",
                    relation=relation,
                )


def amount_cents(rows: pa.Table) -> int:
    """The exact sum of the readable amounts in cents; 0 for a relation without amounts."""
    if "amount" not in rows.column_names:
        return 0
    return int((pc.sum(rows["amount"]).as_py() or 0) * 100)


@dataclass(frozen=True)
class Admission:
    """The gate's answer.

    Attributes
    ----------
    accepted
        Accepted rows by relation: its own columns, `settlement_date` for transactions, `source_uri`, `source_line`.
    quarantined
        Refused rows (`QUARANTINE_SCHEMA`), with raw texts in the clear.
    by_relation
        Counts of every relation that was asked for and found.
    warnings
        Sentences for people.
    results
        Verdicts of the suites for Data Docs and for passing between steps: plain JSON, without any value of a row.
    """

    accepted: dict[str, pa.Table]
    quarantined: pa.Table
    by_relation: Mapping[str, Counts] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    results: tuple[SuiteResult, ...] = ()

    @property
    def counts(self) -> Counts:
        """The counts of the transactions."""
        return self.by_relation.get(FIN_TRANSACTION.name, Counts())


class RefusedError(GateError):
    """Raised when a whole relation is refused; it carries the verdicts, so that Data Docs can show them.

    Attributes
    ----------
    results
        Verdicts of the suites, as in `Admission.results`.
    """

    def __init__(
        self,
        message: str = "",
        results: tuple[SuiteResult, ...] = (),
        *,
        night: date | None = None,
        table: str | None = None,
    ) -> None:
        super().__init__(message, night=night, table=table)
        self.results = results


def looked_for(name: str) -> str:
    """All names that a relation may have in a source, in words for people."""
    relation = RELATIONS[name]
    return f"{relation.pkdd}, {relation.teradata}, {name}.csv, {name}.parquet or a table {name}"
