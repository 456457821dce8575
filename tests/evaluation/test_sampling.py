"""A sample of a bank: whole accounts in the bank's own shares, never more than a training needs, the same by seed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.evaluation import planting, sampling
from include.evaluation.bank_history import BankHistory
from include.evaluation.rounds import plant_round
from include.evaluation.sampling import MOST_BEYOND, sample_notes, sampled
from include.features import build_features, reach_days
from tests.evaluation.conftest import SEED

SINCE = date(2023, 3, 1)
SMALL = 600


@pytest.fixture(scope="module")
def bank(made_up) -> BankHistory:
    return BankHistory(made_up.postings, made_up.statics, made_up.rounding_cents, 90)


@pytest.fixture(scope="module")
def sociable(bank) -> BankHistory:
    """The same bank, its people paying a handful of payees that all know."""
    numbers = bank.postings["other_account_id"]
    few = pc.add(pc.subtract(numbers, pc.multiply(pc.divide(numbers, 7), 7)), 1)
    place = bank.postings.schema.get_field_index("other_account_id")
    return replace(bank, postings=bank.postings.set_column(place, bank.postings.schema.field(place), few))


@pytest.fixture
def small(monkeypatch) -> int:
    """A sample size that leaves out most of the bank."""
    monkeypatch.setattr(sampling, "SAMPLE_POSTINGS", SMALL)
    return SMALL


def accounts(bank: BankHistory) -> set[int]:
    return set(pc.unique(bank.postings["account_id"]).to_pylist())


def recent(bank: BankHistory) -> int:
    return bank.postings.filter(pc.greater_equal(bank.postings["trans_date"], pa.scalar(SINCE))).num_rows


def of_accounts(table: pa.Table, numbers: set[int]) -> pa.Table:
    return table.filter(pc.is_in(table["account_id"], pa.array(sorted(numbers), pa.int64())))


def test_a_bank_that_is_no_larger_than_a_sample_is_taken_as_it_is(bank):
    assert sampled(bank, SINCE, SEED) is bank
    assert sample_notes(bank, bank) == ()


def test_the_accounts_of_a_sample_are_whole(bank, small):
    sample = sampled(bank, SINCE, SEED)
    assert accounts(sample) < accounts(bank)
    assert sample.postings.equals(of_accounts(bank.postings, accounts(sample)))
    assert f"a sample of {len(accounts(sample))} of {len(accounts(bank))} accounts" in sample_notes(sample, bank)[0]


@pytest.mark.parametrize("size", [100, 600, 2_000])
def test_a_sample_has_its_size_and_never_much_more(bank, monkeypatch, size):
    monkeypatch.setattr(sampling, "SAMPLE_POSTINGS", size)
    assert recent(sampled(bank, SINCE, SEED)) <= MOST_BEYOND * size
    sizes = [recent(sampled(bank, SINCE, seed)) for seed in range(5)]
    assert size < 100 or np.mean(sizes) == pytest.approx(size, rel=0.25)


def test_an_account_larger_than_a_sample_is_left_out_of_it(bank, small):
    owners = bank.postings["account_id"]
    giant = bank.postings.filter(pc.equal(owners, pa.scalar(owners[0].as_py())))
    flooded = replace(bank, postings=pa.concat_tables([bank.postings, *[giant] * 200]))
    assert all(recent(sampled(flooded, SINCE, seed)) <= MOST_BEYOND * small for seed in range(20))


@pytest.mark.parametrize("number", [1, 3])
def test_a_bank_whose_accounts_are_each_larger_than_a_sample_is_learned_from(bank, monkeypatch, number):
    monkeypatch.setattr(sampling, "SAMPLE_POSTINGS", 1)
    few = replace(bank, postings=of_accounts(bank.postings, set(sorted(accounts(bank))[:number])))
    sample = sampled(few, SINCE, SEED)
    assert len(accounts(sample)) == 1
    assert recent(sample) > 0


def test_the_seed_decides_and_the_order_of_the_postings_does_not(bank, small):
    shuffled = bank.postings.take(np.random.default_rng(1).permutation(bank.postings.num_rows))
    assert accounts(sampled(bank, SINCE, 1)) == accounts(sampled(replace(bank, postings=shuffled), SINCE, 1))
    assert len({frozenset(accounts(sampled(bank, SINCE, seed))) for seed in range(5)}) == 5


def test_idle_and_busy_accounts_have_the_banks_own_shares(bank, small):
    counts = dict(zip(*(column.tolist() for column in sampling._counts(bank.postings, SINCE)), strict=True))
    middle = np.median(list(counts.values()))
    for seed in range(5):
        busy = [counts[account] > middle for account in accounts(sampled(bank, SINCE, seed))]
        assert np.mean(busy) == pytest.approx(np.mean([n > middle for n in counts.values()]), abs=1.5 / len(busy))


def test_accounts_with_a_confirmed_case_are_in_every_sample(bank, small):
    left_out = sorted(accounts(bank) - accounts(sampled(bank, SINCE, SEED)))[:3]
    cases = of_accounts(bank.postings, set(left_out))["trans_id"].to_pylist()[::7]
    owners = set(bank.postings.filter(pc.is_in(bank.postings["trans_id"], pa.array(cases)))["account_id"].to_pylist())
    assert owners <= accounts(sampled(bank, SINCE, SEED, cases))


def features_of(bank: BankHistory, first: date) -> pa.Table:
    """Of the nights from `first` on, as `include.training.split.settled_features` has them built."""
    days = bank.postings["trans_date"]
    earlier = bank.postings.filter(pc.less(days, pa.scalar(first)))
    nights = bank.postings.filter(pc.greater_equal(days, pa.scalar(first)))
    lookback = earlier.filter(
        pc.greater_equal(earlier["trans_date"], pa.scalar(first - timedelta(days=reach_days(bank.habit_days))))
    )
    return build_features(nights, lookback, bank.statics, bank.state(earlier), habit_days=bank.habit_days)


def test_how_many_others_know_a_counterparty_is_the_whole_banks_number(sociable, small):
    """A state of the sample alone would count too few, and every payee would look like a stranger."""
    sample = sampled(sociable, SINCE, SEED)
    whole = of_accounts(features_of(sociable, SINCE), accounts(sample))
    found, alone = (features_of(each, SINCE) for each in (sample, replace(sample, outside=sample.outside.slice(0, 0))))
    columns = ["trans_id", "known_by", "new_counterparty", "unknown_counterparty"]
    assert found.select(columns).equals(whole.select(columns))
    assert pc.sum(alone["known_by"]).as_py() < pc.sum(found["known_by"]).as_py()


def test_planting_reads_the_rows_of_no_account_outside_of_the_sample(bank, small, monkeypatch):
    read: list[int] = []
    rows = planting.Books.rows
    monkeypatch.setattr(planting.Books, "rows", lambda self, account: read.append(account) or rows(self, account))
    sample = sampled(bank, SINCE, SEED)
    round_ = plant_round(sample, date(2023, 9, 1), date(2023, 10, 31), SEED, ("amount", "burst"))
    assert set(read) <= accounts(sample)
    assert set(round_.features["account_id"].to_pylist()) <= accounts(sample)


def test_however_large_the_bank_planting_turns_few_accounts_into_rows(bank, monkeypatch):
    """Only those that an episode is tried on, and of them no more than `MOST_CANDIDATES`."""
    monkeypatch.setattr(planting, "MOST_CANDIDATES", 20)
    books: list[planting.Books] = []
    of = planting.Books.of
    monkeypatch.setattr(planting.Books, "of", lambda *given: books.append(of(*given)) or books[-1])
    plan = planting.PlantingPlan(date(2023, 10, 1), date(2023, 10, 31), SEED, per_cell=1, kinds=("amount", "wake"))
    planted = planting.plant(bank.postings, bank.statics, plan, bank.rounding_cents)
    (book,) = books
    assert planted.labels.num_rows
    assert len(book._read) <= len(book.slices) == 20
    first = next(iter(book._read))
    assert book.rows(first) == of_accounts(book.ordered, {first}).to_pylist()
