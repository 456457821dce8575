"""The addresses of the queue, of cases and of corrections, each with the rights that it asks for."""

from __future__ import annotations

from plugins.settlement_console.queue import bulk, case_page, corrections, export, listing
from plugins.settlement_console.rights import Right
from plugins.settlement_console.routes import Page, get, post

_READS, _ACTS, _APPROVES = Right.VIEWER, Right.INVESTIGATOR, Right.APPROVER

ROUTES: tuple[Page, ...] = (
    get("/queue", listing.queue, _READS, title="Queue"),
    get("/queue/export", export.queue_file, _READS),
    post("/queue/search", listing.search, _READS),
    post("/queue/filter", listing.narrow, _ACTS),
    post("/queue/next", listing.next_case, _ACTS),
    post("/queue/views", listing.keep_view, _READS),
    post("/queue/views/forget", listing.forget_view, _READS),
    post("/queue/bulk", bulk.preview, _ACTS),
    post("/queue/bulk/decide", bulk.decide, _ACTS),
    post("/queue/undo", bulk.undo, _ACTS),
    get("/cases/{case_id}", case_page.show, _READS),
    post("/cases/{case_id}/claim", case_page.claim, _ACTS),
    post("/cases/{case_id}/release", case_page.release, _ACTS),
    post("/cases/{case_id}/decide", case_page.decide, _ACTS),
    post("/cases/{case_id}/undo", case_page.undo, _ACTS),
    post("/cases/{case_id}/note", case_page.note, _ACTS),
    post("/cases/{case_id}/wait", case_page.wait, _ACTS),
    post("/cases/{case_id}/snooze", case_page.snooze, _ACTS),
    post("/cases/{case_id}/wake", case_page.wake, _ACTS),
    post("/cases/{case_id}/propose", case_page.propose, _ACTS),
    get("/corrections", corrections.corrections, _READS, _APPROVES, title="Corrections"),
    get("/corrections/export", corrections.corrections_file, _READS, _APPROVES),
    post("/corrections/{correction_id}/approve", corrections.approve, _APPROVES),
    post("/corrections/{correction_id}/refuse", corrections.refuse, _APPROVES, _ACTS),
)
