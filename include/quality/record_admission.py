"""Steps of the gate on records: it removes doubles, collects reasons, and accepts or quarantines the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.lake.tables import QUARANTINE_SCHEMA, TABLES
from include.quality.admission import Counts, amount_cents
from include.relations import DATE, FIN_TRANSACTION, IDENTIFIER, Relation
from include.sources.base import Extract

Mask = npt.NDArray[np.bool_]
Reasons = Mapping[int, Sequence[str]]
"""Codes for which a row is refused, each once, by the row's position."""


def first_of_doubles(relation: Relation, rows: pa.Table) -> Mask:
    """Whether each row stays: of rows with the same key and content only the first one in the source does.

    The content is the relation's columns; where a value could not be typed, it is the record as the source gave it.
    """
    stays = np.ones(rows.num_rows, dtype=bool)
    if relation.key not in rows.column_names:
        return stays
    key = rows[relation.key].to_pandas(types_mapper=pd.ArrowDtype)
    suspects = np.flatnonzero(key.duplicated(keep=False) & key.notna())
    if len(suspects):
        stays[suspects[_repeats(relation, rows.take(pa.array(suspects)))]] = False
    return stays


def _repeats(relation: Relation, rows: pa.Table) -> Mask:
    """Whether each row repeats the content of an earlier one."""
    content = rows.select([*(c for c in relation.schema.names if c in rows.column_names), "night"])
    frame = content.to_pandas(types_mapper=pd.ArrowDtype)
    untyped = pc.is_valid(rows["reader_codes"])
    frame["raw"] = pc.if_else(untyped, rows["raw"], pa.scalar(None, pa.string())).to_pandas()
    order = pc.sort_indices(rows, sort_keys=[("source_uri", "ascending"), ("source_line", "ascending")]).to_numpy()
    repeats = np.zeros(rows.num_rows, dtype=bool)
    repeats[order] = frame.iloc[order].duplicated().to_numpy()
    return repeats


def parted(rows: pa.Table, reasons: Reasons) -> tuple[pa.Table, pa.Table]:
    """The rows without a reason and the rows with one, both in the order of the rows."""
    if not reasons:  # the usual case, in which a whole history need not be copied
        return rows, rows.slice(0, 0)
    passed = others(rows.num_rows, reasons)
    return rows.filter(passed), rows.filter(pc.invert(passed))


def others(rows: int, positions: Iterable[int]) -> pa.Array:
    """A mask over `rows` rows that is false at `positions`."""
    mask = np.ones(rows, dtype=bool)
    mask[list(positions)] = False
    return pa.array(mask)


def accepted(relation: Relation, rows: pa.Table) -> pa.Table:
    """The rows as the lake stores them, without the columns that only the gate needs."""
    if relation.name == FIN_TRANSACTION.name:
        rows = rows.append_column("settlement_date", rows[relation.valid_from])
    columns = [name for name in TABLES[relation.name].schema.names if name != "run_key"]
    return rows.select(columns)


def quarantined(relation: Relation, refused: pa.Table, reasons: Reasons, night: date | None) -> pa.Table:
    """Refused rows that `parted` returned, as rows of the quarantine with all their reason codes."""
    nights = _nights(refused, night)
    settlement_date = refused["trans_date"] if relation.name == FIN_TRANSACTION.name else nights
    return _as_quarantine(relation, refused, nights, settlement_date, [list(reasons[p]) for p in sorted(reasons)])


def unreadable(extract: Extract, night: date | None) -> pa.Table:
    """Records that could not be split, as rows of the quarantine."""
    records = extract.unreadable
    codes = [text.split(",") for text in records["reason_codes"].to_pylist()]
    no_date = pa.nulls(records.num_rows, DATE)
    return _as_quarantine(extract.relation, records, _nights(records, night), no_date, codes)


def _nights(rows: pa.Table, night: date | None) -> pa.ChunkedArray:
    """The night on which each record is counted: its own, or the played night for relations without dates."""
    return pc.coalesce(rows["night"], pa.scalar(night, DATE))


def _as_quarantine(
    relation: Relation,
    rows: pa.Table,
    nights: pa.ChunkedArray,
    settlement_date: pa.ChunkedArray | pa.Array,
    codes: list[list[str]],
) -> pa.Table:
    columns = {
        "night": nights,
        "settlement_date": settlement_date,
        "relation": pa.array([relation.name] * rows.num_rows, pa.string()),
        "source_uri": rows["source_uri"],
        "line": rows["source_line"],
        "raw": rows["raw"],
        "reason_codes": codes,
        "account_id": rows["account_id"] if "account_id" in rows.column_names else pa.nulls(rows.num_rows, IDENTIFIER),
    }
    return pa.table(columns, schema=QUARANTINE_SCHEMA)


def counted(extract: Extract, parts: Mapping[str, pa.Table]) -> Counts:
    """The counts of a relation's records by outcome: `published`, `quarantined` and `deduplicated` rows.

    Cents are counted only for transactions, as those of a loan or an order are not settled on a night.
    """
    figures = {f"{part}_rows": rows.num_rows for part, rows in parts.items()}
    if extract.relation.name == FIN_TRANSACTION.name:
        figures |= {f"{part}_cents": amount_cents(rows) for part, rows in {**parts, "offered": extract.rows}.items()}
    return Counts(offered_rows=extract.offered, unreadable_rows=extract.unreadable.num_rows, **figures)


def merged_reasons(found: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    """The reasons of each row, sorted, each code once.

    A value that could not be typed is null; it counts as missing only if there is no better reason for its column.

    Examples
    --------
    >>> merged_reasons([(3, "trans_id_infinite"), (1, "amount_zero"), (3, "trans_id_missing"), (3, "amount_missing")])
    {3: ['amount_missing', 'trans_id_infinite'], 1: ['amount_zero']}
    """
    reasons: dict[int, list[str]] = {}
    for position, code in found:
        codes = reasons.setdefault(position, [])
        if code not in codes and not _is_told_better(code, codes):
            codes.append(code)
    return {position: sorted(codes) for position, codes in reasons.items()}


def _is_told_better(code: str, codes: Sequence[str]) -> bool:
    column = code.removesuffix("missing")
    return column != code and any(known.startswith(column) for known in codes)
