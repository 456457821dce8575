"""The queue's page: cases in their order, the filter, saved views, search, and the next case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from plugins.settlement_console.pages import page, told_troubles
from plugins.settlement_console.queue.addresses import to_case, to_queue
from plugins.settlement_console.queue.desk import CurrentDesk, Desk, PerhapsDesk
from plugins.settlement_console.queue.export import MOST_ROWS
from plugins.settlement_console.queue.filters import (
    IS_NAME,
    IS_NUMBER,
    KINDS,
    MINE,
    NUMBERS,
    AskedQueue,
    codes,
    query_of,
)
from plugins.settlement_console.queue.lines import Line
from plugins.settlement_console.queue.notices import notice_of
from plugins.settlement_console.queue.verdicts import Verdicts
from plugins.settlement_console.visitors import CurrentVisitor, Visitor

if TYPE_CHECKING:
    from include.cases.views import Holder, QueueFilter, QueuePage, SavedView

ROWS = 50
"""Cases on one page: a screen or two, and what one analyst decides on a day."""
_LONGEST_SEARCH = 64
"""Longest text that is searched for, in characters: ids have 32, numbers 20."""
_LONGEST_TOLD = 500
"""Characters of a filter in the audit log; a form's longest have some three hundred."""
_SAID = {
    "none-left": "Nobody has to look at anything more here: every case of this filter is held, waits or is closed.",
    "not-found": "No case has that number or id. A posting is found only where something was found on it.",
    "undone": "The decision is taken back: its findings are open again, and a later review says so.",
    "kept": "The view is saved.",
    "forgotten": "The view is removed.",
}


@dataclass(frozen=True)
class Listing:
    """The cases of one page of the queue.

    Attributes
    ----------
    asked
        The filter as it was asked for.
    lines
        The cases.
    count
        Number of cases that the filter leaves, in words.
    after
        Case after which the next page begins; empty on the last one.
    is_first
        Whether this is the first page.
    trouble
        Sentence on why there are no rows; empty where there may be some.
    """

    asked: AskedQueue
    lines: list[Line]
    count: str = "0"
    after: str = ""
    is_first: bool = True
    trouble: str = ""

    @property
    def next_page(self) -> str:
        """Query of the next page's address."""
        return "&".join(filter(None, [self.asked.query, urlencode({"after": self.after})]))


def queue(
    request: Request, desk: PerhapsDesk, visitor: CurrentVisitor, after: str = "", done: str = "", said: str = ""
) -> HTMLResponse:
    """The queue, the most urgent cases first."""
    with told_troubles():
        if desk is None:
            listing = Listing(AskedQueue.of_query(request.url.query, visitor.name), [])
        else:
            listing = _listing(desk, desk.asked(request.url.query), after)
        return _shown(request, visitor, desk, listing, done, said)


def _shown(
    request: Request, visitor: Visitor, desk: Desk | None, listing: Listing, done: str = "", said: str = ""
) -> HTMLResponse:
    status = 422 if listing.trouble else 200
    return page("queue.html", request, visitor, status, listing=listing, **_around(desk, done, said))


async def _sent(request: Request) -> list[tuple[str, Any]]:
    return (await request.form()).multi_items()


def narrow(request: Request, desk: CurrentDesk, sent: Annotated[list[tuple[str, Any]], Depends(_sent)]) -> Response:
    """Show the queue by the form of the filter, whose account and posting stand in no address: they are kept a day."""
    from include.cases.searches import NamedSearch

    asked = AskedQueue.of_form(sent, desk.who)
    with told_troubles():
        if asked.faults:
            return _shown(request, desk.visitor, desk, _refused(asked))
        numbers = {name: int(asked.one(name)) for name in NUMBERS if asked.one(name)}
        kept = {"find": desk.book.keep_search(NamedSearch(**numbers), desk.who, desk.now)} if numbers else {}
    return to_queue(request, asked.query, **kept)


def search(request: Request, desk: CurrentDesk, number: Annotated[str, Form()] = "") -> Response:
    """Lead to the case of an account, a posting, a case or a finding; its number never stands in an address."""
    with told_troubles():
        number = number.strip()[:_LONGEST_SEARCH]
        found = _found(desk, number)
        if desk.sees_accounts:
            account = int(number) if IS_NUMBER.fullmatch(number) else None
            desk.audit("searched", "", account=account, rows=len(found.rows) if found else 0)
        if found is None or not found.rows:
            return to_queue(request, said="not-found")
        if len(found.rows) == 1:
            return to_case(request, found.rows[0].case_id)
        return _shown(request, desk.visitor, desk, _lines_of(desk, AskedQueue.of_query("", desk.who), found))


def next_case(
    request: Request, desk: CurrentDesk, view: Annotated[str, Form()] = "", after: Annotated[str, Form()] = ""
) -> Response:
    """Claim the most urgent case that nobody holds, and go there."""
    with told_troubles():
        return to_next(request, desk, desk.asked(view), after)


