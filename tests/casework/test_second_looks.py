"""Which postings people are asked to judge again, and what precision and recall follow from their answers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.casework import second_looks as rules
from include.casework.intervals import Stratum
from include.casework.second_looks import (
    LONGEST_NOTE,
    MARK,
    Item,
    Part,
    SecondLooks,
    answer_to,
    months_drawn,
    second_looks,
)
from include.lake import Lake, RunStamp
from include.lake.listing import Listing
from include.lake.tables import REVIEWS_SCHEMA, SCORES_SCHEMA
from include.masking.finding_ids import with_score_ids
from include.masking.keys import NameKeys
from include.reviews.drop import drop_reviews, inbox_of
from include.settings import Settings
from tests.lake.nights import manifest_row

NIGHTS = (date(1997, 12, 5), date(1998, 1, 5), date(1998, 2, 5), date(1998, 3, 5))
"""One night in each complete month, and one in the month that is not over."""
NAMER = NameKeys.fresh().finding_namer
DECIDED_AT = datetime(1998, 3, 6, 9, tzinfo=UTC)
_READ = Listing.read


def _scores(night: date, base: int) -> pa.Table:
    """A hundred postings, of which twenty are flagged."""
    rows = [
        {"settlement_date": night, "trans_id": base + n, "account_id": n, "score": n / 100, "is_flagged": n >= 80}
        for n in range(100)
    ]
    return pa.Table.from_pylist(rows, SCORES_SCHEMA)


def _review(trans_id: int, decision: str, reason: str = "", who: str = "eva") -> dict[str, Any]:
    about = {"trans_id": trans_id, "decision": decision, "reason": reason, "who": who}
    return {**about, "decided_at": DECIDED_AT, "known_at": DECIDED_AT, "review_key": f"{trans_id} {decision} {reason}"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Of each month's twenty flagged postings, five are confirmed, ten dismissed, and five undecided."""
    lake = Lake.open(str(tmp_path_factory.mktemp("looks")), Settings())
    for number, night in enumerate(NIGHTS):
        stamp = RunStamp(f"{number}" * 16, "first", night)
        lake.replace("anomaly_scores", night, _scores(night, 1000 * number), stamp)
        said = [_review(1000 * number + n, "confirmed" if n < 85 else "dismissed") for n in range(80, 95)]
        reviews = [{"settlement_date": night, **row} for row in said]
        lake.replace("reviews", night, pa.Table.from_pylist(reviews, REVIEWS_SCHEMA), stamp)
        lake.publish_manifest(manifest_row(stamp), stamp)
    return lake


def _looks(lake: Lake, folder: Path, seed: int = 20) -> SecondLooks:
    return second_looks(lake, inbox_of(str(folder)), seed, NAMER)


def _answer(looks: SecondLooks, folder: Path, part: Part, *decisions: str) -> list[Item]:
    items = [item for item in looks.items if item.part is part][: len(decisions)]
    pairs = zip(items, decisions, strict=True)
    rows = [answer_to(item, decision, "seen the slip", "max", DECIDED_AT) for item, decision in pairs]
    drop_reviews(inbox_of(str(folder)), rows)
    return items


def test_of_each_complete_month_some_dismissed_and_some_unflagged_postings_are_drawn(lake, tmp_path) -> None:
    looks = _looks(lake, tmp_path)
    assert {item.month for item in looks.items} == {date(1997, 12, 1), date(1998, 1, 1), date(1998, 2, 1)}
    drawn = {part: [item for item in looks.items if item.part is part] for part in Part}
    assert (len(drawn[Part.DISMISSED]), len(drawn[Part.UNFLAGGED])) == (30, 120)
    assert all(item.trans_id % 1000 >= 80 for item in drawn[Part.DISMISSED])
    assert all(item.trans_id % 1000 < 80 and item.first is None for item in drawn[Part.UNFLAGGED])
    assert (looks.confirmed, looks.undecided, len(looks.asked)) == (15, 15, 150)
    assert {item.first.who for item in drawn[Part.DISMISSED] if item.first} == {"eva"}


def test_the_seed_alone_chooses(lake, tmp_path) -> None:
    first, again, other = (_looks(lake, tmp_path, seed).items for seed in (20, 20, 21))
    assert first == again
    assert first != other
    numbers = [item.trans_id % 1000 for item in first if item.part is Part.UNFLAGGED]
    # Forty of eighty: drawn from everywhere, and not the lowest numbers.
    assert max(numbers) > 70
    assert 25 < sum(numbers) / len(numbers) < 55


