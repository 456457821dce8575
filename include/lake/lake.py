"""The lake: a run writes a night beside the published rows, and publishes it by changing one row of the manifest.

Several Iceberg tables cannot commit together, so that no table is replaced in place. Every row carries its run's key,
and readers see the rows of the run that `night_manifest` names. A run replaces only its own rows, table by table, while
the run published before stays complete. It then switches the manifest row, which is one commit, and removes the rows
that readers no longer see. A run that ends anywhere leaves the night either as it was or as it is to be.

The rows to be removed after the switch are listed before it. A run that finds the night's manifest row switched by
another run since its own first write does not publish but starts over. So nobody removes rows that are still to be
published.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self

import pyarrow as pa
import pyarrow.dataset as ds
from pyiceberg.table import Table as IcebergTable

from include.errors import LakeConflictError, MissingStateError, PublishError, TerminalError
from include.lake.commit import Change, guarded_commit
from include.lake.data_files import (
    data_files,
    night_bounds,
    night_column,
    read_data_files,
    read_paths,
    run_key_of,
    version_of,
    write_data_file,
)
from include.lake.iceberg_catalog import LakeCatalog, arrow_schema
from include.lake.listing import Listing
from include.lake.location import LakeLocation
from include.lake.plans import PlannedFile, planned_files
from include.lake.rows import check_night, content_digest, keyed_rows
from include.lake.stamp import RunStamp
from include.lake.tables import RUN_KEY, TABLES, VERSION_COLUMN, VERSION_TABLE, Table
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
"""Number of rows of a night by table and run; `is_published` is true where the manifest names the run."""

_CONTENT = "ads.content"

# A reader starts over when the manifest was switched while it looked; each further turn needs another publication of
# the same nights within milliseconds.
_READ_TURNS = 10

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Named:
    """One row of the manifest, read from metadata: the file that holds it, its night and the run that it names."""

    path: str
    night: date
    run_key: str


@dataclass(frozen=True)
class _Looks:
    """What one state of the manifest names over the spans of nights that were asked for."""

    at: str
    named: dict[tuple[date | None, date | None], frozenset[_Named]]


class Lake:
    """The published tables, read and written night by night.

    All writes of a run must use one object, as it remembers what the manifest named at the run's first write.
    """

    def __init__(self, catalog: LakeCatalog, tables: Mapping[str, Table]) -> None:
        self._catalog = catalog
        self._tables = dict(tables)
        self._seen_at_first_write: dict[RunStamp, frozenset[_Named]] = {}
        self._looks = _Looks("", {})

    @classmethod
    def open(cls, uri: str, settings: Settings | None = None, extra_tables: Iterable[Table] = ()) -> Self:
        """Open the lake in a folder or object prefix, creating it where there is none.

        Parameters
        ----------
        uri
            `file:`, `s3:` or a plain path.
        settings
            Settings with the catalog, the namespace and the key; those of the process when None.
        extra_tables
            Tables that other packages declare, so that they can be read and written by name.
        """
        used = settings or get_settings()
        location = LakeLocation.of(uri, used.catalog_uri, used.namespace)
        return cls(LakeCatalog.open(location, used), {**TABLES, **{table.name: table for table in extra_tables}})

    @property
    def identity(self) -> str:
        """The identity of this lake, which stays the same wherever it lies."""
        return self._catalog.identity

    @property
    def catalog(self) -> LakeCatalog:
        """The catalog of the lake's tables, for what goes beyond reading and writing nights."""
        return self._catalog

    def replace(
        self, table: Table | str, night: date, rows: pa.Table, stamp: RunStamp, version: int | None = None
    ) -> None:
        """Make `rows` the run's rows of one night; rows of other runs stay, and readers see no change yet.

        Parameters
        ----------
        table
            A declared table with a night column, or its name.
        night
            The night whose rows of this run are replaced; an empty `rows` clears them.
        rows
            Rows with the table's columns in any order, except `run_key`.
        stamp
            Stamp of the run.
        version
            Key version of the rows, for a table that has versions; rows of other versions stay.

        Raises
        ------
        PublishError
            When the lake could not take the rows; nothing changed for readers.
        TerminalError
            When the rows do not fit the table, or are not of the night.
        """
        declared = self._declared(table)
        if stamp not in self._seen_at_first_write:
            self._seen_at_first_write[stamp] = self._named(night, night)
        keyed = keyed_rows(declared, rows, stamp.run_key)
        check_night(declared, keyed, night)
        found = self._catalog.ensure(declared)
        written = functools.cache(lambda: write_data_file(found, keyed, f"{declared.night_column}={night}"))

        def plan(now: IcebergTable) -> Change:
            own = [
                file
                for file in data_files(now, night, night)
                if (run_key_of(now, file), version_of(now, file)) == (stamp.run_key, version)
            ]
            return Change(remove=own, add=[written()] if keyed.num_rows else [])

        guarded_commit(self._catalog, declared.name, plan, stamp)

    def replace_static(
        self, relation: Table | str, rows: pa.Table, stamp: RunStamp, version: int | None = None
    ) -> None:
        """Replace a static relation by `rows`, unless it holds the same rows or a later night wrote it.

        Parameters
        ----------
        relation
            A declared relation, or its name.
        rows
            Rows with the relation's columns in any order, except `run_key`.
        stamp
            Stamp of the run.
        version
            Key version of the rows, for a relation that has versions; rows of other versions stay.

        Raises
        ------
        PublishError
            When the lake could not take the rows; the relation is unchanged.
        """
        declared = self._declared(relation)
        keyed = keyed_rows(declared, rows, stamp.run_key)
        digest = content_digest(declared, keyed)
        found = self._catalog.ensure(declared)
        written = functools.cache(lambda: write_data_file(found, keyed, stamp.night.isoformat()))
        note = _CONTENT if version is None else f"{_CONTENT}.{version}"

        def plan(now: IcebergTable) -> Change:
            if self._is_current(now, note, digest, stamp.night):
                return Change()
            files = data_files(now)
            own = [file for file in files if version_of(now, file) in (version, None)]
            return Change(remove=own, add=[written()], notes={note: digest})

        guarded_commit(self._catalog, declared.name, plan, stamp)

    def _is_current(self, table: IcebergTable, note: str, digest: str, night: date) -> bool:
        snapshot = table.current_snapshot()
        if snapshot is None or snapshot.summary is None:
            return False
        says = snapshot.summary.get
        later = (says("ads.night") or "") > night.isoformat() or bool(self._named(night + timedelta(days=1), None))
        return later or says(note) == digest

    def publish_manifest(
        self, row: Mapping[str, Any], stamp: RunStamp, require_unclaimed: Callable[[], None] = lambda: None
    ) -> None:
        """Make the run the published one of its night, then remove the rows that readers no longer see.

        Parameters
        ----------
        row
            Manifest row of the stamp's run and night.
        stamp
            Stamp of the run that wrote the night's tables through this object.
        require_unclaimed
            Function that raises when another published night holds rows that only one night may hold. It is called for
            the very state of the manifest that the row is added to, and again when a night is published meanwhile.

        Raises
        ------
        LakeConflictError
            When another run published the night since this run began to write it; the run must write it again.
        PublishError
            When the lake could not take the row; nothing changed for readers.
        """
        if (row["run_key"], row["settlement_date"]) != (stamp.run_key, stamp.night):
            raise TerminalError(
                f"the manifest row is of the run {row['run_key']} of {row['settlement_date']}, "
                f"the stamp of {stamp.run_key} of {stamp.night}: they must name the same run and night",
                night=stamp.night,
                run_key=stamp.run_key,
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
        """Remove rows of a night that no reader sees, which a publication leaves when it ends too early.

        Nothing happens when the manifest names another run. Runs that write the night meanwhile start over.
        """
        row = self.published(night)
        if row is None or row["run_key"] != keep_run_key:
            return
        since, stray = self._named(night, night), self._files_of_others(night, keep_run_key)
        if stray:
            stamp = RunStamp(keep_run_key, str(row["attempt"]), night)
            # A row that is written again counts as another row, so that older runs do not publish rows removed here.
            self._switch(row, stamp, since)
            self._sweep(stray, stamp)

    def _files_of_others(self, night: date, run_key: str) -> dict[str, set[str]]:
        """Paths of the night's data files that other runs wrote, by table."""
        found = {
            name: {file.file_path for file in data_files(table, night, night) if run_key_of(table, file) != run_key}
            for name, table in self._night_tables()
        }
        return {name: paths for name, paths in found.items() if paths}

    def _sweep(self, listed: Mapping[str, set[str]], stamp: RunStamp) -> None:
        """Remove the listed files; a failure does not fail the night, which is already published."""
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
        where: ds.Expression | None = None,
    ) -> pa.Table:
        """The published rows of the nights from `first` to `last`.

        Parameters
        ----------
        table
            A declared table, or the name of any table in the lake.
        first, last
            First and last night, both included; without a bound where None. A static relation ignores them.
        columns
            Names of the columns to read; all when None.
        where
            Condition on the columns that are read; all rows when None. It spares memory: the files of each night are
            opened all the same.

        Raises
        ------
        LakeConflictError
            When the nights were published again and again meanwhile.
        MissingStateError
            When the name is neither declared nor in the lake.
        """
        name = table if isinstance(table, str) else table.name
        found, files = self._published_files(name, first, last)
        schema = self._schema(table, found)
        wanted = pa.schema([schema.field(column) for column in columns]) if columns is not None else schema
        return (
            wanted.empty_table() if found is None else read_paths(found, (file.path for file in files), wanted, where)
        )

    def listing(self, table: Table, first: date | None = None, last: date | None = None) -> Listing:
        """The files with the published rows of the nights from `first` to `last`, which can be read some at a time.

        Parameters
        ----------
        table
            A declared table with a night column.
        first, last
            First and last night, both included; without a bound where None.

        Raises
        ------
        LakeConflictError
            When the nights were published again and again meanwhile.
        """
        found, files = self._published_files(table.name, first, last)
        return Listing.of(table.schema, found, files)

    def span(self) -> tuple[date, date] | None:
        """Bounds of the published nights, found from the list of manifests alone; None where none is published.

        No published night lies outside; where nights were taken back, the bounds may lie beyond the outermost ones.
        """
        found = self._catalog.find(MANIFEST.name)
        return None if found is None else night_bounds(found)

    def run_keys(self, first: date | None = None, last: date | None = None) -> dict[date, str]:
        """The key of the published run of each night from `first` to `last`, found from the metadata alone."""
        return {entry.night: entry.run_key for entry in self._named(first, last)}

    def state(self) -> str:
        """A word that changes whenever a night is published, replaced or taken back; empty before the first."""
        found = self._catalog.find(MANIFEST.name)
        return "" if found is None else found.metadata_location

    def count(self, name: str, night: date) -> int:
        """The number of a table's published rows of a night, found from the metadata alone."""
        _, files = self._published_files(name, night, night)
        return sum(file.row_count for file in files)

    def _published_files(
        self, name: str, first: date | None, last: date | None
    ) -> tuple[IcebergTable | None, list[PlannedFile]]:
        """The table and its published files, as of one moment.

        The manifest is read before and after the table and must not have changed, as rows are only removed after a
        switch.
        """
        before = self._seen(name, first, last)
        for _ in range(_READ_TURNS):
            found = self._catalog.find(name)
            after = self._seen(name, first, last)
            if before == after:
                return found, _of_named_runs(found, *before, first, last) if found is not None else []
            before = after
        raise LakeConflictError(
            f"the nights from {first} to {last} were published again {_READ_TURNS} times while {name} was read: "
            "read again when those runs are through",
            table=name,
        )

    def _seen(self, name: str, first: date | None, last: date | None) -> tuple[frozenset[_Named], int | None]:
        """What says which rows of a table readers see: the manifest's rows, and the key version of pseudonyms."""
        found = self._catalog.find(name)
        has_versions = found is not None and VERSION_COLUMN in found.schema().column_names
        return self._named(first, last), self.key_version() if has_versions else None

    def key_version(self) -> int | None:
        """The key version whose masked rows readers see; None where none was written yet."""
        found = self._catalog.find(VERSION_TABLE.name)
        return None if found is None else _version_in(found)

    def show_version(self, version: int, stamp: RunStamp) -> None:
        """Make a key version the one that masked readers see, unless they see it or a later one already.

        Raises
        ------
        PublishError
            When the lake could not take the row; readers see the version before.
        """
        found = self._catalog.ensure(VERSION_TABLE)
        row = {"current_version": version, "since": stamp.night, RUN_KEY.name: stamp.run_key}
        rows = pa.Table.from_pylist([row], VERSION_TABLE.schema)
        written = functools.cache(lambda: write_data_file(found, rows, stamp.night.isoformat()))

        def plan(now: IcebergTable) -> Change:
            return Change() if (_version_in(now) or 0) >= version else Change(remove=data_files(now), add=[written()])

        guarded_commit(self._catalog, VERSION_TABLE.name, plan, stamp)

    def keep_versions(self, table: Table, versions: Collection[int], stamp: RunStamp) -> None:
        """Remove the rows of all other key versions from a table; readers must see one of these.

        Raises
        ------
        PublishError
            When the rows could not be removed; readers see none of them.
        """

        def plan(now: IcebergTable) -> Change:
            return Change(remove=[file for file in data_files(now) if version_of(now, file) not in versions])

        if self._catalog.find(table.name) is not None:
            guarded_commit(self._catalog, table.name, plan, stamp)

    def rows_of_version(self, table: Table, night: date, run_key: str, version: int) -> int:
        """The number of a run's rows of a night in one key version, found from the metadata alone."""
        found = self._catalog.find(table.name)
        files = [] if found is None else data_files(found, night, night)
        return sum(
            file.record_count
            for file in files
            if found is not None and (run_key_of(found, file), version_of(found, file)) == (run_key, version)
        )

    def manifest(self, first: date | None = None, last: date | None = None) -> pa.Table:
        """The manifest rows of the published nights from `first` to `last`, ordered by night."""
        return self.read(MANIFEST, first, last).sort_by(MANIFEST.night_column)

    def published(self, night: date) -> dict[str, Any] | None:
        """The manifest row of a night, or None when it is not published."""
        rows: list[dict[str, Any]] = self.manifest(night, night).to_pylist()
        return rows[0] if rows else None

    def census(self, night: date) -> pa.Table:
        """The number of rows of a night by table and run (`CENSUS_SCHEMA`)."""
        named = {entry.run_key for entry in self._named(night, night)}
        counts: dict[tuple[str, str], int] = {}
        for name, table in self._night_tables():
            for file in data_files(table, night, night):
                key = (name, run_key_of(table, file))
                counts[key] = counts.get(key, 0) + file.record_count
        rows = [(name, key, count, key in named) for (name, key), count in sorted(counts.items())]
        return pa.Table.from_pylist([dict(zip(CENSUS_SCHEMA.names, row, strict=True)) for row in rows], CENSUS_SCHEMA)

    def stray(self, night: date) -> pa.Table:
        """The unpublished part of the census; runs that ended early leave these rows, and the next run removes them."""
        census = self.census(night)
        return census.filter(pa.compute.invert(census["is_published"]))

    def _night_tables(self) -> list[tuple[str, IcebergTable]]:
        tables = [(name, self._catalog.load(name)) for name in self._catalog.names() if name != MANIFEST.name]
        return [(name, table) for name, table in tables if night_column(table)]

    def _named(self, first: date | None, last: date | None) -> frozenset[_Named]:
        """The current manifest rows of a span of nights.

        They are cached for each state of the manifest, as a night reads many tables over few spans.
        """
        table = self._catalog.find(MANIFEST.name)
        if table is None:
            return frozenset()
        looks = self._looks
        if looks.at != table.metadata_location:
            # One object replaces the other, so that no thread puts what it saw before beside what another sees now.
            self._looks = looks = _Looks(table.metadata_location, {})
        if (first, last) not in looks.named:
            looks.named[first, last] = _named_in(table, first, last)
        return looks.named[first, last]

    def _declared(self, table: Table | str) -> Table:
        if isinstance(table, Table):
            return table
        if table not in self._tables:
            raise TerminalError(
                f"the table {table} is not declared; declared are {', '.join(sorted(self._tables))}: "
                "give the Table itself, or name it in Lake.open(extra_tables=...)",
                table=str(table),
            )
        return self._tables[table]

    def _schema(self, table: Table | str, found: IcebergTable | None) -> pa.Schema:
        declared = table if isinstance(table, Table) else self._tables.get(table)
        if declared is not None:
            return declared.schema
        if found is None:
            raise MissingStateError(
                f"the lake holds no table {table}: no night that leaves it was ever published here; "
                "publish an earlier night first, or check the lake's address",
                table=str(table),
            )
        return arrow_schema(found)


