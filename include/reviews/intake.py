"""Selects the reviews that a night takes in, and the decisions that were known by then."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from include.lake import Lake
from include.lake.tables import QUARANTINE_SCHEMA, REVIEWS_SCHEMA
from include.publish.escaping import escaped_table
from include.reviews.drop import REVIEWS, ReviewFile, read_inbox
from include.reviews.gathering import gather
from include.reviews.queries import queries

KNOWN_DAYS = 124
"""Days before a night whose reviews it reads: the month whose precision is monitored and three months before it, see
`include.monitoring.performance`. Moves of scores need fewer days."""

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Intake:
    """The reviews and refused rows that one night takes out of the drop.

    Attributes
    ----------
    taken
        Reviews that no night took in before (`REVIEWS_SCHEMA`), with inert texts.
    refused
        Invalid rows (`QUARANTINE_SCHEMA`), with raw texts in the clear.
    notes
        Sentences on files that could not be read.
    settled
        Files without rows that wait for a later night, as pairs of the path and the path to put the file away to.
    """

    taken: pa.Table
    refused: pa.Table
    notes: tuple[str, ...] = ()
    settled: tuple[tuple[str, str], ...] = ()


def take_in(lake: Lake, inbox: UPath, night: date, taken: UPath | None = None) -> Intake:
    """The reviews of a drop that were known when the night ended and that no published night has taken in.

    Reviews that became known later wait. A review acts from the night that took it in, however early its file says that
    it was known. A night that is played again must not call this: it keeps the reviews that it took in.

    Parameters
    ----------
    taken
        Folder that settled files are put away to; the one beside the drop when None.
    """
    gather(inbox, night)
    files, notes = read_inbox(inbox, night, taken)
    offered = [REVIEWS_SCHEMA.empty_table(), *(_dated(file.rows, night) for file in files)]
    ripe = pa.concat_tables(offered)
    ripe = once(ripe.filter(pc.less_equal(_known_on(ripe), pa.scalar(night))))
    known = _taken(lake, ripe)
    fresh = ripe.filter(pc.invert(pc.is_in(ripe["review_key"], value_set=known)))
    settled = [file for file in files if _is_settled(file, night)]
    return Intake(escaped_table(fresh), _refused(lake, files, night), tuple(notes), _places(settled))


def left_in_drop(lake: Lake, inbox: UPath, night: date, taken: UPath | None = None) -> tuple[tuple[str, str], ...]:
    """Files that published nights took in completely but were killed before putting away; as in `Intake.settled`."""
    files, _ = read_inbox(inbox, night, taken)
    settled = [file for file in files if _is_settled(file, night)]
    refused = _in_quarantine(lake) if settled else {}
    return _places([file for file in settled if _is_kept(lake, file, refused)])


def _is_kept(lake: Lake, file: ReviewFile, refused: Mapping[tuple[str, int], date]) -> bool:
    keys = file.rows["review_key"]
    is_taken = pc.all(pc.is_in(keys, value_set=_taken(lake, file.rows))).as_py() is not False
    return is_taken and all((row["source_uri"], row["line"]) in refused for row in file.refused)


def _places(files: Sequence[ReviewFile]) -> tuple[tuple[str, str], ...]:
    return tuple((str(file.path), str(file.kept_as)) for file in files)


def kept_by(lake: Lake, night: date) -> pa.Table:
    """The reviews that a published night took in (`REVIEWS_SCHEMA`).

    A review that an earlier night holds too stays with the earlier night. This can happen in lakes from before nights
    waited for each other.
    """
    taken = lake.read("reviews", night, night, REVIEWS_SCHEMA.names)
    earlier = lake.read("reviews", None, night - _ONE_DAY, ["review_key"])["review_key"].combine_chunks()
    return taken.filter(pc.invert(pc.is_in(taken["review_key"], value_set=earlier))) if taken.num_rows else taken


def held_by_others(lake: Lake, night: date, taken: pa.Table, refused: pa.Table) -> list[date]:
    """The other nights that hold reviews or refused rows that this night took out of the drop, one entry for each.

    Parameters
    ----------
    taken, refused
        Reviews and refused rows of the night, as in `Intake`.
    """
    found: list[date] = []
    if taken.num_rows:
        first = pc.min(_known_on(taken)).as_py()
        held = lake.read("reviews", first, None, ["settlement_date", "review_key"])
        held = held.filter(pc.is_in(held["review_key"], value_set=taken["review_key"].combine_chunks()))
        found += held["settlement_date"].to_pylist()
    rows = {(row["source_uri"], row["line"]) for row in refused.to_pylist()}
    found += [other for key, other in _in_quarantine(lake).items() if key in rows] if rows else []
    return [other for other in found if other != night]


def nights_before(lake: Lake, night: date) -> list[date]:
    """The published nights among the `KNOWN_DAYS` before a night, whose reviews and findings the night may know."""
    first, last = night - timedelta(days=KNOWN_DAYS), night - _ONE_DAY
    return sorted(lake.read("night_manifest", first, last, ["settlement_date"])["settlement_date"].to_pylist())


def known_reviews(lake: Lake, night: date, taken: pa.Table, nights: Collection[date]) -> pa.Table:
    """The reviews that the night knows (`REVIEWS_SCHEMA`).

    Parameters
    ----------
    taken
        Reviews that the night took in itself.
    nights
        Earlier nights whose reviews it knows: the result of `nights_before` when the night was first played.
    """
    before = lake.read("reviews", night - timedelta(days=KNOWN_DAYS), night - _ONE_DAY, REVIEWS_SCHEMA.names)
    before = before.filter(pc.is_in(before["settlement_date"], value_set=pa.array(sorted(nights), pa.date32())))
    return pa.concat_tables([before, taken.select(before.column_names).cast(before.schema)])


def decisions_of(reviews: pa.Table, night: date) -> pa.Table:
    """The latest decision on each posting, among the reviews that nights up to `night` took in; see `decisions.sql`."""
    with queries(reviews=reviews) as engine:
        return engine.keep("decisions", night=night)


def confirmed_before(lake: Lake, before: date) -> frozenset[int]:
    """Postings whose latest decision, among the reviews taken in by nights before `before`, confirms an anomaly.

    The result is meant for `include.training.TrainingSpec.confirmed` with the same `before`.
    """
    return confirmed_by(lake.read("reviews", None, before - _ONE_DAY, REVIEWS_SCHEMA.names), before - _ONE_DAY)


def confirmed_by(reviews: pa.Table, night: date) -> frozenset[int]:
    """Postings whose latest decision, among the reviews that nights up to `night` took in, confirms an anomaly."""
    decisions = decisions_of(reviews, night)
    return frozenset(decisions.filter(pc.equal(decisions["decision"], "confirmed"))["trans_id"].to_pylist())


def _dated(rows: pa.Table, night: date) -> pa.Table:
    return rows.add_column(0, "settlement_date", pa.array([night] * rows.num_rows, pa.date32()))


def _known_on(reviews: pa.Table) -> pa.ChunkedArray:
    return pc.cast(pc.cast(reviews["known_at"], pa.timestamp("us")), pa.date32(), safe=False)


def once(reviews: pa.Table) -> pa.Table:
    """Each review once, however many files contain it."""
    first = dict(zip(reversed(reviews["review_key"].to_pylist()), reversed(range(reviews.num_rows)), strict=True))
    return reviews.take(pa.array(sorted(first.values()), pa.int64()))


def _taken(lake: Lake, ripe: pa.Table) -> pa.Array:
    """Keys of the reviews that any night took in; when an old night fills a gap, later nights count too.

    No night can have taken in a review before it was known.
    """
    if not ripe.num_rows:
        return pa.array([], pa.string())
    first = pc.min(_known_on(ripe)).as_py()
    return lake.read("reviews", first, None, ["review_key"])["review_key"].combine_chunks()


def _is_settled(file: ReviewFile, night: date) -> bool:
    latest = pc.max(_known_on(file.rows)).as_py()
    return latest is None or latest <= night


def _refused(lake: Lake, files: Sequence[ReviewFile], night: date) -> pa.Table:
    """The invalid rows that no night has put into its quarantine yet."""
    rows: list[dict[str, Any]] = [row for file in files for row in file.refused]
    known = _in_quarantine(lake) if rows else {}
    fresh = [row for row in rows if (row["source_uri"], row["line"]) not in known]
    noted = [{**row, "night": night, "settlement_date": None, "relation": REVIEWS.name} for row in fresh]
    return pa.Table.from_pylist(noted, schema=QUARANTINE_SCHEMA)


def _in_quarantine(lake: Lake) -> dict[tuple[str, int], date]:
    """The night that refused a row, by the row's file and line."""
    kept = lake.read("quarantine", columns=["relation", "source_uri", "line", "night"])
    kept = kept.filter(pc.equal(kept["relation"], REVIEWS.name))
    keys = zip(kept["source_uri"].to_pylist(), kept["line"].to_pylist(), strict=True)
    return dict(zip(keys, kept["night"].to_pylist(), strict=True))
