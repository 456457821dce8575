"""The last steps of a night: publication as one transaction, and the report for people."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random
from upath import UPath

from include.errors import LakeConflictError, MissingStateError, PublishError, TerminalError
from include.lake import Lake, RunStamp
from include.monitoring import drift_plot
from include.night import carried_state
from include.night.derived import DerivedTables
from include.night.docs import docs_address, publish_docs
from include.night.extracts import missing_extracts
from include.night.handoffs import NightReviews, Verdicts
from include.night.masking import LakeNames, MaskedNight
from include.night.outputs import Unpublished
from include.night.publishing import NightOutputs, Provenance, check_conservation, manifest_row, write_night
from include.night.request import NightRequest
from include.night.results import ManifestSummary, PublishResult, ReportResult
from include.night.review_states import restate_review_states
from include.night.reviewing import put_reviews_away, require_unclaimed
from include.night.workspace import Workspace
from include.paths import path_of
from include.publish.alerts import alerts_csv
from include.security.private import make_private
from include.settings import Settings
from include.whole_file import write_whole

# Another run of the night that publishes in between makes this one start over; each further turn needs yet another.
_TURNS = stop_after_attempt(4)
_PAUSE = wait_random(0, 2)


def publish(request: NightRequest) -> PublishResult:
    """Publish the night as one transaction: every table under the run's key, then the manifest row, then the sweep.

    Until the manifest row is switched, readers see the night as it was before; a run that ends anywhere in between
    leaves nothing they see, and running it again completes it.

    Raises
    ------
    TerminalError
        When another run published the night since this run began, whose reviews this run does not know; or when another
        night took in the same reviews as this run.
    """
    workspace, lake = Workspace.of(request), Lake.open(request.lake_uri, request.settings)
    names = LakeNames.of(lake, request.lake_uri, request.settings)
    unpublished = Unpublished.load(request, workspace, lake, names.masks().keys.finding_namer)
    outputs = unpublished.outputs(lake)
    check_conservation(outputs)
    start, reviews, summary = unpublished.start, unpublished.reviews, unpublished.summary(outputs)
    provenance = _provenance(unpublished, request.settings)
    stamp = RunStamp(provenance.run_key(request.night.isoformat()), request.attempt, request.night)
    apart = [*names.masks().counted_apart(outputs), outputs.outbox(request.night)]
    derived = DerivedTables.of([*outputs.derived, *apart], names.amount_step)
    row = manifest_row(stamp, outputs, provenance, start.started_at, summary, derived)
    unclaimed = partial(require_unclaimed, request.night, start, reviews, lake)
    for attempt in Retrying(retry=retry_if_exception_type(LakeConflictError), stop=_TURNS, wait=_PAUSE, reraise=True):
        with attempt:
            _write(lake, stamp, outputs, row, names, start.published_run, unclaimed)
    # At once, sealed: what people wrote does not wait in the clear for a report that may be killed. It says what stays.
    put_reviews_away(reviews, lake, request.settings)
    restate_review_states(lake, request.night, names)
    return {"run_key": stamp.run_key, "output_hash": row["output_hash"], **summary}


def _provenance(unpublished: Unpublished, settings: Settings) -> Provenance:
    return Provenance(
        data_snapshot=unpublished.snapshot(),
        model_version=unpublished.scored.model_version,
        rounding_cents=unpublished.start.rounding_cents,
        holidays=unpublished.start.holidays,
        settings=settings,
    )


def _write(
    lake: Lake,
    stamp: RunStamp,
    outputs: NightOutputs,
    row: dict[str, Any],
    names: LakeNames,
    run_at_extract: str | None,
    unclaimed: Callable[[], None],
) -> None:
    attempts = _attempts_so_far(lake, stamp, run_at_extract)
    masks = names.masks()
    write_night(lake, stamp, outputs)
    MaskedNight.of(masks, outputs.statics, stamp.night).write(lake, stamp, outputs, {**row, "attempt": attempts + 1})
    # Once more: from its first write on the lake itself finds out who else publishes the night.
    attempts = _attempts_so_far(lake, stamp, run_at_extract)
    with names.unchanged_since(masks.keys):
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


def report(request: NightRequest) -> ReportResult:
    """Write the Data Docs, the sheet of alerts and the month's plot, and clear the work folder.

    When it is run again after the folder is gone, it writes the sheet again and leaves the Data Docs as they are.

    Raises
    ------
    MissingStateError
        When the night is not published.
    PublishError
        When there is no room; the night stays published.
    """
    workspace, lake = Workspace.of(request), Lake.open(request.lake_uri, request.settings)
    row = lake.published(request.night)
    if row is None:
        raise MissingStateError(f"the night {request.night} is not published: there is nothing to report; publish it")
    try:
        docs = _docs(request, workspace)
        sheet = write_alerts_sheet(request.lake_uri, lake, request.night)
        _plot_the_month(request, lake)
    except OSError as error:
        raise PublishError(
            f"the night {request.night} is published, but its Data Docs, sheet or plot could not be written "
            f"({error}): see that the disk under {request.lake_uri} has room, and run the report again"
        ) from error
    summary: ManifestSummary = json.loads(row["summary"])
    unsettled = put_reviews_away(NightReviews.find(workspace), lake, request.settings)
    warnings = [*summary["warnings"], *unsettled, *missing_extracts(request, lake)]
    workspace.clear()
    return {**summary, "warnings": warnings, "data_docs": docs, "alerts_sheet": str(sheet)}


def _docs(request: NightRequest, workspace: Workspace) -> str:
    verdicts = Verdicts.find(workspace)
    return docs_address(request) if verdicts is None else publish_docs(request, verdicts.results)


def _plot_the_month(request: NightRequest, lake: Lake) -> None:
    """Plot, at the end of a month, how far each feature drifted in it."""
    figure = drift_plot(lake, request.night) if (request.night + carried_state.ONE_DAY).day == 1 else None
    if figure is None:
        return
    path = path_of(request.lake_uri) / "drift" / f"{request.night:%Y-%m}.png"
    make_private(path.parent)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    write_whole(path, picture.getvalue())


def write_alerts_sheet(lake_uri: str, lake: Lake, night: date) -> UPath:
    """Write the queue of a published night as a sheet for people, in place of an earlier one, and return its path."""
    alerts = lake.read("alerts", night, night).drop_columns(["run_key"]).sort_by("rank")
    sheet = alerts_sheet_of(lake_uri, night)
    make_private(sheet.parent)
    write_whole(sheet, alerts_csv(alerts).encode())
    return sheet


def alerts_sheet_of(lake_uri: str, night: date) -> UPath:
    """The path of a night's sheet of alerts."""
    return sheets_of(lake_uri) / f"{night}.csv"


def sheets_of(lake_uri: str) -> UPath:
    """The folder of the sheets of alerts."""
    return path_of(lake_uri) / "alerts"
