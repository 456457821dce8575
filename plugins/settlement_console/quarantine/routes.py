"""Routes of the quarantine."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import HTTPException, Query, Request, Response

from plugins.settlement_console.audit import audited
from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.pages import page, told_troubles
from plugins.settlement_console.quarantine.refused_records import (
    NoSuchRecordError,
    night_page,
    raw_record,
    refused_nights,
)
from plugins.settlement_console.rights import Right
from plugins.settlement_console.routes import Page, get
from plugins.settlement_console.visitors import CurrentVisitor


def quarantine(
    request: Request, visitor: CurrentVisitor, settings: InstalledSettings, before: date | None = None
) -> Response:
    """The nights with what they did not let in, newest first."""
    with told_troubles():
        nights = refused_nights(settings, before)
    return page("quarantine.html", request, visitor, nights=nights, before=before)


def one_night(
    request: Request,
    night: date,
    visitor: CurrentVisitor,
    settings: InstalledSettings,
    first: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """The records that a night did not let in, and what to send again."""
    sees_places = visitor.may(Right.ENGINEER, Right.INVESTIGATOR)
    with told_troubles():
        found = night_page(settings, night, first, sees_places=sees_places)
    if found is None:
        raise HTTPException(404, f"the night {night} is not published")
    return page("quarantine_night.html", request, visitor, found=found, sees_places=sees_places)


def one_record(
    request: Request, night: date, record_id: str, visitor: CurrentVisitor, settings: InstalledSettings
) -> Response:
    """One record as it came; the look is written into the audit before it is shown."""
    from include.quality.mends import mend_of

    try:
        with told_troubles():
            record, raw, account = raw_record(settings, night, record_id)
            audited(settings, visitor, "unsealed", record_id, account=account)
    except NoSuchRecordError as error:
        raise HTTPException(404, str(error)) from error
    mends = [(code, mend_of(code)) for code in record.codes]
    return page("quarantine_record.html", request, visitor, night=night, record=record, raw=raw, mends=mends)


ROUTES: tuple[Page, ...] = (
    get("/quarantine", quarantine, Right.VIEWER, Right.ENGINEER, title="Quarantine"),
    get("/quarantine/{night}", one_night, Right.VIEWER, Right.ENGINEER),
    get("/quarantine/{night}/records/{record_id}", one_record, Right.INVESTIGATOR),
)
"""The quarantine's routes."""
