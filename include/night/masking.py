"""The masked tables of a night: written in its own transaction, beside the full ones that they follow from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

import pyarrow as pa

from include.errors import LakeConflictError
from include.lake import Lake, RunStamp
from include.lake.tables import RUN_KEY, TABLES, VERSION_COLUMN, Table
from include.marts import MART_TABLES, MASKED_MARTS
from include.masking.keys import NameKeys, NameKeyStore
from include.masking.places import shown_places
from include.masking.tables import MASKED_TABLES, Masker
from include.night.derived import DerivedTables
from include.night.publishing import NightOutputs
from include.settings import Settings

_OWNER = "O"


@dataclass(frozen=True)
class LakeNames:
    """The names that a night gives to findings and to people: the lake's keys as they are now, and the setting.

    Attributes
    ----------
    store
        Sealed keys of the lake.
    lake
        The lake.
    amount_step
        Step to which masked money is rounded; 0 for money as it is.
    """

    store: NameKeyStore
    lake: Lake
    amount_step: int

    @classmethod
    def of(cls, lake: Lake, lake_uri: str, settings: Settings) -> Self:
        """The names of a lake."""
        return cls(NameKeyStore.open(lake_uri, settings), lake, settings.masked_amount_step)

    def masks(self) -> Masks:
        """The masks with the keys as they are now; keys are made where the lake has none yet.

        Raises
        ------
        IntegrityError
            When the keys are gone or do not open; nothing is published without them.
        """
        return Masks(self.store.get(has_nights=self.lake.key_version() is not None), self.amount_step)

    @contextmanager
    def unchanged_since(self, keys: NameKeys) -> Iterator[None]:
        """Hold the keys while a night is published that was masked with them.

        Raises
        ------
        LakeConflictError
            When a rotation has changed the keys since; the night must be masked again.
        """
        with self.store.held():
            if self.store.find() != keys:
                raise LakeConflictError(
                    "the keys of pseudonyms were changed by a rotation while the night was masked: mask it again with "
                    "the new ones"
                )
            yield


@dataclass(frozen=True)
class Masks:
    """Masks what is published of any night; homes are known to `MaskedNight` alone.

    Attributes
    ----------
    keys
        Keys of the lake.
    amount_step
        Step to which money is rounded; 0 for money as it is.
    """

    keys: NameKeys
    amount_step: int

    @classmethod
    def of_published(cls, keys: NameKeys, row: Mapping[str, Any]) -> Self:
        """The masks of a published night, given its row of the manifest: with the step that it was published with."""
        kept = DerivedTables.kept(row)
        return cls(keys, kept.amount_step if kept else 0)

    def masker(self, version: int) -> Masker:
        """The masker of tables that tell no home, in one version of the keys."""
        return Masker(self.keys, version, {}, {}, self.amount_step)

    def write(self, lake: Lake, stamp: RunStamp, table: Table, rows: pa.Table) -> None:
        """Write the masked rows of one table of a published night again, in each version that is in use."""
        for version in self.keys.written:
            write_masked(lake, stamp, table, rows, self.masker(version))

    def counted_apart(self, outputs: NightOutputs) -> list[tuple[Table, pa.Table]]:
        """The masked tables that do not follow row by row from full ones, without the key version."""
        masker = self.masker(self.keys.current)
        return [
            (table, _without_version(masker.masked(MART_TABLES[full], outputs.shown[full], MASKED_MARTS[full])))
            for full, table in _APART.items()
        ]


@dataclass(frozen=True)
class MaskedNight:
    """Masks everything that a night writes.

    Attributes
    ----------
    masks
        Keys of the lake and step of money.
    places
        Age band and shown home of each client, by client.
    owners
        Owner of each account, by account.
    """

    masks: Masks
    places: Mapping[int, Mapping[str, Any]]
    owners: Mapping[int, int]

    @classmethod
    def of(cls, masks: Masks, statics: Mapping[str, pa.Table], night: date) -> Self:
        """The masks of a night, from its accepted static relations."""
        places = {place["client_id"]: place for place in shown_places(statics, night).to_pylist()}
        return cls(masks, places, _owners(statics))

    def write(self, lake: Lake, stamp: RunStamp, outputs: NightOutputs, row: Mapping[str, Any]) -> None:
        """Write every masked table in each version that is in use; readers see none before the manifest row."""
        keys = self.masks.keys
        for version in keys.written:
            masker = self.masker(version)
            write_masked_statics(lake, stamp, outputs.statics, masker)
            for table, rows in _nightly(outputs, row):
                write_masked(lake, stamp, table, rows, masker)
        lake.show_version(keys.current, stamp)

    def masker(self, version: int) -> Masker:
        """The masker of all tables of the night, in one version of the keys."""
        return replace(self.masks.masker(version), places=self.places, owners=self.owners)


def write_masked_statics(lake: Lake, stamp: RunStamp, statics: Mapping[str, pa.Table], masker: Masker) -> None:
    """Write the masked static relations, in the masker's version."""
    for name, rows in statics.items():
        into = MASKED_TABLES[name]
        lake.replace_static(into, masker.masked(TABLES[name], rows, into), stamp, masker.version)


def write_masked(lake: Lake, stamp: RunStamp, table: Table, rows: pa.Table, masker: Masker) -> None:
    """Write the masked rows of one table of a night, in the masker's version."""
    into = masked_twin(table)
    lake.replace(into, stamp.night, masker.masked(table, rows, into), stamp, masker.version)


def masked_twin(table: Table) -> Table:
    """The masked table beside a table of the night."""
    return {**MASKED_TABLES, **MASKED_MARTS}[table.name]


_APART = {"mart_district_months": MASKED_MARTS["mart_district_months"]}
COUNTED_APART = {table.name: table for table in _APART.values()}
"""Masked tables that are counted by what is shown, and do not follow row by row from the full ones."""


def followed_tables() -> Iterator[Table]:
    """The tables of a night that masked ones follow from row by row."""
    by_night = [table for table in TABLES.values() if table.night_column]
    return (table for table in (*by_night, *MART_TABLES.values()) if table.name not in _APART)


def published_tables(lake: Lake, row: Mapping[str, Any]) -> Iterator[tuple[Table, pa.Table]]:
    """The rows of `followed_tables` of a published night, one table after the other.

    Parameters
    ----------
    row
        The night's row of the manifest.
    """
    for table in followed_tables():
        yield table, lake.read(table, row["settlement_date"], row["settlement_date"])


def rows_apart(lake: Lake, row: Mapping[str, Any]) -> Iterator[tuple[Table, pa.Table]]:
    """The masked tables of a published night that are counted by what is shown, without run and key version."""
    night = row["settlement_date"]
    for table in COUNTED_APART.values():
        yield table, _without_version(lake.read(table, night, night).drop_columns([RUN_KEY.name]))


def _without_version(rows: pa.Table) -> pa.Table:
    return rows.drop_columns([VERSION_COLUMN])


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
