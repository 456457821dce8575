"""The night's reviews: what it takes in, what it may know, and putting files away that are settled."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from include.lake import Lake
from include.lake.tables import QUARANTINE_SCHEMA, REVIEWS_SCHEMA, TABLES, Table
from include.learning import Feedback, feedback_of, findings_of, known_reviews, take_in
from include.learning.reviews import Intake
from include.night.request import NightRequest
from include.night.verify import unsealed
from include.night.workspace import Workspace
from include.relations import FIN_TRANSACTION
from include.sources.reviews import REVIEWS, inbox_of, put_away

TAKEN_IN, KNOWN, REFUSED, FINDINGS = "reviews", "reviews.known", "reviews.refused", "reviews.findings"
"""Under which the work folder keeps what the night took in, what it knows, what it refused, and what had been
published of what it knows."""


def take_in_reviews(request: NightRequest, workspace: Workspace, lake: Lake) -> None:
    """Take in what became known by the night's end, and note which files of the drop are settled by that.

    A night run again keeps the reviews it took in and refused; what came since acts on the nights that follow.
    """
    night = request.night
    if lake.published(night) is None:
        intake = take_in(lake, inbox_of(request.lake_uri), night)
    else:
        taken = lake.read(REVIEWS.name, night, night, REVIEWS_SCHEMA.names)
        intake = Intake(taken, _refused_before(lake, request))
    known = known_reviews(lake, night, intake.taken)
    workspace.put(TAKEN_IN, intake.taken)
    workspace.put(REFUSED, intake.refused)
    workspace.put(KNOWN, known)
    workspace.put(FINDINGS, findings_of(lake, known, night))
    workspace.note(TAKEN_IN, {"warnings": [*intake.notes, *_said_of(intake)], "settled": intake.settled})


def feedback(workspace: Workspace, request: NightRequest) -> Feedback:
    """What the reviews that the night knows say of its postings."""
    tonight, lookback = workspace.get(f"accepted.{FIN_TRANSACTION.name}"), workspace.get("lookback")
    postings = pa.concat_tables([lookback, tonight.select(lookback.column_names)])
    return feedback_of(workspace.get(KNOWN), workspace.get(FINDINGS), postings, request.night)


def kept_reviews(workspace: Workspace) -> tuple[Table, pa.Table]:
    """What the night took in, as the lake keeps it."""
    return TABLES[REVIEWS.name], workspace.get(TAKEN_IN)


def reviews_read(workspace: Workspace) -> dict[str, pa.Table]:
    """What the night's findings may rest on, for the snapshot; nothing where nothing was reviewed."""
    read = {name: workspace.get(name) for name in (KNOWN, FINDINGS)}
    return {name: rows for name, rows in read.items() if rows.num_rows}


def put_reviews_away(workspace: Workspace) -> None:
    """Move the settled files out of the drop, once the night that settled them is published."""
    if workspace.has_note(TAKEN_IN):
        put_away(workspace.read_note(TAKEN_IN)["settled"])


def _refused_before(lake: Lake, request: NightRequest) -> pa.Table:
    quarantine = lake.read("quarantine", request.night, request.night, QUARANTINE_SCHEMA.names)
    refused = quarantine.filter(pc.equal(quarantine["relation"], REVIEWS.name))
    return unsealed(refused, request.night)


def _said_of(intake: Intake) -> list[str]:
    refused = intake.refused.num_rows
    return [f"reviews: {refused} rows were not let in; the quarantine says which and why"] if refused else []
