"""The night's reviews: those it takes in, those it knows, and the files that are put away once it is published."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from include.errors import TerminalError
from include.lake import Lake
from include.lake.tables import QUARANTINE_SCHEMA, RUN_KEY, TABLES, Table
from include.night.handoffs import NightReviews, RunStart
from include.night.request import NightRequest
from include.quality.sealed_quarantine import unseal_quarantine
from include.relations import DATE
from include.reviews import findings_of, known_reviews, take_in
from include.reviews.drop import REVIEWS, inbox_of, put_away, taken_of
from include.reviews.intake import Intake, held_by_others, kept_by, left_in_drop, nights_before
from include.security.envelope import Envelope
from include.settings import Settings

STATE_KNOWN_NIGHTS = Table(
    "state_known_nights",
    pa.schema([pa.field("settlement_date", DATE), pa.field("known_night", DATE), RUN_KEY]),
    "settlement_date",
    ("known_night",),
)
"""The nights whose reviews and findings the partition's night knows, itself among them."""


def reviews_of_night(request: NightRequest, lake: Lake, *, is_published: bool) -> NightReviews:
    """The reviews that became known by the night's end, and the files of the drop that are settled by that.

    A night run again keeps the reviews it took in and refused; what came since acts on the nights that follow.
    """
    night = request.night
    nights = _known_nights(lake, night)
    intake = _kept_intake(request, lake) if is_published else _fresh_intake(request, lake)
    known = known_reviews(lake, night, intake.taken, nights)
    return NightReviews(
        taken=intake.taken,
        refused=intake.refused,
        known=known,
        findings=findings_of(lake, known, night, nights),
        nights=tuple(nights),
        settled=intake.settled,
        warnings=(*intake.notes, *_warnings_of(intake)),
    )


def _fresh_intake(request: NightRequest, lake: Lake) -> Intake:
    """What lies in the drop."""
    inbox, taken = _drop(request)
    return take_in(lake, inbox, request.night, taken)


def _kept_intake(request: NightRequest, lake: Lake) -> Intake:
    """What the published run of the night took in."""
    inbox, taken = _drop(request)
    settled = left_in_drop(lake, inbox, request.night, taken)
    return Intake(kept_by(lake, request.night), _refused_before(request, lake), settled=settled)


def _drop(request: NightRequest) -> tuple[UPath, UPath]:
    """The folder that reviews are dropped into, and the one that files are put away to."""
    reviews_uri = request.settings.reviews_uri
    inbox = inbox_of(request.lake_uri, reviews_uri)
    return inbox, taken_of(inbox, reviews_uri)


def _known_nights(lake: Lake, night: date) -> list[date]:
    """A night run again knows the nights it knew at first, whatever has been published among them since."""
    kept: list[date] = lake.read(STATE_KNOWN_NIGHTS, night, night)["known_night"].to_pylist()
    return kept or [*nights_before(lake, night), night]


def require_unclaimed(night: date, start: RunStart, reviews: NightReviews, lake: Lake) -> None:
    """See that no other published night holds a review or a refused row that this run took out of the drop.

    Raises
    ------
    TerminalError
        When one does: what this run found rests on reviews that another night acts on.
    """
    if start.published_run is not None:
        return  # it keeps what it had, and took out nothing
    elsewhere = held_by_others(lake, night, reviews.taken, reviews.refused)
    if elsewhere:
        raise TerminalError(
            f"{len(elsewhere)} of the reviews that this run of {night} took in were taken in meanwhile by "
            f"{', '.join(sorted({str(other) for other in elsewhere}))}: nothing was published; clear this run from its "
            "first task on (or run the night again), and each review acts once"
        )


def kept_reviews(reviews: NightReviews, night: date) -> list[tuple[Table, pa.Table]]:
    """What the night took in and which nights it knows, as the lake keeps them."""
    nights = pa.array(reviews.nights, DATE)
    known = pa.table({"settlement_date": pa.array([night] * len(nights), DATE), "known_night": nights})
    return [(TABLES[REVIEWS.name], reviews.taken), (STATE_KNOWN_NIGHTS, known)]


def put_reviews_away(reviews: NightReviews | None, lake: Lake, settings: Settings) -> list[str]:
    """Move the settled files out of the drop, once the night that settled them is published.

    Parameters
    ----------
    reviews
        The night's reviews; None for a report that is run again after its work folder is gone, which moves nothing.
    lake
        The lake that the files are sealed for.
    settings
        Settings of the installation, which name the key to seal the files with.

    Returns
    -------
    list of str
        Sentences on files that could not be moved.
    """
    return [] if reviews is None else put_away(reviews.settled, Envelope.open(settings, lake.identity))


def _refused_before(request: NightRequest, lake: Lake) -> pa.Table:
    quarantine = lake.read("quarantine", request.night, request.night, QUARANTINE_SCHEMA.names)
    refused = quarantine.filter(pc.equal(quarantine["relation"], REVIEWS.name))
    return unseal_quarantine(refused, request.night, Envelope.open(request.settings, lake.identity))


def _warnings_of(intake: Intake) -> list[str]:
    refused = intake.refused.num_rows
    return [f"reviews: {refused} rows were not let in; the quarantine says which and why"] if refused else []
