"""Where a step hands tables and figures to the next: Parquet and JSON under the lake's `_work`.

The folder is removed once the night is published.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from include.night.request import NightRequest


class Workspace:
    """One run's work folder; every step overwrites what an earlier try of it left.

    Parameters
    ----------
    folder
        A folder or object prefix of this run alone.
    """

    def __init__(self, folder: UPath) -> None:
        self.folder = folder

    @classmethod
    def of(cls, request: NightRequest) -> Workspace:
        """The folder of this request."""
        return cls(UPath(request.lake_uri) / "_work" / request.night.isoformat() / request.attempt)

    def begin(self) -> None:
        """Make the folder anew, empty."""
        self.clear()
        # Records lie here in the clear until the night is published.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, name: str, table: pa.Table) -> None:
        """Keep a table under `name`."""
        with (self.folder / f"{name}.parquet").open("wb") as sink:
            pq.write_table(table, sink)

    def get(self, name: str) -> pa.Table:
        """The table kept under `name`."""
        with (self.folder / f"{name}.parquet").open("rb") as origin:
            return pq.read_table(pa.py_buffer(origin.read()))

    def has(self, name: str) -> bool:
        """Whether a table is kept under `name`."""
        return bool((self.folder / f"{name}.parquet").exists())

    def put_many(self, prefix: str, tables: dict[str, pa.Table]) -> None:
        """Keep several tables under `prefix`, and which they were."""
        for name, table in tables.items():
            self.put(f"{prefix}.{name}", table)
        self.note(prefix, sorted(tables))

    def get_many(self, prefix: str) -> dict[str, pa.Table]:
        """The tables kept by `put_many`."""
        return {name: self.get(f"{prefix}.{name}") for name in self.read_note(prefix)}

    def note(self, name: str, value: Any) -> None:  # noqa: ANN401 - JSON has no narrower type
        """Keep figures under `name`; dates become text."""
        (self.folder / f"{name}.json").write_text(json.dumps(value, default=str, sort_keys=True))

    def read_note(self, name: str) -> Any:  # noqa: ANN401 - JSON has no narrower type
        """The figures kept under `name`."""
        return json.loads((self.folder / f"{name}.json").read_text())

    def clear(self) -> None:
        """Remove what an earlier try left, or what a published night needs no longer."""
        if self.folder.exists():
            self.folder.fs.rm(self.folder.path, recursive=True)
