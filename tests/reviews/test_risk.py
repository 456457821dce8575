"""What known reviews say of postings: measured, bounded, expiring, and only of what is alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.identifiers import unmarked
from include.lake.tables import REVIEWS_SCHEMA
from include.models.calibration import published, rarity_of
from include.relations import FIN_TRANSACTION
from include.reviews import effects_of
from include.reviews.risk import (
    EXPIRY_DAYS,
    MOST_DISMISSALS,
    WINDOW_DAYS,
    dismissed_warnings,
    level_shifts,
)
from include.scoring.review_adjustment import FAR_ABOVE, MOST_DROP, MOST_RISE, ONE_PERSONS_DROP, Feedback, moved

NIGHT = date(2024, 6, 3)
HEALTHY, BAD = 100, 900
"""Payees; at the bad one every payment is fraud."""
FINDINGS = pa.schema(
    [
        pa.field("trans_id", pa.int64()),
        pa.field("account_id", pa.int64()),
        pa.field("score", pa.float64()),
        pa.field("code", pa.string()),
    ]
)


def _posting(trans_id: int, days_ago: int = 10, account: int = 1, payee: int = HEALTHY, **values) -> dict:
    row = dict.fromkeys(FIN_TRANSACTION.schema.names)
    day = NIGHT - timedelta(days=days_ago)
    said = {"trans_id": trans_id, "account_id": account, "trans_date": day, "other_account_id": payee}
    return row | said | {"other_bank_id": "AB"} | values


def _review(trans_id: int, decision: str, taken_days_ago: int, who: str = "one") -> dict:
    night = NIGHT - timedelta(days=taken_days_ago)
    at = datetime.combine(night, time(12), UTC)
    return {
        "settlement_date": night,
        "trans_id": trans_id,
        "decision": decision,
        "who": who,
        "decided_at": at,
        "known_at": at,
        "review_key": f"{trans_id} {decision} {who}",
    }


def _past() -> tuple[list[dict], list[dict]]:
    """Two months in which each of 50 accounts pays somebody of its own twice a week, and a payee that went bad."""
    rows = [
        _posting(1000 * (n + 1) + d, d, account=10 + n, payee=HEALTHY + n)
        for n in range(50)
        for d in range(1 + n % 4, 60, 4)
    ]
    bad = [_posting(500_000 + d, d, account=10 + d, payee=BAD) for d in range(1, 26)]
    return rows + bad, [_review(row["trans_id"], "confirmed", d - 7) for d, row in enumerate(bad, start=1) if d >= 7]


def _feedback(tonight: list[dict], past: list[dict], reviews: list[dict], findings: list[dict] = ()) -> Feedback:
    return effects_of(
        pa.Table.from_pylist(reviews, schema=REVIEWS_SCHEMA),
        pa.Table.from_pylist(list(findings), schema=FINDINGS),
        pa.Table.from_pylist([*past, *tonight], schema=FIN_TRANSACTION.schema),
        NIGHT,
    ).feedback


def test_a_payee_whose_cases_recur_makes_a_payment_rarer_for_anybody():
    past, reviews = _past()
    tonight = [_posting(1, 0, account=777, payee=BAD), _posting(2, 0, account=778, payee=HEALTHY)]
    (row,) = _feedback(tonight, past, reviews).rises.to_pylist()
    assert (row["trans_id"], row["code"], row["feature"]) == (1, "counterparty", "counterparty_cases")
    assert row["shift"] > 0.5
    assert unmarked(row["text"]) == (
        "19 of the last 25 payments with account 900 at bank AB were confirmed as fraud, the latest known on 3 June."
    )


def test_how_cases_recur_is_measured_as_far_as_it_was_known_on_the_day():
    """A case that was told a week late made no level in that week; told all at once tonight, none made any."""
    past, reviews = _past()
    tonight = [_posting(1, 0, account=777, payee=BAD)]
    assert _feedback(tonight, past, reviews).rises["shift"].to_pylist() == pytest.approx([1.3299205])
    told_tonight = [{**row, "settlement_date": NIGHT} for row in reviews]
    assert not _feedback(tonight, past, told_tonight).rises.num_rows


def test_a_place_speaks_where_places_are_recorded():
    past, reviews = _past()
    past = [
        {**row, "other_account_id": 0, "other_bank_id": " ", "district_id": row["other_account_id"]} for row in past
    ]
    tonight = [_posting(1, 0, account=777, payee=0, other_bank_id=None, district_id=BAD)]
    (row,) = _feedback(tonight, past, reviews).rises.to_pylist()
    assert row["code"] == "location"
    assert "payments in district 900 were confirmed as fraud" in unmarked(row["text"])


def test_cases_that_never_recurred_say_nothing():
    """One case at each of twenty payees, months of clean payments with all of them since: no evidence of anything."""
    past, _ = _past()
    reviews = [_review(1000 * (n + 1) + 21 + n % 4, "confirmed", 14) for n in range(20)]
    tonight = [_posting(n + 1, 0, account=10 + n, payee=HEALTHY + n) for n in range(20)]
    assert not _feedback(tonight, past, reviews).rises.num_rows


def test_a_payee_that_has_been_clean_since_is_believed():
    past, reviews = _past()
    healed = [_posting(600_000 + n, 7 + n % 7, account=200 + n, payee=BAD) for n in range(60)]
    tonight = [_posting(1, 0, account=777, payee=BAD)]
    before = _feedback(tonight, past, reviews).rises["shift"][0].as_py()
    after = _feedback(tonight, [*past, *healed], reviews).rises["shift"].to_pylist()
    assert sum(after) < before


def test_a_case_counts_for_a_bounded_while():
    past, reviews = _past()
    old = [{**row, "trans_date": row["trans_date"] - timedelta(days=WINDOW_DAYS)} for row in past]
    assert not _feedback([_posting(1, 0, account=777, payee=BAD)], old, reviews).rises.num_rows


def test_without_cases_levels_say_nothing_and_few_say_little():
    def shifts(confirmed: int, unmentioned: int = 10_000) -> list[float]:
        counts = [("counterparty", 0, 5, 0, unmentioned), ("counterparty", 3, confirmed, 0, 10)]
        names = ("ground", "case_level", "confirmed", "dismissed", "unmentioned")
        table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in counts])
        found = [row for row in level_shifts(table).to_pylist() if row["ground"] == "counterparty"]
        return [row["shift"] for row in found]

    assert shifts(0) == [0, 0, 0, 0]
    assert 0 < shifts(1)[3] < 0.25 < shifts(20)[3]


@given(st.lists(st.tuples(*[st.integers(0, 10_000)] * 3), min_size=4, max_size=4))
def test_ratios_never_lower_and_never_fall_with_the_level(outcomes):
    names = ("confirmed", "dismissed", "unmentioned")
    rows = [
        {"ground": "account", "case_level": level, **dict(zip(names, row, strict=True))}
        for level, row in enumerate(outcomes)
    ]
    shifts = level_shifts(pa.Table.from_pylist(rows))["shift"].to_numpy()
    assert np.isfinite(shifts).all()
    mine = shifts[-4:]
    assert mine[0] == 0
    assert (np.diff(mine) >= 0).all()


DISMISSED = {"trans_id": 5, "account_id": 1, "score": float(published(np.array([3.0]))[0]), "code": "amount"}


NOTHING = pytest.approx(0, abs=1e-9)


def _dropped(rarity: float, feedback: Feedback, code: str = "amount", account: int = 1, payee: str = "X/1") -> float:
    """By how many powers of ten a finding is lowered."""
    scores = published(np.array([rarity]))
    features = pa.table({"trans_id": [1], "account_id": [account], "counterparty": [payee]})
    said = feedback.said(features, scores, 0.0, lambda places: [code] * len(places))
    return rarity - float(rarity_of(moved(scores, said))[0])


def _dismissed(*reviews: dict, findings: list[dict] = (DISMISSED,)) -> Feedback:
    return _feedback([], [_posting(row["trans_id"], 20) for row in findings], list(reviews), findings)


def test_what_was_dismissed_counts_less_for_the_same_account_and_reason_or_payee():
    known = _dismissed(_review(5, "dismissed", 3))
    assert _dropped(3.0, known) == pytest.approx(ONE_PERSONS_DROP)
    assert _dropped(3.0, known, code="timing") == NOTHING
    assert _dropped(3.0, known, code="timing", payee=f"AB/{HEALTHY}") == pytest.approx(ONE_PERSONS_DROP)
    assert _dropped(3.0, known, account=2) == NOTHING


def test_a_dismissal_lowers_nothing_that_is_far_above_it():
    known = _dismissed(_review(5, "dismissed", 3))
    assert _dropped(3.0 + FAR_ABOVE, known) == NOTHING
    drops = [rarity - _dropped(rarity, known) for rarity in np.arange(2.0, 5.0, 0.05)]
    assert (np.diff(drops) > 0).all()


def test_a_dismissal_expires():
    assert _dropped(3.0, _dismissed(_review(5, "dismissed", EXPIRY_DAYS - 1))) > 0
    assert _dropped(3.0, _dismissed(_review(5, "dismissed", EXPIRY_DAYS))) == NOTHING


def test_nobody_silences_alone_and_all_together_not_more_than_the_bound():
    findings = [{**DISMISSED, "trans_id": n} for n in range(5, 55)]
    alone = [_review(n, "dismissed", 3) for n in range(5, 55)]
    assert _dropped(3.0, _dismissed(*alone, findings=findings)) == pytest.approx(ONE_PERSONS_DROP)
    many = [_review(n, "dismissed", 3, who=f"person {n}") for n in range(5, 55)]
    assert _dropped(3.0, _dismissed(*many, findings=findings)) == pytest.approx(MOST_DROP)


def test_a_flood_of_dismissals_counts_as_far_as_a_person_can_look():
    findings = [{**DISMISSED, "trans_id": n, "account_id": n} for n in range(5, 5 + 2 * MOST_DISMISSALS)]
    flood = [_review(row["trans_id"], "dismissed", 3) for row in findings]
    assert _dismissed(*flood, findings=findings).dismissals.num_rows == MOST_DISMISSALS


def _of_check(decision: str, taken_days_ago: int, who: str = "one", account: int = 1, check: str = "fee") -> dict:
    row = _review(0, decision, taken_days_ago, who)
    key = f"{account} {check} {decision} {who}"
    return row | {"trans_id": None, "account_id": account, "check_code": check, "review_key": key}


def _set_back(*reviews: dict) -> dict[tuple[int, str], str]:
    return dismissed_warnings(pa.Table.from_pylist(list(reviews), schema=REVIEWS_SCHEMA), NIGHT)


def test_a_dismissed_check_of_an_account_is_set_back_for_as_long_as_a_finding():
    assert _set_back(_of_check("dismissed", 3)) == {
        (1, "fee"): "A warning like it on this account was looked into and dismissed on 31 May; "
        "until 29 July it stands behind the others."
    }
    assert _set_back(_of_check("dismissed", EXPIRY_DAYS - 1))
    assert not _set_back(_of_check("dismissed", EXPIRY_DAYS))
    assert not _set_back(_of_check("dismissed", 3), _of_check("confirmed", 2, who="two"))
    assert not _set_back(_of_check("unsure", 3), _of_check("confirmed", 3))


def test_a_flood_of_dismissed_checks_counts_as_far_as_a_person_can_look():
    flood = [_of_check("dismissed", 3, account=n) for n in range(1, 2 * MOST_DISMISSALS)]
    assert len(_set_back(*flood)) == MOST_DISMISSALS


def test_a_later_word_ends_a_dismissal():
    assert _dropped(3.0, _dismissed(_review(5, "dismissed", 3), _review(5, "unsure", 2))) == NOTHING


def test_confirmed_cases_silence_dismissals():
    past, reviews = _past()
    tonight = _posting(1, 0, account=1, payee=BAD)
    known = _feedback(
        [tonight], [*past, _posting(5, 20)], [*reviews, _review(5, "dismissed", 3)], [{**DISMISSED, "account_id": 1}]
    )
    assert known.dismissals.num_rows == 1
    assert _dropped(3.0, known) < 0


def test_rises_together_stay_within_the_bound():
    rows = [
        {"trans_id": 1, "code": code, "feature": "f", "value": "v", "typical": "t", "shift": 2.5, "text": "T."}
        for code in ("counterparty", "location", "other")
    ]
    known = Feedback(pa.Table.from_pylist(rows, schema=Feedback.none().rises.schema), Feedback.none().dismissals)
    assert _dropped(1.0, known) == pytest.approx(-MOST_RISE)


_days = st.integers(-5, 30)
later = st.lists(
    st.tuples(st.integers(0, 120), st.sampled_from(["confirmed", "dismissed", "unsure"]), _days), max_size=15
)


@settings(max_examples=12)
@given(later)
def test_nothing_is_said_of_a_night_by_what_later_nights_took_in(drawn):
    """Any reviews: those that later nights took in may be altered or missing, and tonight's postings hear the same."""
    past, reviews = _past()
    past = past[:150] + past[-25:]
    numbers = [row["trans_id"] for row in past]
    every = reviews + [_review(numbers[-1 - n], decision, days) for n, decision, days in drawn]
    until = [row for row in every if row["settlement_date"] <= NIGHT]
    altered = [*until, *({**row, "decision": "confirmed"} for row in every if row["settlement_date"] > NIGHT)]
    findings = [{**DISMISSED, "trans_id": n, "account_id": 777} for n in numbers[-20:]]
    tonight = [_posting(1, 0, account=777, payee=BAD)]
    future = [_posting(2, -1, account=777, payee=BAD), _posting(3, -9, account=777)]
    heard = [_feedback(tonight, past, rows, findings) for rows in (every, until, altered)]
    heard.append(_feedback([*tonight, *future], past, every, findings))
    assert all(it.rises.equals(heard[0].rises) for it in heard)
    assert all(it.dismissals.equals(heard[0].dismissals) for it in heard)


def test_without_reviews_nothing_is_said():
    known = _feedback([_posting(1, 0)], _past()[0], [])
    assert not known.rises.num_rows
    assert not known.dismissals.num_rows
