"""The Data Docs site of a lake."""

from __future__ import annotations

from plugins.settlement_console.folders import ShownFolder

SITE_FOLDER = "data_docs"
"""Name of the lake's folder that holds the site."""
FRONT_PAGE = "index.html"

# Media types of the site's files, by their ending.
_MEDIA_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8"}


def data_docs_of(lake_uri: str) -> ShownFolder:
    """The site's pages."""
    return ShownFolder(lake_uri, SITE_FOLDER, _MEDIA_TYPES)
