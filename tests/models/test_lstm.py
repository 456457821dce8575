"""The sequence detector keeps the contract, explains itself, and finds what does not continue a sequence."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
import skops.io
import torch

from include.features.catalog import SURPRISES
from include.features.sequences import KINDS, STEP, STEP_FIELDS, WINDOW, build_sequences, window_matrix
from include.models.base import MatrixError, NotFittedError
from include.models.lstm import Lstm

SEED = 7
START = date(2024, 1, 1)
RENT, CASH, SALARY, FEE = "out:ROB:HH", "out:WIC:-", "in:COB:-", "out:WIC:ST"
KIND, LOG_AMOUNT, DAYS_BEFORE, COUNTERPARTY = (STEP_FIELDS.index(name) for name in STEP_FIELDS[:4])


def postings_of(account: int, random: np.random.Generator) -> list[dict[str, object]]:
    """Seven months: salary on the 5th, rent on the 10th, a fee at the month's end, cash when it is wanted."""
    rent, salary = (int(whole) * 100 for whole in random.integers((2_000, 10_000), (9_000, 30_000)))
    found = []
    for day in (START + timedelta(days=number) for number in range(210)):
        booked = [(SALARY, salary, f"B/{account}")] if day.day == 5 else []
        booked += [(RENT, rent, f"A/{account}")] if day.day == 10 else []
        booked += [(FEE, 1460, None)] if (day + timedelta(days=1)).day == 1 else []
        booked += [(CASH, int(random.integers(500, 4_000)) * 100, None)] if random.random() < 0.15 else []
        found += [(account, day, *posting) for posting in booked]
    names = ("account_id", "trans_date", "kind", "amount_cents", "counterparty")
    return [dict(zip(names, posting, strict=True)) for posting in found]


@pytest.fixture(scope="module")
def sequences() -> pa.Table:
    random = np.random.default_rng(SEED)
    rows = [posting for account in range(1, 81) for posting in postings_of(account, random)]
    table = pa.Table.from_pylist([{**row, "trans_id": number} for number, row in enumerate(rows, start=1)])
    days = table["trans_date"].cast(pa.int32()).cast(pa.int64())
    logs = np.round(np.log(table["amount_cents"].to_numpy()) * 1e6).astype(np.int64)
    columns = {"day_number": days, "log_amount": pa.array(logs), "hour_of_day": pa.nulls(len(rows), pa.float64())}
    for name, column in columns.items():
        table = table.append_column(name, column)
    return build_sequences(table, first=START, last=START + timedelta(days=400), habit_days=90)


@pytest.fixture(scope="module")
def windows(sequences) -> np.ndarray:
    return window_matrix(sequences)


@pytest.fixture(scope="module")
def fitted(windows) -> Lstm:
    return Lstm(seed=SEED, hidden=8, epochs=6).fit(windows)


@pytest.fixture(scope="module")
def rents(windows) -> np.ndarray:
    return windows[windows[:, -STEP + KIND] == KINDS.index(RENT) + 1]


@pytest.fixture(scope="module")
def rent(rents) -> np.ndarray:
    """The last payment of rent: sixteen postings lie before it."""
    return rents[-1]


def changed(row: np.ndarray, field: int, value: float, step: int = WINDOW) -> np.ndarray:
    """The row with one number of one step replaced."""
    steps = row.reshape(WINDOW + 1, STEP).copy()
    steps[step, field] = value
    return steps.reshape(-1)


def parts_of(detector: Lstm, row: np.ndarray) -> dict[str, float]:
    return dict(zip(SURPRISES, detector.surprises(row[None])[0].tolist(), strict=True))


def test_the_seed_decides_every_bit(windows):
    small = windows[:600]
    first, again, other = (Lstm(seed=seed, hidden=4, epochs=1).fit(small).score(small) for seed in (3, 3, 4))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_the_callers_torch_is_left_as_it_was(windows, fitted):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    Lstm(seed=3, hidden=4, epochs=1).fit(windows[:300])
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fitted.score(windows[:3])
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
    assert torch.equal(torch.rand(3), expected)


def test_a_row_is_scored_alone_as_in_company(windows, fitted):
    together = fitted.surprises(windows)
    chunks = np.concatenate([fitted.surprises(chunk) for chunk in np.array_split(windows, 5)])
    assert chunks.tobytes() == together.tobytes()
    assert fitted.surprises(windows[::-1])[::-1].tobytes() == together.tobytes()
    assert all(fitted.surprises(windows[place : place + 1]).tobytes() == together[place].tobytes() for place in (0, 99))
    assert fitted.surprises(windows.astype(np.float64)).tobytes() == together.tobytes()


def test_save_and_load_keeps_every_bit(windows, fitted):
    learned = fitted.learned()
    assert {array.dtype.name for array in learned.values()} == {"float32", "int64"}
    stored = skops.io.loads(skops.io.dumps(learned), trusted=[])
    restored = Lstm.restore(fitted.parameters(), stored)
    assert restored.score(windows).tobytes() == fitted.score(windows).tobytes()
    assert restored.parameters() == fitted.parameters()


def test_unfitted_says_so(windows):
    for ask in (Lstm(SEED).score, Lstm(SEED).surprises, Lstm(SEED).expectation):
        with pytest.raises(NotFittedError, match="fit"):
            ask(windows)


def test_what_is_no_window_is_refused(windows, fitted):
    with pytest.raises(MatrixError, match="columns"):
        Lstm(SEED).fit(windows[:, :-1])
    with pytest.raises(MatrixError, match="columns"):
        fitted.surprises(windows[:, :-1])
    with pytest.raises(MatrixError, match="finite"):
        fitted.expectation(np.full_like(windows[:2], np.nan))


