"""Finding ids: opaque names that decisions, links and messages use, the same after a night is restated.

An id is made with the lake's finding key from what the finding is about: date, kind, account and posting; for a break
also its check and subject; for findings shown as one, and for notices on the bank as a whole, their code.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.masking.keys import Namer

Row = Mapping[str, Any]

_ABOUT_BREAK = ("settlement_date", "account_id", "trans_id", "check_code", "subject")
_ABOUT_SCORE = ("settlement_date", "account_id", "trans_id")


def with_break_ids(breaks: pa.Table, namer: Namer) -> pa.Table:
    """The breaks of a night (`BREAKS_SCHEMA`) with their finding ids."""
    return _with_ids(breaks, _ABOUT_BREAK, lambda row: ["break", *_values(row, _ABOUT_BREAK)], namer)


def with_score_ids(scores: pa.Table, namer: Namer) -> pa.Table:
    """The scores of a night (`SCORES_SCHEMA`) with the finding ids of flagged postings."""
    is_flagged = scores["is_flagged"].combine_chunks()
    flagged = scores.filter(is_flagged)
    named = _with_ids(flagged, _ABOUT_SCORE, lambda row: ["score", *_values(row, _ABOUT_SCORE)], namer)
    none = pa.nulls(scores.num_rows, pa.string())
    return _with_column(scores, pc.replace_with_mask(none, is_flagged, named["finding_id"].combine_chunks()))


def score_id(posting: Row, namer: Namer) -> str:
    """The id of a finding on a posting (`settlement_date`, `account_id`, `trans_id`), or that which one would have."""
    return _named([["score", *_values(posting, _ABOUT_SCORE)]], namer)[0]


def with_alert_ids(alerts: pa.Table, namer: Namer) -> pa.Table:
    """The queue of a night (`ALERTS_SCHEMA`) with the ids of those rows that are neither one break nor one score."""

    def about(row: Row) -> list[Any]:
        day = str(row["text"]).partition(" ")[0] if row["kind"] == "late" else None  # its sentence begins with it
        return [row["kind"], row["settlement_date"], row["account_id"], row["code"], row["severity"], day]

    used = ("settlement_date", "kind", "code", "severity", "account_id", "text", "finding_id")
    return _with_ids(alerts, used, lambda row: row["finding_id"] or about(row), namer)


def _values(row: Row, columns: Iterable[str]) -> list[Any]:
    return [row[name] for name in columns]


def _with_ids(
    table: pa.Table, columns: Iterable[str], about: Callable[[Row], list[Any] | str], namer: Namer
) -> pa.Table:
    found = [about(row) for row in table.select(list(columns)).to_pylist()]
    return _with_column(table, pa.array(_named(found, namer), pa.string()))


def _with_column(table: pa.Table, ids: pa.Array) -> pa.Table:
    place = table.schema.get_field_index("finding_id")
    return table.set_column(place, table.schema.field(place), ids)


def _named(found: Iterable[list[Any] | str], namer: Namer) -> list[str]:
    """The id of each finding: a text is one already; equal findings are told apart by their order."""
    seen: Counter[str] = Counter()
    ids: list[str] = []
    for about in found:
        if isinstance(about, str):
            ids.append(about)
            continue
        text = json.dumps(about, default=str)
        seen[text] += 1
        ids.append(namer.name(text if seen[text] == 1 else f"{text}#{seen[text]}"))
    return ids
