"""Planted anomalies are what they say, and nothing but behaviour gives them away."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.evaluation.episodes import EPISODE_KINDS, STRENGTHS
from include.evaluation.ledger import balance_on
from include.evaluation.planting import MIN_PAYMENTS, plant, plantable_kinds
from include.evaluation.subject import Subject, Surroundings
from include.features import HABIT_DAYS
from include.lake.tables import REVERSES
from include.relations import BANK_BOOKED, FIN_TRANSACTION
from tests.evaluation.conftest import FIRST, LAST
from tests.settlement.banks import Bank

PostingRow = dict[str, Any]


@pytest.fixture(scope="module")
def rows(planted) -> dict[int, PostingRow]:
    return {row["trans_id"]: row for row in planted.transactions.to_pylist()}


@pytest.fixture(scope="module")
def real_rows(real) -> dict[int, PostingRow]:
    return {row["trans_id"]: row for row in real.postings.select(FIN_TRANSACTION.schema.names).to_pylist()}


@pytest.fixture(scope="module")
def books(rows) -> dict[int, list[PostingRow]]:
    """All postings of the bank with anomalies in it, by account."""
    by_account = defaultdict(list)
    for row in rows.values():
        by_account[row["account_id"]].append(row)
    return by_account


def episodes(planted, kind: str | None = None) -> dict[int, list[PostingRow]]:
    """Labels by episode."""
    found = defaultdict(list)
    for label in planted.labels.to_pylist():
        if kind in (None, label["kind"]):
            found[label["episode"]].append(label)
    assert found
    return found


def positives(labels: list[PostingRow], rows: dict[int, PostingRow]) -> list[PostingRow]:
    return [rows[label["trans_id"]] for label in labels if label["is_culprit"]]


def payments(book: list[PostingRow], first: date, last: date) -> list[PostingRow]:
    """What an account's people paid from `first` to `last`, both included."""
    return [
        row
        for row in book
        if first <= row["trans_date"] <= last and row["trans_type"] != "C" and row["category"] not in BANK_BOOKED
    ]


def test_every_kind_in_every_strength_is_planted(planted, plan):
    cells = {(row["kind"], row["strength"]) for row in planted.labels.to_pylist()}
    assert cells == {(kind, strength) for kind in plan.kinds for strength in STRENGTHS}
    assert set(plan.kinds) == set(EPISODE_KINDS) - {"hour", "place", "travel"}


def test_every_episode_has_an_account_of_its_own(planted, rows):
    accounts = [{rows[label["trans_id"]]["account_id"] for label in labels} for labels in episodes(planted).values()]
    assert all(len(one) == 1 for one in accounts)
    assert len(set().union(*accounts)) == len(accounts)


def test_balances_still_chain(planted, real):
    bank = Bank(planted.transactions, real.statics, real.rounding_cents)
    assert bank.breaks(FIRST, LAST, "balance_chain") == []


def test_the_seed_decides_everything(planted, plan, real):
    shuffled = real.postings.take(np.random.default_rng(1).permutation(real.postings.num_rows))
    again = plant(shuffled, real.statics, plan, real.rounding_cents)
    order = [(name, "ascending") for name in ("trans_id", "account_id")]
    assert again.labels.equals(planted.labels)
    assert again.transactions.sort_by(order).equals(planted.transactions.sort_by(order))
    other = plant(real.postings, real.statics, replace(plan, seed=plan.seed + 1), real.rounding_cents)
    assert not other.labels.equals(planted.labels)


def test_other_postings_are_left_as_they_are(planted, rows, real_rows):
    labelled = set(planted.labels["trans_id"].to_pylist())
    touched = {rows[trans_id]["account_id"] for trans_id in labelled}
    for trans_id, row in real_rows.items():
        if row["account_id"] not in touched:
            assert rows[trans_id] == row
        elif trans_id not in labelled and trans_id in rows:
            same = {name: value for name, value in row.items() if name != "balance"}
            assert {name: value for name, value in rows[trans_id].items() if name != "balance"} == same


