"""The gate: it accepts or refuses a night's rows and relations, as the suites in `expectations/` decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from include.lake.tables import QUARANTINE_SCHEMA, REVERSES
from include.quality import record_admission
from include.quality.admission import Admission, Counts, RefusedError, SuiteResult, looked_for
from include.quality.reversals import Reversals, find_reversals
from include.quality.signs import MEND, NEGATIVE
from include.relations import FIN_TRANSACTION, RELATIONS, STATIC_RELATIONS
from include.sources.base import Extract

if TYPE_CHECKING:
    from include.quality.validation import Verdict, Violation

# Largest number of reason codes named in a message; the others are in the quarantine and in Data Docs.
_NAMED_CODES = 3


@dataclass(frozen=True)
class _Judged:
    """One relation with the verdicts on its rows."""

    extract: Extract
    accepted: pa.Table
    quarantined: pa.Table
    counts: Counts
    verdict: Verdict

    @property
    def name(self) -> str:
        return self.extract.relation.name


def admit(extracts: Mapping[str, Extract | None], night: date | None, lookback: pa.Table | None = None) -> Admission:
    """Accept or refuse a night's records.

    Parameters
    ----------
    extracts
        Extract of each relation by name; None where the source has none. Relations that are not keys are not required.
    night
        The settlement date; None for a whole history, whose records carry their nights.
    lookback
        Accepted postings of the days before the night, which its reversals may take back; none before a history.

    Returns
    -------
    Admission
        The answer; rows that fail a `fail` expectation are in `quarantined`, each with all its reason codes.

    Raises
    ------
    RefusedError
        When a required relation is missing or a relation fails as a whole. The message names all of them, and nothing
        may be published.
    ConservationError
        When an offered record is neither accepted nor accounted for.
    """
    absent = [name for name, extract in extracts.items() if extract is None]
    judged = [_judged(extract, night, lookback) for extract in extracts.values() if extract is not None]
    delivery = _delivery(judged)
    results = (*(_result(each) for each in judged), {**delivery.result, "relation": None})
    refusals = [*_missing(absent, judged), *(r for each in judged for r in _refusals(each)), *_broken(delivery, judged)]
    if refusals:
        raise RefusedError(_message(night, refusals), results, night=night)
    for each in judged:
        each.counts.check(each.name)
    return Admission(
        accepted={each.name: each.accepted for each in judged},
        quarantined=pa.concat_tables([QUARANTINE_SCHEMA.empty_table(), *(each.quarantined for each in judged)]),
        by_relation={each.name: each.counts for each in judged},
        warnings=(*_absences(absent), *(w for each in judged for w in _warnings(each, night))),
        results=results,
    )


def admit_statics(extracts: Mapping[str, Extract | None], night: date | None = None) -> Admission:
    """Accept or refuse the static relations as `admit` does, for callers that play many nights over one snapshot.

    Parameters
    ----------
    extracts
        Extracts as for `admit`; static relations that are not keys count as absent, and transactions are ignored.
    night
        Night on which their quarantined rows are counted.
    """
    return admit({name: extracts.get(name) for name in STATIC_RELATIONS}, night)


def check_scores(scores: pa.Table, postings: int, budget: float) -> tuple[tuple[str, ...], SuiteResult]:
    """Validate a night's scores with their suite.

    Parameters
    ----------
    scores
        Scores of the night (`SCORES_SCHEMA`).
    postings
        Number of accepted postings of the night; each must have one score.
    budget
        Alert budget: the expected share of flagged postings.

    Returns
    -------
    tuple
        Warnings for people, and the verdict for Data Docs.

    Raises
    ------
    RefusedError
        When the scores may not be published.
    """
    from expectations import anomaly_scores as rules
    from include.quality.validation import validate

    unflagged = max(0.0, 1 - budget * rules.BUDGETS_BEFORE_WARNING)
    parameters = {rules.POSTINGS: postings, rules.SMALLEST_UNFLAGGED_SHARE: unflagged}
    verdict = validate(rules.SUITE, _score_columns(scores), parameters=parameters)
    name, result = "anomaly_scores", {**verdict.result, "relation": "anomaly_scores"}
    refusals = [_sentence(name, "", v) for v in verdict.violations if v.stops_night]
    if refusals:
        raise RefusedError(f"The night's scores may not be published:\n{_bullets(refusals)}", (result,), table=name)
    return tuple(_sentence(name, "", v) for v in verdict.violations), result


def _score_columns(scores: pa.Table) -> pa.Table:
    """The columns that the suite of the scores sees, which contain no texts."""
    plain = scores.select(
        ["trans_id", "account_id", "settlement_date", "score", "typical_score", "is_flagged", "threshold"]
    )
    count = pc.list_value_length(scores["reasons"])
    # An empty list of reasons counts as none.
    return plain.append_column("reason_count", pc.if_else(pc.greater(count, 0), count.cast(pa.int64()), None))


def _judged(extract: Extract, night: date | None, lookback: pa.Table | None) -> _Judged:
    relation = extract.relation
    stays = record_admission.first_of_doubles(relation, extract.rows)
    kept = extract.rows if stays.all() else extract.rows.filter(pa.array(stays))
    verdict = _verdict(extract, kept)
    if any(violation.is_broken and violation.stops_night for violation in verdict.violations):
        return _Judged(extract, kept, QUARANTINE_SCHEMA.empty_table(), Counts(extract.offered), verdict)
    reasons = record_admission.merged_reasons(verdict.reasons({"reader_codes": kept["reader_codes"]}))
    passed, refused = record_admission.parted(kept, reasons)
    if relation is FIN_TRANSACTION:
        found = find_reversals(passed, lookback)
        reasons |= _refused_reversals(kept.num_rows, reasons, found)
        passed, refused = record_admission.parted(kept, reasons)
        passed = passed.append_column(
            REVERSES, found.reverses.filter(record_admission.others(len(found.reverses), found.refused))
        )
    doubles = extract.rows.filter(pa.array(~stays))
    counts = record_admission.counted(extract, {"published": passed, "quarantined": refused, "deduplicated": doubles})
    quarantined = [
        record_admission.quarantined(relation, refused, reasons, night),
        record_admission.unreadable(extract, night),
    ]
    return _Judged(extract, record_admission.accepted(relation, passed), pa.concat_tables(quarantined), counts, verdict)


def _refused_reversals(offered: int, reasons: record_admission.Reasons, found: Reversals) -> dict[int, list[str]]:
    """Reason codes of the refused reversals, by their place among all records."""
    passed = [position for position in range(offered) if position not in reasons] if found.refused else []
    return {passed[position]: [code] for position, code in found.refused.items()}


def _verdict(extract: Extract, rows: pa.Table) -> Verdict:
    from expectations.catalog import SUITES
    from include.quality.validation import validate

    # Release what reading left behind, as Great Expectations needs as much again for its own copies.
    pa.default_memory_pool().release_unused()
    visible = [c for c in (*extract.relation.schema.names, "reader_codes", "night") if c in rows.column_names]
    return validate(SUITES[extract.relation.name], rows.select(visible), rows["source_line"])


def _delivery(judged: list[_Judged]) -> Verdict:
    from expectations import delivery
    from include.quality.validation import validate

    rows = [
        {
            "relation": each.name,
            "offered": each.counts.offered_rows,
            "refused": each.counts.refused_rows,
            "tolerated": delivery.tolerated(each.counts.offered_rows),
        }
        for each in judged
    ]
    return validate(delivery.SUITE, pa.Table.from_pylist(rows, delivery.DELIVERY))


def _result(judged: _Judged) -> SuiteResult:
    codes = dict(_codes(judged.quarantined).most_common())
    return {
        **judged.verdict.result,
        "relation": judged.name,
        "counts": judged.counts.as_dict(),
        "reason_codes": codes,
    }


def _missing(absent: list[str], judged: list[_Judged]) -> list[str]:
    where = next((f" beside {_file(each)}" for each in judged if each.extract.offered), "")
    return [
        f"{name}: the source has none, and a night cannot go without it. Looked for {looked_for(name)}{where}. "
        "Deliver it, or correct its name, and rerun the night."
        for name in absent
        if RELATIONS[name].required
    ]


def _absences(absent: list[str]) -> list[str]:
    return [f"{name}: the source has none; what depends on it is skipped" for name in absent]


def _refusals(judged: _Judged) -> list[str]:
    stopping = [violation for violation in judged.verdict.violations if violation.stops_night]
    # Expectations that could not be evaluated follow from a missing column, which is named where it is known.
    telling = [violation for violation in stopping if not violation.is_broken] or stopping
    return [_sentence(judged.name, _file(judged), violation) for violation in telling]


def _broken(delivery: Verdict, judged: list[_Judged]) -> list[str]:
    stopped = (judged[position] for violation in delivery.violations for position in violation.positions)
    return [
        f"{each.name}: {each.counts.refused_rows} of {each.counts.offered_rows} records were refused, a night goes "
        f"without at most {_tolerated(each)} (file {_file(each)}). {_told_reasons(each)}"
        for each in stopped
    ]


def _told_reasons(judged: _Judged) -> str:
    """The most frequent reason codes, each with its explanation for people, and what to do at the end."""
    from expectations.delivery import FIX

    fixes = {
        v.meta["reason_code"]: v.meta["fix"]
        for v in judged.verdict.violations
        if {"reason_code", "fix"} <= v.meta.keys()
    }
    told = {NEGATIVE: MEND, **fixes, **judged.extract.explanations}
    reasons = [
        f"{code} ({count} records){f': {told[code]}' if code in told else ''}"
        for code, count in _codes(judged.quarantined).most_common(_NAMED_CODES)
    ]
    return ". ".join([*reasons, FIX])


def _tolerated(judged: _Judged) -> int:
    from expectations.delivery import tolerated

    return tolerated(judged.counts.offered_rows)


def _warnings(judged: _Judged, night: date | None) -> list[str]:
    name = judged.name
    empty = name == FIN_TRANSACTION.name and night is not None and not judged.extract.offered
    return [
        *(f"{name}: {note}" for note in judged.extract.notes),
        *([f"{name}: no transaction is counted on {night}; its outputs are empty"] if empty else []),
        *_told_signs(judged),
        *(_sentence(name, "", v) for v in judged.verdict.violations if v.meta["severity"] == "warn"),
    ]


def _told_signs(judged: _Judged) -> list[str]:
    """Warnings about debits with a negative sign, of which a small night has too few to be stopped."""
    count = _codes(judged.quarantined)[NEGATIVE]
    return [f"{judged.name}: {count} records are in quarantine as {NEGATIVE}: {MEND}"] if count else []


def _sentence(name: str, file: str, violation: Violation) -> str:
    """A sentence with relation, found and allowed figure, file, fix and the expectation's name in Data Docs."""
    code = violation.meta.get("reason_code")
    parts = [f"{name}: found {violation.found}, allowed {violation.allowed}"]
    parts += [f" ({code})"] if code else []
    parts += [f" (file {file})"] if file else []
    parts += [f". {violation.meta['fix']}"] if violation.meta.get("fix") else []
    return "".join(parts) + f" [{violation.expectation}]"


def _file(judged: _Judged) -> str:
    """The relation's file or table; several are listed together."""
    extract = judged.extract
    found = {
        uri for table in (extract.rows, extract.unreadable) for uri in pc.unique(table["source_uri"]).to_pylist() if uri
    }
    return ", ".join(sorted(found)) or f"without records; looked for {looked_for(judged.name)}"


def _codes(quarantined: pa.Table) -> Counter[str]:
    return Counter(code for codes in quarantined["reason_codes"].to_pylist() for code in codes)


def _message(night: date | None, refusals: Iterable[str]) -> str:
    what = f"the night {night}" if night else "the history"
    return f"The gate refuses {what}; nothing was published:\n{_bullets(refusals)}"


def _bullets(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)
