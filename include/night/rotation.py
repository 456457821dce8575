"""Replaces the key of pseudonyms: every masked table is rewritten in a new version, then readers change to it at once.

1. A new version is sealed as the coming one. From then on nights write their masked rows in both.
2. Every night that is published, and the static relations, get their rows in the new version. Readers do not see them.
3. While no night can be published, every night is seen to have them. Then the new version becomes the current one, by
   one row of `pseudonym_keys`.
4. The rows of the old version are removed, and its key is destroyed.

Each step begins with what it finds, so that a rotation that ended anywhere is completed by another. While one is at
work, maintenance and erasures of the lake wait, and it for them. Finding ids have a key of their own, which stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from include.errors import LakeConflictError, MissingStateError
from include.lake import Lake, RunStamp
from include.lake.night_lock import one_upkeep_at_a_time
from include.lake.retired import retired
from include.lake.tables import RUN_KEY, VERSION_COLUMN, Table
from include.marts import MART_TABLES, MASKED_MARTS
from include.masking.keys import NameKeys, NameKeyStore
from include.masking.tables import MASKED_TABLES
from include.night.masking import (
    MaskedNight,
    Masks,
    followed_tables,
    masked_twin,
    rows_apart,
    write_masked,
    write_masked_statics,
)
from include.relations import STATIC_RELATIONS
from include.settings import Settings
from include.stages import stage, tell

ATTEMPT = "rotation"
"""Name of this writer in the properties of the snapshots that it leaves."""


def rotate_pseudonyms(lake_uri: str, settings: Settings) -> dict[str, int]:
    """Give every account, client, posting and counterparty of the masked tables a new pseudonym.

    Nights and readers may go on meanwhile. A rotation that was interrupted is completed.

    Parameters
    ----------
    lake_uri
        Folder or object prefix of the lake.
    settings
        Settings of the installation, which name the key.

    Returns
    -------
    dict
        `version`, the one that masked readers see now, and `nights`, how many were rewritten.

    Raises
    ------
    IntegrityError
        When the keys are gone or do not open.
    LakeConflictError
        When nights were published again and again while the last ones were rewritten, or other upkeep of the lake was
        at work for too long.
    MissingStateError
        When the lake has no masked tables yet.
    """
    rotation = Rotation.open(lake_uri, settings)
    return {key: value for step in STEPS.values() for key, value in step(rotation).items()}


_FINDINGS = MART_TABLES["mart_findings"]
# Nights that were published while others were rewritten are rewritten in another turn; each further one needs as many.
_TURNS = 10


@dataclass(frozen=True)
class Rotation:
    """One rotation of one lake's pseudonyms.

    Attributes
    ----------
    lake_uri
        Folder or object prefix of the lake.
    lake
        The lake.
    store
        Sealed keys of the lake.
    """

    lake_uri: str
    lake: Lake
    store: NameKeyStore

    @classmethod
    def open(cls, lake_uri: str, settings: Settings) -> Self:
        """The rotation of a lake."""
        return cls(lake_uri, Lake.open(lake_uri, settings), NameKeyStore.open(lake_uri, settings))

    def begin(self) -> dict[str, int]:
        """Seal a new version as the coming one, unless a rotation is under way.

        Returns
        -------
        dict
            `version`, the newest.

        Raises
        ------
        MissingStateError
            When the lake has no masked tables yet.
        """
        with self._alone("the beginning of the rotation"), self.store.held():
            keys = self.store.find()
            if keys is None:
                raise MissingStateError("the lake has no masked tables yet, so that there is no key to replace")
            return {"version": max((keys if keys.is_rotating else self.store.put(keys.with_coming())).versions)}

    def rewrite(self) -> dict[str, int]:
        """Write the coming version of every published night that lacks it, and of the static relations.

        Returns
        -------
        dict
            `nights`, how many.
        """
        with self._alone("the rewriting of nights under the coming key"):
            return {"nights": self._rewrite_lacking(self._found())}

    def switch(self) -> dict[str, int]:
        """Let readers change to the coming version once every published night has it, then remove what is old.

        Returns
        -------
        dict
            `version`, the one that masked readers see.
        """
        with self._alone("the change to the coming key"):
            keys, stamp = self._switched(), self._stamp()
            self.lake.show_version(keys.current, stamp)
            for table in (*MASKED_TABLES.values(), *MASKED_MARTS.values()):
                self.lake.keep_versions(table, {keys.current}, stamp)
            with self.store.held():
                self.store.put(keys.with_current_alone())
            return {"version": keys.current}

    def _alone(self, work: str) -> AbstractContextManager[None]:
        return one_upkeep_at_a_time(self.lake_uri, work, tell)

    def _rewrite_lacking(self, keys: NameKeys) -> int:
        if keys.coming is None:
            return 0
        due = self._lacking(keys.coming)
        with stage(f"rewriting {len(due)} nights under key version {keys.coming}"):
            for row in due:
                self._rewrite(row, keys, keys.coming)
            self._rewrite_statics(keys, keys.coming)
        return len(due)

    def _switched(self) -> NameKeys:
        """The keys with the coming version as the current one, stored while no night can be published."""
        for _ in range(_TURNS):
            with self.store.held():
                keys = self._found()
                if keys.coming is None:
                    return keys
                if not self._lacking(keys.coming):
                    return self.store.put(keys.with_coming_as_current())
            self._rewrite_lacking(keys)
        raise LakeConflictError(
            f"nights were published {_TURNS} times while the last ones were rewritten under new pseudonyms: masked "
            "readers still see the old ones; run the rotation again, which goes on from here"
        )

    def _found(self) -> NameKeys:
        return self.store.get(has_nights=True)

    def _lacking(self, version: int) -> list[dict[str, Any]]:
        """Manifest rows of the nights of which some masked table lacks rows in a version."""
        rows = self.lake.manifest().to_pylist()
        return [row for row in rows if row["derived"] is not None and self._lacks(row, version)]

    def _lacks(self, row: Mapping[str, Any], version: int) -> bool:
        night, run_key = row["settlement_date"], row["run_key"]
        return any(
            self.lake.count(table.name, night) != self.lake.rows_of_version(table, night, run_key, version)
            for table in _night_tables()
        )

    def _rewrite(self, row: Mapping[str, Any], keys: NameKeys, version: int) -> None:
        stamp = RunStamp(row["run_key"], ATTEMPT, row["settlement_date"])
        masker, gone = Masks.of_published(keys, row).masker(version), retired(self.lake, stamp.night)
        # What retention removed from a masked table alone would come back.
        for table in (table for table in followed_tables() if masked_twin(table).name not in gone):
            with self._unrestated(table):
                write_masked(self.lake, stamp, table, self.lake.read(table, stamp.night, stamp.night), masker)
        for table, rows in rows_apart(self.lake, row):
            self.lake.replace(table, stamp.night, _of_version(rows, version), stamp, version)

    def _unrestated(self, table: Table) -> AbstractContextManager[None]:
        """Hold what a night holds while it brings the findings of earlier nights up to date with reviews.

        If it did so between the reading and the writing here, the masked findings would stay behind for good.
        """
        return self.store.held() if table == _FINDINGS else nullcontext()

    def _rewrite_statics(self, keys: NameKeys, version: int) -> None:
        """Write the static relations, of which masked readers see the ages and homes of the newest night."""
        row = self._newest()
        masks = Masks.of_published(keys, row)
        statics = {name: self.lake.read(name).drop_columns([RUN_KEY.name]) for name in STATIC_RELATIONS}
        night = MaskedNight.of(masks, statics, row["settlement_date"])
        write_masked_statics(self.lake, self._stamp(), statics, night.masker(version))

    def _stamp(self) -> RunStamp:
        """The stamp of what concerns no single night: that of the newest."""
        row = self._newest()
        return RunStamp(row["run_key"], ATTEMPT, row["settlement_date"])

    def _newest(self) -> dict[str, Any]:
        rows: list[dict[str, Any]] = self.lake.manifest().to_pylist()
        return rows[-1]


STEPS: Mapping[str, Callable[[Rotation], dict[str, int]]] = {
    "begin": Rotation.begin,
    "rewrite": Rotation.rewrite,
    "switch": Rotation.switch,
}
"""The steps of a rotation in their order, under the names of the DAG's tasks."""


def _night_tables() -> Iterator[Table]:
    return (table for table in (*MASKED_TABLES.values(), *MASKED_MARTS.values()) if table.night_column)


def _of_version(rows: pa.Table, version: int) -> pa.Table:
    return rows.append_column(VERSION_COLUMN, pa.repeat(pa.scalar(version, pa.int32()), rows.num_rows))