def test_anomalies_lie_in_the_window_and_in_accounts_with_a_habit(planted, rows, real_rows):
    real_books = defaultdict(list)
    for row in real_rows.values():
        real_books[row["account_id"]].append(row)
    for labels in episodes(planted).values():
        found = positives(labels, rows)
        assert all(FIRST <= row["trans_date"] <= LAST for row in found)
        latest = max(row["trans_date"] for row in found)
        habit = payments(real_books[found[0]["account_id"]], FIRST - timedelta(HABIT_DAYS), latest)
        assert len(habit) >= MIN_PAYMENTS


@pytest.mark.parametrize(("kind", "days"), [("limit_day", 1), ("limit_month", 30)])
def test_beyond_a_limit_are_only_the_postings_from_the_crossing_on(planted, rows, books, kind, days):
    for labels in episodes(planted, kind).values():
        factor = EPISODE_KINDS[kind].scale[STRENGTHS.index(labels[0]["strength"])]
        guilty = {label["trans_id"] for label in labels if label["is_culprit"]}
        added = sorted(
            (rows[label["trans_id"]] for label in labels), key=lambda row: (row["trans_date"], row["trans_id"])
        )
        book = [
            row for row in books[added[0]["account_id"]] if row["trans_id"] not in {row["trans_id"] for row in added}
        ]
        start = added[0]["trans_date"]
        habit = payments(book, start - timedelta(HABIT_DAYS), start - timedelta(1))
        most = max(
            sum(row["amount"] for row in payments(habit, end - timedelta(days - 1), end))
            for end in {row["trans_date"] for row in habit}
        )
        assert max(row["amount"] for row in added) <= max(row["amount"] for row in habit)  # each one is ordinary
        assert 0 < len(guilty) <= len(added)
        for position, row in enumerate(added):
            since = row["trans_date"] - timedelta(days - 1)
            sofar = [r for r in added[: position + 1] if r["trans_date"] >= since]
            paid = sum(r["amount"] for r in [*sofar, *payments(book, since, row["trans_date"])])
            assert (row["trans_id"] in guilty) == (float(paid) > factor * float(most))


def test_an_amount_is_a_real_posting_made_larger(planted, rows, real_rows):
    for labels in episodes(planted, "amount").values():
        (label,) = labels
        real, row = real_rows[label["trans_id"]], rows[label["trans_id"]]
        assert row["amount"] > real["amount"]
        assert {n: v for n, v in row.items() if n not in ("amount", "balance")} == {
            n: v for n, v in real.items() if n not in ("amount", "balance")
        }


def test_a_burst_is_so_many_ordinary_payments_of_one_day(planted, rows, books):
    for labels in episodes(planted, "burst").values():
        found = positives(labels, rows)
        number = EPISODE_KINDS["burst"].scale[STRENGTHS.index(labels[0]["strength"])]
        assert len(found) == number
        assert len({row["trans_date"] for row in found}) == 1
        day = found[0]["trans_date"]
        habit = payments(books[found[0]["account_id"]], day - timedelta(HABIT_DAYS), day - timedelta(1))
        assert max(row["amount"] for row in found) <= max(row["amount"] for row in habit)


def test_a_drain_takes_its_share_of_the_balance_to_somebody_unknown(planted, rows, books, real):
    known = set(real.postings["other_account_id"].to_pylist())
    for labels in episodes(planted, "drain").values():
        found = positives(labels, rows)
        share = EPISODE_KINDS["drain"].scale[STRENGTHS.index(labels[0]["strength"])]
        first = min(row["trans_date"] for row in found)
        eve = balance_on(books[found[0]["account_id"]], first - timedelta(1), real.rounding_cents)
        assert 1 <= len(found) <= 3
        assert sum(float(row["amount"]) for row in found) * 100 == pytest.approx(share * eve, rel=0.001)
        assert len({row["other_account_id"] for row in found} - known) == 1
        assert all(row["balance"] is not None for row in found)


def test_a_product_is_one_the_client_does_not_have(planted, rows, books):
    for labels in episodes(planted, "product").values():
        found = positives(labels, rows)
        kind = (found[0]["operation"], found[0]["category"])
        assert kind in {("ROB", "LE"), ("CCW", None), ("ROB", "LO")}
        book = books[found[0]["account_id"]]
        before = [row for row in book if row["trans_date"] < found[0]["trans_date"]]
        assert kind not in {(row["operation"], row["category"]) for row in before if row["trans_type"] != "C"}