def test_no_rows_nothing_said(windows, fitted):
    assert fitted.score(windows[:0]).shape == (0,)
    assert fitted.surprises(windows[:0]).shape == (0, len(SURPRISES))
    assert fitted.expectation(windows[:0]) == []


def test_the_score_is_the_sum_of_its_parts(windows, fitted):
    parts = fitted.surprises(windows)
    assert np.array_equal(parts.sum(axis=1), fitted.score(windows))
    assert parts.min() == 0
    assert np.array_equal(parts, np.round(parts, 6))


def test_surprises_of_what_was_learned_are_as_rare_as_they_say(windows, fitted):
    # where a forecast is right, a part exceeds s with probability exp(-s); twice that is left to what is not learned
    shares = (fitted.surprises(windows) > np.log(100)).mean(axis=0)
    assert shares.max() < 0.02


def test_planted_outliers_rank_on_top(windows, fitted, rent):
    planted = {
        "sequence_amount": changed(rent, LOG_AMOUNT, rent[-STEP + LOG_AMOUNT] + np.log(10)),
        "sequence_kind": changed(rent, KIND, KINDS.index(SALARY) + 1),
    }
    usual = fitted.score(windows)
    for part, row in planted.items():
        assert parts_of(fitted, row)[part] > 4
        assert (usual < fitted.score(row[None])).mean() > 0.99


def test_what_the_model_hardly_met_is_not_its_to_judge(fitted, rent):
    unknown = parts_of(fitted, changed(rent, KIND, KINDS.index("out:CCW:-") + 1))
    assert unknown["sequence_kind"] == 0


def test_interest_and_fees_surprise_by_their_amount_only(windows, fitted):
    fees = fitted.surprises(windows[windows[:, -STEP + KIND] == KINDS.index(FEE) + 1])
    others = [place for place, part in enumerate(SURPRISES) if part != "sequence_amount"]
    assert len(fees) > 100
    assert not fees[:, others].any()


def test_a_counterparty_that_was_never_paid_is_the_surprise(fitted, rent):
    found = parts_of(fitted, changed(rent, COUNTERPARTY, 3))
    assert found["sequence_counterparty"] > 2  # one in seven; so small a net is no surer than that
    assert max(found, key=lambda name: found[name]) == "sequence_counterparty"


def test_a_fee_on_its_day_is_no_surprise(windows, fitted):
    fees = windows[windows[:, -STEP + KIND] == KINDS.index(FEE) + 1]
    assert np.median(fitted.score(fees)) < 0.2


def test_smaller_amounts_than_usual_are_no_finding(fitted, rent):
    less = changed(rent, LOG_AMOUNT, rent[-STEP + LOG_AMOUNT] - np.log(10))
    assert parts_of(fitted, less)["sequence_amount"] == 0


def test_short_and_absurd_histories_are_scored(windows, fitted):
    short = windows[:50].reshape(-1, WINDOW + 1, STEP).copy()
    short[:, :WINDOW] = 0
    found = fitted.surprises(short.reshape(50, -1))
    assert np.isfinite(found).all()
    assert np.all(found[:, 0] == 0)  # nothing came before: no gap can be odd
    assert np.isfinite(fitted.score(np.vstack([windows[:5] * 1e6, windows[:5] * -1e6, windows[:5] * 0]))).all()
    assert all(row.gap_days is None for row in fitted.expectation(short.reshape(50, -1)))


def test_a_few_rows_are_enough_to_fit(windows):
    assert np.isfinite(Lstm(seed=1, hidden=2, epochs=1).fit(windows[:1]).score(windows[:20])).all()


def test_it_says_what_it_expected(fitted, rent):
    tenfold = changed(rent, LOG_AMOUNT, rent[-STEP + LOG_AMOUNT] + np.log(10))
    (expected,) = fitted.expectation(tenfold[None])
    paid = float(np.exp(rent[-STEP + LOG_AMOUNT]))
    assert KINDS[expected.kind - 1] == RENT
    assert expected.kind_probability == expected.seen_kind_probability > 0.5
    assert expected.counterparty == 1
    assert expected.gap_days is not None
    assert expected.low_cents < expected.amount_cents < expected.high_cents < 10 * paid
    assert expected.amount_cents == pytest.approx(paid, rel=0.1)


def test_for_rents_too_high_the_earlier_rents_are_blamed_most(fitted, rents):
    tenfold = [changed(row, LOG_AMOUNT, row[-STEP + LOG_AMOUNT] + np.log(10)) for row in rents[-40:]]
    blamed = Counter(
        KINDS[int(row.reshape(WINDOW + 1, STEP)[place, KIND]) - 1] for row in tenfold for place in fitted.blame(row)
    )
    assert blamed.most_common(1)[0][0] == RENT


def test_without_what_is_blamed_the_surprise_is_less(windows, fitted):
    odd = (changed(row, KIND, KINDS.index("out:ROB:LO") + 1) for row in windows[2000:2100])
    row = next(row for row in odd if fitted.blame(row, top=3))
    blamed = fitted.blame(row, top=3)
    assert 1 <= len(blamed) <= 3
    assert fitted.blame(row, top=1) == blamed[:1]
    steps = row.reshape(WINDOW + 1, STEP)
    without = np.vstack([np.zeros(STEP), np.delete(steps, blamed[0], axis=0)]).reshape(-1)
    assert fitted.score(without[None])[0] < fitted.score(row[None])[0]


def test_nothing_is_to_blame_for_what_was_expected(fitted, rent, rents):
    alone = rent.reshape(WINDOW + 1, STEP).copy()
    alone[:WINDOW] = 0
    assert fitted.blame(alone.reshape(-1)) == []
    least = fitted.score(rents).argmin()
    assert fitted.blame(rents[least]) == []
