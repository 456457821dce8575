"""Thieves who teach the bank their sums first: the measurement `poisoning`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.learning.canary import objections
from include.learning.refresh import refreshed
from include.learning.sample import nights_of
from include.learning.updates import Update
from include.models.base import Matrix
from include.models.model import Model
from include.models.threshold import Flags, flag
from tests.benchmark.adapting import DECIDED, Approval, Night, Play, plain_bank, played, trained_on
from tests.benchmark.banks import Bench
from tests.benchmark.results import markdown
from tests.benchmark.trained import BUDGET

NIGHTS = 60
SHARES = (0.01, 0.05, 0.10)
"""Of what the group's people decide themselves."""
GROUP = 3
"""Every third account belongs to the group."""
AT_LAST = 3.0
"""How many times as large the last night's shifted postings are; the first night's are hardly larger at all."""
THEFTS = (2.0, 3.0, 5.0)
"""How many times the sum is that is taken after the sixtieth night, from every account of the group once."""
THEFT_NIGHTS = 30
SEED = 60_000
Record = dict[str, Any]
Mask = npt.NDArray[np.bool_]


@dataclass
class Unguarded(Play):
    """Learns from everything that was booked, as far as it leads, and asks no canary."""

    def _taught(self, features: pa.Table, flagged: Flags) -> Matrix:
        return self.model.values(features)

    def _refresh(self, night: date) -> Update:
        update = super()._refresh(night)
        rows = np.vstack([known for _, known in self.gathered])
        refresh = refreshed(self.approval.approved, self.approval.baseline, rows, night).refresh
        # Without the bound: what was fitted speaks alone, at the approved threshold.
        self.model = self.model if refresh is None else refresh
        return update


def measure() -> Record:
    """Recall on the theft, by what happened before it and what was learned from it."""
    bench = plain_bank()
    approval = Approval.of(trained_on(bench, bench.before))
    found = [_figures(bench, approval, share) for share in (0.0, *SHARES)]
    report(found)
    return {"runs": found}


def _figures(bench: Bench, approval: Approval, share: float) -> Record:
    """One share of postings shifted: what is found of the theft by each way to learn."""
    poisoned, shifted = _poisoned(bench, share)
    features = poisoned.nights(bench.before, bench.before + timedelta(days=NIGHTS))
    guarded, unguarded = played(approval, features, learns=True), Unguarded(approval, learns=True)
    nights = nights_of(features)
    for night in np.unique(nights):
        unguarded.night(night.item(), features.filter(pa.array(nights == night)))
    models = {"frozen": approval.approved, "unguarded": unguarded.model, "guarded": guarded.model}
    thefts = {times: _theft(poisoned, times) for times in THEFTS}
    return {
        "share": share,
        "shifted": len(shifted),
        "recall": {
            who: {times: _recall(model, *theft) for times, theft in thefts.items()} for who, model in models.items()
        },
        "alarms": {who: _alarms(model, thefts[THEFTS[0]][0], thefts[THEFTS[0]][1]) for who, model in models.items()},
        "dropped": sum(not night.update.accepted for night in guarded.nights.values() if night.update is not None),
        "canary_night": _first(guarded.nights.values()),
        "unguarded_canary_night": _first_objection(approval, unguarded.nights.values()),
        "flagged_night": _first_flagged(approval.approved, features, shifted),
    }


def _poisoned(bench: Bench, share: float) -> tuple[Bench, set[int]]:
    """The bank with some of the group's postings larger, a little more each night, and which they are."""
    history = bench.bank.postings
    number = _numbers(history, bench.before)
    chance = np.random.default_rng(SEED).random(len(number))
    chosen = _is_groups(history) & (number >= 0) & (number < NIGHTS) & (chance < share)
    factor = np.where(chosen, AT_LAST ** (np.clip(number, 0, NIGHTS) / NIGHTS), 1.0)
    bank = replace(bench.bank, postings=_enlarged(history, factor))
    return Bench("poisoned", bank, bench.before, bench.last), set(np.asarray(history["trans_id"])[chosen].tolist())


