"""The masked tables of a night: written in its own transaction, beside the full ones that they follow from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from include.lake import Lake, RunStamp
from include.lake.tables import TABLES, VERSION_TABLE, Table
from include.marts import MASKED_MARTS
from include.masking.keys import NameKeys, NameKeyStore
from include.masking.places import shown_places
from include.masking.tables import MASKED_TABLES, Masker, version_row
from include.night.publishing import NightOutputs
from include.settings import Settings

_OWNER = "O"


def name_keys(lake: Lake, lake_uri: str, settings: Settings) -> NameKeys:
    """The keys that name findings and pseudonyms, made where the lake has none yet.

    Raises
    ------
    IntegrityError
        When they are gone or do not open; nothing is published without them.
    """
    return NameKeyStore.open(lake_uri, settings).get(has_nights=lake.key_version() is not None)


@dataclass(frozen=True)
class MaskedNight:
    """Masks everything that a night writes.

    Attributes
    ----------
    keys
        Keys of the lake.
    places
        Age band and shown home of each client, by client.
    owners
        Owner of each account, by account.
    amount_step
        Step to which money is rounded; 0 for money as it is.
    """

    keys: NameKeys
    places: Mapping[int, Mapping[str, Any]]
    owners: Mapping[int, int]
    amount_step: int

    @classmethod
    def of(cls, keys: NameKeys, statics: Mapping[str, pa.Table], stamp: RunStamp, amount_step: int) -> Self:
        """The masks of a night, from its accepted static relations."""
        places = {place["client_id"]: place for place in shown_places(statics, stamp.night).to_pylist()}
        return cls(keys, places, _owners(statics), amount_step)

    def write(self, lake: Lake, stamp: RunStamp, outputs: NightOutputs, row: Mapping[str, Any]) -> None:
        """Write every masked table in each version that is in use; readers see none before the manifest row."""
        for masker in self._maskers():
            for name, rows in outputs.statics.items():
                into = MASKED_TABLES[name]
                lake.replace_static(into, masker.masked(TABLES[name], rows, into), stamp, masker.version)
            for table, rows in _nightly(outputs, row):
                _write(masker, lake, stamp, table, rows)
        if lake.key_version() != self.keys.current:
            lake.replace_static(VERSION_TABLE, version_row(self.keys.current, stamp.night), stamp)

    def write_beside(self, lake: Lake, stamp: RunStamp, table: Table, rows: pa.Table) -> None:
        """Write the masked rows of one table alone, in each version that is in use."""
        for masker in self._maskers():
            _write(masker, lake, stamp, table, rows)

    def _maskers(self) -> Iterator[Masker]:
        for version in self.keys.written:
            yield Masker(self.keys, version, self.places, self.owners, self.amount_step)


def _write(masker: Masker, lake: Lake, stamp: RunStamp, table: Table, rows: pa.Table) -> None:
    into = masked_twin(table)
    lake.replace(into, stamp.night, masker.masked(table, rows, into), stamp, masker.version)


def masked_twin(table: Table) -> Table:
    """The masked table beside a table of the night."""
    return {**MASKED_TABLES, **MASKED_MARTS}[table.name]


def _nightly(outputs: NightOutputs, row: Mapping[str, Any]) -> Iterator[tuple[Table, pa.Table]]:
    """The night's published tables, which have masked ones beside them."""
    yield from ((TABLES[name], rows) for name, rows in outputs.published.items())
    yield from ((table, rows) for table, rows in outputs.state if table.name in TABLES)
    yield from ((table, outputs.shown.get(table.name, rows)) for table, rows in outputs.derived)
    manifest = TABLES["night_manifest"]
    yield manifest, pa.Table.from_pylist([dict(row)], schema=manifest.schema)


def _owners(statics: Mapping[str, pa.Table]) -> dict[int, int]:
    """The owner of each account; of several the one with the smallest number, as in the marts."""
    dispositions = statics["fin_disposition"].select(["account_id", "client_id", "disp_type"]).to_pylist()
    owners = [(row["client_id"], row["account_id"]) for row in dispositions if row["disp_type"] == _OWNER]
    return {account: client for client, account in sorted(owners, reverse=True)}
