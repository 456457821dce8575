"""What tests do with Hyper: ask a file, leave it little room, and let its process do something else."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pantab
import pyarrow as pa
import pytest

from include.tableau.contents import table_names
from include.tableau.hyper_file import hyper_figures

MASKED = table_names(is_masked=True)


def in_hyper(file: Path, query: str) -> list[dict[str, Any]]:
    """The rows that Hyper answers a query with."""
    found: list[dict[str, Any]] = pantab.frame_from_hyper_query(file, query, return_type="pyarrow").to_pylist()
    return found


def rows_in(file: Path) -> dict[str, Any]:
    """Number of rows of each masked table of an extract, as Hyper counts them."""
    figures = hyper_figures(file, {name: pa.schema([]) for name in MASKED})
    return {name: figure["rows"] for name, figure in figures.items()}


@contextmanager
def room(size: int) -> Iterator[None]:
    """The largest file that this process, and those that it starts, may write stands for the room left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def written_by(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have extracts be written by some code, which sees their `path`, in every process that is started from now on."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(f"import pantab\ndef w(_, path): {code}\npantab.frames_to_hyper = w\n")
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


def without_pantab(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no process that is started from now on find Hyper."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['pantab'] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
