"""Selects a client's rows: by the identifiers of a table's rule, and where a row names no account by what it quotes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.errors import IntegrityError
from include.lake.tables import VERSION_COLUMN
from include.masking.columns import LINE_ID, PSEUDONYMS
from include.masking.keys import NameKeys
from include.masking.tables import SUFFIX
from include.privacy.rules import DESCRIBING, Rule, rule_of
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
_OF_A_PERSON = ("card_id", "client_id", "disp_id")
"""Identifiers that name a person, whoever else may use the account."""
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
    keys
        Keys of the lake's pseudonyms; None where it has none.
    """

    subject: Subject
    envelope: Envelope
    keys: NameKeys | None

    def remaining(self, table: str, rows: pa.Table) -> pa.Table | None:
        """The rows that remain of a table's, without what describes the client; None where all stay as they are."""
        kept = rows.filter(pc.invert(self.mask(table, rows)))
        emptied = self._emptied(table, kept) if rule_of(table).is_emptied else kept
        return None if kept.num_rows == rows.num_rows and emptied is kept else emptied

    def count(self, table: str, rows: pa.Table) -> int:
        """The number of rows that are the client's, or describe the client and stay."""
        mask = np.asarray(self.mask(table, rows))
        if rule_of(table).is_emptied:
            mask = mask | self._described(table, rows)
        return int(mask.sum())

    def mask(self, table: str, rows: pa.Table) -> pa.Array:
        """Whether each row is the client's."""
        rule = rule_of(table)
        if table.endswith(SUFFIX):
            return pa.array(self._masked_mask(rule, rows))
        found = np.zeros(rows.num_rows, bool)
        for column in rule.by:
            found |= self._names(rows, column)
        if rule.has_sentences:
            found |= self._is_named(rows)
        if table == _QUARANTINE:
            found |= self._is_quoted(rows)
        return pa.array(found)

    def _masked_mask(self, rule: Rule, rows: pa.Table) -> _Mask:
        """Whether each row of a masked table is the client's, by the pseudonyms of its key version."""
        found = np.zeros(rows.num_rows, bool)
        for version in rows[VERSION_COLUMN].unique().to_pylist():
            of_version = np.asarray(pc.equal(rows[VERSION_COLUMN], version))
            found |= of_version & self._is_pseudonymous(rule, rows, version)
        return found

    def _is_pseudonymous(self, rule: Rule, rows: pa.Table, version: int) -> _Mask:
        """Whether each row bears a pseudonym of the client's in one version.

        A version whose key was destroyed is seen by nobody, and nobody can tell whose its rows are: they all go.
        """
        if self.keys is None or version not in self.keys.versions:
            return np.ones(rows.num_rows, bool)
        found = np.zeros(rows.num_rows, bool)
        for column in (name for name in (*rule.by, "finding_id", LINE_ID) if name in rows.column_names):
            found |= _is_among(rows[column], self.pseudonyms(self.keys, column, version))
        return found

    def pseudonyms(self, keys: NameKeys, column: str, version: int) -> list[str]:
        """What a masked column calls the client in one version of the keys; findings have one name in all versions."""
        if column == "finding_id":
            return sorted(self.subject.names[column])
        if column == LINE_ID:
            namer, named = keys.namer("source line", version), sorted(self.subject.names["line"])
        else:
            namer, named = keys.namer(PSEUDONYMS[column], version), sorted(map(str, self.subject.numbers[column]))
        return [namer.name(each) for each in named]

    def holds_any(self, rows: pa.Table) -> bool:
        """Whether any identifier of any row is the client's, whatever table the rows are from."""
        return any(self._names(rows, column).any() for column in IDENTIFIERS if column in rows.column_names)

    def quotes(self, relation: str, raw: str | None) -> bool:
        """Whether the raw text of a relation's record begins with, or names, identifiers of the client's."""
        return any(number in self.subject.numbers[name] for name, number in _identifiers(relation, raw or ""))

    def _names(self, rows: pa.Table, column: str) -> _Mask:
        return _is_among(rows[column].cast(pa.int64()), sorted(self.subject.numbers[column]))

    def _emptied(self, table: str, rows: pa.Table) -> pa.Table:
        """The rows of accounts that stay, without what says of the client that they were theirs."""
        if not (theirs := self._described(table, rows)).any():
            return rows
        for column in (name for name in DESCRIBING if name in rows.column_names):
            kept = rows.schema.field(column)
            blank = pc.if_else(pa.array(theirs), pa.scalar(None, kept.type), rows[column])
            rows = rows.set_column(rows.schema.get_field_index(column), kept, blank)
        return rows

    def _described(self, table: str, rows: pa.Table) -> _Mask:
        """Whether each row describes the client as the owner of an account, and was not emptied yet."""
        described = np.zeros(rows.num_rows, bool)
        for column in (name for name in DESCRIBING if name in rows.column_names):
            described |= np.asarray(rows[column].is_valid())
        return described & self._is_owned(table, rows)

    def _is_owned(self, table: str, rows: pa.Table) -> _Mask:
        """Whether each row is of an account that the client owns, by the account's number or by the client's."""
        left: frozenset[Any] = self.subject.left
        clients: frozenset[Any] = self.subject.numbers["client_id"]
        if table.endswith(SUFFIX):
            left, clients = self._in_all_versions("account", left), self._in_all_versions("client", clients)
        owned = _is_among(rows["account_id"], sorted(left))
        return owned | _is_among(rows["client_id"], sorted(clients)) if "client_id" in rows.column_names else owned

    def _in_all_versions(self, purpose: str, numbers: frozenset[int]) -> frozenset[str]:
        """The pseudonyms of numbers in every version of the keys."""
        namers = [self.keys.namer(purpose, version) for version in self.keys.versions] if self.keys else []
        return frozenset(namer.name(str(number)) for namer in namers for number in numbers)

    def _is_named(self, rows: pa.Table) -> _Mask:
        """Whether the sentence of each row names a number of the client's."""
        numbers = self.subject.numbers
        return np.array([any(number in numbers[column] for column, number in said) for said in _spoken(rows)], bool)

    def _is_quoted(self, quarantine: pa.Table) -> _Mask:
        """Whether the sealed text of each record quotes the client."""
        found = np.zeros(quarantine.num_rows, bool)
        for night in pc.unique(quarantine["night"]).to_pylist():
            places = list(_unread(quarantine, night))
            for place, row in zip(places, _opened(quarantine, places, night, self.envelope), strict=True):
                found[place] = self.quotes(row["relation"], row["raw"])
        return found


