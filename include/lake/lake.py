"""The lake: a night is written beside what readers see, and becomes what they see by one row of the manifest.

Several Iceberg tables cannot commit together, so no table is replaced in place. Every row carries its run's key, and
readers see the rows of the run that `night_manifest` names. A run replaces its own rows only, table by table, while
the run published before stays whole; then it switches the manifest row, which is one commit; then it removes what
readers no longer see. Ended anywhere, it leaves the night as it was or as it is to be.

What is removed after the switch was listed before it, and a run that finds the night's manifest row switched by
another run since its own first write does not publish but starts over: so nobody removes rows that are still to be
published.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self

import pyarrow as pa
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table as IcebergTable

from include.errors import LakeConflictError, MissingStateError, PublishError, TerminalError
from include.lake.catalog import LakeCatalog, arrow_schema
from include.lake.commit import Change, guarded_commit
from include.lake.files import data_files, night_column, night_of, read_data_files, run_key_of, write_data_file
from include.lake.location import LakeLocation
from include.lake.rows import check_night, content_digest, keyed_rows
from include.lake.stamp import RunStamp
from include.lake.tables import RUN_KEY, TABLES, Table
from include.settings import Settings, get_settings

MANIFEST = TABLES["night_manifest"]

CENSUS_SCHEMA = pa.schema(
    [
        pa.field("table", pa.string()),
        RUN_KEY,
        pa.field("row_count", pa.int64()),
        pa.field("is_published", pa.bool_()),
    ]
)
"""Rows of a night by table and run; `is_published` where the manifest names the run."""

_CONTENT = "ads.content"

# A reader starts over when the manifest was switched while it looked; each further turn needs another publication of
# the same nights within milliseconds.
_READ_TURNS = 10

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Named:
    """One row of the manifest as its metadata tells it: the file that holds it, its night and the run it names."""

    path: str
    night: date
    run_key: str


class Lake:
    """The published tables, read and written night by night.

    Use one object for all writes of a run: it remembers what the manifest named when the run first wrote.
    """

    def __init__(self, catalog: LakeCatalog, tables: Mapping[str, Table]) -> None:
        self._catalog = catalog
        self._tables = dict(tables)
        self._seen_at_first_write: dict[RunStamp, frozenset[_Named]] = {}
        self._looked_at = ""
        self._looks: dict[tuple[date | None, date | None], frozenset[_Named]] = {}

    @classmethod
    def open(cls, uri: str, settings: Settings | None = None, extra_tables: Iterable[Table] = ()) -> Self:
        """Open the lake in a folder or object prefix, creating it where there is none.

        Parameters
        ----------
        uri
            `file:`, `s3:` or a plain path.
        settings
            Those of the process when not given: its catalog, its namespace there, and the key.
        extra_tables
            Tables that other rooms declare, so that they can be read and written by name.
        """
        used = settings or get_settings()
        location = LakeLocation.of(uri, used.catalog_uri, used.namespace)
        return cls(LakeCatalog.open(location, used), {**TABLES, **{table.name: table for table in extra_tables}})

    @property
    def identity(self) -> str:
        """What names this lake among all others, wherever it lies."""
        return self._catalog.identity

    def replace(self, table: Table | str, night: date, rows: pa.Table, stamp: RunStamp) -> None:
        """Make `rows` the run's rows of one night; rows of other runs stay, and readers see what they saw.

        Parameters
        ----------
        table
            A table with a night column, declared or by the name of a declared one.
        night
            The night replaced; no rows clear what the run left of it before.
        rows
            The table's columns in any order, `run_key` apart.
        stamp
            The run.

        Raises
        ------
        PublishError
            When the lake could not take the rows; nothing changed for readers.
        TerminalError
            When the rows are not the table's, or not of the night.
        """
        declared = self._declared(table)
        self._seen_at_first_write.setdefault(stamp, self._named(night, night))
        keyed = keyed_rows(declared, rows, stamp.run_key)
        check_night(declared, keyed, night)
        found = self._catalog.ensure(declared)
        written = functools.cache(lambda: write_data_file(found, keyed, f"{declared.night_column}={night}"))

        def plan(now: IcebergTable) -> Change:
            own = [file for file in data_files(now, night, night) if run_key_of(now, file) == stamp.run_key]
            return Change(remove=own, add=[written()] if keyed.num_rows else [])

        guarded_commit(self._catalog, declared.name, plan, stamp)

    def replace_static(self, relation: str, rows: pa.Table, stamp: RunStamp) -> None:
        """Make `rows` the whole of a static relation, unless they are already, or a later night wrote what is there.

        Raises
        ------
        PublishError
            When the lake could not take the rows; the relation is as it was.
        """
        declared = self._declared(relation)
        keyed = keyed_rows(declared, rows, stamp.run_key)
        digest = content_digest(declared, keyed)
        found = self._catalog.ensure(declared)
        written = functools.cache(lambda: write_data_file(found, keyed, stamp.night.isoformat()))

        def plan(now: IcebergTable) -> Change:
            if self._is_current(now, digest, stamp.night):
                return Change()
            return Change(remove=data_files(now), add=[written()], notes={_CONTENT: digest})

        guarded_commit(self._catalog, declared.name, plan, stamp)

    def _is_current(self, table: IcebergTable, digest: str, night: date) -> bool:
        snapshot = table.current_snapshot()
        if snapshot is None or snapshot.summary is None:
            return False
        says = snapshot.summary.get
        later = (says("ads.night") or "") > night.isoformat() or bool(self._named(night + timedelta(days=1), None))
        return later or says(_CONTENT) == digest

    def publish_manifest(
        self, row: Mapping[str, Any], stamp: RunStamp, require_unclaimed: Callable[[], None] = lambda: None
    ) -> None:
        """Make the run the one that readers see of its night, then remove what they no longer see.

        Parameters
        ----------
        row
            The manifest row, of the stamp's run and night.
        stamp
            The run that wrote the night's tables through this object.
        require_unclaimed
            Raises when another published night holds what only one may. It is asked about the very state of the
            manifest that the row is added to: a night that is published meanwhile makes it be asked again.

        Raises
        ------
        LakeConflictError
            When another run published the night since this one began to write it; the run must write it again.
        PublishError
            When the lake could not take the row; nothing changed for readers.
        """
        if (row["run_key"], row["settlement_date"]) != (stamp.run_key, stamp.night):
            raise TerminalError(
                f"the manifest row is of the run {row['run_key']} of {row['settlement_date']}, "
                f"the stamp of {stamp.run_key} of {stamp.night}: they must name the same run and night"
            )
        since = self._seen_at_first_write.pop(stamp, None)
        superseded = self._files_of_others(stamp.night, stamp.run_key)
        self._switch(row, stamp, since, require_unclaimed)
        self._sweep(superseded, stamp)

    def _switch(
        self,
        row: Mapping[str, Any],
        stamp: RunStamp,
        since: frozenset[_Named] | None,
        require_unclaimed: Callable[[], None] = lambda: None,
    ) -> None:
        found = self._catalog.ensure(MANIFEST)
        rows = pa.Table.from_pylist([dict(row)], schema=MANIFEST.schema)
        written = functools.cache(lambda: write_data_file(found, rows, f"{MANIFEST.night_column}={stamp.night}"))

        def plan(now: IcebergTable) -> Change:
            _check_unswitched(_named_in(now, stamp.night, stamp.night), since, stamp)
            require_unclaimed()
            return Change(remove=data_files(now, stamp.night, stamp.night), add=[written()])

        guarded_commit(self._catalog, MANIFEST.name, plan, stamp)

    def supersede(self, night: date, keep_run_key: str) -> None:
        """Remove rows of a night that no reader sees, should a publication have been ended before it could.

        Does nothing when the manifest names another run. Runs of the night that are being written meanwhile start over.
        """
        row = self.published(night)
        if row is None or row["run_key"] != keep_run_key:
            return
        since, stray = self._named(night, night), self._files_of_others(night, keep_run_key)
        if stray:
            stamp = RunStamp(keep_run_key, str(row["attempt"]), night)
            # The row written again is another row: runs that began before do not publish what is removed here.
            self._switch(row, stamp, since)
            self._sweep(stray, stamp)

    def _files_of_others(self, night: date, run_key: str) -> dict[str, set[str]]:
        """Data files of the night that other runs wrote, by table."""
        found = {
            name: {file.file_path for file in data_files(table, night, night) if run_key_of(table, file) != run_key}
            for name, table in self._night_tables()
        }
        return {name: paths for name, paths in found.items() if paths}

    def _sweep(self, listed: Mapping[str, set[str]], stamp: RunStamp) -> None:
        """Remove the listed files; failing is no failure of the night, which is published."""
        for name, paths in listed.items():

            def plan(now: IcebergTable, paths: set[str] = paths) -> Change:
                return Change(
                    remove=[file for file in data_files(now, stamp.night, stamp.night) if file.file_path in paths]
                )

            try:
                guarded_commit(self._catalog, name, plan, stamp)
            except PublishError as error:
                _LOG.warning("superseded rows stay in %s until the night is published again: %s", name, error)

    def read(
        self,
        table: Table | str,
        first: date | None = None,
        last: date | None = None,
        columns: Iterable[str] | None = None,
    ) -> pa.Table:
        """Rows of the nights from `first` to `last`, of the runs that the manifest names.

        Parameters
        ----------
        table
            A declared table, or the name of any in the lake.
        first, last
            Both ends are included; open where not given. They do not matter for a static relation.
        columns
            Those wanted; all when not given.

        Raises
        ------
        MissingStateError
            When the name is neither declared nor in the lake.
        """
        name = table if isinstance(table, str) else table.name
        found, files = self._published_files(name, first, last)
        schema = self._schema(table, found)
        wanted = pa.schema([schema.field(column) for column in columns]) if columns is not None else schema
        return read_data_files(found, files, wanted) if found is not None else wanted.empty_table()

    def _published_files(
        self, name: str, first: date | None, last: date | None
    ) -> tuple[IcebergTable | None, list[DataFile]]:
        """The table and the files that readers see, as of one moment.

        The table is looked at between two equal looks at the manifest: rows are only ever removed after a switch.
        """
        before = self._named(first, last)
        for _ in range(_READ_TURNS):
            found = self._catalog.find(name)
            after = self._named(first, last)
            if before == after:
                return found, _of_named_runs(found, before, first, last) if found is not None else []
            before = after
        raise LakeConflictError(
            f"the nights from {first} to {last} were published again {_READ_TURNS} times while {name} was read: "
            "read again when those runs are through"
        )

    def manifest(self, first: date | None = None, last: date | None = None) -> pa.Table:
        """The manifest rows of the published nights from `first` to `last`, in the order of the nights."""
        return self.read(MANIFEST, first, last).sort_by(MANIFEST.night_column)

    def published(self, night: date) -> dict[str, Any] | None:
        """The manifest row of a night, or None when it is not published."""
        rows: list[dict[str, Any]] = self.manifest(night, night).to_pylist()
        return rows[0] if rows else None

    def census(self, night: date) -> pa.Table:
        """`CENSUS_SCHEMA`: how many rows of a night each table holds of each run."""
        named = {entry.run_key for entry in self._named(night, night)}
        counts: dict[tuple[str, str], int] = {}
        for name, table in self._night_tables():
            for file in data_files(table, night, night):
                key = (name, run_key_of(table, file))
                counts[key] = counts.get(key, 0) + file.record_count
        rows = [(name, key, count, key in named) for (name, key), count in sorted(counts.items())]
        return pa.Table.from_pylist([dict(zip(CENSUS_SCHEMA.names, row, strict=True)) for row in rows], CENSUS_SCHEMA)

    def stray(self, night: date) -> pa.Table:
        """The part of the census that no manifest row names: left by runs that were ended, removed by the next one."""
        census = self.census(night)
        return census.filter(pa.compute.invert(census["is_published"]))

    def _night_tables(self) -> list[tuple[str, IcebergTable]]:
        tables = [(name, self._catalog.load(name)) for name in self._catalog.names() if name != MANIFEST.name]
        return [(name, table) for name, table in tables if night_column(table)]

    def _named(self, first: date | None, last: date | None) -> frozenset[_Named]:
        """What the manifest names now; planned once for each state of it, as a night reads many tables of few spans."""
        table = self._catalog.find(MANIFEST.name)
        if table is None:
            return frozenset()
        if table.metadata_location != self._looked_at:
            self._looked_at, self._looks = table.metadata_location, {}
        if (first, last) not in self._looks:
            self._looks[first, last] = _named_in(table, first, last)
        return self._looks[first, last]

    def _declared(self, table: Table | str) -> Table:
        if isinstance(table, Table):
            return table
        if table not in self._tables:
            raise TerminalError(
                f"the table {table} is not declared; declared are {', '.join(sorted(self._tables))}: "
                "give the Table itself, or name it in Lake.open(extra_tables=...)"
            )
        return self._tables[table]

    def _schema(self, table: Table | str, found: IcebergTable | None) -> pa.Schema:
        declared = table if isinstance(table, Table) else self._tables.get(table)
        if declared is not None:
            return declared.schema
        if found is None:
            raise MissingStateError(
                f"the lake holds no table {table}: no night that leaves it was ever published here; "
                "publish an earlier night first, or check the lake's address"
            )
        return arrow_schema(found)


def _named_in(manifest: IcebergTable, first: date | None, last: date | None) -> frozenset[_Named]:
    files = data_files(manifest, first, last)
    return frozenset(_Named(file.file_path, night_of(file), run_key_of(manifest, file)) for file in files)


def _of_named_runs(
    table: IcebergTable, named: frozenset[_Named], first: date | None, last: date | None
) -> list[DataFile]:
    files = data_files(table, first, last)
    if not night_column(table):
        return files
    runs = {(entry.night, entry.run_key) for entry in named}
    return [file for file in files if (night_of(file), run_key_of(table, file)) in runs]


def _check_unswitched(now: frozenset[_Named], since: frozenset[_Named] | None, stamp: RunStamp) -> None:
    if since is None or now == since or {entry.run_key for entry in now} == {stamp.run_key}:
        return
    raise LakeConflictError(
        f"the night {stamp.night} was published by the run {', '.join(sorted(entry.run_key for entry in now))} while "
        f"the run {stamp.run_key} was writing it: that run is what readers see, whole; run the night again if this "
        "one's inputs are the newer ones"
    )
