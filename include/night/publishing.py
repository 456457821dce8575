"""The night's last act: outputs gathered, accounted for, hashed, and laid into the lake with the manifest row last."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from include.errors import ConservationError
from include.lake import Lake, RunStamp
from include.lake.tables import TABLES, Table
from include.lake.version import code_version
from include.night.columns import NightColumns
from include.publish.digest import combined_digest, output_hash, table_digest
from include.publish.escaping import escaped_table
from include.quality import Counts
from include.relations import FIN_TRANSACTION
from include.settings import Settings

_SPEAKING = ("settlement_breaks", "anomaly_scores", "alerts")
"""Outputs with sentences in them, which people open in pages and sheets."""


def as_published(outputs: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The outputs as they are written and hashed: sentences inert, columns those of the tables."""
    inert = {name: escaped_table(rows) if name in _SPEAKING else rows for name, rows in outputs.items()}
    return {name: rows.select(_columns(name)) for name, rows in inert.items()}


def _columns(name: str) -> list[str]:
    return [column for column in TABLES[name].schema.names if column != "run_key"]


@dataclass(frozen=True)
class NightOutputs:
    """Everything one night leaves.

    Attributes
    ----------
    published
        The outputs that are hashed, by table name, raw texts in the clear.
    sealed_quarantine
        The quarantine as it is written: raw texts sealed.
    statics
        The accepted static relations.
    state
        The state as of this night, as (table, rows).
    counts
        What was offered and what became of it.
    """

    published: dict[str, pa.Table]
    sealed_quarantine: pa.Table
    statics: dict[str, pa.Table]
    state: list[tuple[Table, pa.Table]]
    counts: Counts


@dataclass(frozen=True)
class Provenance:
    """What a night was made from.

    Attributes
    ----------
    data_snapshot
        Digest of the accepted inputs, the look-back and the state before.
    model_version
        None where scores were skipped.
    rounding_cents
        What the checks let two balances differ by.
    holidays
        Code of the calendar that days of grace are counted on; None where none is declared.
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
    """Digest of everything a night reads."""
    return combined_digest(f"{name}={table_digest(tables[name])}" for name in sorted(tables))


def check_conservation(outputs: NightOutputs) -> None:
    """Every offered record is accounted for, in the counts and in the tables themselves.

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
    started_at: str,
    summary: dict[str, Any],
) -> dict[str, Any]:
    """The row that makes the night's run the one readers see; its attempt is counted when it is written."""
    return {
        "settlement_date": stamp.night,
        "run_key": stamp.run_key,
        "code_version": code_version(),
        "data_snapshot": provenance.data_snapshot,
        "model_version": provenance.model_version,
        "seed": provenance.settings.seed,
        **outputs.counts.as_dict(),
        "output_hash": output_hash(outputs.published),
        "started_at": datetime.fromisoformat(started_at),
        "finished_at": datetime.now(UTC),
        "summary": json.dumps(summary, default=str, sort_keys=True),
        "columns": NightColumns.of(outputs.published, {table.name: rows for table, rows in outputs.state}).as_json(),
    }


def write_night(lake: Lake, stamp: RunStamp, outputs: NightOutputs) -> None:
    """Lay every table of the night into the lake; readers see none of it before the manifest row."""
    for name, rows in outputs.statics.items():
        lake.replace_static(name, rows, stamp)
    written = {**outputs.published, "quarantine": outputs.sealed_quarantine}
    for name, rows in written.items():
        lake.replace(TABLES[name], stamp.night, rows, stamp)
    for table, rows in outputs.state:
        lake.replace(table, stamp.night, rows, stamp)
