"""The queue as a file for a spreadsheet, within one's rights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request
from fastapi.responses import Response

from plugins.settlement_console.pages import told_troubles
from plugins.settlement_console.queue.desk import CurrentDesk, Desk
from plugins.settlement_console.queue.lines import Line

if TYPE_CHECKING:
    from include.cases.views import QueueFilter, QueueRow

MOST_ROWS = 10_000
"""Most cases in one file: ten times what the page counts to, and a few megabytes."""
_TOGETHER = 500
_HEADER = (
    "case", "state", "account", "severity", "what was found", "checks and reasons", "findings", "money at stake",
    "how sure", "first night", "last night", "age", "district", "decided", "finding",
)  # fmt: skip


def queue_file(request: Request, desk: CurrentDesk) -> Response:
    """The cases of the filter as CSV."""
    asked = desk.asked(request.url.query)
    if asked.faults:
        raise HTTPException(422, ". ".join(asked.faults))
    with told_troubles():
        rows = [_cells(Line.of(row, desk)) for row in _rows(desk, asked.wanted)]
        desk.audit("exported", "", what="queue", rows=len(rows), filter=asked.query)
    return as_download("queue.csv", _HEADER, rows)


def as_download(name: str, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Response:
    """A table as a file that a spreadsheet opens safely, and reads as UTF-8."""
    from include.publish.spreadsheet import as_csv

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(as_csv(header, rows).encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


def _rows(desk: Desk, wanted: QueueFilter) -> Iterator[QueueRow]:
    after, left = None, MOST_ROWS
    while left > 0:
        found = desk.book.queue(
            wanted, desk.now, after=after, size=min(_TOGETHER, left), sees_accounts=desk.sees_accounts
        )
        yield from found.rows
        after, left = found.after, left - len(found.rows)
        if after is None:
            return


def _cells(line: Line) -> list[Any]:
    row = line.row
    told = [row.case_id, line.state, row.account, row.severity, line.sentence, line.codes, row.findings, row.money]
    return [*told, row.sureness, row.oldest, row.newest, line.age, row.district, row.decided, row.headline_finding_id]
