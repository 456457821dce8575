"""Expectations of `fin_card`: one card."""

from __future__ import annotations

from expectations.declare import plausible, suite, typed, unique_key
from include.relations import FIN_CARD

SUITE = suite(FIN_CARD.name, [*typed(FIN_CARD), unique_key(FIN_CARD), plausible("issued_date")])
