"""A published night as the lake keeps it: the outputs that its hash covers, and what retention removed of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

import pyarrow as pa

from include.lake import Lake
from include.lake.retired import retired
from include.night.columns import Columns, NightColumns
from include.publish.digest import output_digests, output_hash
from include.quality.sealed_quarantine import unseal_quarantine
from include.security.envelope import Envelope
from include.settings import Settings


@dataclass(frozen=True)
class PublishedNight:
    """The outputs of a published night, or what remains of them.

    Attributes
    ----------
    lake
        Identity of the lake.
    row
        The night's row of the manifest.
    outputs
        Rows of each output that the night's hash covers; the raw texts of the quarantine are sealed.
    retired
        Records of the tables whose rows retention removed, by table (`include.lake.retired`).
    """

    lake: str
    row: Mapping[str, Any]
    outputs: Mapping[str, pa.Table]
    retired: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, lake: Lake, row: Mapping[str, Any]) -> Self:
        """Read a night, given its row of the manifest."""
        night = row["settlement_date"]
        names = NightColumns.kept(row).hashed
        outputs = {name: lake.read(name, night, night).drop_columns(["run_key"]) for name in names}
        return cls(lake.identity, row, outputs, retired(lake, night))

    @property
    def night(self) -> date:
        """The settlement date."""
        return self.row["settlement_date"]  # type: ignore[no-any-return]

    @property
    def columns(self) -> Columns:
        """The columns that the night's hash covers, by output."""
        return NightColumns.kept(self.row).hashed

    @property
    def unknown_columns(self) -> str:
        """The columns that the night was written with and this version does not know, separated by commas."""
        return ", ".join(
            f"{name}.{column}"
            for name, columns in self.columns.items()
            for column in columns
            if column not in self.outputs[name].schema.names
        )

    def output_hash(self, settings: Settings) -> str:
        """The hash of the outputs; a table whose rows retention removed counts by the digest that it had.

        Raises
        ------
        IntegrityError
            When a text of the quarantine was changed, or sealed with another key.
        """
        recorded = {name: found["content_digest"] for name, found in self.retired.items() if name in self.columns}
        return output_hash(self._unsealed(settings), self.columns, recorded)

    def digests(self, tables: Collection[str], settings: Settings) -> dict[str, str | None]:
        """The digests by which the hash is held to tables once their rows are gone.

        Parameters
        ----------
        tables
            Names of the tables; the digest is None for one that the hash does not cover.
        settings
            Settings of the installation, which name the key.
        """
        covered = {name: self.columns[name] for name in tables if name in self.columns}
        return {**dict.fromkeys(tables), **output_digests(self._unsealed(settings), covered)}

    def with_outputs(self, outputs: Mapping[str, pa.Table]) -> Self:
        """The night with other rows."""
        return replace(self, outputs=outputs)

    def _unsealed(self, settings: Settings) -> dict[str, pa.Table]:
        quarantine = unseal_quarantine(self.outputs["quarantine"], self.night, Envelope.open(settings, self.lake))
        return {**self.outputs, "quarantine": quarantine}
