"""Column comments of the marts: the SQL file that makes a column is the one place that says what it is."""

from __future__ import annotations

import re

from include.sql_engine import sql_text

_LINE = re.compile(r"^    (?P<column>\w+),?(?: -- (?P<comment>.*))?$")
_COMMENT = re.compile(r"^    -- (.*)$")


def grain_of(query: str) -> str:
    """What one row of `include/sql/marts/<query>.sql` is, as its header says.

    >>> grain_of("mart_findings")
    "one finding, a row of the night's alerts"
    """
    return sql_text("marts", query).splitlines()[0].removeprefix("-- Grain: ").removesuffix(".")


def column_comments(query: str) -> dict[str, str]:
    """What `include/sql/marts/<query>.sql` says of each column of its last `select`, in order.

    A column's comment stands behind it, or on the lines above it.
    """
    text = sql_text("marts", query)
    columns = text[text.rindex("\nselect\n") + len("\nselect\n") : text.rindex("\nfrom ")]
    return _comments(columns.splitlines())


def _comments(lines: list[str]) -> dict[str, str]:
    """The comments by column.

    >>> _comments(["    -- the balance", "    -- after it", "    closing,", "    postings -- how many"])
    {'closing': 'the balance after it', 'postings': 'how many'}
    """
    comments: dict[str, str] = {}
    above: list[str] = []
    for line in lines:
        if comment := _COMMENT.match(line):
            above.append(comment[1])
        elif column := _LINE.match(line):
            comments[column["column"]] = " ".join([*above, *filter(None, [column["comment"]])])
            above = []
    return comments
