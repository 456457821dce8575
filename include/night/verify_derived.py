"""Verifies what a night published outside its hash: finding ids, masked tables, marts and features.

Finding ids and masked rows are made again with the lake's keys from the rows that they follow from, and marts are held
to the digests of the manifest. A night from before such tables were written has none to verify.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain
from typing import Any

import pyarrow as pa

from include.alerting import OUTBOX, outbox_of
from include.identifiers import is_masked_form
from include.lake import Lake
from include.lake.tables import RUN_KEY
from include.marts import MART_TABLES
from include.masking.finding_ids import with_alert_ids, with_break_ids, with_score_ids
from include.masking.keys import NameKeys
from include.night.derived import DerivedTables, derived_digests
from include.night.masking import Masks, masked_twin, published_tables, rows_apart
from include.night.published_night import PublishedNight
from include.publish.digest import Digest, full_digest
from include.quality import Counts

_DIGESTED = {**MART_TABLES, OUTBOX.name: OUTBOX}
_CODES = {"settlement_breaks": "check_code", "alerts": "code"}


def derived_faults(lake: Lake, published: PublishedNight, keys: NameKeys, digests: Mapping[str, str]) -> Iterator[str]:
    """The end of a sentence on each table outside the hash that is not what it follows from.

    Parameters
    ----------
    lake
        The lake.
    published
        The night.
    keys
        Keys of the lake's names.
    digests
        Digests that an erasure left in place of the manifest's, by table.
    """
    kept = DerivedTables.kept(published.row)
    if kept is None:
        return
    yield from _finding_faults(published, keys)
    yield from _text_faults(published.outputs)
    yield from _digest_faults(lake, published, {**kept.digests, **digests})
    yield from _masked_faults(lake, published, Masks.of_published(keys, published.row))
    if OUTBOX.name in kept.digests and not digests:  # after an erasure the outputs are no longer what it was made of
        yield from _outbox_faults(lake, published)


def _finding_faults(published: PublishedNight, keys: NameKeys) -> Iterator[str]:
    """Findings whose ids are not made of what they are about; of equal ones, the order does not count."""
    outputs, namer = published.outputs, keys.finding_namer
    queue = {"alerts", "settlement_breaks", "anomaly_scores"}  # which repeats the ids of the two others
    again: list[tuple[str, Collection[str], Callable[[], pa.Table]]] = [
        ("settlement_breaks", {"settlement_breaks"}, lambda: with_break_ids(outputs["settlement_breaks"], namer)),
        ("anomaly_scores", {"anomaly_scores"}, lambda: with_score_ids(outputs["anomaly_scores"], namer)),
        ("alerts", queue, lambda: with_alert_ids(_without_own_ids(outputs), namer)),
    ]
    for name, needed, named in again:
        if published.retired.keys().isdisjoint(needed):
            wrong = (_names(name, outputs[name]) - _names(name, named())).total()
            if wrong:
                yield f"{name}: {wrong} finding ids are not those of what their rows are about"


def _names(name: str, rows: pa.Table) -> Counter[tuple[Any, ...]]:
    """Each row's finding id with what the finding is about."""
    columns = ("account_id", "trans_id", _CODES.get(name, "settlement_date"), "finding_id")
    return Counter(zip(*(rows[column].to_pylist() for column in columns), strict=True))


def _without_own_ids(outputs: Mapping[str, pa.Table]) -> pa.Table:
    """The queue, in which only rows that repeat the id of their break or score keep it."""
    known = set(chain.from_iterable(_abouts(outputs[name]) for name in ("settlement_breaks", "anomaly_scores")))
    alerts = outputs["alerts"]
    ids = [about[-1] if about in known else None for about in _abouts(alerts)]
    place = alerts.schema.get_field_index("finding_id")
    return alerts.set_column(place, alerts.schema.field(place), pa.array(ids, pa.string()))


def _abouts(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(rows[column].to_pylist() for column in ("account_id", "trans_id", "finding_id")), strict=True)


def _text_faults(outputs: Mapping[str, pa.Table]) -> Iterator[str]:
    """Sentences whose masked form says something else."""
    for name in ("settlement_breaks", "alerts"):
        rows = outputs[name].select(["masked_text", "text"]).to_pylist()
        if wrong := sum(not is_masked_form(row["masked_text"], row["text"]) for row in rows):
            yield f"{name}: {wrong} masked sentences do not say what their sentences say"
    scores = outputs["anomaly_scores"]
    flagged = scores.filter(scores["is_flagged"]).select(["masked_reasons", "reasons"]).to_pylist()
    if wrong := sum(not _are_masked(row["masked_reasons"], row["reasons"]) for row in flagged):
        yield f"anomaly_scores: the masked reasons of {wrong} postings do not say what their reasons say"


def _are_masked(masked: list[dict[str, Any]] | None, reasons: list[dict[str, Any]] | None) -> bool:
    pairs = [*zip(masked or (), reasons or (), strict=False)]
    return len(masked or ()) == len(reasons or ()) and all(_is_masked(hidden, reason) for hidden, reason in pairs)


def _is_masked(hidden: Mapping[str, Any], reason: Mapping[str, Any]) -> bool:
    return all(
        is_masked_form(hidden[name], told) if isinstance(told, str) else hidden[name] == told
        for name, told in reason.items()
    )


def _digest_faults(lake: Lake, published: PublishedNight, digests: Mapping[str, str]) -> Iterator[str]:
    night, apart = published.night, {table.name: rows for table, rows in rows_apart(lake, published.row)}
    held = {
        name: apart[name] if name in apart else lake.read(_DIGESTED[name], night, night).drop_columns([RUN_KEY.name])
        for name in digests
        if name not in published.retired
    }
    for name, found in derived_digests(held, digests).items():
        if found != digests[name]:
            yield f"{name}: its digest is {_short(found)}, expected {_short(digests[name])}"


def _short(digest: str) -> str:
    """A digest for a sentence, without the names of its columns."""
    return digest.rpartition(":")[2]


def _masked_faults(lake: Lake, published: PublishedNight, masks: Masks) -> Iterator[str]:
    """Masked tables whose rows do not follow from the full ones, in the version that masked readers see."""
    masker, night = masks.masker(masks.keys.current), published.night
    with full_digest() as digest:
        for table, full in published_tables(lake, published.row):
            into = masked_twin(table)
            if published.retired.keys() & {table.name, into.name}:
                continue
            found = lake.read(into, night, night).drop_columns([RUN_KEY.name])
            if not _are_same(found, masker.masked(table, full, into), digest):
                yield f"{into.name}: its {found.num_rows} rows do not follow from the {full.num_rows} of {table.name}"


def _are_same(found: pa.Table, expected: pa.Table, digest: Digest) -> bool:
    """Whether two tables hold the same rows in any order.

    They mostly stand in one order, as they were written: to compare them so takes a hundredth of two digests.
    """
    return found.equals(expected) or digest(found) == digest(expected)


def _outbox_faults(lake: Lake, published: PublishedNight) -> Iterator[str]:
    """Messages of the outbox that the night's outputs do not give."""
    if not published.retired.keys().isdisjoint({OUTBOX.name, "alerts", "settlement_breaks"}):
        return
    counts = {name: published.row[name] for name in Counts().as_dict()}
    found = {row["message_key"] for row in lake.read(OUTBOX, published.night, published.night).to_pylist()}
    expected = set(outbox_of(published.night, published.outputs, counts)["message_key"].to_pylist())
    if found != expected:
        yield f"outbox: {len(found ^ expected)} messages are not those that the night's outputs give"
