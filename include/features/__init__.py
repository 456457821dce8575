"""Features: one row per posting that compares it with what is usual, from the night, a bounded look-back, a state."""

from include.features.engine import (
    HABIT_DAYS,
    absence_notes,
    advance_state,
    build_features,
    district_points,
    place_warnings,
    reach_days,
    state_from_history,
)
from include.features.state import STATE_SCHEMAS, FeatureState

__all__ = [
    "HABIT_DAYS",
    "STATE_SCHEMAS",
    "FeatureState",
    "absence_notes",
    "advance_state",
    "build_features",
    "district_points",
    "place_warnings",
    "reach_days",
    "state_from_history",
]
