"""Second looks: a random sample of dismissed and of unflagged postings that people are asked to judge again.

What a model flags is looked at, and what it does not flag is not: precision and recall by such decisions alone flatter
it. Each month a few postings that were dismissed, and a few that nobody was shown, are drawn by their numbers and the
seed, so that nobody chooses them. An answer is a review like any other, with words of its own in the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from include.casework.intervals import LEVEL, Estimate, Stratum, stratified_share
from include.lake import TABLES, Lake
from include.lake.kept import Kept
from include.masking.finding_ids import score_id
from include.masking.keys import Namer
from include.publish.digest import combined_digest
from include.reviews.drop import LONGEST_TEXTS, read_inbox

MONTHS = 3
"""Complete months that are drawn from: what is decided on older nights is read by no night (`KNOWN_DAYS`)."""
MARK = "second look"
"""Beginning of the reason of an answer."""
LONGEST_NOTE = LONGEST_TEXTS["reason"] - len(f"{MARK}: ")
"""Largest number of characters that somebody may write with an answer."""

_MOST_SAMPLES = 24
"""Samples of months kept in a process: two years, though three months are shown. A large bank's has 15,000 rows."""

Ids = npt.NDArray[np.int64]
_ONE_DAY = timedelta(days=1)
_POSTING_COLUMNS = ("settlement_date", "trans_id", "account_id")
_REVIEW_COLUMNS = ("trans_id", "check_code", "decision", "reason", "who", "decided_at")
# Constants of SplitMix64 (Steele, Lea and Flood, 2014), which spreads neighbouring numbers over all 64 bits.
_STEP, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


class Part(StrEnum):
    """What a posting was drawn from."""

    DISMISSED = "dismissed"
    UNFLAGGED = "unflagged"


DRAWN: Mapping[Part, int] = {Part.DISMISSED: 15, Part.UNFLAGGED: 40}
"""Postings drawn of each month: half a day's work. Where none of three months' 120 unflagged ones is a fraud, at most
2.5 % of the unflagged are (the rule of three)."""


@dataclass(frozen=True)
class Judgement:
    """One decision on a posting."""

    decision: str
    who: str
    at: datetime


@dataclass(frozen=True)
class Item:
    """A posting that was drawn.

    Attributes
    ----------
    item_id
        Its finding id; of an unflagged posting the one that it would have.
    month
        First day of the month that it was drawn from.
    part
        What it was drawn from.
    settlement_date, trans_id, account_id
        The posting.
    first
        The decision that is looked at again; None for an unflagged posting.
    answer
        The second look; None while nobody gave one.
    """

    item_id: str
    month: date
    part: Part
    settlement_date: date
    trans_id: int
    account_id: int
    first: Judgement | None
    answer: Judgement | None


@dataclass(frozen=True)
class SecondLooks:
    """The postings that were drawn, and what follows from the answers.

    Attributes
    ----------
    items
        Postings, the newest month first.
    confirmed, undecided
        Number of flagged postings of these months that were confirmed at the first look, and that nobody decided on.
    strata
        Number of postings of each month and part, with those that were looked at a second time and are frauds.
    """

    items: tuple[Item, ...]
    confirmed: int
    undecided: int
    strata: Mapping[Part, tuple[Stratum, ...]]

    @property
    def asked(self) -> tuple[Item, ...]:
        """The postings that nobody looked at a second time yet."""
        return tuple(item for item in self.items if item.answer is None)

    @property
    def precision(self) -> Estimate | None:
        """The share of frauds among the decided flagged postings, with the dismissed ones that were frauds after all.

        None while no dismissed posting was looked at again.
        """
        dismissed, missed = self._size(Part.DISMISSED), stratified_share(self.strata[Part.DISMISSED])
        if missed is None:
            return None
        decided = self.confirmed + dismissed
        return Estimate(*((self.confirmed + dismissed * share) / decided for share in _parts(missed)))

    @property
    def recall(self) -> Estimate | None:
        """The share of frauds that were flagged and decided so, of all frauds; None while it cannot be told.

        Its interval joins those of the two samples, each at a level at which both hold together (Bonferroni).
        """
        joint = 1 - (1 - LEVEL) / 2
        wrong = stratified_share(self.strata[Part.DISMISSED], joint)
        missed = stratified_share(self.strata[Part.UNFLAGGED], joint)
        if wrong is None and self._size(Part.DISMISSED) == 0:
            wrong = Estimate(0.0, 0.0, 0.0)
        if wrong is None or missed is None:
            return None
        pairs = zip(_parts(wrong), (missed.share, missed.high, missed.low), strict=True)
        found = [self._recall(*pair) for pair in pairs]
        return None if None in found else Estimate(*(share for share in found if share is not None))

    def _recall(self, wrongly_dismissed: float, missed: float) -> float | None:
        found = self.confirmed + self._size(Part.DISMISSED) * wrongly_dismissed
        frauds = found + self._size(Part.UNFLAGGED) * missed
        return found / frauds if frauds else None

    def _size(self, part: Part) -> int:
        return sum(stratum.size for stratum in self.strata[part])


