"""Which model is champion: candidates compared on the past, evidence for a person, promotion and its way back."""

from include.selection.compare_task import compare
from include.selection.decisions import Decisions
from include.selection.evidence_store import selections
from include.selection.plan import CandidateError, SelectionError
from include.selection.preparing import prepare
from include.selection.promotion import history, promote, rollback
from include.selection.running import run_selection, try_candidate

__all__ = [
    "CandidateError",
    "Decisions",
    "SelectionError",
    "compare",
    "history",
    "prepare",
    "promote",
    "rollback",
    "run_selection",
    "selections",
    "try_candidate",
]