def _named_in(manifest: IcebergTable, first: date | None, last: date | None) -> frozenset[_Named]:
    return frozenset(_Named(file.path, *file.of_night()) for file in planned_files(manifest, first, last))


def _of_named_runs(
    table: IcebergTable, named: frozenset[_Named], version: int | None, first: date | None, last: date | None
) -> list[PlannedFile]:
    files = [file for file in planned_files(table, first, last) if version is None or file.version == version]
    if not night_column(table):
        return files
    runs = {(entry.night, entry.run_key) for entry in named}
    return [file for file in files if file.of_night() in runs]


def _check_unswitched(now: frozenset[_Named], since: frozenset[_Named] | None, stamp: RunStamp) -> None:
    if since is None or now == since or {entry.run_key for entry in now} == {stamp.run_key}:
        return
    raise LakeConflictError(
        f"the night {stamp.night} was published by the run {', '.join(sorted(entry.run_key for entry in now))} while "
        f"the run {stamp.run_key} was writing it: that run is what readers see, whole; run the night again if this "
        "one's inputs are the newer ones",
        night=stamp.night,
        run_key=stamp.run_key,
    )


def _version_in(table: IcebergTable) -> int | None:
    rows = read_data_files(table, data_files(table), VERSION_TABLE.schema)
    return int(rows["current_version"][0].as_py()) if rows.num_rows else None
