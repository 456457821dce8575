"""Routes of the work on findings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from include.settings import Settings
from plugins.settlement_console.audit import audited
from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.lake_reader import opened_lake
from plugins.settlement_console.pages import page, root_of, told_troubles
from plugins.settlement_console.queue.desk import PerhapsDesk
from plugins.settlement_console.records import Records
from plugins.settlement_console.rights import Right
from plugins.settlement_console.routes import Page, get, post
from plugins.settlement_console.visitors import CurrentVisitor
from plugins.settlement_console.work.overview import looks_of, work_page
from plugins.settlement_console.work.plots import charts_of
from plugins.settlement_console.work.second_look import (
    AnsweredError,
    NoSuchItemError,
    answer,
    check_open,
    item_of,
    next_of,
    open_for,
    postings_around,
)

if TYPE_CHECKING:
    from include.casework.second_looks import Item, SecondLooks
    from include.lake import Lake


def work(request: Request, visitor: CurrentVisitor, desk: PerhapsDesk) -> Response:
    """The backlog, and what became of the findings of the last year."""
    if desk is None or desk.calendar is None:
        return page("work.html", request, visitor, page=None, charts=[], mine=[])
    with told_troubles():
        found = work_page(desk, desk.calendar)
    mine = open_for(found.looks, visitor.name) if found.looks else []
    return page("work.html", request, visitor, page=found, charts=charts_of(found), mine=mine)


def second_look(request: Request, visitor: CurrentVisitor, settings: InstalledSettings, item_id: str) -> Response:
    """One posting of the sample with the account's postings around it; the look is audited."""
    from include.casework.second_looks import LONGEST_NOTE

    with told_troubles():
        lake, looks = _looks(settings)
        item = _item(looks, item_id)
        postings = postings_around(Records(lake, is_masked=False), item)
        audited(settings, visitor, "viewed", item_id, account=item.account_id)
    try:
        check_open(item, visitor.name)
        trouble = ""
    except AnsweredError as error:
        trouble = str(error)
    left = [each for each in open_for(looks, visitor.name) if each.item_id != item_id]
    return page(
        "second_look.html",
        request,
        visitor,
        item=item,
        postings=postings,
        trouble=trouble,
        next=next_of(left, item_id),
        left=len(left),
        longest=LONGEST_NOTE,
    )


def judge(
    request: Request,
    visitor: CurrentVisitor,
    settings: InstalledSettings,
    item_id: str,
    decision: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Take somebody's second look, and go on to the next posting."""
    with told_troubles():
        _, looks = _looks(settings)
        item = _item(looks, item_id)
        try:
            check_open(item, visitor.name)
            answer(settings, item, decision, note, visitor.name, datetime.now(UTC))
        except AnsweredError as error:
            raise HTTPException(409, str(error)) from error
    left = [each for each in open_for(looks, visitor.name) if each.item_id != item_id]
    following = next_of(left, item_id)
    address = f"/work/second-looks/{following.item_id}" if following else "/work"
    return RedirectResponse(root_of(request) + address, 303)


def _looks(settings: Settings) -> tuple[Lake, SecondLooks]:
    lake = opened_lake(settings)
    found = None if lake is None else looks_of(settings, lake)
    if lake is None or found is None:
        raise HTTPException(404, "nothing is drawn yet: the sample begins with the first month of nights that is over")
    return lake, found


def _item(looks: SecondLooks, item_id: str) -> Item:
    try:
        return item_of(looks, item_id)
    except NoSuchItemError as error:
        raise HTTPException(404, str(error)) from error


ROUTES: tuple[Page, ...] = (
    get("/work", work, Right.VIEWER, title="Work"),
    get("/work/second-looks/{item_id}", second_look, Right.INVESTIGATOR),
    post("/work/second-looks/{item_id}", judge, Right.INVESTIGATOR),
)
"""The routes of the work on findings."""
