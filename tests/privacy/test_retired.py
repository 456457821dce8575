"""Rows that retention removed, and a client's erasure before or after: nights verify, and no review is left over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from include.lake import Lake
from include.maintenance.maintain import Maintenance
from include.night import verify
from include.privacy import erase
from include.settings import Settings
from tests.privacy.lakes import CLIENT, NIGHTS, TODAY, publish_small, settings_of, traces, uri_of

Small = tuple[Path, Settings]
_LATER = date(1996, 1, 4)
"""More than 549 days after the first night, the fewest that postings are kept for."""


def _retire(lake: Path) -> None:
    bounded = settings_of(lake, retention={"fin_transaction": 549, "alerts": 549})
    assert Maintenance.of(uri_of(lake), bounded, datetime.now(UTC)).retire()["retired_nights"] == 1
    # Much later, when nobody can be using what was removed.
    later = Maintenance.of(uri_of(lake), bounded, datetime.now(UTC) + timedelta(days=300))
    later.expire()
    later.remove_files()


def _erase(lake: Path) -> None:
    # A review names the posting alone, and where the posting is gone its score says whose it was.
    assert [place for place in traces(lake) if place.startswith("ads/reviews/")]
    assert erase(uri_of(lake), CLIENT, settings_of(lake), TODAY)["is_erased"]


@pytest.mark.parametrize(
    "order", [(_retire, _erase), pytest.param((_erase, _retire), marks=pytest.mark.long)], ids=["after", "before"]
)
def test_an_erasure_and_retention_stand_beside_each_other(
    small: Small, order: tuple[Callable[[Path], None], ...]
) -> None:
    lake, settings = small
    publish_small(Lake.open(uri_of(lake), settings), settings, night=_LATER)
    for each in order:
        each(lake)
    assert [place for place in traces(lake) if "orphan" not in place] == []
    found = verify(uri_of(lake))
    assert found["verified"] == [_LATER.isoformat()]
    assert found["retired"] == {NIGHTS[0].isoformat(): ["alerts", "fin_transaction"]}
