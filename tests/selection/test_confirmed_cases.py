"""Confirmed cases in a selection: a candidate that is taught them, and nothing that is taught them too early."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.lake import TABLES, Lake
from include.lake.tables import REVIEWS_SCHEMA
from include.models.base import Matrix
from include.registry import ModelRegistry
from include.selection import compare, prepare
from include.selection.candidates import candidates_of, ensemble_spec_of
from include.selection.fold_data import SharedFold
from include.selection.plan import SelectionPlan, work_folder
from include.settings import get_settings
from include.training.confirmed_frauds import KIND, LEAST_CASES
from tests.lake.nights import manifest_row, stamp_of
from tests.selection.conftest import BEFORE, in_small, try_here

MONTH = timedelta(days=31)
EARLY, LATE = 60, 30
"""How many were confirmed before the first fold's nights, and in the last one's."""


class Prepared(NamedTuple):
    lake: str
    source: str
    plan: SelectionPlan


@pytest.fixture(scope="module")
def prepared(bank: Path, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    lake, source = f"file:{tmp_path_factory.mktemp('cases')}", f"file:{bank}?rounding=0.1"
    with in_small(key):
        confirm(lake, bank, BEFORE - 4 * MONTH, BEFORE - 2 * MONTH - timedelta(days=1), EARLY)
        confirm(lake, bank, BEFORE - MONTH, BEFORE - timedelta(days=1), LATE)
        prepare(source, lake, BEFORE, "cases", folds=2, rounds=2)
    return Prepared(lake, source, SelectionPlan.read(work_folder(lake, "cases")))


def confirm(lake_uri: str, bank: Path, first: date, known: date, number: int) -> None:
    """Publish a night that took in so many confirmations of withdrawals from `first` on."""
    postings = pq.read_table(bank / "fin_transaction.parquet")
    days = postings["trans_date"].to_numpy()
    mine = (days >= np.datetime64(first)) & (days <= np.datetime64(known))
    mine &= np.array(postings["operation"].to_pylist(), dtype=object) == "WIC"
    chosen = postings.filter(pa.array(mine)).slice(0, number)
    assert chosen.num_rows == number
    said_at = datetime.combine(known, time(12), UTC)
    rows = [
        {
            **dict.fromkeys(REVIEWS_SCHEMA.names),
            "settlement_date": known,
            "review_key": f"{known}-{trans_id}",
            "trans_id": trans_id,
            "decision": "confirmed",
            "reason": "",
            "who": "desk",
            "decided_at": said_at,
            "known_at": said_at,
        }
        for trans_id in chosen["trans_id"].to_pylist()
    ]
    lake, stamp = Lake.open(lake_uri), stamp_of("a", known)
    lake.replace(TABLES["reviews"], known, pa.Table.from_pylist(rows, schema=REVIEWS_SCHEMA), stamp)
    lake.publish_manifest(manifest_row(stamp), stamp)


def examples(prepared: Prepared, fold: int, candidate: str, missing: frozenset[str]) -> Matrix:
    shared = SharedFold(work_folder(prepared.lake, "cases"), fold)
    context = shared.context(prepared.plan.candidate(candidate), prepared.plan.seed)
    return shared.examples(context, missing).rows


def test_where_enough_are_known_a_candidate_is_taught_them(prepared):
    first, second = prepared.plan.folds
    assert "contrast_confirmed" in prepared.plan.candidates
    assert (first.confirmed, second.confirmed) == (EARLY, EARLY)
    with_confirmed, without = (
        len(examples(prepared, 1, "contrast_confirmed", missing)) for missing in (frozenset(), frozenset({KIND}))
    )
    assert with_confirmed - without == EARLY >= LEAST_CASES


def test_what_is_known_later_is_to_be_found_and_teaches_nothing(prepared):
    first, second = prepared.plan.folds
    assert (first.confirmed_to_find, second.confirmed_to_find) == (0, LATE)
    shared = SharedFold(work_folder(prepared.lake, "cases"), 2)
    rounds = [shared.round(number) for number in (1, 2)]
    # What is planted may take a posting away.
    assert max((round_.kinds == KIND).sum() for round_ in rounds) == LATE
    assert second.planted == sum((round_.is_planted & (round_.kinds != KIND)).sum() for round_ in rounds)


def test_the_rows_that_teach_what_is_usual_lack_only_what_was_known(prepared):
    shared = [SharedFold(work_folder(prepared.lake, "cases"), fold.number) for fold in prepared.plan.folds]
    candidate = prepared.plan.candidate("rarity")
    for fold, rows in zip(prepared.plan.folds, shared, strict=True):
        assert len(rows.context(candidate, prepared.plan.seed).values) == fold.training_rows - EARLY


def test_too_few_make_no_candidate():
    assert "contrast_confirmed" not in candidates_of("full")
    assert "contrast_confirmed" in candidates_of("full", with_confirmed=True)


def test_the_one_that_learns_from_them_wins_is_trained_on_them_and_known_again(prepared):
    try_here(prepared.lake, "cases", "contrast_confirmed")
    found = compare(prepared.lake, prepared.source, "cases")
    model = ModelRegistry.open(prepared.lake, get_settings()).load(found["challenger"])
    assert model.training.cases == EARLY + LATE
    assert ensemble_spec_of(model, prepared.plan.candidates, prepared.plan.recipe).weights == {"contrast_confirmed": 1}
    report = Path(found["evidence"].removeprefix("file:"), "evidence.md").read_text()
    assert f"{EARLY} to train on, {LATE} to be found" in report
    assert "its source was changed" not in report
