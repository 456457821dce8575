"""Reviews in nights: taken in once, of effect from then on, and a night played again keeps those it had."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pytest

from include.lake import Lake
from include.night import verify
from tests.night.conftest import play

FIRST, SECOND = "1994-01-27", "1994-01-28"
HEADER = "trans_id,decision,reason,who,decided_at,known_at\n"


@pytest.mark.usefixtures("ready_model")
def test_a_review_acts_from_the_night_that_knew_it(pkdd: Path, tmp_path: Path) -> None:
    lake, inbox = Lake.open(f"file:{tmp_path}"), tmp_path / "reviews" / "inbox"
    before = play(FIRST, pkdd, tmp_path)
    scored = lake.read("anomaly_scores", date.fromisoformat(FIRST), date.fromisoformat(FIRST))
    alerts = scored.sort_by([("score", "descending")]).slice(0, 3)["trans_id"].to_pylist()
    inbox.mkdir(parents=True)
    said = f"known,analyst,{SECOND}T09:00:00,{SECOND}T09:00:00\n"
    (inbox / "day.csv").write_text(
        f"{HEADER}{alerts[0]},confirmed,{said}{alerts[1]},perhaps,{said}{alerts[2]},dismissed,{said}"
    )

    again = play(FIRST, pkdd, tmp_path, "again")
    assert again["output_hash"] == before["output_hash"]
    assert (inbox / "day.csv").exists()

    second = play(SECOND, pkdd, tmp_path)
    assert "reviews: 1 rows were not let in; the quarantine says which and why" in second["warnings"]
    day = date.fromisoformat(SECOND)
    taken = lake.read("reviews", day, day)
    assert sorted(taken["trans_id"].to_pylist()) == sorted([alerts[0], alerts[2]])
    quarantine = lake.read("quarantine", day, day)
    refused = quarantine.filter(pc.equal(quarantine["relation"], "reviews")).to_pylist()
    assert [(row["line"], row["reason_codes"]) for row in refused] == [(3, ["decision_unknown_code"])]
    (kept,) = (tmp_path / "reviews" / "taken").iterdir()
    assert refused[0]["source_uri"].endswith(kept.name)
    assert not (inbox / "day.csv").exists()

    # What comes later, and says that it was known long before, waits for a night that is played for the first time.
    (inbox / "late.csv").write_text(f"{HEADER}{alerts[0]},dismissed,{said}")
    replayed = play(SECOND, pkdd, tmp_path, "again")
    assert (replayed["output_hash"], replayed["run_key"]) == (second["output_hash"], second["run_key"])
    assert (inbox / "late.csv").exists()
    assert lake.read("reviews").num_rows == 2
    assert verify(f"file:{tmp_path}")["nights"] == 2
