"""Learning between trainings: what published nights teach the approved model, within bounds, and what reviews say."""

from include.learning.learn import keep_schooling, learn, rollback_learning, updates
from include.learning.profile import PROFILE_TABLE
from include.learning.reviews import accounts_under_review, confirmed_before, decisions_of, known_reviews, take_in
from include.learning.risk import feedback_of, findings_of
from include.learning.teaching import LESSON_TABLE, NightsLesson, lesson_of
from include.learning.updates import model_of
from include.scoring.feedback import Feedback

__all__ = [
    "LESSON_TABLE",
    "PROFILE_TABLE",
    "Feedback",
    "NightsLesson",
    "accounts_under_review",
    "confirmed_before",
    "decisions_of",
    "feedback_of",
    "findings_of",
    "keep_schooling",
    "known_reviews",
    "learn",
    "lesson_of",
    "model_of",
    "rollback_learning",
    "take_in",
    "updates",
]
