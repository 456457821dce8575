"""Verifies that a published night still is what its manifest says: hash, conservation, each row and review once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import IntegrityError
from include.lake import Lake
from include.lake.retired import retired
from include.night.columns import Columns, NightColumns
from include.publish.digest import output_digests, output_hash
from include.quality.admission import amount_cents
from include.quality.sealed_quarantine import unseal_quarantine
from include.relations import FIN_TRANSACTION
from include.security.envelope import Envelope
from include.settings import get_settings


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
    lake = Lake.open(lake_uri)
    rows = lake.manifest(first=night, last=night).to_pylist()
    if not rows:
        raise IntegrityError(
            f"nothing is published {f'for {night} ' if night else ''}in {lake_uri}: there is no night to verify"
        )
    wrong = [*(fault for row in rows for fault in faults(lake, row)), *_reviews_held_twice(lake, night)]
    if wrong:
        raise IntegrityError("; ".join(wrong))
    gone = {row["settlement_date"].isoformat(): sorted(retired(lake, row["settlement_date"])) for row in rows}
    return {
        "nights": len(rows),
        "verified": [night for night, tables in gone.items() if not tables],
        "retired": {night: tables for night, tables in gone.items() if tables},
    }


def faults(lake: Lake, row: dict[str, Any]) -> list[str]:
    """A sentence on each figure of a night's manifest row that what is published does not bear out."""
    night = row["settlement_date"]
    columns = NightColumns.kept(row).hashed
    outputs = {name: _published(lake, name, night) for name in columns}
    gone = {name: record for name, record in retired(lake, night).items() if name in columns}
    if unknown := _unknown_columns(outputs, columns):
        return [f"{night}: it was written with {unknown}, which this version does not know: verify it with a later one"]
    try:
        outputs["quarantine"] = unsealed(outputs["quarantine"], night)
    except IntegrityError as error:
        return [f"{night}: quarantine: {error}"]
    offered = row["published_rows"] + row["quarantined_rows"] + row["deduplicated_rows"] + row["unreadable_rows"]
    cents = row["published_cents"] + row["quarantined_cents"] + row["deduplicated_cents"]
    pairs = {
        "output_hash": (
            row["output_hash"],
            output_hash(outputs, columns, {name: record["content_digest"] for name, record in gone.items()}),
        ),
        "offered rows": (row["offered_rows"], offered),
        "offered cents": (row["offered_cents"], cents),
        **_of_postings(row, outputs[FIN_TRANSACTION.name], gone.get(FIN_TRANSACTION.name)),
    }
    return [
        f"{night}: {what} is {found}, expected {expected}"
        for what, (expected, found) in pairs.items()
        if expected != found
    ]


def _of_postings(
    row: Mapping[str, Any], postings: pa.Table, gone: Mapping[str, Any] | None
) -> dict[str, tuple[Any, Any]]:
    """What the manifest says of the postings, and what there is; of removed ones only their number is on record."""
    if gone is not None:
        return {"published rows": (row["published_rows"], gone["row_count"])}
    return {
        "published rows": (row["published_rows"], postings.num_rows),
        "published cents": (row["published_cents"], amount_cents(postings)),
        "different postings": (row["published_rows"], pc.count_distinct(postings["trans_id"]).as_py()),
    }


def recorded_digests(lake: Lake, row: dict[str, Any], tables: Collection[str]) -> dict[str, str | None]:
    """The digests by which a night is held to its hash once the rows of some tables are gone.

    Parameters
    ----------
    row
        Manifest row of the night.
    tables
        Names of the tables; the digest is None for one that the hash does not cover.
    """
    night, columns = row["settlement_date"], NightColumns.kept(row).hashed
    covered = {name: columns[name] for name in tables if name in columns}
    outputs = {name: _published(lake, name, night) for name in covered}
    if "quarantine" in outputs:
        outputs["quarantine"] = unsealed(outputs["quarantine"], night)
    return {**dict.fromkeys(tables), **output_digests(outputs, covered)}


def _unknown_columns(outputs: Mapping[str, pa.Table], columns: Columns) -> str:
    unknown = [
        f"{name}.{column}" for name in columns for column in columns[name] if column not in outputs[name].schema.names
    ]
    return ", ".join(unknown)


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


def _published(lake: Lake, name: str, night: date) -> pa.Table:
    return lake.read(name, night, night).drop_columns(["run_key"])


def unsealed(quarantine: pa.Table, night: date) -> pa.Table:
    """A published night's quarantine with its raw texts in the clear.

    Raises
    ------
    IntegrityError
        When a text was changed, or sealed with another key.
    """
    return unseal_quarantine(quarantine, night, Envelope.open(get_settings()))
