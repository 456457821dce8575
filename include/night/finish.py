"""The night's end: publication, and the report that people and the next night start from."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random
from upath import UPath

from include.errors import LakeConflictError, MissingStateError, PublishError, TerminalError
from include.lake import Lake, RunStamp
from include.lake.tables import Table
from include.learning import PROFILE_TABLE, REFRESH_TABLE
from include.monitoring import drift_plot
from include.night import carried_state
from include.night.docs import docs_address, publish_docs
from include.night.late import STATE_TOTALS, known_totals, late_changes, totals_as_of
from include.night.publishing import (
    NightOutputs,
    Provenance,
    as_published,
    check_conservation,
    data_snapshot,
    manifest_row,
    write_night,
)
from include.night.request import NightRequest
from include.night.reviewing import (
    PUBLISHED_RUN,
    dismissed_checks,
    kept_reviews,
    put_reviews_away,
    require_unclaimed,
    reviews_read,
)
from include.night.watching import NOTICES, kept_watch
from include.night.workspace import Workspace
from include.publish.alerts import alert_queue, alerts_csv
from include.quality import Counts
from include.quality.sealed_quarantine import seal_quarantine
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS
from include.security.envelope import Envelope
from include.security.private import make_private
from include.settings import get_settings
from include.whole_file import write_whole

Figures = dict[str, Any]

# Another run of the night that publishes in between makes this one start over; each further turn needs yet another.
_TURNS = stop_after_attempt(4)
_PAUSE = wait_random(0, 2)


def publish(request: NightRequest) -> Figures:
    """Publish the night as one transaction: every table under the run's key, then the manifest row, then the sweep.

    Until the manifest row is switched, readers see the night as it was before; a run that ends anywhere in between
    leaves nothing they see, and running it again completes it.

    Raises
    ------
    TerminalError
        When another run published the night since this one began: what that one took in, this one does not know. Or
        when another night took in what this one did.
    """
    workspace, lake = Workspace.of(request), Lake.open(request.lake_uri)
    late = _late(workspace, lake, request)
    outputs = _gather(workspace, lake, request, late)
    check_conservation(outputs)
    began, model_version = workspace.read_note("began"), workspace.read_note("score")["model_version"]
    snapshot = _snapshot(workspace, late)
    provenance = Provenance(snapshot, model_version, began["rounding_cents"], began["holidays"], get_settings())
    stamp = RunStamp(provenance.run_key(request.night.isoformat()), request.attempt, request.night)
    summary = _summary(workspace, outputs, late)
    row = manifest_row(stamp, outputs, provenance, began["started_at"], summary)
    unclaimed = partial(require_unclaimed, request, workspace, lake)
    for attempt in Retrying(retry=retry_if_exception_type(LakeConflictError), stop=_TURNS, wait=_PAUSE, reraise=True):
        with attempt:
            _write(lake, stamp, outputs, row, began[PUBLISHED_RUN], unclaimed)
    # At once, sealed: what people wrote does not wait in the clear for a report that may be killed. It says what stays.
    put_reviews_away(workspace)
    return {"run_key": stamp.run_key, "output_hash": row["output_hash"], **summary}


def _write(
    lake: Lake,
    stamp: RunStamp,
    outputs: NightOutputs,
    row: Figures,
    run_at_extract: str | None,
    unclaimed: Callable[[], None],
) -> None:
    _attempts_so_far(lake, stamp, run_at_extract)
    write_night(lake, stamp, outputs)
    # Once more: from its first write on the lake itself finds out who else publishes the night.
    attempts = _attempts_so_far(lake, stamp, run_at_extract)
    lake.publish_manifest({**row, "attempt": attempts + 1}, stamp, unclaimed)
    lake.supersede(stamp.night, keep_run_key=stamp.run_key)


def _attempts_so_far(lake: Lake, stamp: RunStamp, run_at_extract: str | None) -> int:
    """How often the night was published; refuses where another run did so since this one began.

    Reviews leave their drop with the run that took them in. A run that began before would publish the night without
    them, and nobody would take them in again.
    """
    row = lake.published(stamp.night)
    if row is None:
        return 0
    if row["run_key"] not in (run_at_extract, stamp.run_key):
        raise TerminalError(
            f"the night {stamp.night} was published by the run {row['run_key']} since this run began, when it was "
            f"{f'that of {run_at_extract}' if run_at_extract else 'not published'}: the reviews that run took in would "
            "be lost. Nothing was published; clear this run from its first task on, and it begins with what is "
            "published now"
        )
    return int(row["attempt"])


def _gather(workspace: Workspace, lake: Lake, request: NightRequest, late: list[str]) -> NightOutputs:
    accepted = workspace.get_many("accepted")
    postings, scores = accepted[FIN_TRANSACTION.name], workspace.get("scores")
    breaks, quarantined = workspace.get("breaks"), workspace.get("quarantined")
    reported = [{"settlement_date": request.night, "text": sentence} for sentence in late]
    heads = [{"settlement_date": request.night, "text": text} for text in workspace.read_note("settle")["warnings"]]
    watched = carried_state.dated({NOTICES: workspace.get(NOTICES)}, request.night)[NOTICES].to_pylist()
    published = as_published(
        {
            FIN_TRANSACTION.name: postings,
            "anomaly_scores": scores,
            "settlement_breaks": breaks,
            "quarantine": quarantined,
            "alerts": alert_queue(
                breaks, scores, postings, reported, watched, dismissed_checks(workspace, request), heads
            ),
        }
    )
    return NightOutputs(
        published=published,
        sealed_quarantine=_sealed(published["quarantine"], request),
        statics={name: table for name, table in accepted.items() if name in STATIC_RELATIONS},
        state=_state(workspace, lake, request),
        counts=Counts(**workspace.read_note("gate")["counts"]),
    )


def _sealed(quarantine: pa.Table, request: NightRequest) -> pa.Table:
    return seal_quarantine(quarantine, request.night, Envelope.open(get_settings()))


def _state(workspace: Workspace, lake: Lake, request: NightRequest) -> list[tuple[Table, pa.Table]]:
    night = request.night
    after = {**workspace.get_many("state.after.settlement"), **workspace.get_many("state.after.features")}
    tables = [
        (carried_state.state_table(name, after[name].schema), rows)
        for name, rows in carried_state.dated(after, night).items()
    ]
    is_first = workspace.read_note("began")["is_first"]
    first_night = night if is_first else carried_state.first_night_of(lake, night)
    start = pa.table({"settlement_date": pa.array([night]), "first_night": pa.array([first_night])})
    since = date.fromisoformat(workspace.read_note("score")["budget_since"])
    budget = pa.table({"settlement_date": pa.array([night]), "budget_since": pa.array([since])})
    kept = workspace.get("lookback") if is_first else workspace.get("lookback").slice(0, 0)
    lookback = kept.add_column(0, "night", pa.array([night] * kept.num_rows, pa.date32()))
    totals = totals_as_of(night, None if is_first else known_totals(lake, night), workspace.get("totals"))
    learned = carried_state.dated({name: workspace.get(name) for name in ("profile", "refresh")}, night)
    kept_with = [
        *((carried_state.STATE_CHAIN_START, start), (carried_state.STATE_BUDGET, budget)),
        *((PROFILE_TABLE, learned["profile"]), (REFRESH_TABLE, learned["refresh"])),
    ]
    watched = [*kept_watch(workspace, night), *kept_reviews(workspace, night)]
    return [*tables, *kept_with, *watched, (carried_state.STATE_LOOKBACK, lookback), (STATE_TOTALS, totals)]


def _late(workspace: Workspace, lake: Lake, request: NightRequest) -> list[str]:
    if workspace.read_note("began")["is_first"]:
        return []
    changes = late_changes(known_totals(lake, request.night), workspace.get("totals"), request.night)
    return [change.sentence(get_settings().restate_days) for change in changes]


def _snapshot(workspace: Workspace, late: list[str]) -> str:
    read = {
        **workspace.get_many("accepted"),
        **workspace.get_many("state.before.settlement"),
        **workspace.get_many("state.before.features"),
        "lookback": workspace.get("lookback"),
        "scores.before": workspace.get("scores.before"),
        "quarantined": workspace.get("quarantined"),
        "late": pa.table({"text": pa.array(late, pa.string())}),
        NOTICES: workspace.get(NOTICES),
        **reviews_read(workspace),
    }
    return data_snapshot(read)


def _summary(workspace: Workspace, outputs: NightOutputs, late: list[str]) -> Figures:
    gate, scored = workspace.read_note("gate"), workspace.read_note("score")
    # A night that is itself restated has no such step.
    restated = workspace.read_note("restate") if workspace.has_note("restate") else {"restated": [], "late": []}
    return {
        "rows_in": outputs.counts.offered_rows,
        "quarantined": outputs.counts.quarantined_rows + outputs.counts.unreadable_rows,
        "breaks": dict(sorted(Counter(outputs.published["settlement_breaks"]["check_code"].to_pylist()).items())),
        "flagged": pc.sum(outputs.published["anomaly_scores"]["is_flagged"]).as_py() or 0,
        "model": scored["note"],
        "skipped": workspace.read_note("settle")["skipped"],
        # What may explain most of the breaks is read before anything else.
        "warnings": [*workspace.read_note("settle")["warnings"], *gate["warnings"], *scored["warnings"]],
        # Nights that were restated took in what came later still, and report it among their alerts.
        "late": list(dict.fromkeys([*restated["late"], *late])),
        "restated": restated["restated"],
        "notices": workspace.get(NOTICES)["text"].to_pylist(),
    }


def report(request: NightRequest) -> Figures:
    """Write what people open beside the tables, and clear the work folder.

    Run once more after the folder is gone, it writes the sheet again and leaves the Data Docs as they are.

    Raises
    ------
    MissingStateError
        When the night is not published.
    PublishError
        When there is no room; the night stays published.
    """
    workspace, lake = Workspace.of(request), Lake.open(request.lake_uri)
    row = lake.published(request.night)
    if row is None:
        raise MissingStateError(f"the night {request.night} is not published: there is nothing to report; publish it")
    try:
        docs = _docs(request, workspace)
        sheet = _alerts_sheet(request, lake)
        _plot_the_month(request, lake)
    except OSError as error:
        raise PublishError(
            f"the night {request.night} is published, but its Data Docs, sheet or plot could not be written "
            f"({error}): see that the disk under {request.lake_uri} has room, and run the report again"
        ) from error
    figures = json.loads(row["summary"])
    warnings = [*figures["warnings"], *put_reviews_away(workspace)]
    workspace.clear()
    return {**figures, "warnings": warnings, "data_docs": docs, "alerts_sheet": str(sheet)}


def _docs(request: NightRequest, workspace: Workspace) -> str:
    if not workspace.has_note("score"):
        return docs_address(request)
    gate, scored = workspace.read_note("gate"), workspace.read_note("score")
    return publish_docs(request, (*gate["results"], *scored["results"]))


def _plot_the_month(request: NightRequest, lake: Lake) -> None:
    """At a month's end, a picture of how far each feature drifted in it."""
    figure = drift_plot(lake, request.night) if (request.night + carried_state.ONE_DAY).day == 1 else None
    if figure is None:
        return
    path = UPath(request.lake_uri) / "drift" / f"{request.night:%Y-%m}.png"
    make_private(path.parent)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    write_whole(path, picture.getvalue())


def _alerts_sheet(request: NightRequest, lake: Lake) -> UPath:
    alerts = lake.read("alerts", request.night, request.night).drop_columns(["run_key"]).sort_by("rank")
    sheet = UPath(request.lake_uri) / "alerts" / f"{request.night}.csv"
    make_private(sheet.parent)
    write_whole(sheet, alerts_csv(alerts).encode())
    return sheet
