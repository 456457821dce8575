"""The evidence packs of a lake's selections, as pages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from plugins.settlement_console.folders import ShownFolder

PACKS_FOLDER = "selections"
"""Name of the lake's folder that holds the packs, one folder per selection."""
REPORT = "evidence.md"
FIGURES = "attributions.json"
"""Figures of what the challenger looks at, in packs of selections that kept them."""

_MEDIA_TYPES = {
    ".png": "image/png",
    # Served as plain text, since the console's own page shows the report.
    ".md": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
}


def packs_of(lake_uri: str) -> ShownFolder:
    """The files of all packs."""
    return ShownFolder(lake_uri, PACKS_FOLDER, _MEDIA_TYPES)


@dataclass(frozen=True)
class Evidence:
    """The evidence pack of one selection.

    Attributes
    ----------
    selection
        Name of the selection.
    report
        Report as HTML; markup within it is shown as text.
    plots, files
        Names of the plots and of the other files.
    """

    selection: str
    report: Markup
    plots: list[str]
    files: list[str]


def evidence_of(lake_uri: str, selection: str) -> Evidence:
    """The pack of a selection.

    Raises
    ------
    NoSuchFileError
        When there is no pack of that selection.
    """
    packs = packs_of(lake_uri)
    report = packs.read(f"{selection}/{REPORT}").content.decode()
    names = packs.names(selection)
    plots = [name for name in names if name.endswith(".png")]
    return Evidence(selection, as_html(report), plots, [name for name in names if name not in plots])


def as_html(markdown: str) -> Markup:
    """Markdown as HTML; HTML in it is shown as text, and no link runs a script.

    >>> as_html("**better** <script>x</script>").strip()
    Markup('<p><strong>better</strong> &lt;script&gt;x&lt;/script&gt;</p>')
    """
    # The renderer escapes what it is given.
    return Markup(_markdown().render(markdown))  # noqa: S704 # nosec B704


@lru_cache(maxsize=1)
def _markdown() -> Any:  # noqa: ANN401 - a renderer with plugins by name
    # Pictures are shown by the page itself, from the pack and from nowhere else.
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