def _parts(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.share, estimate.low, estimate.high


def months_drawn(newest: date) -> list[date]:
    """First days of the complete months that are drawn from, the newest first.

    >>> months_drawn(date(1998, 3, 31))[0], months_drawn(date(1998, 3, 30))
    (datetime.date(1998, 3, 1), [datetime.date(1998, 2, 1), datetime.date(1998, 1, 1), datetime.date(1997, 12, 1)])
    """
    month = (newest + _ONE_DAY).replace(day=1)
    found = []
    for _ in range(MONTHS):
        month = (month - _ONE_DAY).replace(day=1)
        found.append(month)
    return found


def second_looks(lake: Lake, inbox: UPath, seed: int, namer: Namer) -> SecondLooks:
    """Draw the postings of the last complete months, with the answers that there are.

    Parameters
    ----------
    lake
        The lake.
    inbox
        Drop of reviews, whose files hold the answers that no night has taken in yet.
    seed
        Seed of the installation.
    namer
        The lake's namer of findings.
    """
    span = lake.span()
    months = months_drawn(span[1]) if span else []
    firsts, answers = _judgements(_reviews(lake, inbox, min(months, default=None)))
    held = [_Month(month, _sample(lake, month, seed), firsts, answers) for month in months]
    parts = [month.second_looks(seed, namer) for month in held]
    return SecondLooks(
        items=tuple(item for part in parts for item in part.items),
        confirmed=sum(part.confirmed for part in parts),
        undecided=sum(part.undecided for part in parts),
        strata={each: tuple(s for part in parts for s in part.strata[each]) for each in Part},
    )


def answer_to(item: Item, decision: str, note: str, who: str, now: datetime) -> dict[str, Any]:
    """The review by which somebody answers, as a row of the drop; the note has at most `LONGEST_NOTE` characters."""
    reason = f"{MARK}: {note}" if note else MARK
    return {
        "trans_id": item.trans_id,
        "account_id": None,
        "check_code": None,
        "decision": decision,
        "reason": reason,
        "who": who[: LONGEST_TEXTS["who"]],
        "decided_at": now,
        "known_at": now,
    }


@dataclass(frozen=True)
class _Sample:
    """What a month's scores say, whatever people decide.

    Attributes
    ----------
    flagged
        Flagged postings: `_POSTING_COLUMNS`.
    drawn
        The unflagged postings that are drawn: the same columns.
    unflagged
        Number of unflagged postings.
    """

    flagged: pa.Table
    drawn: pa.Table
    unflagged: int

    @classmethod
    def of(cls, scores: pa.Table, salt: str) -> Self:
        """The sample of a month's scores, which have a column `is_flagged` beside those of a posting."""
        is_flagged = pc.fill_null(scores["is_flagged"], False)
        postings = scores.select(_POSTING_COLUMNS)
        flagged, rest = postings.filter(is_flagged), postings.filter(pc.invert(is_flagged))
        places = _drawn(_ids(rest), np.arange(rest.num_rows), DRAWN[Part.UNFLAGGED], salt)
        return cls(flagged.combine_chunks(), rest.take(pa.array(places)).combine_chunks(), rest.num_rows)


_SAMPLES: Kept[_Sample] = Kept(_MOST_SAMPLES)


def _sample(lake: Lake, month: date, seed: int) -> _Sample:
    """The month's sample, drawn once in a process from each state of the published scores.

    Their files' names say the state: an erasure, which leaves the runs as they are, writes new files.
    """
    last = (month + timedelta(days=31)).replace(day=1) - _ONE_DAY
    scores = lake.listing(TABLES["anomaly_scores"], month, last)
    names = [name for files in scores.nights.values() for name in files.names]
    salt = _salt(seed, month)

    def draw() -> list[_Sample]:
        return [_Sample.of(scores.read(scores.nights, (*_POSTING_COLUMNS, "is_flagged")), salt)]

    (found,) = _SAMPLES.get(combined_digest([salt, *names]), draw)
    return found


def _salt(seed: int, month: date) -> str:
    return f"{seed} {month}"


def _ids(postings: pa.Table) -> Ids:
    return np.asarray(postings["trans_id"].to_numpy(), dtype=np.int64)


def _reviews(lake: Lake, inbox: UPath, since: date | None) -> list[dict[str, Any]]:
    """The reviews of postings that nights took in since a date, and those that still lie in the drop."""
    taken = lake.read("reviews", since, None, _REVIEW_COLUMNS) if since else None
    waiting, _ = read_inbox(inbox)
    rows = [] if taken is None else taken.to_pylist()
    rows += [row for file in waiting for row in file.rows.select(list(_REVIEW_COLUMNS)).to_pylist()]
    return [row for row in rows if row["trans_id"] is not None and not row["check_code"]]


def _judgements(reviews: Iterable[Mapping[str, Any]]) -> tuple[dict[int, Judgement], dict[int, Judgement]]:
    """The latest first look and the latest second look at each posting."""
    firsts: dict[int, Judgement] = {}
    answers: dict[int, Judgement] = {}
    for row in sorted(reviews, key=lambda row: row["decided_at"]):
        held = answers if (row["reason"] or "").startswith(MARK) else firsts
        held[row["trans_id"]] = Judgement(row["decision"], row["who"], row["decided_at"])
    return firsts, answers


@dataclass(frozen=True)
class _Month:
    """The sample of a month, and what people said of its postings.

    Attributes
    ----------
    first
        First day of the month.
    sample
        Its flagged postings, and those drawn of the others.
    firsts, answers
        First and second look at each posting that somebody decided on.
    """

    first: date
    sample: _Sample
    firsts: Mapping[int, Judgement]
    answers: Mapping[int, Judgement]

    def second_looks(self, seed: int, namer: Namer) -> SecondLooks:
        """What is drawn of the month, with its answers."""
        ids = _ids(self.sample.flagged)
        said = [self.firsts.get(int(number)) for number in ids]
        dismissed = [place for place, first in enumerate(said) if first and first.decision == "dismissed"]
        drawn = _drawn(ids, np.array(dismissed, dtype=np.intp), DRAWN[Part.DISMISSED], _salt(seed, self.first))
        rows = {Part.DISMISSED: self.sample.flagged.take(pa.array(drawn)), Part.UNFLAGGED: self.sample.drawn}
        items = {part: [self._item(row, part, namer) for row in rows[part].to_pylist()] for part in Part}
        sizes = {Part.DISMISSED: len(dismissed), Part.UNFLAGGED: self.sample.unflagged}
        return SecondLooks(
            items=tuple(item for part in Part for item in items[part]),
            confirmed=sum(first is not None and first.decision == "confirmed" for first in said),
            undecided=sum(first is None for first in said),
            strata={part: (_stratum(sizes[part], items[part]),) for part in Part},
        )

    def _item(self, row: Mapping[str, Any], part: Part, namer: Namer) -> Item:
        return Item(
            item_id=score_id(row, namer),
            month=self.first,
            part=part,
            **{name: row[name] for name in _POSTING_COLUMNS},
            first=self.firsts.get(row["trans_id"]) if part is Part.DISMISSED else None,
            answer=self.answers.get(row["trans_id"]),
        )


def _drawn(ids: Ids, places: npt.NDArray[np.intp], most: int, salt: str) -> npt.NDArray[np.intp]:
    """The places of the postings that are drawn: those whose numbers come first once they are mixed with the salt."""
    key = np.frombuffer(hashlib.sha256(salt.encode()).digest()[:8], dtype=np.uint64)[0]
    order = np.argsort(_mixed(ids[places].astype(np.uint64) ^ key), kind="stable")
    return places[order[:most]]


def _mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    mixed = numbers + _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)


def _stratum(size: int, items: Sequence[Item]) -> Stratum:
    said = [item.answer.decision for item in items if item.answer]
    return Stratum(size, sum(each != "unsure" for each in said), sum(each == "confirmed" for each in said))
