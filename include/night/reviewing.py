"""The night's reviews: what it takes in, what it may know, and putting files away that are settled."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import TerminalError
from include.lake import Lake
from include.lake.tables import QUARANTINE_SCHEMA, RUN_KEY, TABLES, Table
from include.night.request import NightRequest
from include.night.verify import unsealed
from include.night.workspace import Workspace
from include.relations import DATE, FIN_TRANSACTION
from include.reviews import ReviewEffects, effects_of, findings_of, known_reviews, take_in
from include.reviews.drop import REVIEWS, inbox_of, put_away, taken_of
from include.reviews.intake import Intake, held_by_others, kept_by, left_in_drop, nights_before
from include.reviews.risk import dismissed_warnings
from include.security.envelope import Envelope
from include.settings import get_settings

TAKEN_IN, KNOWN, REFUSED, FINDINGS = "reviews", "reviews.known", "reviews.refused", "reviews.findings"
"""Under which the work folder keeps what the night took in, what it knows, what it refused, and what had been
published of what it knows."""
PUBLISHED_RUN = "published_run"
"""Under which the note on a run's beginning keeps the key of the run that was published for the night, or None."""

STATE_KNOWN_NIGHTS = Table(
    "state_known_nights",
    pa.schema([pa.field("settlement_date", DATE), pa.field("known_night", DATE), RUN_KEY]),
    "settlement_date",
    ("known_night",),
)
"""The nights whose reviews and findings the partition's night knows, itself among them."""


def take_in_reviews(request: NightRequest, workspace: Workspace, lake: Lake) -> None:
    """Take in what became known by the night's end, and note which files of the drop are settled by that.

    A night run again keeps the reviews it took in and refused; what came since acts on the nights that follow.
    """
    night = request.night
    nights = _known_nights(lake, night)
    reviews_uri = get_settings().reviews_uri
    inbox = inbox_of(request.lake_uri, reviews_uri)
    if workspace.read_note("began")[PUBLISHED_RUN] is None:
        intake = take_in(lake, inbox, night, taken_of(inbox, reviews_uri))
    else:
        taken = kept_by(lake, night)
        settled = left_in_drop(lake, inbox, night, taken_of(inbox, reviews_uri))
        intake = Intake(taken, _refused_before(lake, request), settled=settled)
    known = known_reviews(lake, night, intake.taken, nights)
    workspace.put(TAKEN_IN, intake.taken)
    workspace.put(REFUSED, intake.refused)
    workspace.put(KNOWN, known)
    workspace.put(FINDINGS, findings_of(lake, known, night, nights))
    noted = {"warnings": [*intake.notes, *_said_of(intake)], "settled": intake.settled, "nights": nights}
    workspace.note(TAKEN_IN, noted)


def _known_nights(lake: Lake, night: date) -> list[date]:
    """A night run again knows the nights it knew at first, whatever has been published among them since."""
    kept: list[date] = lake.read(STATE_KNOWN_NIGHTS, night, night)["known_night"].to_pylist()
    return kept or [*nights_before(lake, night), night]


def require_unclaimed(request: NightRequest, workspace: Workspace, lake: Lake) -> None:
    """See that no other published night holds a review or a refused row that this run took out of the drop.

    Raises
    ------
    TerminalError
        When one does: what this run found rests on reviews that another night acts on.
    """
    if workspace.read_note("began")[PUBLISHED_RUN] is not None:
        return  # it keeps what it had, and took out nothing
    elsewhere = held_by_others(lake, request.night, workspace.get(TAKEN_IN), workspace.get(REFUSED))
    if elsewhere:
        raise TerminalError(
            f"{len(elsewhere)} of the reviews that this run of {request.night} took in were taken in meanwhile by "
            f"{', '.join(sorted({str(night) for night in elsewhere}))}: nothing was published; clear this run from its "
            "first task on (or run the night again), and each review acts once"
        )


def review_effects(workspace: Workspace, request: NightRequest) -> ReviewEffects:
    """What the reviews that the night knows do to it."""
    return effects_of(workspace.get(KNOWN), workspace.get(FINDINGS), _postings(workspace), request.night)


def dismissed_checks(workspace: Workspace, request: NightRequest) -> dict[tuple[int, str], str]:
    """What is said of warnings that repeat a dismissed one, by account and check."""
    return dismissed_warnings(workspace.get(KNOWN), request.night)


def kept_reviews(workspace: Workspace, night: date) -> list[tuple[Table, pa.Table]]:
    """What the night took in and which nights it knows, as the lake keeps them."""
    nights = [date.fromisoformat(known) for known in workspace.read_note(TAKEN_IN)["nights"]]
    known = pa.table({"settlement_date": pa.array([night] * len(nights), DATE), "known_night": pa.array(nights, DATE)})
    return [(TABLES[REVIEWS.name], workspace.get(TAKEN_IN)), (STATE_KNOWN_NIGHTS, known)]


def reviews_read(workspace: Workspace) -> dict[str, pa.Table]:
    """What the night's findings may rest on, for the snapshot; nothing where nothing was reviewed."""
    read = {name: workspace.get(name) for name in (KNOWN, FINDINGS)}
    return {name: rows for name, rows in read.items() if rows.num_rows}


def put_reviews_away(workspace: Workspace) -> list[str]:
    """Move the settled files out of the drop, once the night that settled them is published; what could not be, said.

    A report that is run again after its work folder is gone has nothing to move.
    """
    if not workspace.has_note(TAKEN_IN):
        return []
    return put_away(workspace.read_note(TAKEN_IN)["settled"], Envelope.open(get_settings()))


def _postings(workspace: Workspace) -> pa.Table:
    """The accepted postings of the look-back and of the night."""
    tonight, lookback = workspace.get(f"accepted.{FIN_TRANSACTION.name}"), workspace.get("lookback")
    return pa.concat_tables([lookback, tonight.select(lookback.column_names)])


def _refused_before(lake: Lake, request: NightRequest) -> pa.Table:
    quarantine = lake.read("quarantine", request.night, request.night, QUARANTINE_SCHEMA.names)
    refused = quarantine.filter(pc.equal(quarantine["relation"], REVIEWS.name))
    return unsealed(refused, request.night)


def _said_of(intake: Intake) -> list[str]:
    refused = intake.refused.num_rows
    return [f"reviews: {refused} rows were not let in; the quarantine says which and why"] if refused else []
