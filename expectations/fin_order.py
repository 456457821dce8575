"""Expectations of `fin_order`: one standing order."""

from __future__ import annotations

from expectations.declare import positive, suite, typed, unique_key
from include.relations import FIN_ORDER

SUITE = suite(FIN_ORDER.name, [*typed(FIN_ORDER), unique_key(FIN_ORDER), *positive("amount")])
