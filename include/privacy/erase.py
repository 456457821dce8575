"""Erases one client from the lake: checked first, sealed as planned, taken out, sealed as completed.

Every step may be done twice. A run that ends anywhere leaves the plan, with which the same command takes it up again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pyarrow.compute as pc

from include.errors import IntegrityError, PublishError, TerminalError
from include.lake import Lake, RunStamp
from include.lake.erasing import delete_unreferenced, expire_at_once, rewrite_rows
from include.lake.night_lock import one_night_at_a_time, one_upkeep_at_a_time
from include.lake.tables import RUN_KEY
from include.marts.tables import MART_TABLES
from include.night.derived import DerivedTables, derived_digests
from include.night.published_night import PublishedNight
from include.night.verify import Verifier
from include.privacy.progress import run_steps
from include.privacy.report import Findings, nothing_held, remarks, subject_of
from include.privacy.retention import Retention
from include.privacy.selecting import Selection
from include.privacy.subject import IDENTIFIERS, Subject
from include.quality.admission import amount_cents
from include.registry.erasures import Erasure, ErasureLog, NightErasure
from include.relations import FIN_TRANSACTION
from include.settings import Settings

Say = Callable[[str], object]


def erase(lake_uri: str, client: int, settings: Settings, today: date, say: Say = lambda _: None) -> dict[str, Any]:
    """Erase a client from the lake; an erasure of the client that was begun before is completed.

    Nights and other upkeep wait while it is at work. A reader that is in the middle of a table may find its files gone,
    and reads again.

    Parameters
    ----------
    lake_uri
        The lake.
    client
        The client's number in `fin_client`.
    settings
        Settings of the installation.
    today
        Day from which the duty to keep records is seen.
    say
        Function that is called with a message when the erasure has to wait for a night or for other upkeep.

    Returns
    -------
    dict
        What was taken, as `held_on` lists it, with the `request` under which it is sealed.

    Raises
    ------
    IntegrityError
        When a night that holds rows of the client's does not verify; nothing was changed.
    LakeConflictError
        When a night or other upkeep was at work for too long; nothing was changed.
    RetentionError
        When a record of the client's is younger than the duty to keep it; nothing was changed.
    SettingsError
        When the lake holds no such client.
    PublishError
        When the lake could not take a change; the message says what is done, what is left and how to go on.
    TerminalError
        When a table has no rule, reviews of the client's wait in the drop, or another client's erasure is unfinished;
        nothing was changed.
    """
    with one_upkeep_at_a_time(lake_uri, "the erasure", say), one_night_at_a_time(lake_uri, today, say):
        return _erase(lake_uri, Verifier.open(lake_uri, settings), client, today)


def _erase(lake_uri: str, verifier: Verifier, client: int, today: date) -> dict[str, Any]:
    lake, log, settings = verifier.lake, verifier.erasures, verifier.settings
    begun = log.unfinished
    subject = subject_of(lake, log, client, settings) if begun is None else _pending_subject(log, client)
    if subject is None:
        return nothing_held(log, client)
    if begun is None:
        Retention.of(lake, subject, settings.retention_years).require(today)
    findings = Findings.of(lake_uri, lake, subject, settings, begun)
    findings.files.require_none_waiting()
    told = {**findings.as_dict(lake), "remarks": _remarks(lake_uri, lake, log, findings, client, settings, today)}
    planned = _planned(verifier, begun or _begun(log, client, findings.subject), findings, today)
    log = log.having(planned, findings.subject.as_pending())
    _seal_plan(log, lake_uri, settings)
    done = log.having(replace(planned, completed_at=_now()), None)
    stamp = _stamp(lake, planned)
    run_steps(
        planned.request,
        {
            **{held.table: partial(_take_out, lake, held.table, findings.selection, stamp) for held in findings.held},
            "files beside the tables": partial(findings.files.erase, lake_uri, lake),
            "the case book": partial(findings.cases.erase, findings.selection),
            "the seal": partial(done.write, lake_uri, settings),
        },
    )
    return {"is_erased": True, "request": planned.request, "train_by": planned.train_by, **told}


def _pending_subject(log: ErasureLog, client: int) -> Subject:
    if not log.is_pending(client):
        raise TerminalError(
            f"nothing was erased: the erasure {log.unfinished.request if log.unfinished else ''} of another client was "
            "begun and not finished; run the command for that client again first, which completes it"
        )
    return Subject.of_pending(log.pending or {})


def _begun(log: ErasureLog, client: int, subject: Subject) -> Erasure:
    digests = {column: log.digests(column, subject.numbers[column]) for column in IDENTIFIERS if column != "trans_id"}
    return Erasure(uuid.uuid4().hex, log.digest("client_id", client), _now(), numbers=digests)


def _remarks(
    lake_uri: str, lake: Lake, log: ErasureLog, findings: Findings, client: int, settings: Settings, today: date
) -> list[str]:
    return remarks(lake_uri, lake, findings, log.erased_among([client]), today + timedelta(settings.retrain_days))


def _planned(verifier: Verifier, erasure: Erasure, findings: Findings, today: date) -> Erasure:
    """The record of what is to be taken; what an earlier run had planned stays in it, as its rows may be gone."""
    lake, log, settings = verifier.lake, verifier.erasures, verifier.settings
    known = {part.publication for part in erasure.nights}
    rows = [lake.published(night) for night in findings.nights]
    new = [row for row in rows if row is not None and _publication(row) not in known]
    _require_verified(verifier, new)
    parts = [_night_erasure(lake, log, row, findings, settings) for row in new]
    models = sorted({*erasure.models, *(model.version for model in findings.models)})
    return replace(
        erasure,
        nights=(*erasure.nights, *(part for part in parts if part.rows)),
        rows=erasure.rows or _static_rows(findings),
        models=tuple(models),
        train_by=erasure.train_by or (today + timedelta(settings.retrain_days)).isoformat(),
    )


def _publication(row: Mapping[str, Any]) -> tuple[date, str, int]:
    return row["settlement_date"], row["run_key"], row["attempt"]


def _require_verified(verifier: Verifier, rows: Iterable[Mapping[str, Any]]) -> None:
    faults = [fault for row in rows for fault in verifier.faults_of(row)]
    if faults:
        raise IntegrityError(
            "nothing was erased: a night that holds rows of the client's does not verify, and afterwards nobody could "
            f"tell what was erased from what was changed ({'; '.join(faults)}). Play such a night again first"
        )


def _night_erasure(
    lake: Lake, log: ErasureLog, row: Mapping[str, Any], findings: Findings, settings: Settings
) -> NightErasure:
    """What is taken out of one published night, and the hash of what remains."""
    night, selection = row["settlement_date"], findings.selection
    published = PublishedNight.read(lake, row)
    outputs = published.outputs
    remaining = {name: rows.filter(pc.invert(selection.mask(name, rows))) for name, rows in outputs.items()}
    before, after = outputs[FIN_TRANSACTION.name], remaining[FIN_TRANSACTION.name]
    return NightErasure(
        night=night,
        run_key=row["run_key"],
        attempt=row["attempt"],
        hash_before=log.remainder(row).output_hash,
        hash_after=published.with_outputs(remaining).output_hash(settings),
        derived=_derived(lake, row, selection),
        rows={held.table: held.by_night[night] for held in findings.held if held.by_night[night]},
        transactions=before.num_rows - after.num_rows,
        cents=amount_cents(before) - amount_cents(after),
    )


def _derived(lake: Lake, row: Mapping[str, Any], selection: Selection) -> dict[str, str]:
    """The digests of what remains of the tables that follow from the night's outputs."""
    kept, night = DerivedTables.kept(row), row["settlement_date"]
    found = {}
    for name in kept.digests if kept else ():
        if name in MART_TABLES:
            rows = lake.read(MART_TABLES[name], night, night).drop_columns([RUN_KEY.name])
            remaining = selection.remaining(name, rows)
            found[name] = rows if remaining is None else remaining
    return derived_digests(found)


def _static_rows(findings: Findings) -> dict[str, int]:
    return {held.table: held.by_night[None] for held in findings.held if held.by_night[None]}


def _seal_plan(log: ErasureLog, lake_uri: str, settings: Settings) -> None:
    try:
        log.write(lake_uri, settings)
    except OSError as error:
        raise PublishError(
            f"nothing was erased: the plan could not be sealed in {lake_uri} ({error}). See that the lake and the "
            "folder of the key have room and may be written to, and run the same command again"
        ) from error


def _take_out(lake: Lake, table: str, selection: Selection, stamp: RunStamp) -> None:
    """Take the client's rows out of a table, its older snapshots and its files."""
    rewrite_rows(lake.catalog, table, partial(selection.remaining, table), stamp)
    expire_at_once(lake.catalog, table)
    delete_unreferenced(lake.catalog, table, partial(selection.count, table))


def _stamp(lake: Lake, planned: Erasure) -> RunStamp:
    """The stamp of the erasure's snapshots; each spans nights, so that it names the request in place of a run."""
    nights = lake.manifest()["settlement_date"].to_pylist()
    return RunStamp(planned.request, "erasure", nights[-1] if nights else date.min)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
