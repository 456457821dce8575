"""Learning between trainings: what published nights teach the approved model, within bounds, and what reviews say."""

from include.learning.canary import keep_canary
from include.learning.learn import learn, rollback_learning, updates
from include.learning.profile import PROFILE_SCHEMA, PROFILE_TABLE
from include.learning.reviews import accounts_under_review, confirmed_before, decisions_of, known_reviews, take_in
from include.learning.risk import feedback_of, findings_of
from include.learning.teaching import taught_profile
from include.learning.updates import model_of
from include.scoring.feedback import Feedback

__all__ = [
    "PROFILE_SCHEMA",
    "PROFILE_TABLE",
    "Feedback",
    "accounts_under_review",
    "confirmed_before",
    "decisions_of",
    "feedback_of",
    "findings_of",
    "keep_canary",
    "known_reviews",
    "learn",
    "model_of",
    "rollback_learning",
    "take_in",
    "taught_profile",
    "updates",
]
