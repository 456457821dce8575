"""Moves scores by what analysts decided: up for what resembles confirmed frauds, down for dismissed findings.

Both moves have bounds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from include.explaining.reasons import MAX_REASONS, OTHER
from include.models.base import Vector
from include.models.calibration import published, rarity_of

MOST_RISE = 3.0
"""Largest rise through confirmed frauds, in powers of ten of rarity: an ordinary posting of the account then ranks like
one in a thousand. Measured on the bank of the Fraud Detection Handbook's simulation, 8 weeks, every case known after a
week, with a quick training: average precision 0.172 without, 0.169, 0.204 and 0.189 with at most 2, 3 and 4."""
ONE_PERSONS_DROP = 0.5
"""Largest drop through one person's dismissals, however many there are, in powers of ten of rarity: to a third of the
urgency. A busy month may raise a threshold by as much (`include.models.threshold`)."""
MOST_DROP = 1.0
"""Largest drop through all persons' dismissals together, in powers of ten of rarity: two have to agree before a finding
counts for a tenth."""
FAR_ABOVE = 1.0
"""Distance above a dismissed finding, in powers of ten of rarity, from which on its dismissal has no effect; up to half
of it the effect is full. A decision: a finding that is ten times as rare is another one."""

RISES_SCHEMA = pa.schema(
    [
        pa.field("trans_id", pa.int64()),
        pa.field("code", pa.string()),  # reason code it is published under
        pa.field("feature", pa.string()),
        pa.field("value", pa.string()),
        pa.field("typical", pa.string()),
        pa.field("shift", pa.float64()),  # powers of ten, above 0
        pa.field("text", pa.string()),
    ]
)
"""Rises of the night's postings through confirmed frauds, at most one row per posting and code."""

DISMISSALS_SCHEMA = pa.schema(
    [
        pa.field("account_id", pa.int64()),
        pa.field("code", pa.string()),  # strongest reason of the dismissed finding; null where it was not flagged
        pa.field("counterparty", pa.string()),  # null where it had none
        pa.field("rarity", pa.float64()),  # rarity of the dismissed finding, in powers of ten
        pa.field("who", pa.string()),
        pa.field("text", pa.string()),
    ]
)
"""Dismissed findings whose dismissal is still in force, the latest first."""

Reasons = list[dict[str, object]]
Leading = Callable[[Sequence[int]], list[str]]
"""Function from places of rows to the code of each row's strongest reason."""


@dataclass(frozen=True)
class Said:
    """One effect of reviews on a posting: the fields of a reason, and the shift of its rarity in powers of ten."""

    code: str
    feature: str
    value: str
    typical: str
    shift: float
    text: str


@dataclass(frozen=True)
class Feedback:
    """The effect of reviews on one night.

    Attributes
    ----------
    rises
        Rows of `RISES_SCHEMA`.
    dismissals
        Rows of `DISMISSALS_SCHEMA`.
    """

    rises: pa.Table
    dismissals: pa.Table

    @classmethod
    def none(cls) -> Self:
        """The feedback of a night without reviews."""
        return cls(RISES_SCHEMA.empty_table(), DISMISSALS_SCHEMA.empty_table())

    def said(self, features: pa.Table, scores: Vector, threshold: float, leading: Leading) -> dict[int, list[Said]]:
        """The effects of reviews on each row, by its place; a row that confirmed frauds raise ignores dismissals.

        Parameters
        ----------
        features
            Feature rows of the night.
        scores
            The model's own scores of these rows.
        threshold
            Score below which nothing is lowered, as nobody looks there.
        leading
            Function that gives rows' strongest codes; it is called for rows that may resemble a dismissed finding.
        """
        risen = self._rises(features)
        owners, accounts = features["account_id"].to_pylist(), _by(self.dismissals.to_pylist(), "account_id")
        seen = np.flatnonzero(scores >= threshold).tolist() if accounts else []
        asked = [place for place in seen if place not in risen and owners[place] in accounts]
        dropped = {
            place: [drop]
            for place, code in zip(asked, leading(asked), strict=True)
            if (drop := _dropped(accounts[owners[place]], code, features, scores, place))
        }
        return risen | dropped

    def _rises(self, features: pa.Table) -> dict[int, list[Said]]:
        if not self.rises.num_rows:
            return {}
        places = {trans_id: place for place, trans_id in enumerate(features["trans_id"].to_pylist())}
        rows = _by(self.rises.to_pylist(), "trans_id")
        return {places[trans_id]: _bounded(mine) for trans_id, mine in rows.items() if trans_id in places}


