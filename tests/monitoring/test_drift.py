"""What is told of drift: what lasts and matters, by its name; no season, no noise, nothing twice."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, false_discovery_control

from include.learning.profile import MISSING
from include.monitoring.distances import chance
from include.monitoring.drift import FALSE_DISCOVERIES, Expected, Reference, drift_signals
from include.monitoring.notices import REPEAT_DAYS, Told, notices
from include.monitoring.profiles import SCORE, Profiles
from include.monitoring.signals import PERSISTENCE, Signal
from tests.monitoring.banks import FIRST, PAY_DAY, USUAL, calendar, made, since
from tests.monitoring.nights import watched

START = date(1995, 9, 5)
HIGHER = np.array([0.0, 0.75, 0.13, 0.08, 0.035, 0.005])
FEATURES = ("amount_z", "day_count", "gap", SCORE)


def test_month_ends_and_pay_days_are_no_drift() -> None:
    assert watched(made(date(1996, 3, 15), features=FEATURES), date(1996, 1, 25), date(1996, 3, 15)) == []


def test_a_drift_is_told_of_the_feature_that_drifts_in_words_and_once() -> None:
    known = made(date(1995, 10, 4), since(START, "amount_z", HIGHER), FEATURES)
    (told,) = watched(known, date(1995, 7, 25), date(1995, 10, 4))
    assert (told["code"], told["feature"], told["asks_for_selection"]) == ("feature_drift", "amount_z", True)
    assert (told["settlement_date"] - START).days <= 21
    assert abs((told["since"] - START).days) <= 5
    assert told["text"].startswith("Since about ")
    assert "September amounts against what the account usually has of the kind stand out more often: " in told["text"]
    assert "compared with " in told["text"]


def test_scores_that_shift_are_told_as_scores() -> None:
    known = made(date(1995, 10, 4), since(START, SCORE, HIGHER), FEATURES)
    (told,) = watched(known, date(1995, 7, 25), date(1995, 10, 4))
    assert (told["code"], told["feature"], told["asks_for_selection"]) == ("score_drift", SCORE, True)


def test_a_feature_that_goes_missing_is_told_within_days() -> None:
    known = made(date(1995, 9, 20), since(START, "gap", np.array([0.3, *(0.7 * USUAL[1:])])), FEATURES)
    (told,) = watched(known, date(1995, 7, 25), date(1995, 9, 20))
    assert told["feature"] == "gap"
    assert (told["settlement_date"] - START).days <= 7
    assert "pauses between postings of one kind cannot be worked out for " in told["text"]


def test_features_that_drift_together_are_one_notice_that_names_them_all() -> None:
    def both(name: str, night: date) -> np.ndarray:
        changed = night >= START and name in ("amount_z", "day_count") and calendar(name, night) is USUAL
        return np.array([0.5, 0.45, 0.05, 0, 0, 0]) if changed else calendar(name, night)

    (told,) = watched(made(date(1995, 9, 20), both, FEATURES), date(1995, 8, 15), date(1995, 9, 20))
    assert "With it changed: " in told["text"]
    assert {told["topic"], *told["also"]} == {"amount", "frequency"}


def test_one_strange_night_is_no_drift() -> None:
    def strange(name: str, night: date) -> np.ndarray:
        return np.array([0.0, 0.1, 0.4, 0.3, 0.1, 0.1]) if night == date(1995, 5, 31) else calendar(name, night)

    known = made(date(1995, 7, 10), strange, FEATURES)
    assert watched(known, date(1995, 5, 20), date(1995, 7, 10)) == []


def test_what_is_still_so_a_month_later_is_told_again_and_only_then() -> None:
    known = made(date(1995, 11, 10), since(START, "amount_z", np.array([0.0, 0.4, 0.3, 0.2, 0.08, 0.02])))
    told = watched(known, date(1995, 8, 1), date(1995, 11, 10))
    gaps = [(b["settlement_date"] - a["settlement_date"]).days for a, b in pairwise(told)]
    assert gaps
    assert set(gaps) == {REPEAT_DAYS}
    assert all(row["text"].startswith("Told on 1995-") for row in told[1:])
    assert [row["asks_for_selection"] for row in told] == [True, *[False] * (len(told) - 1)]


def test_what_grows_is_told_before_the_month_is_over() -> None:
    worse, higher = date(1995, 9, 28), np.array([0.0, 0.6, 0.2, 0.13, 0.06, 0.01])

    def growing(name: str, night: date) -> np.ndarray:
        if night >= worse:
            return np.array([0.0, 0.02, 0.08, 0.1, 0.2, 0.6])
        return higher if night >= START else calendar(name, night)

    told = watched(made(date(1995, 10, 12), growing), date(1995, 8, 1), date(1995, 10, 12))
    assert [row["text"].startswith("It has grown. ") for row in told] == [False, True]
    assert told[1]["settlement_date"] > worse


def test_nothing_is_told_on_the_first_nights_of_a_drift() -> None:
    gone = since(START, "gap", np.array([1.0, 0, 0, 0, 0, 0]))
    last = START + timedelta(days=PERSISTENCE - 2)
    assert watched(made(last, gone, FEATURES), date(1995, 8, 1), last) == []


def _december(name: str, night: date) -> np.ndarray:
    return PAY_DAY * 0.4 + HIGHER * 0.6 if night.month == 12 and name == "amount_z" else calendar(name, night)


def test_a_season_that_was_there_a_year_ago_is_not_told() -> None:
    known = made(date(1996, 12, 31), _december)
    assert watched(known, date(1996, 12, 1), date(1996, 12, 31)) == []
    without_last_year = Profiles(known.last, {"amount_z": known.counts["amount_z"][-200:]})
    month = drift_signals(without_last_year, None)
    assert max(signal.effect for signal in month) > max(signal.effect for signal in drift_signals(known, None))


def test_the_first_christmas_asks_for_nothing_and_says_why() -> None:
    def wild(name: str, night: date) -> np.ndarray:
        return np.array([0.0, 0.1, 0.4, 0.3, 0.1, 0.1]) if night.month == 12 else calendar(name, night)

    (told,) = watched(made(date(1995, 12, 31), wild), date(1995, 11, 1), date(1995, 12, 31))
    assert not told["asks_for_selection"]
    assert told["text"].endswith("The same days of the year before are not known here: it may be the season.")


def test_what_was_no_season_after_all_asks_once_it_has_outlasted_it() -> None:
    def wild(name: str, night: date) -> np.ndarray:
        strange = np.array([0.0, 0.1, 0.4, 0.3, 0.1, 0.1])
        usual = calendar(name, night)
        return strange if usual is USUAL and night >= date(1995, 12, 26) else usual

    excused, asking = watched(made(date(1996, 3, 25), wild), date(1995, 11, 1), date(1996, 3, 25))
    assert (excused["asks_for_selection"], asking["asks_for_selection"]) == (False, True)
    assert asking["settlement_date"] > date(1996, 2, 5)


def test_of_features_told_together_one_that_asks_is_enough() -> None:
    night = date(1995, 11, 10)
    parts = [("amount_z", "amount", 0.3), ("gap", "timing", 0.2)]
    signals = [
        Signal("feature_drift", name, topic, effect, 0.1, 0.0, True, night, "It moved.", asks_for_selection=True)
        for name, topic, effect in parts
    ]
    earlier = Told(date(1995, 10, 1), "feature_drift", "amount_z", "amount", date(1995, 9, 20), 0.3, (), True)
    lasting = {signal.name: PERSISTENCE for signal in signals}
    (row,) = notices(night, signals, lasting, [earlier]).to_pylist()
    assert row["text"].startswith("Told on 1995-10-01, and still so.")
    assert row["asks_for_selection"]
    assert not notices(night, signals[:1], lasting, [earlier])["asks_for_selection"][0].as_py()


def test_before_there_are_months_to_compare_with_training_stands_in_for_them() -> None:
    shares = USUAL[1:] / USUAL[1:].sum()
    expected = Expected({"amount_z": shares}, frozenset({"amount_z"}), 20_000)
    ordinary = made(FIRST + timedelta(days=40), lambda name, night: USUAL)
    assert watched(ordinary, FIRST, ordinary.last, expected) == []
    assert watched(ordinary, FIRST, ordinary.last, None) == []
    gone = made(ordinary.last, lambda name, night: np.array([0.4, *(0.6 * USUAL[1:])]))
    (told,) = watched(gone, FIRST, gone.last, expected)
    assert "when the model was trained" in told["text"]


def _rows(nights: int, base: str, bins: dict[int, int]) -> pa.Table:
    rows = [
        {"settlement_date": FIRST + timedelta(days=n), "model_base": base, "feature": "gap", "bin": b, "rows": count}
        for n in range(nights)
        for b, count in bins.items()
    ]
    return pa.Table.from_pylist(rows).set_column(
        0, "settlement_date", pa.array([row["settlement_date"] for row in rows], pa.date32())
    )


def test_another_models_nights_count_for_what_was_missing_alone() -> None:
    bins = {0: 90, MISSING: 10}
    rows = pa.concat_tables([_rows(40, "old", bins), _later(_rows(40, "new", bins), 40)])
    known = Profiles.of(rows, FIRST, FIRST + timedelta(days=79), "new")
    assert [signal.aspect for signal in drift_signals(known, None)] == ["missing"]


def _later(rows: pa.Table, days: int) -> pa.Table:
    moved = [night + timedelta(days=days) for night in rows["settlement_date"].to_pylist()]
    return rows.set_column(0, "settlement_date", pa.array(moved, pa.date32()))


def test_bins_fall_into_the_levels_that_begin_with_them() -> None:
    rows = _rows(1, "new", {MISSING: 1, 0: 2, 19: 4, 20: 8, 30: 16, 40: 32, 50: 64, 64: 128})
    counts = Profiles.of(rows, FIRST, FIRST, "new").counts["gap"]
    assert counts[0].tolist() == [1, 6, 8, 16, 32, 192, 0]


@given(st.randoms())
@settings(max_examples=10)
def test_the_order_of_rows_does_not_matter(random: object) -> None:
    rows = _rows(70, "new", {0: 50, 25: 7, 45: 3, MISSING: 1})
    order = np.random.default_rng(random.randint(0, 10**6)).permutation(rows.num_rows)  # type: ignore[attr-defined]
    last = FIRST + timedelta(days=69)
    one, other = (Profiles.of(it, FIRST, last, "new") for it in (rows, rows.take(pa.array(order))))
    assert drift_signals(one, None) == drift_signals(other, None)


MANY = tuple(f"amount_{n}" for n in range(40))


def _noise(seed: int) -> list[float]:
    """p-values of forty features in which nothing happens, every posting there twice, as accounts repeat."""
    rng = np.random.default_rng(seed)
    pairs = [rng.multinomial([1000, 3000], USUAL[1:]) * 2.0 for _ in MANY]
    return [chance(month, before) for month, before in pairs]


@given(st.integers(0, 10**6))
@settings(max_examples=30, derandomize=True)
def test_among_many_features_noise_is_not_found_to_differ(seed: int) -> None:
    assert min(false_discovery_control(_noise(seed), method="by")) >= FALSE_DISCOVERIES


def test_without_what_guards_it_noise_would_be_found() -> None:
    """The bound above is one that plain tests of each feature fail."""
    rng = np.random.default_rng(1)
    tables = [rng.multinomial([1000, 3000], USUAL[1:]) * 2.0 for _ in range(40)]
    assert min(chi2_contingency(table, lambda_="log-likelihood").pvalue for table in tables) < FALSE_DISCOVERIES


@pytest.mark.parametrize("seed", range(3))
def test_features_of_noise_tell_of_nothing(seed: int) -> None:
    features = ("amount_z", "day_count", "gap", "early", "day_spend", "new_kind", "balance_share", SCORE)
    assert watched(made(date(1995, 5, 31), features=features, seed=seed), date(1995, 4, 1), date(1995, 5, 31)) == []


def test_months_that_differ_among_each_other_raise_the_line() -> None:
    calm, restless = (Reference(np.sum(months, axis=0), months, "before") for months in _months())
    assert calm.ordinary() < restless.ordinary()  # type: ignore[operator]


def _months() -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [USUAL[1:] * 1000] * 3, [USUAL[1:] * 1000, PAY_DAY[1:] * 1000, HIGHER[1:] * 1000]