def test_whoever_wakes_slept_as_long_as_it_says(planted, rows, books):
    for labels in episodes(planted, "wake").values():
        found = positives(labels, rows)
        days = EPISODE_KINDS["wake"].scale[STRENGTHS.index(labels[0]["strength"])]
        day = found[0]["trans_date"]
        others = [
            row for row in books[found[0]["account_id"]] if row not in found and row["category"] not in BANK_BOOKED
        ]
        assert 1 <= len(found) <= 3
        assert not [row for row in others if day - timedelta(int(days)) <= row["trans_date"] <= day]


def test_a_sequence_follows_in_an_order_the_account_never_used(planted, rows):
    for labels in episodes(planted, "sequence").values():
        added = sorted((rows[label["trans_id"]] for label in labels), key=lambda row: row["trans_id"])
        number = EPISODE_KINDS["sequence"].scale[STRENGTHS.index(labels[0]["strength"])]
        assert len(added) == number
        assert [label["is_culprit"] for label in labels] == [False] + [True] * (len(added) - 1)


def test_the_stronger_the_more_extreme():
    for kind in EPISODE_KINDS.values():
        rising = "travel" if kind is EPISODE_KINDS["travel"] else ""
        assert list(kind.scale) == sorted(kind.scale, reverse=not rising)  # fewer minutes are harder to travel
        assert len(set(kind.scale)) == len(STRENGTHS)


def test_what_a_bank_does_not_record_is_not_planted(real, made_up):
    assert {"hour", "place", "travel"} & set(plantable_kinds(real.postings)) == set()
    assert plantable_kinds(made_up.postings) == tuple(EPISODE_KINDS)


def test_nobody_with_a_habit_nothing_planted(real, plan):
    young = real.between(FIRST - timedelta(3), LAST)
    nothing = plant(young.slice(0, 50), {}, plan, 10)
    assert nothing.labels.num_rows == 0
    assert nothing.transactions.num_rows == 50


# ---------------------------------------------------------------- reversals


@pytest.fixture(scope="module")
def reversed_bank(made_up, made_up_plan) -> pa.Table:
    """The generated bank in which every account's first payment of the window is taken back the same day."""
    postings = made_up.postings.select(FIN_TRANSACTION.schema.names)
    postings = postings.append_column(REVERSES, pa.nulls(postings.num_rows, REVERSES.type))
    kept = pc.and_(
        pc.not_equal(postings["trans_type"], "C"), pc.greater_equal(postings["trans_date"], made_up_plan.first)
    )
    firsts = {row["account_id"]: row for row in reversed(postings.filter(kept).to_pylist())}
    back = [{**row, "trans_id": -n, "reverses": row["trans_id"]} for n, row in enumerate(firsts.values(), 1)]
    back = [{**row, "amount": -row["amount"], "balance": row["balance"] + row["amount"]} for row in back]
    assert len(back) > 100
    return pa.concat_tables([postings, pa.Table.from_pylist(back, postings.schema)])


def test_both_sides_of_a_reversal_are_left_as_they_are(reversed_bank, made_up, made_up_plan):
    kinds = ("amount", "burst", "hour", "wake")
    found = plant(reversed_bank, made_up.statics, replace(made_up_plan, kinds=kinds), made_up.rounding_cents)
    before, after = (
        {row["trans_id"]: row for row in table.to_pylist()} for table in (reversed_bank, found.transactions)
    )
    planted = set(found.labels["trans_id"].to_pylist())
    assert set(found.labels["kind"].to_pylist()) == set(kinds)
    links = {trans_id: row["reverses"] for trans_id, row in before.items() if row["reverses"] is not None}
    assert {trans_id: row["reverses"] for trans_id, row in after.items() if row["reverses"] is not None} == links
    assert all(after[trans_id]["amount"] > Decimal("0.01") for trans_id in planted)
    for trans_id in {*links, *links.values()}:
        assert trans_id not in planted
        assert after[trans_id]["amount"] == before[trans_id]["amount"]