def moved(scores: Vector, said: Mapping[int, Sequence[Said]]) -> Vector:
    """The scores after adding the shifts to their rarities; scores without an effect keep every bit."""
    found = scores.copy()
    for place, parts in said.items():
        rarity = rarity_of(scores[place : place + 1]) + sum(part.shift for part in parts)
        found[place] = published(np.maximum(rarity, 0.0))[0]
    return found


def explained(reasons: Reasons, said: Sequence[Said], extra: float) -> Reasons:
    """The reasons of a moved score: each effect is merged into the reason of its code; the strongest come first.

    Parameters
    ----------
    reasons
        Reasons of the model's own score, `other` last.
    said
        Effects of reviews that moved the score.
    extra
        Distance the score moved; it is shared among the effects in proportion to their shifts.
    """
    total = sum(part.shift for part in said)
    merged = {str(reason["code"]): dict(reason) for reason in reasons}
    for part in said:
        share = extra * part.shift / total
        there = merged.get(part.code)
        merged[part.code] = _new(part, share) if there is None else _merged(there, part, share)
    named = sorted((r for code, r in merged.items() if code != OTHER), key=lambda r: (-_weight(r), str(r["code"])))
    return named[:MAX_REASONS] + _rest(named[MAX_REASONS:], merged.get(OTHER))


def _rest(weakest: Sequence[dict[str, object]], other: dict[str, object] | None) -> Reasons:
    """The reason `other`, with the contributions of reasons that are no longer named."""
    if not weakest:
        return [] if other is None else [other]
    kept = other or {"code": OTHER, "feature": "", "value": "", "typical": "", "contribution": 0.0, "text": ""}
    weight = _weight(kept) + sum(map(_weight, weakest))
    return [{**kept, "contribution": weight, "text": kept["text"] or f"Everything else together adds {weight:.2f}."}]


def _new(part: Said, share: float) -> dict[str, object]:
    fields = {name: getattr(part, name) for name in ("code", "feature", "value", "typical", "text")}
    return {**fields, "contribution": share}


def _merged(there: dict[str, object], part: Said, share: float) -> dict[str, object]:
    """Two reasons of one code as one: the stronger one's sentence comes first, and its figures are named."""
    texts = [str(there["text"]), part.text]
    if share > _weight(there) or part.code == OTHER:
        return {**_new(part, share), "contribution": _weight(there) + share, "text": " ".join(reversed(texts))}
    return {**there, "contribution": _weight(there) + share, "text": " ".join(texts)}


def _weight(reason: Mapping[str, Any]) -> float:
    return float(reason["contribution"])


def _bounded(rows: Iterable[Mapping[str, Any]]) -> list[Said]:
    parts = [Said(**{name: row[name] for name in RISES_SCHEMA.names if name != "trans_id"}) for row in rows]
    scale = min(1.0, MOST_RISE / sum(part.shift for part in parts))
    return [Said(**{**vars(part), "shift": part.shift * scale}) for part in parts]


def _dropped(
    dismissals: Sequence[Mapping[str, Any]], code: str, features: pa.Table, scores: Vector, place: int
) -> Said | None:
    """The drop of one of an account's findings through its dismissals; None where none applies."""
    counterparty = features["counterparty"][place].as_py()
    alike = [dismissal for dismissal in dismissals if _is_alike(dismissal, code, counterparty)]
    return _drop(alike, float(rarity_of(scores[place : place + 1])[0]))


def _is_alike(dismissal: Mapping[str, Any], code: str, counterparty: str | None) -> bool:
    """Whether a finding repeats a dismissed one of the same account."""
    return dismissal["code"] == code or (counterparty is not None and dismissal["counterparty"] == counterparty)


def _drop(alike: Sequence[Mapping[str, Any]], rarity: float) -> Said | None:
    """The drop of a finding: the sum of each person's largest drop, within the bound."""
    persons = _by(alike, "who").values()
    drops = [
        max(float(np.clip(d["rarity"] + FAR_ABOVE - rarity, 0.0, ONE_PERSONS_DROP)) for d in mine) for mine in persons
    ]
    drop = min(sum(drops), MOST_DROP, rarity)
    if drop <= 0:
        return None
    return Said(OTHER, "dismissed", f"{len(alike)} dismissed", "none dismissed", -drop, alike[0]["text"])


def _by(rows: Iterable[Mapping[str, Any]], key: str) -> dict[Any, list[Mapping[str, Any]]]:
    groups: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups
