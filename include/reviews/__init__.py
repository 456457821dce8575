"""Reviews: what people decide about findings is taken in and acts on the nights that follow."""

from include.reviews.intake import accounts_under_review, confirmed_before, decisions_of, known_reviews, take_in
from include.reviews.risk import feedback_of, findings_of

__all__ = [
    "accounts_under_review",
    "confirmed_before",
    "decisions_of",
    "feedback_of",
    "findings_of",
    "known_reviews",
    "take_in",
]
