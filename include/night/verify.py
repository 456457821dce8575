"""Verifies that a published night still is what its manifest says: hash, conservation, each row and review once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow.compute as pc

from include.errors import IntegrityError
from include.lake import Lake
from include.lake.retired import retired
from include.night.published_night import PublishedNight
from include.quality.admission import amount_cents
from include.registry.erasures import ErasureLog, Remainder
from include.relations import FIN_TRANSACTION
from include.settings import Settings, get_settings


def verify(lake_uri: str, night: date | None = None) -> dict[str, Any]:
    """Check one published night, or all of them.

    Returns
    -------
    dict
        `nights`, the number of nights that hold; `verified`, those of them whose rows are all there; `retired`, the
        others, each with the tables whose rows retention removed. Of these the digest is taken that was recorded
        before the removal, so that what is left is held to the night's own hash.

    Raises
    ------
    IntegrityError
        Naming every night and every figure that does not hold.
    """
    settings = get_settings()
    lake, erasures = Lake.open(lake_uri, settings), ErasureLog.read(lake_uri, settings)
    rows = lake.manifest(first=night, last=night).to_pylist()
    if not rows:
        raise IntegrityError(
            f"nothing is published {f'for {night} ' if night else ''}in {lake_uri}: there is no night to verify"
        )
    wrong = [
        *(fault for row in rows for fault in faults_of(lake, row, erasures, settings)),
        *_reviews_held_twice(lake, night),
        *_unfinished(erasures, night),
    ]
    if wrong:
        raise IntegrityError("; ".join(wrong))
    gone = {row["settlement_date"].isoformat(): sorted(retired(lake, row["settlement_date"])) for row in rows}
    return {
        "nights": len(rows),
        "verified": [night for night, tables in gone.items() if not tables],
        "retired": {night: tables for night, tables in gone.items() if tables},
    }


def faults_of(lake: Lake, row: Mapping[str, Any], erasures: ErasureLog, settings: Settings) -> list[str]:
    """A sentence on each figure of a published night that does not hold.

    Parameters
    ----------
    lake
        The lake.
    row
        The night's row of the manifest.
    erasures
        What was taken out of the night since it was published, on the request of clients.
    settings
        Settings of the installation, which name the key.
    """
    published = PublishedNight.read(lake, row)
    night, remainder = published.night, erasures.remainder(row)
    if unknown := published.unknown_columns:
        return [f"{night}: it was written with {unknown}, which this version does not know: verify it with a later one"]
    try:
        hashes = {"output_hash": (remainder.output_hash, published.output_hash(settings))}
    except IntegrityError as error:
        return [f"{night}: quarantine: {error}"]
    pairs = {**hashes, **_conserved(row), **_held_to(published, remainder)}
    return [f"{night}: {fault}" for fault in remainder.faults] + [
        f"{night}: {what} is {found}, expected {expected}"
        for what, (expected, found) in pairs.items()
        if expected != found
    ]


def _conserved(row: Mapping[str, Any]) -> dict[str, tuple[object, object]]:
    """Pairs of what was offered and what became of it, which no erasure changes."""
    rows = row["published_rows"] + row["quarantined_rows"] + row["deduplicated_rows"] + row["unreadable_rows"]
    cents = row["published_cents"] + row["quarantined_cents"] + row["deduplicated_cents"]
    return {"offered rows": (row["offered_rows"], rows), "offered cents": (row["offered_cents"], cents)}


def _held_to(published: PublishedNight, remainder: Remainder) -> dict[str, tuple[object, object]]:
    """Pairs of the postings that the night is to hold, by the manifest less what was erased, and what it holds.

    Of postings that retention removed, only their number is on record.
    """
    row, postings = published.row, published.outputs[FIN_TRANSACTION.name]
    expected_rows = row["published_rows"] - remainder.transactions
    if gone := published.retired.get(FIN_TRANSACTION.name):
        return {"published rows": (expected_rows, gone["row_count"])}
    return {
        "published rows": (expected_rows, postings.num_rows),
        "published cents": (row["published_cents"] - remainder.cents, amount_cents(postings)),
        "different postings": (expected_rows, pc.count_distinct(postings["trans_id"]).as_py()),
    }


def _unfinished(erasures: ErasureLog, night: date | None) -> list[str]:
    """A sentence on an erasure that was begun and not finished, where it concerns the night."""
    begun = erasures.unfinished
    if begun is None or not (night is None or night in {part.night for part in begun.nights}):
        return []
    return [
        f"the erasure {begun.request} was begun at {begun.planned_at} and not finished: run the same command again "
        "(python -m include privacy --client ID --erase), which completes it"
    ]


def _reviews_held_twice(lake: Lake, night: date | None) -> list[str]:
    """A sentence on each two nights that hold the same reviews: a review acts once, from the night that took it in."""
    held = lake.read("reviews", columns=["settlement_date", "review_key"])
    nights = held.group_by("review_key").aggregate([("settlement_date", "list")])["settlement_date_list"].to_pylist()
    doubled = Counter(tuple(sorted(found)) for found in nights if len(found) > 1)
    return [
        f"{count} reviews are held by {' and '.join(map(str, found))}, each must be by one: run the night {found[-1]} "
        "again, which leaves them to the earlier"
        for found, count in sorted(doubled.items())
        if night is None or night in found
    ]
