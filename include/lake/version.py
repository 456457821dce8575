"""The version of the code that a night ran: a digest of the sources, so that an edited checkout is another version."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from include.settings import PROJECT_ROOT

# Folders whose code decides a night's outputs; DAG files and plugins only schedule and display.
_ROOTS = ("include", "expectations")
_SUFFIXES = frozenset({".py", ".sql"})


@lru_cache(maxsize=1)
def code_version() -> str:
    """The first 16 hex digits of SHA-256 over every source file's path and bytes."""
    digest = hashlib.sha256()
    for root in _ROOTS:
        for path in sorted((PROJECT_ROOT / root).rglob("*")):
            if path.suffix in _SUFFIXES:
                digest.update(str(path.relative_to(PROJECT_ROOT)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
