"""Verifies that a published night still is what its manifest says: hash, conservation, each row and review once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Self

import pyarrow.compute as pc

from include.cases import audit_faults
from include.errors import IntegrityError
from include.lake import Lake
from include.lake.retired import retired
from include.masking.keys import NameKeys, NameKeyStore
from include.night.published_night import PublishedNight
from include.night.verify_derived import derived_faults
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
    verifier = Verifier.open(lake_uri, get_settings())
    lake = verifier.lake
    rows = lake.manifest(first=night, last=night).to_pylist()
    if not rows:
        raise IntegrityError(
            f"nothing is published {f'for {night} ' if night else ''}in {lake_uri}: there is no night to verify"
        )
    wrong = [
        *(fault for row in rows for fault in verifier.faults_of(row)),
        *_reviews_held_twice(lake, night),
        *_unfinished(verifier.erasures, night),
        *(audit_faults(lake_uri, verifier.settings) if night is None else ()),
    ]
    if wrong:
        raise IntegrityError("; ".join(wrong))
    gone = {row["settlement_date"].isoformat(): sorted(retired(lake, row["settlement_date"])) for row in rows}
    return {
        "nights": len(rows),
        "verified": [night for night, tables in gone.items() if not tables],
        "retired": {night: tables for night, tables in gone.items() if tables},
    }


@dataclass(frozen=True)
class Verifier:
    """Verifies the nights of one lake.

    Attributes
    ----------
    lake
        The lake.
    erasures
        What was taken out of nights since they were published, on the request of clients.
    names
        Sealed keys of the lake's names.
    settings
        Settings of the installation, which name the key.
    """

    lake: Lake
    erasures: ErasureLog
    names: NameKeyStore
    settings: Settings

    @classmethod
    def open(cls, lake_uri: str, settings: Settings) -> Self:
        """The verifier of a lake.

        Raises
        ------
        IntegrityError
            When the log of erasures is gone, was changed or does not open.
        """
        lake, erasures = Lake.open(lake_uri, settings), ErasureLog.read(lake_uri, settings)
        return cls(lake, erasures, NameKeyStore.open(lake_uri, settings), settings)

    def faults_of(self, row: Mapping[str, Any]) -> list[str]:
        """A sentence on each figure of a published night that does not hold, given its row of the manifest."""
        published = PublishedNight.read(self.lake, row)
        if unknown := published.unknown_columns:
            said = f"it was written with {unknown}, which this version does not know: verify it with a later one"
            return [f"{published.night}: {said}"]
        return [f"{published.night}: {fault}" for fault in self._faults(published)]

    def _faults(self, published: PublishedNight) -> Iterator[str]:
        remainder = self.erasures.remainder(published.row)
        yield from remainder.faults
        try:
            hashes = {"output_hash": (remainder.output_hash, published.output_hash(self.settings))}
        except IntegrityError as error:
            yield f"quarantine: {error}"
            return
        pairs = {**hashes, **_conserved(published.row), **_held_to(published, remainder)}
        yield from (
            f"{what} is {found}, expected {expected}" for what, (expected, found) in pairs.items() if expected != found
        )
        yield from self._derived_faults(published, remainder)

    def _derived_faults(self, published: PublishedNight, remainder: Remainder) -> Iterator[str]:
        if published.row["derived"] is None:
            return
        try:
            yield from derived_faults(self.lake, published, self._keys, remainder.derived)
        except IntegrityError as error:
            yield str(error)

    @cached_property
    def _keys(self) -> NameKeys:
        return self.names.get(has_nights=True)


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
