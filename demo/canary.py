"""A demonstration bank whose every number and text is a canary: one that masked readers can see tells of a leak."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from demo.generate import Bank
from demo.injected_incidents import Incident
from include.errors import SettingsError
from include.relations import FIN_TRANSACTION, RELATIONS, TEXT, Column

NUMBER = "7305196284"
"""Digits that every identifier begins with; no date, amount or count of a demonstration bank has as many."""
WORD = "Kanarek"
"""Word that every text begins with."""
PLACE = "Zlatohlav"
"""Word that names of districts and regions begin with; masked readers see a place, but only among enough people."""

# Eighteen digits with the ten of the prefix: the largest identifier has nineteen.
_OWN_DIGITS = 8
_FIRST = int(NUMBER) * 10**_OWN_DIGITS
_PLACES = ("district_name", "region")
# Few: a relation of which many records are not let in stops the night.
_DAYS_WITH_WRONG_CODES = 3
_CODES = ("trans_type", "operation", "category")


def with_canaries(bank: Bank) -> Bank:
    """The bank with a canary in every key and text, and a record on each of the last days that bears it in its codes.

    Accounts elsewhere are numbers and texts by turns. The records with canaries in their codes are copies of the day's
    first posting, which a night does not let in.

    Raises
    ------
    SettingsError
        When an identifier has more than eight digits.
    """
    tables = {name: _marked(name, table) for name, table in bank.tables.items()}
    tables[FIN_TRANSACTION.name] = _with_wrong_codes(tables[FIN_TRANSACTION.name])
    incidents = tuple(_marked_incident(incident) for incident in bank.incidents)
    return Bank(tables, _marked(FIN_TRANSACTION.name, bank.booked), incidents)


def _marked(relation: str, table: pa.Table) -> pa.Table:
    marked = {column.name: _canaries(column, table[column.read_from or column.name]) for column in _columns(relation)}
    return pa.table({name: marked.get(name, table[name]) for name in table.column_names})


def _columns(relation: str) -> list[Column]:
    """The columns of a relation that are keys or texts."""
    return [column for column in RELATIONS[relation].columns if column.kind in ("identifier", "account", "text")]


def _canaries(column: Column, values: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    if column.kind == "identifier":
        return _numbers(values)
    if column.kind == "account" or column.read_from:
        return pa.array([_account(number) for number in _numbers(values).to_pylist()], TEXT)
    word = PLACE if column.name in _PLACES else WORD
    return pa.array([None if text is None else f"{word} {text}" for text in values.to_pylist()], TEXT)


def _numbers(values: pa.ChunkedArray) -> pa.ChunkedArray:
    largest = pc.max(values).as_py() or 0
    if largest >= 10**_OWN_DIGITS:
        raise SettingsError(
            f"an identifier of a bank with canaries has at most {_OWN_DIGITS} digits of its own, found {largest}: "
            "generate a smaller bank",
            setting="accounts",
        )
    return pc.add(values, _FIRST)


def _account(number: int | None) -> str | None:
    """An account elsewhere: an even number as it is, an odd one as a text."""
    if number is None:
        return None
    return str(number) if number % 2 == 0 else f"{WORD}-{number}"


def _marked_incident(incident: Incident) -> Incident:
    order, posting = (None if own is None else _FIRST + own for own in (incident.order_id, incident.trans_id))
    return replace(incident, account_id=_FIRST + incident.account_id, order_id=order, trans_id=posting)


def _with_wrong_codes(postings: pa.Table) -> pa.Table:
    """The postings with a copy of the first one of each of the last days, whose codes are canaries."""
    firsts = postings.append_column("row", pa.array(range(postings.num_rows))).group_by("trans_date")
    rows = firsts.aggregate([("row", "min")])["row_min"].sort()
    copies = postings.take(rows[-_DAYS_WITH_WRONG_CODES:])
    numbers = pa.array(range(1, copies.num_rows + 1), pa.int64())
    wrong = {
        "trans_id": pc.add(pc.max(postings["trans_id"]), numbers),
        **{name: pa.repeat(f"{WORD} {name}", copies.num_rows) for name in _CODES},
    }
    copied = pa.table({name: wrong.get(name, copies[name]) for name in copies.column_names})
    return pa.concat_tables([postings, copied.cast(postings.schema)])
