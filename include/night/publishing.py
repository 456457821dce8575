"""Writes a night into the lake: its outputs are accounted for, hashed and written, the manifest row last."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from include.alerting import OUTBOX, outbox_of
from include.errors import ConservationError
from include.lake import Lake, RunStamp
from include.lake.tables import TABLES, Table
from include.lake.version import code_version
from include.night.columns import NightColumns
from include.night.derived import DerivedTables
from include.night.results import ManifestSummary
from include.publish.digest import combined_digest, output_hash, table_digests
from include.publish.escaping import escaped_table
from include.quality import Counts
from include.relations import FIN_TRANSACTION
from include.settings import Settings

_SPEAKING = ("settlement_breaks", "anomaly_scores", "alerts")
"""Outputs with sentences, which people open as pages and sheets."""


def as_published(outputs: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The outputs as they are written and hashed: with inert sentences, and the columns of their tables."""
    inert = {name: escaped_table(rows) if name in _SPEAKING else rows for name, rows in outputs.items()}
    return {name: rows.select(_columns(name)) for name, rows in inert.items()}


def _columns(name: str) -> list[str]:
    return [column for column in TABLES[name].schema.names if column != "run_key"]


@dataclass(frozen=True)
class NightOutputs:
    """Everything that one night writes.

    Attributes
    ----------
    published
        Hashed outputs by table name; raw texts are in the clear.
    sealed_quarantine
        Quarantine as it is written, with sealed raw texts.
    statics
        Accepted static relations.
    state
        State as of this night, as pairs of table and rows.
    counts
        Counts of the transactions by outcome.
    derived
        Tables that follow from the others and are outside the hash, as pairs of table and rows.
    shown
        Rows that a derived table's masked one is made of, by the name of the full one, where they are not its own.
    """

    published: dict[str, pa.Table]
    sealed_quarantine: pa.Table
    statics: dict[str, pa.Table]
    state: list[tuple[Table, pa.Table]]
    counts: Counts
    derived: list[tuple[Table, pa.Table]] = field(default_factory=list)
    shown: dict[str, pa.Table] = field(default_factory=dict)

    def outbox(self, night: date) -> tuple[Table, pa.Table]:
        """The table of messages to people with those of the night, which follow from its outputs."""
        return OUTBOX, outbox_of(night, self.published, self.counts.as_dict())


@dataclass(frozen=True)
class Provenance:
    """The inputs that a night's outputs follow from.

    Attributes
    ----------
    data_snapshot
        Digest of the accepted inputs, the look-back and the state before.
    model_version
        Version of the model; None where scores were skipped.
    rounding_cents
        Difference in cents that the checks allow between two balances.
    holidays
        Code of the calendar of bank holidays; None where none is declared.
    settings
        Settings of the installation.
    """

    data_snapshot: str
    model_version: str | None
    rounding_cents: int
    holidays: str | None
    settings: Settings

    def run_key(self, night: str) -> str:
        """A hash of inputs, code, model and the settings that steer: equal runs have equal keys."""
        settings = self.settings
        declared = (self.rounding_cents, self.holidays)
        steering = map(str, (settings.seed, settings.alert_budget, settings.lookback_days, *declared))
        return combined_digest([night, self.data_snapshot, code_version(), str(self.model_version), *steering])[:32]


def data_snapshot(tables: dict[str, pa.Table]) -> str:
    """Digest of everything that a night reads, over the tables and their names."""
    digests = table_digests(tables)
    return combined_digest(f"{name}={digests[name]}" for name in sorted(tables))


def check_conservation(outputs: NightOutputs) -> None:
    """Check that every offered record is accounted for, in the counts and in the tables themselves.

    Raises
    ------
    ConservationError
        With both sides of the sum that does not hold.
    """
    counts = outputs.counts
    sums = {
        "rows": (
            counts.offered_rows,
            counts.published_rows + counts.quarantined_rows + counts.deduplicated_rows + counts.unreadable_rows,
        ),
        "cents": (counts.offered_cents, counts.published_cents + counts.quarantined_cents + counts.deduplicated_cents),
        "published rows": (counts.published_rows, outputs.published[FIN_TRANSACTION.name].num_rows),
        "rows in quarantine": (
            counts.quarantined_rows + counts.unreadable_rows,
            _transactions_in(outputs.published["quarantine"]),
        ),
    }
    wrong = [f"{what}: {left} against {right}" for what, (left, right) in sums.items() if left != right]
    if wrong:
        raise ConservationError(
            f"the night's records do not add up ({'; '.join(wrong)}): offered must equal published + quarantined + "
            "deduplicated + unreadable. Nothing was published; this is a defect of the program: report it with this "
            "sentence, the night and the code version."
        )


def _transactions_in(quarantine: pa.Table) -> int:
    return sum(name == FIN_TRANSACTION.name for name in quarantine["relation"].to_pylist())


def manifest_row(
    stamp: RunStamp,
    outputs: NightOutputs,
    provenance: Provenance,
    started_at: datetime,
    summary: ManifestSummary,
    derived: DerivedTables,
) -> dict[str, Any]:
    """The manifest row, which makes this run of the night the one that readers see; `attempt` is added on writing."""
    return {
        "settlement_date": stamp.night,
        "run_key": stamp.run_key,
        "code_version": code_version(),
        "data_snapshot": provenance.data_snapshot,
        "model_version": provenance.model_version,
        "seed": provenance.settings.seed,
        **outputs.counts.as_dict(),
        "output_hash": output_hash(outputs.published),
        "started_at": started_at,
        "finished_at": datetime.now(UTC),
        "summary": json.dumps(summary, default=str, sort_keys=True),
        "columns": NightColumns.of(outputs.published, {table.name: rows for table, rows in outputs.state}).as_json(),
        "derived": derived.as_json(),
    }


def write_night(lake: Lake, stamp: RunStamp, outputs: NightOutputs) -> None:
    """Write every table of the night into the lake; readers see none of it before the manifest row."""
    for name, rows in outputs.statics.items():
        lake.replace_static(name, rows, stamp)
    written = {**outputs.published, "quarantine": outputs.sealed_quarantine}
    for name, rows in written.items():
        lake.replace(TABLES[name], stamp.night, rows, stamp)
    for table, rows in [*outputs.state, *outputs.derived, outputs.outbox(stamp.night)]:
        lake.replace(table, stamp.night, rows, stamp)
