"""Selects a client's rows: by the identifiers of a table's rule, and where a row names no account by what it quotes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.errors import IntegrityError
from include.privacy.rules import Rule, rule_of
from include.privacy.subject import IDENTIFIERS, Subject
from include.quality.sealed_quarantine import unseal_quarantine
from include.reviews.drop import REVIEWS
from include.security.envelope import Envelope

_QUARANTINE = "quarantine"
_NAMED = re.compile(r"\b(account|card|client|disposition|loan|order|posting|transaction) (\d+)\b", re.IGNORECASE)
_COLUMN_OF = {
    "account": "account_id",
    "card": "card_id",
    "client": "client_id",
    "disposition": "disp_id",
    "loan": "loan_id",
    "order": "order_id",
    "posting": "trans_id",
    "transaction": "trans_id",
}
"""The identifier that a sentence means by a word before a number."""
_FIRST_FIELDS: Mapping[str, tuple[str, ...]] = {
    "fin_client": ("client_id",),
    "fin_disposition": ("disp_id", "client_id", "account_id"),
    "fin_card": ("card_id", "disp_id"),
    "fin_account": ("account_id",),
    "fin_order": ("order_id", "account_id"),
    "fin_loan": ("loan_id", "account_id"),
    "fin_transaction": ("trans_id", "account_id"),
    "reviews": ("trans_id", "account_id"),
}
"""The identifiers that a record begins with, in the order of both dialects of files."""
_ALWAYS_READ = ("fin_client", "fin_disposition", "fin_card", "reviews")
"""Relations whose records are a client's by more than their account."""
_BETWEEN_FIELDS = re.compile(r"[;,\t]")
_NUMBER = re.compile(r'\s*"?\s*(\d{1,19})\s*"?\s*')

_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Selection:
    """Tells which rows are the client's.

    Attributes
    ----------
    subject
        The client.
    envelope
        Envelope that opens the quarantine's raw texts.
    """

    subject: Subject
    envelope: Envelope

    def remaining(self, table: str, rows: pa.Table) -> pa.Table | None:
        """The rows that remain of a table's, without what describes the client; None where all stay as they are."""
        rule = rule_of(table)
        kept = rows.filter(pc.invert(self.mask(table, rows)))
        emptied = self._emptied(rule, kept)
        return None if kept.num_rows == rows.num_rows and emptied is kept else emptied

    def count(self, table: str, rows: pa.Table) -> int:
        """The number of rows that are the client's."""
        return int(pc.sum(self.mask(table, rows)).as_py() or 0)

    def mask(self, table: str, rows: pa.Table) -> pa.Array:
        """Whether each row is the client's."""
        rule = rule_of(table)
        found = np.zeros(rows.num_rows, bool)
        for column in rule.by:
            found |= self._names(rows, column)
        if rule.has_sentences:
            found |= self._is_named(rows)
        if table == _QUARANTINE:
            found |= self._is_quoted(rows)
        return pa.array(found)

    def holds_any(self, rows: pa.Table) -> bool:
        """Whether any identifier of any row is the client's, whatever table the rows are from."""
        return any(self._names(rows, column).any() for column in IDENTIFIERS if column in rows.column_names)

    def quotes(self, relation: str, raw: str | None) -> bool:
        """Whether the raw text of a relation's record begins with, or names, identifiers of the client's."""
        return any(number in self.subject.numbers[name] for name, number in _identifiers(relation, raw or ""))

    def _names(self, rows: pa.Table, column: str) -> _Mask:
        numbers = pa.array(sorted(self.subject.numbers[column]), pa.int64())
        return np.asarray(pc.is_in(rows[column].cast(pa.int64()), numbers))

    def _emptied(self, rule: Rule, rows: pa.Table) -> pa.Table:
        if not rule.emptied or not (theirs := self._names(rows, "client_id")).any():
            return rows
        for column in rule.emptied:
            blank = pc.if_else(pa.array(theirs), pa.scalar(None, rows.schema.field(column).type), rows[column])
            rows = rows.set_column(rows.schema.get_field_index(column), rows.schema.field(column), blank)
        return rows

    def _is_named(self, rows: pa.Table) -> _Mask:
        """Whether the sentence of a row without an account names a number of the client's."""
        accounts = rows["account_id"].is_valid().to_numpy()
        texts = rows["text"].to_pylist()
        return np.array([not has and self._speaks(text or "") for has, text in zip(accounts, texts, strict=True)], bool)

    def _speaks(self, text: str) -> bool:
        named = ((_COLUMN_OF[word.lower()], int(number)) for word, number in _NAMED.findall(text))
        return any(number in self.subject.numbers[column] for column, number in named)

    def _is_quoted(self, quarantine: pa.Table) -> _Mask:
        """Whether the sealed text of each record quotes the client."""
        found = np.zeros(quarantine.num_rows, bool)
        for night in pc.unique(quarantine["night"]).to_pylist():
            places = list(_unread(quarantine, night))
            for place, row in zip(places, _opened(quarantine, places, night, self.envelope), strict=True):
                found[place] = self.quotes(row["relation"], row["raw"])
        return found


def _unread(quarantine: pa.Table, night: date) -> Iterator[int]:
    """The places of a night's records whose account was not read, or does not say whose the record is."""
    columns = (quarantine[name].to_pylist() for name in ("night", "relation", "account_id"))
    for place, (of, relation, account) in enumerate(zip(*columns, strict=True)):
        if of == night and (account is None or relation in _ALWAYS_READ):
            yield place


def _opened(quarantine: pa.Table, places: Sequence[int], night: date, envelope: Envelope) -> list[dict[str, Any]]:
    rows = quarantine.take(pa.array(places, pa.int64()))
    try:
        found: list[dict[str, Any]] = unseal_quarantine(rows, night, envelope).to_pylist()
    except IntegrityError as error:
        raise IntegrityError(
            f"a record in the quarantine of {night} does not open, so that nobody can say whose it is ({error})",
            night=night,
        ) from error
    return found


def _identifiers(relation: str, raw: str) -> Iterator[tuple[str, int]]:
    """The identifiers in a record's raw text, with their columns."""
    for name, field in _fields(relation, _FIRST_FIELDS.get(relation, ()), raw):
        if digits := _NUMBER.fullmatch(str(field)):
            yield name, int(digits[1])


def _fields(relation: str, names: Sequence[str], raw: str) -> list[tuple[str, Any]]:
    """The fields of a record that may be identifiers, with the columns that they may be of."""
    if raw.startswith("{"):
        found = _by_name(raw)
        return [(name, found.get(name)) for name in names]
    fields = _BETWEEN_FIELDS.split(raw)
    if relation == REVIEWS.name:  # people write its columns in any order
        return [(name, field) for name in names for field in fields]
    return list(zip(names, fields, strict=False))


def _by_name(raw: str) -> dict[str, Any]:
    """A record of a database or of Parquet, which is kept as JSON."""
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
