"""Learning between trainings: what published nights teach the approved model, within bounds."""

from include.learning.learn import keep_schooling, learn, rollback_learning, updates
from include.learning.profile import PROFILE_TABLE
from include.learning.teaching import LESSON_TABLE, NightsLesson, lesson_of
from include.learning.updates import model_of

__all__ = [
    "LESSON_TABLE",
    "PROFILE_TABLE",
    "NightsLesson",
    "keep_schooling",
    "learn",
    "lesson_of",
    "model_of",
    "rollback_learning",
    "updates",
]
