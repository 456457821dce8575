"""Extracts on their way between two steps: what `Extract` holds, as tables and notes of the workspace."""

from __future__ import annotations

from include.night.workspace import Workspace
from include.relations import RELATIONS
from include.sources.base import Extract

HISTORY = "history"
"""Name under which the transactions before a first night are kept."""
HISTORY_REFUSED = "history.refused"
"""Name under which what was not let in of them is kept."""


def put_extract(workspace: Workspace, name: str, extract: Extract | None) -> None:
    """Keep one extract under `name`; None is kept as absent."""
    workspace.note(f"extract.{name}", None if extract is None else _described(extract))
    if extract is not None:
        workspace.put(f"extract.{name}.rows", extract.rows)
        workspace.put(f"extract.{name}.unreadable", extract.unreadable)


def get_extract(workspace: Workspace, name: str) -> Extract | None:
    """The extract kept under `name`."""
    described = workspace.read_note(f"extract.{name}")
    if described is None:
        return None
    return Extract(
        relation=RELATIONS[described["relation"]],
        rows=workspace.get(f"extract.{name}.rows"),
        unreadable=workspace.get(f"extract.{name}.unreadable"),
        notes=tuple(described["notes"]),
        absent_columns=frozenset(described["absent_columns"]),
        explanations=described["explanations"],
    )


def _described(extract: Extract) -> dict[str, object]:
    return {
        "relation": extract.relation.name,
        "notes": list(extract.notes),
        "absent_columns": sorted(extract.absent_columns),
        "explanations": dict(extract.explanations),
    }
