"""CSV that a spreadsheet opens safely: every cell inert, every cell quoted."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from include.publish.escaping import inert


def as_csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    r"""A table as CSV; lines end as spreadsheets on Windows write them.

    >>> as_csv(["text", "amount"], [["=1+1", -5], [None, 2]])
    '"text","amount"\r\n"\'=1+1","-5"\r\n"","2"\r\n'
    """
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([*header])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    # The code's own numbers keep their sign; only text can be a formula.
    return inert(value) if isinstance(value, str) else "" if value is None else str(value)
