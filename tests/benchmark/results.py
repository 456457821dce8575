"""Where measurements go: `bench-results.json`, one key a part, and the folder of plots and banks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from include.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / ".data" / "bench"
RESULTS = PROJECT_ROOT / "bench-results.json"


def merge(key: str, found: object) -> None:
    """Put one part's figures beside those of the others."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**known, key: found}, indent=2, default=str) + "\n")


def save_plot(name: str, figure: Figure) -> None:
    """Keep a plot in the bench's folder."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure.savefig(FOLDER / f"{name}.png", dpi=110)


def markdown(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table for docs/benchmarks.md; figures are right-aligned, whatever is no text counts as one.

    >>> print(markdown("Found", ["kind", "recall"], [["burst", 0.5]]))
    **Found**
    <BLANKLINE>
    | kind | recall |
    | --- | ---: |
    | burst | 0.50 |
    <BLANKLINE>
    """
    first = rows[0] if rows else header
    rule = [" --- " if isinstance(cell, str) and n == 0 else " ---: " for n, cell in enumerate(first)]
    lines = [f"**{title}**", "", _line(header), "|" + "|".join(rule) + "|", *(_line(row) for row in rows), ""]
    return "\n".join(lines)


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "-" if value != value else f"{value:.2f}"
    return str(value)


def spread(figures: Mapping[str, Any], key: str) -> str:
    """Mean and standard deviation as one cell."""
    mean = figures.get(key, float("nan"))
    return "-" if mean != mean else f"{mean:.2f} ± {figures[key + '_sd']:.2f}"