def test_nobody_decided_a_reversal_nor_what_it_takes_back(reversed_bank, made_up, made_up_plan):
    (account,) = reversed_bank.filter(pc.equal(reversed_bank["trans_id"], -1))["account_id"].to_pylist()
    rows = reversed_bank.filter(pc.equal(reversed_bank["account_id"], account)).to_pylist()
    rows += [{**rows[0], "trans_id": -999, "amount": Decimal(-7)}]
    (pair,) = ({row["trans_id"], row["reverses"]} for row in rows if row["reverses"] is not None)
    surroundings = Surroundings(made_up.rounding_cents, {}, {}, {}, iter(()))
    day = made_up_plan.last + timedelta(1)
    subject = Subject(account, rows, day, day, np.random.default_rng(0), surroundings)
    plain = {row["trans_id"] for row in rows if row["category"] not in BANK_BOOKED}
    assert {row["trans_id"] for row in subject.own} == plain - pair - {-999}


# ---------------------------------------------------------------- hours and places


def of_kind(bank, planted, kind: str) -> list[tuple[list[PostingRow], PostingRow, list[PostingRow]]]:
    """Of every episode its positives, one label and the account's postings before."""
    rows = {row["trans_id"]: row for row in planted.transactions.to_pylist()}
    found = []
    for labels in episodes(planted, kind).values():
        guilty = positives(labels, rows)
        own = pc.equal(bank.postings["account_id"], guilty[0]["account_id"])
        found.append((guilty, labels[0], bank.postings.filter(own).to_pylist()))
    return found


def minutes(row: PostingRow) -> float:
    return row["trans_time"].hour * 60 + row["trans_time"].minute


def test_hours_places_and_travel_are_planted_where_they_are_known(made_up_planted):
    assert set(made_up_planted.labels["kind"].to_pylist()) == {"hour", "place", "travel"}


def test_an_hour_is_far_from_the_usual(made_up, made_up_planted):
    for (row,), label, book in of_kind(made_up, made_up_planted, "hour"):
        hours = EPISODE_KINDS["hour"].scale[STRENGTHS.index(label["strength"])]
        same = [
            minutes(past)
            for past in book
            if (past["operation"], past["category"]) == (row["operation"], row["category"])
            and row["trans_date"] - timedelta(HABIT_DAYS) <= past["trans_date"] < row["trans_date"]
        ]
        apart = [min(abs(m - minutes(row)), 1440 - abs(m - minutes(row))) / 60 for m in same]
        assert min(abs(far - min(hours, 24 - hours)) for far in apart) < 1


def test_a_place_is_in_no_district_the_account_was_ever_in(made_up, made_up_planted):
    for guilty, _, book in of_kind(made_up, made_up_planted, "place"):
        assert {row["district_id"] for row in guilty} & {row["district_id"] for row in book} == set()


def test_nobody_travels_so_fast(made_up, made_up_planted):
    for (row,), label, book in of_kind(made_up, made_up_planted, "travel"):
        wanted = EPISODE_KINDS["travel"].scale[STRENGTHS.index(label["strength"])]
        at = datetime.combine(row["trans_date"], row["trans_time"])
        others = [
            datetime.combine(past["trans_date"], past["trans_time"])
            for past in book
            if past["trans_date"] == row["trans_date"] and past["trans_time"] is not None
        ]
        assert timedelta(minutes=wanted) in [at - other for other in others]
        assert row["district_id"] not in {past["district_id"] for past in book}


def test_made_up_balances_still_chain(made_up, made_up_planted, made_up_plan):
    touched = set(made_up_planted.labels["trans_id"].to_pylist())
    nights = made_up_planted.transactions.filter(pc.is_in(made_up_planted.transactions["trans_id"], pa.array(touched)))
    last = min(pc.max(nights["trans_date"]).as_py(), made_up_plan.first + timedelta(7))
    bank = Bank(made_up_planted.transactions, made_up.statics, made_up.rounding_cents)
    assert bank.breaks(made_up_plan.first, last, "balance_chain") == []
