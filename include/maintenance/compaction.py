"""Compaction: fewer manifests for the same data files, and one data file where a run left several for a night.

A data file holds one run's rows of one night, and of pseudonyms those of one key version, which readers, the removal
of superseded rows and the proof of a night rest on. Files of different nights, runs or key versions are therefore never
merged, however small they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date

from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import Transaction

from include.lake.commit import Change, guarded_commit, metadata_commit
from include.lake.data_files import (
    data_files,
    night_column,
    night_of,
    read_data_files,
    run_key_of,
    version_of,
    write_data_file,
)
from include.lake.iceberg_catalog import LakeCatalog
from include.lake.manifests import Layout, monthly_layout, stage_layout
from include.lake.stamp import RunStamp

ATTEMPT = "lake_maintenance"
"""Name of this writer in the properties of the snapshots that it leaves."""

LEAST_SPARE = 8
"""Number of manifests that a rewriting must save. A night adds one or two to a table, so that most tables are rewritten
about once a week; seven more lines in the list of manifests cost a plan less than a fifth of a millisecond."""

# Iceberg's own default of a data file's target size; a larger file is not small.
_LARGEST_MERGED_BYTES = 512 * 1024 * 1024


def compact_manifests(catalog: LakeCatalog, name: str, is_dry: bool) -> int:
    """Rewrite the manifests of a table into one for each month of nights, where that saves enough.

    Returns
    -------
    int
        Number of manifests saved, or that would be.
    """
    layout = _due(catalog.load(name))
    if layout is None or is_dry:
        return layout.spare if layout else 0

    def stage(table: IcebergTable, transaction: Transaction) -> None:
        if (found := _due(table)) is not None:
            stage_layout(transaction, found, {"ads.attempt": ATTEMPT})

    metadata_commit(catalog, name, stage)
    return layout.spare


def _due(table: IcebergTable) -> Layout | None:
    layout = monthly_layout(table)
    return layout if layout.spare >= LEAST_SPARE else None


def compact_data_files(catalog: LakeCatalog, name: str, is_dry: bool) -> int:
    """Merge the data files that one run left for one night into one, each group in a commit of its own.

    Returns
    -------
    int
        Number of files saved, or that would be.
    """
    table = catalog.load(name)
    groups = _groups(table)
    if not is_dry:
        for (night, run_key, _), files in groups.items():
            _merge(catalog, name, files, RunStamp(run_key, ATTEMPT, night))
    return sum(len(files) - 1 for files in groups.values())


def _groups(table: IcebergTable) -> Mapping[tuple[date, str, int | None], Sequence[DataFile]]:
    """The small files of a table by night, run and key version, where there are several.

    A static relation is one file for each key version anyway.
    """
    groups: dict[tuple[date, str, int | None], list[DataFile]] = {}
    for file in data_files(table) if night_column(table) else []:
        groups.setdefault((night_of(file), run_key_of(table, file), version_of(table, file)), []).append(file)
    return {key: files for key, files in groups.items() if len(files) > 1 and _size(files) <= _LARGEST_MERGED_BYTES}


def _size(files: Sequence[DataFile]) -> int:
    return sum(file.file_size_in_bytes for file in files)


def _merge(catalog: LakeCatalog, name: str, files: Sequence[DataFile], stamp: RunStamp) -> None:
    table = catalog.load(name)
    schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
    rows = read_data_files(table, files, schema)
    merged = write_data_file(table, rows, f"{night_column(table)}={stamp.night}")
    paths, planned = {file.file_path for file in files}, [Change()]

    def plan(now: IcebergTable) -> Change:
        present = [file for file in data_files(now, stamp.night, stamp.night) if file.file_path in paths]
        # A run that wrote the night meanwhile has removed some of them, and what it wrote stands.
        planned.append(Change(remove=present, add=[merged]) if len(present) == len(paths) else Change())
        return planned[-1]

    guarded_commit(catalog, name, plan, stamp)
    if not planned[-1]:
        # It may hold rows that an erasure has just taken out, and must not lie about until it is old.
        with suppress(FileNotFoundError):
            table.io.delete(merged.file_path)
