"""Writes a generated bank: canonical Parquet or CSV, one file per relation, and the list of planted incidents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from tqdm import tqdm

from include.errors import SettingsError
from include.relations import RELATIONS

Format = Literal["parquet", "csv"]

TROUBLES_FILE = "_troubles.json"
"""Name of the list of planted incidents; because of the leading underscore it is not taken for a relation."""
ROUNDING_CROWNS = "0.1"
"""Unit to which amounts and balances are written, a tenth of a crown, although they are kept exactly."""


def check_format(fmt: str) -> None:
    """Refuse a format that cannot be written.

    Raises
    ------
    SettingsError
        When `fmt` is none of the formats.
    """
    if fmt not in get_args(Format):
        raise SettingsError(
            f"a bank cannot be written as {fmt!r}: give one of {', '.join(get_args(Format))}", setting="format"
        )


def source_uri(folder: Path) -> str:
    """The URI that reads a bank written to `folder`, with its rounding."""
    return f"file:{folder.resolve()}?rounding={ROUNDING_CROWNS}"


def write_bank(
    folder: Path, tables: dict[str, pa.Table], incidents: list[dict[str, object]] | None, fmt: Format
) -> None:
    """Write every relation and the planted incidents, if any, after removing an earlier bank in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    for name, table in tqdm(tables.items(), desc="files", unit="file", disable=None):
        _WRITERS[fmt](table.select(RELATIONS[name].source_schema.names), folder / f"{name}.{fmt}")
    if incidents is not None:
        (folder / TROUBLES_FILE).write_text(json.dumps(incidents, indent=2) + "\n", encoding="utf-8")


def _clear(folder: Path) -> None:
    """Remove the files of an earlier bank, so that the folder never holds two banks."""
    files = [f"{name}.{fmt}" for name in RELATIONS for fmt in get_args(Format)]
    for name in (*files, TROUBLES_FILE):
        (folder / name).unlink(missing_ok=True)


def _write_parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd")


def _write_csv(table: pa.Table, path: Path) -> None:
    pa_csv.write_csv(table, path)


_WRITERS = {"parquet": _write_parquet, "csv": _write_csv}
