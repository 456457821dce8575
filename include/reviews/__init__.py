"""Reviews: what people decide about findings is taken in and acts on the nights that follow."""

from include.reviews.effects import ReviewEffects, effects_of
from include.reviews.intake import confirmed_before, known_reviews, take_in
from include.reviews.risk import findings_of

__all__ = ["ReviewEffects", "confirmed_before", "effects_of", "findings_of", "known_reviews", "take_in"]
