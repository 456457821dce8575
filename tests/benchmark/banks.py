"""The banks that detectors are measured on, each cut where training ends and where scoring does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from demo import generate_bank
from include.evaluation.bank_history import BankHistory
from include.features import FeatureState, build_features
from include.quality import admit, admit_statics
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS
from include.settings import PROJECT_ROOT
from include.sources import open_source
from tests.benchmark.results import FOLDER

REAL_DATA = Path(os.environ.get("ADS_REAL_DATA", PROJECT_ROOT.parent / "shared" / "data"))
LOOKBACK_DAYS = 92
"""Of habits: the setting's own default."""


@dataclass(frozen=True)
class Bench:
    """A bank, trained on before `before`, measured on the nights from there to `last`.

    Attributes
    ----------
    name
        For tables and caches.
    bank
        Postings up to `last`.
    before, last
        First and last night that is scored.
    """

    name: str
    bank: BankHistory
    before: date
    last: date

    @cached_property
    def features(self) -> pa.Table:
        """Features of every posting, as they are."""
        history = self.bank.postings
        days = self.bank.habit_days
        return build_features(history, history.slice(0, 0), self.bank.statics, FeatureState.empty(), habit_days=days)

    def nights(self, first: date, before: date) -> pa.Table:
        """Features of the nights from `first` and before `before`."""
        nights = self.features["settlement_date"]
        kept = pc.and_(pc.greater_equal(nights, pa.scalar(first)), pc.less(nights, pa.scalar(before)))
        return self.features.filter(kept)

    @property
    def window(self) -> pa.Table:
        """Features of the nights that are scored."""
        return self.nights(self.before, self.last + timedelta(days=1))


def real_bank() -> Bench:
    """The real thirteen months; December 1993 and January 1994 are scored."""
    before, last = date(1993, 12, 1), date(1994, 1, 31)
    return Bench("real", read_bank(f"file:{REAL_DATA / 'pkdd'}", before, last), before, last)


def placed_bank() -> Bench:
    """A generated bank that records hours and places; its last two months are scored."""
    folder, before, last = FOLDER / "placed", date(1995, 2, 1), date(1995, 3, 31)
    if not (folder / "fin_transaction.parquet").exists():
        generate_bank(folder, 1_000, date(1994, 1, 1), last, seed=31)
    return Bench("generated", read_bank(f"file:{folder}?rounding=0.1", before, last), before, last)


def read_bank(uri: str, before: date, last: date) -> BankHistory:
    """What the gate lets in: static relations as known before `before`, postings up to `last`."""
    with open_source(uri) as source:
        statics = admit_statics({name: source.static(name) for name in STATIC_RELATIONS}, before).accepted
        past = admit({FIN_TRANSACTION.name: source.history(before=last + timedelta(days=1))}, None)
        return BankHistory(past.accepted[FIN_TRANSACTION.name], statics, source.rounding_cents, LOOKBACK_DAYS)
