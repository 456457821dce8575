"""Decides the century of births with two-digit years: nobody is born after their account was opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from include.relations import DATE
from include.sources.base import Extract
from include.sources.counting import add_code

_BIRTH = "birth_date"
_SHORT_YEAR = r"^\s*\d{6}(\s|$)"
# A younger owner of an account is as rare as one over a hundred.
_CHILD_YEARS = 15


def openings(dispositions: Extract, accounts: Extract) -> dict[int | None, date]:
    """The opening date of each client's first own account, by client; under None the newest of all, for non-owners."""
    opened = dict(zip(*(accounts.rows[name].to_pylist() for name in ("account_id", "create_date")), strict=True))
    known = [day for day in opened.values() if day]
    first: dict[int | None, date] = {None: max(known)} if known else {}
    columns = (dispositions.rows[name].to_pylist() for name in ("client_id", "account_id", "disp_type"))
    for client, account, kind in zip(*columns, strict=True):
        if kind == "O" and client is not None and (day := opened.get(account)):
            first[client] = min(day, first.get(client, day))
    return first


def place_births(clients: Extract, texts: pa.Array, opened: Mapping[int | None, date]) -> Extract:
    """The clients, where births that would lie after the account's opening are moved back a hundred years.

    Parameters
    ----------
    texts
        Births as the source writes them.
    opened
        Result of `openings`.
    """
    is_short = pc.fill_null(pc.match_substring_regex(texts, _SHORT_YEAR), False).to_pylist()
    births = clients.rows[_BIRTH].to_pylist()
    bounds = [opened.get(key, opened.get(None)) for key in clients.rows["client_id"].to_pylist()]
    placed = [
        _placed(birth, bound) if short else birth for birth, short, bound in zip(births, is_short, bounds, strict=True)
    ]
    lost = pa.array([before is not None and after is None for before, after in zip(births, placed, strict=True)])
    rows = clients.rows
    codes = add_code(rows["reader_codes"].combine_chunks(), lost, f"{_BIRTH}_not_a_date")
    for name, values in ((_BIRTH, pa.array(placed, DATE)), ("reader_codes", codes)):
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), values)
    doubtful = sum(_is_doubtful(*row) for row in zip(placed, is_short, bounds, strict=True))
    return replace(clients, rows=rows, notes=(*clients.notes, *_notes(doubtful)))


def _placed(birth: date | None, opened: date | None) -> date | None:
    if birth is None or opened is None or birth <= opened:
        return birth
    try:
        return birth.replace(year=birth.year - 100)
    except ValueError:  # 29 February 1900
        return None


def _is_doubtful(birth: date | None, is_short: bool, opened: date | None) -> bool:
    return bool(is_short and birth and opened and birth.year >= 2000 and opened.year - birth.year < _CHILD_YEARS)


def _notes(doubtful: int) -> tuple[str, ...]:
    if not doubtful:
        return ()
    return (
        f"fin_client: {doubtful:,} births with two digits for the year may be of either century and were read as those "
        f"of children under {_CHILD_YEARS} when their account was opened, not of people over a hundred: write the year "
        "with four digits where that is wrong",
    )
