"""What steps leave for each other is read back as it was, whole or not at all."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.errors import MissingStateError
from include.night import NightRequest
from include.night.handoffs import (
    Admitted,
    AdmittedHistory,
    Checked,
    Extracted,
    Handoff,
    Lookback,
    NightReviews,
    Restated,
    RunStart,
    Scored,
    Verdicts,
)
from include.night.workspace import Workspace
from include.quality import Counts
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS
from include.sources import open_source
from tests.sources.small_banks import write_canonical

NIGHT = date(2013, 1, 2)
ROWS = pa.table({"trans_id": [1, 2]})
NOTHING = ROWS.schema.empty_table()
VERDICT = {"suite": "fin_order", "relation": "fin_order", "validation": {"success": True, "share": 0.25}}
LEFT = [
    RunStart(True, datetime(2013, 1, 3, 2, tzinfo=UTC), 10, "CZ", None, ROWS),
    RunStart(False, datetime(2013, 1, 3, 2, tzinfo=UTC), 1, None, "a1b2", NOTHING),
    NightReviews(ROWS, NOTHING, ROWS, NOTHING, (NIGHT,), (("inbox/a.csv", "taken/a.csv"),), ("one row",)),
    Restated((NIGHT, date(2013, 1, 3)), ("2012-01-01 had 1",)),
    Restated(),
    Admitted({"fin_transaction": ROWS, "fin_client": NOTHING}, NOTHING, Counts(5, 2, 3), ("w",), (VERDICT,)),
    AdmittedHistory(ROWS, NOTHING),
    Lookback(ROWS),
    Checked(NOTHING, {"state_chain": ROWS}, {"state_chain": ROWS, "state_loans": NOTHING}, ("no loans",), ()),
    Scored(
        *(ROWS, NOTHING, ROWS, ROWS, NOTHING, {"state_kinds": ROWS}, {}),
        model_version=None,
        model_note="scores are skipped",
        warnings=(),
        budget_since=date(2013, 1, 1),
        watched_since=NIGHT,
        watch_figures={"streaks": {"gap": 2}, "precision": 0.1 + 0.2},
    ),
    Verdicts((VERDICT, VERDICT)),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    opened = Workspace.of(NightRequest.of(NIGHT, "file:/bank", f"file:{tmp_path}", "test"))
    opened.begin()
    return opened


def _values(handoff: Handoff) -> dict[str, Any]:
    return {field.name: getattr(handoff, field.name) for field in fields(handoff)}


@pytest.mark.parametrize("left", LEFT, ids=lambda left: type(left).__name__)
def test_a_hand_off_is_read_as_it_was_left(workspace: Workspace, left: Handoff) -> None:
    left.save(workspace)
    found = type(left).load(workspace)
    assert _values(found) == _values(left)
    assert {name: type(value) for name, value in _values(found).items()} == {
        name: type(value) for name, value in _values(left).items()
    }


@pytest.mark.parametrize("left", LEFT, ids=lambda left: type(left).__name__)
def test_what_no_step_left_says_where_to_begin(workspace: Workspace, left: Handoff) -> None:
    assert type(left).find(workspace) is None
    with pytest.raises(MissingStateError, match="clear the run from its first task on"):
        type(left).load(workspace)


def test_a_save_that_is_cut_short_leaves_no_hand_off(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = next(left for left in LEFT if isinstance(left, Checked))
    with monkeypatch.context() as killed:
        killed.setattr(Workspace, "put_many", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            checked.save(workspace)
    assert workspace.has("checked.breaks")
    assert Checked.find(workspace) is None


def test_what_was_extracted_is_read_as_it_was_left(workspace: Workspace, tmp_path: Path) -> None:
    bank = write_canonical(tmp_path / "bank")
    with open_source(f"file:{bank}") as source:
        statics = {name: source.static(name) for name in STATIC_RELATIONS}
        nights = {"first": source.history(before=NIGHT), "later": None}
        left = {kind: Extracted(statics, source.night(NIGHT), history) for kind, history in nights.items()}
    for kind, extracted in left.items():
        workspace.begin()
        extracted.save(workspace)
        found = Extracted.load(workspace)
        assert found == extracted, kind
    assert found.statics["fin_card"] is None
    assert list(found.relations) == [*STATIC_RELATIONS, FIN_TRANSACTION.name]
