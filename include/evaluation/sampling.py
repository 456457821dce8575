"""Samples whole accounts of a bank, as many as a training needs, so that its cost does not grow with the bank."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.evaluation.bank_history import BankHistory
from include.features import state_from_history

SAMPLE_POSTINGS = 60_000
"""Average number of a sample's postings on the days that are trained on. Measured on a generated bank of 4,500 accounts
and two seeds: average precision .84 with all 73,240 rows, .85 with 60,000 and .83 with 20,000; of the 50 top findings
44 are shared between the two seeds, 44 and 43 with 60,000 and 35 with 20,000. Memory sets the upper bound: training on
a bank of 200,000 accounts took up to 2.7 GiB at 60,000, 3.1 GiB at 75,000 and 3.4 GiB at 100,000."""
MOST_BEYOND = 1.25
"""Largest size of a sample, as a multiple of `SAMPLE_POSTINGS`; a larger one leaves out its largest accounts."""
LEAST_SHARE = 0.5
"""Least size of a sample, as a share of `SAMPLE_POSTINGS`. Where its accounts have fewer postings, because every other
account is larger than a sample, further accounts are added whole, however large. The share is a decision: in that
measurement 20,000 rows were too few and 60,000 enough."""

Integers = npt.NDArray[np.int64]


def sampled(history: BankHistory, since: date, seed: int, confirmed: Collection[int] = frozenset()) -> BankHistory:
    """The bank unchanged where it is small, else with a sample of its accounts and all their postings.

    All accounts are ordered by their number of postings since a date and drawn at equal distances, so that the sample
    has idle and busy, old and new accounts in the bank's own shares. Rates, means and quantiles over accounts are
    estimated from the sample. Counts of accounts (how many others know a counterparty) come from the whole bank: see
    `BankHistory.outside`.

    Parameters
    ----------
    history
        The bank's past, which ends before the night that is trained for.
    since
        First day that is trained on; earlier postings only form habits and do not count for the size.
    seed
        Seed of the draw.
    confirmed
        trans_ids of confirmed frauds, whose accounts are in every sample.
    """
    accounts, counts = _counts(history.postings, since)
    if counts.sum() <= SAMPLE_POSTINGS:
        return history
    chosen = _drawn(accounts, counts, seed)
    chosen = np.union1d(chosen, _accounts_of(history.postings, confirmed))
    mine = pc.is_in(history.postings["account_id"], pa.array(chosen))
    postings = history.postings.filter(mine)
    outside = _acquaintances(history.postings.filter(pc.invert(mine)), postings)
    return replace(history, postings=postings, outside=outside)


def sample_notes(sample: BankHistory, whole: BankHistory) -> tuple[str, ...]:
    """A sentence for people on the share of the bank that the sample is; none where it is the whole bank."""
    if sample.postings.num_rows == whole.postings.num_rows:
        return ()
    drawn, held = (pc.count_distinct(each.postings["account_id"]).as_py() for each in (sample, whole))
    return (f"trained on a sample of {drawn:,} of {held:,} accounts, with all their postings",)


def _counts(postings: pa.Table, since: date) -> tuple[Integers, Integers]:
    """All accounts, and the number of postings of each since a date."""
    is_recent = pc.greater_equal(postings["trans_date"], pa.scalar(since)).cast(pa.int64())
    rows = pa.table({"account_id": postings["account_id"], "recent": is_recent})
    grouped = rows.group_by("account_id").aggregate([("recent", "sum")]).sort_by("account_id")
    accounts, counts = (np.asarray(grouped[name].to_numpy(), np.int64) for name in ("account_id", "recent_sum"))
    return accounts, counts


def _drawn(accounts: Integers, counts: Integers, seed: int) -> Integers:
    """Accounts drawn at equal distances in the order of their numbers of postings; ties are in random order."""
    random = np.random.default_rng(seed)
    ordered = np.lexsort((random.random(len(accounts)), counts))
    number = max(1, int(len(accounts) * SAMPLE_POSTINGS / counts.sum()))
    places = ordered[((random.random() + np.arange(number)) * len(accounts) / number).astype(np.int64)]
    within = places[np.cumsum(counts[places]) <= MOST_BEYOND * SAMPLE_POSTINGS]
    return accounts[_filled(within, counts, random)]


def _filled(places: Integers, counts: Integers, random: np.random.Generator) -> Integers:
    """The drawn places, and random further ones up to `LEAST_SHARE`; accounts larger than a sample come last."""
    others = random.permutation(np.setdiff1d(np.flatnonzero(counts), places))
    others = others[np.argsort(counts[others] > SAMPLE_POSTINGS, kind="stable")]
    before = counts[places].sum() + np.cumsum(counts[others]) - counts[others]
    return np.concatenate([places, others[before < LEAST_SHARE * SAMPLE_POSTINGS]])


def _accounts_of(postings: pa.Table, trans_ids: Collection[int]) -> Integers:
    found = postings.filter(pc.is_in(postings["trans_id"], pa.array(sorted(trans_ids), pa.int64())))
    return np.asarray(pc.unique(found["account_id"]).to_numpy(), np.int64)


def _acquaintances(others: pa.Table, mine: pa.Table) -> pa.Table:
    """First dates on which the other accounts dealt with the counterparties of these accounts."""
    known = state_from_history(others).state_counterparties
    dealt_with = pc.unique(state_from_history(mine).state_counterparties["counterparty"])
    return known.filter(pc.is_in(known["counterparty"], dealt_with))
