"""The style sheets and scripts of the console's own pages."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from fastapi import HTTPException, Response

_FOLDER = Path(__file__).parent / "static"
_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
# The address of a file holds a digest of its content, so that a new version has another address.
_KEPT = "private, max-age=31536000, immutable"


@lru_cache(maxsize=1)
def _files() -> dict[str, Path]:
    """The files that are served, by name."""
    return {file.name: file for file in _FOLDER.iterdir() if file.suffix in _MEDIA_TYPES}


@lru_cache(maxsize=64)
def static_path(name: str) -> str:
    """The address of a file below the console's own; the same as long as its content is."""
    return f"/static/{name}?v={hashlib.sha256(_files()[name].read_bytes()).hexdigest()[:16]}"


def static_file(name: str) -> Response:
    """A style sheet or a script."""
    file = _files().get(name)
    if file is None:
        raise HTTPException(404, "there is no such file")
    headers = {"Cache-Control": _KEPT}
    return Response(file.read_bytes(), media_type=_MEDIA_TYPES[file.suffix], headers=headers)
