"""The style sheets and scripts of the console's own pages, and the library that draws their charts."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from fastapi import HTTPException, Response

from plugins.settlement_console.charts import LIBRARY

_FOLDER = Path(__file__).parent / "static"
_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
# The address holds a digest of the content, so that a new version has another address. Scripts that are imported by
# others are asked for without one, and then each time.
_KEPT, _ASKED_EACH_TIME = "private, max-age=31536000, immutable", "private, no-cache"


@lru_cache(maxsize=1)
def _files() -> dict[str, Path]:
    """The files that are served, by name."""
    own = [file for file in _FOLDER.iterdir() if file.suffix in _MEDIA_TYPES]
    return {file.name: file for file in [*own, LIBRARY] if file.exists()}


@lru_cache(maxsize=64)
def _digest(name: str) -> str:
    return hashlib.sha256(_files()[name].read_bytes()).hexdigest()[:16]


def static_path(name: str) -> str:
    """The address of a file below the console's own, which changes with its content."""
    return f"/static/{name}?v={_digest(name)}" if name in _files() else f"/static/{name}"


def static_file(name: str, v: str = "") -> Response:
    """A style sheet or a script."""
    file = _files().get(name)
    if file is None:
        raise HTTPException(404, "there is no such file")
    headers = {"Cache-Control": _KEPT if v == _digest(name) else _ASKED_EACH_TIME}
    return Response(file.read_bytes(), media_type=_MEDIA_TYPES[file.suffix], headers=headers)