def to_next(request: Request, desk: Desk, asked: AskedQueue, after: str = "", done: str = "") -> Response:
    """Claim the next case of a filter and go there, after the last one the first; to the queue where there is none."""
    if asked.faults:
        return to_queue(request, asked.query, done=done)
    case_id = _claimed(desk, asked, after) or (_claimed(desk, asked) if after else None)
    if case_id is None:
        return to_queue(request, asked.query, said="none-left", done=done)
    return to_case(request, case_id, asked.query, done=done)


def _claimed(desk: Desk, asked: AskedQueue, after: str = "") -> str | None:
    from include.cases.refusals import NoSuchCaseError

    try:
        return desk.book.claim_next(
            asked.wanted, desk.who, desk.now, after=after or None, sees_accounts=desk.sees_accounts
        )
    except NoSuchCaseError:
        return None


def keep_view(
    request: Request, desk: CurrentDesk, name: Annotated[str, Form()] = "", view: Annotated[str, Form()] = ""
) -> Response:
    """Save the filter under a name."""
    from include.cases.refusals import CaseRefusedError
    from include.cases.views import SavedView

    asked = desk.asked(view)
    try:
        # A search by an account or a posting is kept for a day, not under a name.
        desk.book.save_view(desk.who, SavedView(name.strip(), replace(asked.wanted, account=None, posting=None)))
    except CaseRefusedError as error:
        raise HTTPException(422, str(error)) from error
    return to_queue(request, asked.query, said="kept")


def forget_view(request: Request, desk: CurrentDesk, name: Annotated[str, Form()] = "") -> Response:
    """Remove a saved view."""
    with told_troubles():
        desk.book.forget_view(desk.who, name)
    return to_queue(request, said="forgotten")


def _found(desk: Desk, number: str) -> QueuePage | None:
    from include.cases.refusals import NotYoursToSeeError
    from include.cases.terms import CaseState
    from include.cases.views import QueueFilter

    if not number:
        return None
    try:
        return _page_of(desk, QueueFilter(search=number, states=tuple(CaseState)))
    except NotYoursToSeeError as error:
        raise HTTPException(403, str(error)) from error


def _page_of(desk: Desk, wanted: QueueFilter, after: str = "") -> QueuePage:
    return desk.book.queue(wanted, desk.now, after=after or None, size=ROWS, sees_accounts=desk.sees_accounts)


def _listing(desk: Desk, asked: AskedQueue, after: str) -> Listing:
    from include.cases.refusals import NoSuchCaseError, NotYoursToSeeError

    if asked.faults:
        return _refused(asked)
    try:
        return _lines_of(desk, asked, _page_of(desk, asked.wanted, after), before=after)
    except NotYoursToSeeError as error:
        return Listing(asked, [], trouble=str(error))
    except NoSuchCaseError:
        return Listing(asked, [], is_first=False, trouble="no page of the queue has this address")


def _refused(asked: AskedQueue) -> Listing:
    return Listing(asked, [], trouble=". ".join(asked.faults))


def _lines_of(desk: Desk, asked: AskedQueue, found: QueuePage, *, before: str = "") -> Listing:
    desk.listed(found.rows, filter=asked.query[:_LONGEST_TOLD], page=before[:_LONGEST_TOLD])
    lines = [Line.of(row, desk) for row in found.rows]
    return Listing(asked, lines, f"{found.count:,}{'+' if found.is_capped else ''}", found.after or "", not before)


def _around(desk: Desk | None, done: str = "", said: str = "") -> dict[str, Any]:
    """What stands around the rows."""
    from include.cases.terms import CaseState

    return {
        "has_nights": desk is not None and desk.calendar is not None,
        "nights_left": 0 if desk is None else desk.nights_left,
        "codes": codes(),
        "kinds": KINDS,
        "most_in_file": MOST_ROWS,
        "states": tuple(state.value for state in CaseState),
        "views": [] if desk is None else [ShownView.of(view, desk) for view in desk.book.views(desk.who)],
        "colleagues": [] if desk is None or not desk.sees_accounts else _colleagues(desk),
        "verdicts": None if desk is None else Verdicts.of(desk.settings),
        "notice": None if desk is None else notice_of(desk, done),
        "said": _SAID.get(said, ""),
    }


def _colleagues(desk: Desk) -> list[Holder]:
    return [each for each in desk.book.holders(desk.now) if each.who != desk.who]


@dataclass(frozen=True)
class ShownView:
    """A saved view, with the query that opens it."""

    name: str
    query: str

    @classmethod
    def of(cls, view: SavedView, desk: Desk) -> ShownView:
        """The view as the page links to it; a colleague stands in the address by pseudonym."""
        holder = view.wanted.holder
        is_plain = not holder or IS_NAME.fullmatch(holder)
        whose = holder if is_plain else desk.book.pseudonym(holder)
        return cls(view.name, query_of(view.wanted, MINE if holder == desk.who else whose))
