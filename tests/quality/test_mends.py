"""Every reason for which a record may be refused has words on what to send again."""

from __future__ import annotations

import pytest

from expectations.catalog import SUITES
from include.quality import mends
from include.sources.text.records import MENDS
from include.sources.values import _PATTERNS


def refusing_codes() -> set[str]:
    """Codes of the suites' own expectations, and of what readers cannot type."""
    found = {
        expectation.meta["reason_code"]
        for suite in SUITES.values()
        for expectation in suite.expectations
        if expectation.meta["severity"] == "fail" and "reason_code" in expectation.meta
    }
    typed = {f"amount_{suffix}" for _, faults in _PATTERNS.values() for suffix, _ in faults}
    return found | typed | {*MENDS}


@pytest.mark.parametrize("code", sorted(refusing_codes()))
def test_a_code_has_words(code: str) -> None:
    assert mends.mend_of(code) != mends._UNKNOWN


def test_a_column_is_named_and_an_unknown_code_says_where_to_look() -> None:
    assert mends.mend_of("bank_to_too_long").startswith("bank_to is too long")
    assert "include/relations.py" in mends.mend_of("moon_phase")
