"""The real 13 months at the gate, in both dialects: all of it is let in, night by night as in one pass."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from include.quality import admit, admit_statics
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS
from include.sources import open_source

_ROWS = 37_344


@pytest.mark.parametrize(("dialect", "years"), [("pkdd", 0), ("teradata", 20)])
def test_the_real_bank_is_let_in_whole(dialect: str, years: int, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(dialect)
    with open_source(str(folder)) as source:
        history = admit({FIN_TRANSACTION.name: source.history(date(1994 + years, 2, 1))}, None)
        statics = admit_statics({name: source.static(name) for name in STATIC_RELATIONS})
        busiest = admit({FIN_TRANSACTION.name: source.night(date(1994 + years, 1, 31))}, date(1994 + years, 1, 31))
    assert history.counts.published_rows == history.counts.offered_rows == _ROWS
    assert history.warnings == ()
    assert statics.quarantined.num_rows == 0
    assert statics.warnings == ()
    assert {name: table.num_rows for name, table in statics.accepted.items()} == {
        "fin_account": 4500,
        "fin_client": 5369,
        "fin_disposition": 5369,
        "fin_order": 6471,
        "fin_loan": 682,
        "fin_card": 892,
        "fin_district": 77,
    }
    assert busiest.counts.published_rows > 1000
    assert busiest.quarantined.num_rows == 0