def _theft(bench: Bench, times: float) -> tuple[pa.Table, Mask]:
    """Features of the nights after the sixtieth, one posting of each of the group's accounts so many times larger."""
    history = bench.bank.postings
    number = _numbers(history, bench.before) - NIGHTS
    candidates = np.flatnonzero(_is_groups(history) & (number >= 0) & (number < THEFT_NIGHTS))
    accounts = history["account_id"].to_numpy()
    shuffled = np.random.default_rng(SEED + 1).permutation(candidates)
    _, first = np.unique(accounts[shuffled], return_index=True)
    stolen = np.zeros(len(number), dtype=np.bool_)
    stolen[shuffled[first]] = True
    bank = replace(bench.bank, postings=_enlarged(history, np.where(stolen, times, 1.0)))
    since = bench.before + timedelta(days=NIGHTS)
    nights = Bench("stolen", bank, bench.before, bench.last).nights(since, since + timedelta(days=THEFT_NIGHTS))
    ids = history["trans_id"].filter(pa.array(stolen))
    return nights, pc.is_in(nights["trans_id"], value_set=ids.combine_chunks()).to_numpy()


def _numbers(history: pa.Table, before: date) -> npt.NDArray[np.int64]:
    days = np.asarray(history["trans_date"].to_numpy(), dtype="datetime64[D]")
    return (days - np.datetime64(before)).astype(np.int64)


def _is_groups(history: pa.Table) -> Mask:
    """What the people of the group decide themselves."""
    decided = np.isin(history["operation"].to_numpy(zero_copy_only=False).astype(str), DECIDED)
    return np.asarray(decided & (history["account_id"].to_numpy() % GROUP == 0))


def _enlarged(history: pa.Table, factor: npt.NDArray[np.float64]) -> pa.Table:
    """Amounts times a factor; the balance after is lower by what was added, the one before stays."""
    amount, balance = (pc.cast(history[name], pa.float64()).to_numpy() for name in ("amount", "balance"))
    larger = np.round(amount * factor, 1)
    for name, values in (("amount", larger), ("balance", balance - (larger - amount))):
        field = history.schema.field(name)
        column = pa.array(np.round(values, 2), pa.float64(), from_pandas=True).cast(field.type, safe=False)
        history = history.set_column(history.schema.get_field_index(name), field, column)
    return history


def _recall(model: Model, features: pa.Table, stolen: Mask) -> float:
    return float(flag(model.score(model.values(features)), model.threshold)[stolen].mean())


def _alarms(model: Model, features: pa.Table, stolen: Mask) -> float:
    return float(flag(model.score(model.values(features)), model.threshold)[~stolen].mean())


def _first(nights: Iterable[Night]) -> int | None:
    """Number of the first night whose update the canary set dropped."""
    dropped = [number for number, night in enumerate(nights, 1) if night.update and not night.update.accepted]
    return dropped[0] if dropped else None


def _first_objection(approval: Approval, nights: Iterable[Night]) -> int | None:
    """When the canary set would have objected to the model of somebody who does not ask it."""
    before = approval.canary.figures(approval.approved)
    for number, night in enumerate(nights, 1):
        if number % 5 == 0 and objections(before, approval.canary.figures(night.model), BUDGET):
            return number
    return None


def _first_flagged(model: Model, features: pa.Table, shifted: set[int]) -> int | None:
    """Number of the first night on which a shifted posting is flagged at all."""
    flagged = flag(model.score(model.values(features)), model.threshold)
    found = features.filter(pa.array(flagged & np.isin(features["trans_id"].to_numpy(), sorted(shifted))))
    if not found.num_rows:
        return None
    first: date = pc.min(found["settlement_date"]).as_py()
    return (first - features["settlement_date"][0].as_py()).days + 1


def report(found: list[Record]) -> None:
    """Print what was found of the theft after each share, and when anybody could have noticed."""
    header = ["postings shifted", "theft", *(f"{who}: recall" for who in found[0]["recall"]), "dropped updates"]
    rows = [
        [f"{run['share']:.0%} ({run['shifted']})", f"{times:g} times"]
        + [float(recall[times]) for recall in run["recall"].values()]
        + [run["dropped"]]
        for run in found
        for times in THEFTS
    ]
    print(markdown(f"Theft after {NIGHTS} nights of sums shifted up to {AT_LAST:g} times", header, rows))
    header = [
        "postings shifted",
        "a shifted one is flagged",
        "the guard drops an update",
        "the unguarded fails the canary",
    ]
    rows = [
        [
            f"{run['share']:.0%}",
            *(_night(run[key]) for key in ("flagged_night", "canary_night", "unguarded_canary_night")),
        ]
        for run in found
    ]
    print(markdown("First night on which it could be noticed", header, rows))
    alarms = [[f"{run['share']:.0%}", *(f"{share:.2%}" for share in run["alarms"].values())] for run in found]
    print(markdown("Ordinary postings flagged after it", ["postings shifted", *found[0]["alarms"]], alarms))
    print("Rolled back, the guarded model is the frozen one; what the accounts' own habits took in stays.")


def _night(number: int | None) -> str:
    return "never" if number is None else str(number)
