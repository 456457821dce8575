"""Learning between trainings: the approved model is refreshed on published nights, within bounds."""

from include.learning.learn import keep_refresh_baseline, learn, rollback_learning, updates
from include.learning.profile import PROFILE_TABLE
from include.learning.sampling import REFRESH_TABLE, RefreshRows, refresh_rows_of
from include.learning.updates import model_of

__all__ = [
    "PROFILE_TABLE",
    "REFRESH_TABLE",
    "RefreshRows",
    "keep_refresh_baseline",
    "learn",
    "model_of",
    "refresh_rows_of",
    "rollback_learning",
    "updates",
]