def test_a_month_is_drawn_once_and_anew_when_its_rows_change_under_the_same_run(tmp_path, monkeypatch) -> None:
    lake, stamp = Lake.open(str(tmp_path), Settings()), RunStamp("a" * 16, "first", NIGHTS[-1])
    read: list[str] = []

    def noted(*given: Any) -> pa.Table:
        read.append("once")
        return _READ(*given)

    monkeypatch.setattr(Listing, "read", noted)
    early = RunStamp("b" * 16, "first", NIGHTS[2])
    for each in (early, stamp):
        lake.replace("anomaly_scores", each.night, _scores(each.night, 0), each)
        lake.publish_manifest(manifest_row(each), each)
    before = [_looks(lake, tmp_path).items for _ in range(2)]
    assert (before[0] == before[1], read) == (True, ["once"] * 3)
    kept = _scores(early.night, 0).slice(0, 5)  # as an erasure leaves a night
    lake.replace("anomaly_scores", early.night, kept, early)
    after = _looks(lake, tmp_path).items
    assert {item.trans_id for item in after} == {*kept["trans_id"].to_pylist()}
    assert len(read) == 4


def test_an_item_is_named_as_its_finding_is_or_would_be(lake, tmp_path) -> None:
    item = next(item for item in _looks(lake, tmp_path).items if item.part is Part.DISMISSED)
    night = lake.read("anomaly_scores", item.settlement_date, item.settlement_date, SCORES_SCHEMA.names)
    named = {row["trans_id"]: row["finding_id"] for row in with_score_ids(night, NAMER).to_pylist()}
    assert named[item.trans_id] == item.item_id


def test_answers_count_before_a_night_takes_them_in_and_change_the_figures(lake, tmp_path) -> None:
    looks = _looks(lake, tmp_path)
    assert (looks.precision, looks.recall) == (None, None)
    _answer(looks, tmp_path, Part.DISMISSED, "confirmed", "dismissed", "unsure")
    answered = _answer(looks, tmp_path, Part.UNFLAGGED, *["dismissed"] * 39, "confirmed")
    looks = _looks(lake, tmp_path)
    assert len(looks.asked) == 150 - 43
    assert {item.answer.decision for item in looks.items if item.item_id == answered[-1].item_id} == {"confirmed"}
    assert looks.precision is not None
    # Of thirty dismissed half were frauds after all; fifteen were confirmed at once.
    assert looks.precision.share == pytest.approx((15 + 30 * 0.5) / 45)
    assert looks.precision.low < looks.precision.share < looks.precision.high
    assert looks.recall is not None
    # One in forty of 240 unflagged ones is a fraud, which makes six beside the thirty that were found.
    assert looks.recall.share == pytest.approx(30 / 36)
    assert looks.recall.low < looks.recall.share < looks.recall.high


def test_a_second_look_does_not_pass_for_a_first_one(lake, tmp_path) -> None:
    before = _looks(lake, tmp_path)
    (item,) = _answer(before, tmp_path, Part.DISMISSED, "confirmed")
    after = {each.item_id: each for each in _looks(lake, tmp_path).items}[item.item_id]
    assert after.first == item.first
    assert after.answer is not None
    assert after.answer.who == "max"


def test_an_answer_is_a_review_that_the_drop_takes_whole() -> None:
    item = Item("a" * 32, NIGHTS[0], Part.UNFLAGGED, NIGHTS[0], 7, 8, None, None)
    row = answer_to(item, "dismissed", "x" * LONGEST_NOTE, "w" * 500, DECIDED_AT)
    assert row["reason"].startswith(f"{MARK}: x")
    assert (len(row["reason"]), len(row["who"])) == (1000, 200)
    assert answer_to(item, "dismissed", "", "max", DECIDED_AT)["reason"] == MARK


def test_without_dismissed_postings_recall_rests_on_the_unflagged_ones() -> None:
    strata = {Part.DISMISSED: (Stratum(0, 0, 0),), Part.UNFLAGGED: (Stratum(100, 10, 0),)}
    looks = SecondLooks((), 5, 0, strata)
    assert looks.precision is None
    assert looks.recall is not None
    assert (looks.recall.share, looks.recall.high) == (1.0, 1.0)
    assert looks.recall.low < 0.2
    nothing = SecondLooks((), 0, 0, strata)
    assert nothing.recall is None


def test_the_interval_of_recall_holds_as_often_as_it_claims(monkeypatch) -> None:
    """Of 200 simulated banks, at most one in twenty may have a recall outside of it."""
    import numpy as np

    draw, outside = np.random.default_rng(7), 0
    for _ in range(200):
        wrong, missed = draw.binomial(300, 0.1), draw.binomial(9_000, 0.01)
        strata = {
            Part.DISMISSED: (Stratum(300, 45, int(draw.hypergeometric(wrong, 300 - wrong, 45))),),
            Part.UNFLAGGED: (Stratum(9_000, 120, int(draw.hypergeometric(missed, 9_000 - missed, 120))),),
        }
        found = SecondLooks((), 60, 0, strata).recall
        assert found is not None
        truth = (60 + wrong) / (60 + wrong + missed)
        outside += not found.low <= truth <= found.high
    assert outside <= 10


@pytest.mark.parametrize(
    ("newest", "first"), [(date(1998, 3, 31), date(1998, 3, 1)), (date(1998, 1, 1), date(1997, 12, 1))]
)
def test_months_that_are_not_over_are_not_drawn_from(newest, first) -> None:
    assert (months_drawn(newest)[0], len(months_drawn(newest))) == (first, rules.MONTHS)