def numbers_in(rows: pa.Table, rule: Rule, envelope: Envelope) -> Iterator[tuple[str, int]]:
    """Every number that rows of a full table hold or quote, with the column of identifiers that it is of."""
    for column in (name for name in IDENTIFIERS if name in rows.column_names):
        yield from ((column, number) for number in rows[column].unique().drop_null().to_pylist())
    if rule.has_sentences:
        yield from chain.from_iterable(_spoken(rows))
    for night in rows["night"].unique().to_pylist() if "raw" in rows.column_names else ():
        for record in _opened(rows, list(_unread(rows, night)), night, envelope):
            yield from _identifiers(record["relation"], record["raw"] or "")


def _spoken(rows: pa.Table) -> Iterator[list[tuple[str, int]]]:
    """The numbers that the sentence of each row names, with the columns of identifiers that they are of.

    A sentence on an account may name another's, to which it paid or which it repeats. Of such a sentence, only the
    numbers of persons count: the account says whose the row is, unless several persons may use it.
    """
    for has_account, text in zip(rows["account_id"].is_valid().to_pylist(), rows["text"].to_pylist(), strict=True):
        named = [(_COLUMN_OF[word.lower()], int(number)) for word, number in _NAMED.findall(text or "")]
        yield [each for each in named if each[0] in _OF_A_PERSON] if has_account else named


def _is_among(column: pa.ChunkedArray, values: Sequence[Any]) -> _Mask:
    return np.asarray(pc.is_in(column, pa.array(values, column.type)))


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
