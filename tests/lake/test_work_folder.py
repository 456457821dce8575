"""A work folder that is removed only in part holds nothing that a step could take for whole."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from fsspec.implementations.local import LocalFileSystem

from include.lake.work_folder import WorkFolder


def test_notes_go_before_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = WorkFolder.at(f"file:{tmp_path}", "1994-01-31", "run")
    folder.begin()
    folder.put("checked.breaks", pa.table({"trans_id": [1]}))
    folder.note("checked", {"skipped": []})

    remove = LocalFileSystem.rm

    def killed(self: LocalFileSystem, path: str, recursive: bool = False, maxdepth: int | None = None) -> None:
        if recursive:
            raise KeyboardInterrupt
        remove(self, path, recursive, maxdepth)

    monkeypatch.setattr(LocalFileSystem, "rm", killed)
    with pytest.raises(KeyboardInterrupt):
        folder.clear()
    assert folder.has("checked.breaks")
    assert not folder.has_note("checked")
