"""What people decide of findings: reviews are taken in, and act on the nights that follow."""

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
