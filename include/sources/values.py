"""Converts texts to typed columns, whole columns at a time, exact for money; invalid values get a reason code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.relations import FIN_CLIENT, IDENTIFIER, MONEY, Column, Kind, Relation
from include.sources.dialects import PKDD, Dialect
from include.sources.forms import Remarks, form_of

UNKNOWN_FIGURE = "?"

# What pandas takes for missing when it reads a CSV, and what PostgreSQL's COPY and SQL clients write for null.
NULL_WORDS = frozenset(
    {"null", "(null)", "nil", "none", "na", "n/a", "#na", "#n/a", "#n/a n/a", "<na>", "nan", "-nan", "nat", "\\n"}
)
"""The words that exports write where there is no value, in lower case."""
# Nan is a province of Thailand, None a town in Piedmont, NA a code that a bank may have.
_NAMES = frozenset({"nil", "none", "na", "nan", "nat"})

DOUBLE_END = 2**53
"""Whole numbers below this are exact in a double; from here on neighbours share one, and last digits are unreliable."""

Faults = tuple[tuple[str, str], ...]
"""Pairs of a reason suffix and the pattern of its texts; the first pattern that matches names the fault."""

# Number of texts of a column whose form is examined; further ones look like the first thousand.
_LOOKED_AT = 1000
# Three digits of an exponent are more than a double has.
EXPONENT = r"(?i)^\s*[+-]?(\d+\.?\d*|\.\d+)e[+-]?\d{1,3}\s*$"
"""Numbers with an exponent, for engines that read them themselves."""
# As engines write a large double: the point or the sign tells it from an account of hexadecimal digits (12e5).
_LARGE_DOUBLE = r"(?i)^[+-]?\d(\.\d+e\+?|e\+)\d{1,3}$"
_BEYOND_CENTS = r"\.\d{2}0*[1-9]"
_BIRTH_NUMBER = re.compile(r"((?:\d{2}){1,2}|\d{4}-)(\d{2})(-?\d{2})", re.ASCII)


def _up_to(largest: int) -> str:
    """The pattern of numbers without leading zeros that are at most `largest`."""
    digits = str(largest)
    below = [
        f"{digits[:place]}[0-{int(digit) - 1}]\\d{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if digit != "0"
    ]
    return "|".join([f"\\d{{1,{len(digits) - 1}}}", *below, digits])


_NUMBERED: tuple[Kind, ...] = ("identifier", "account")
_INFINITE = r"(?i)^[+-]?(inf|infinity|∞)$"
_PATTERNS: Mapping[str, tuple[str, Faults]] = {
    "identifier": (
        rf"^-?0*({_up_to(2**63 - 1)})(\.0*)?$",
        (("too_large", r"^-?\d+(\.0*)?$"), ("not_an_integer", "")),
    ),
    "money": (
        # DECIMAL(12,2): ten digits before the point; zeros after the second decimal say nothing. Within a hundredth of
        # a cent of whole cents (1234.5600000000004, 0.99999999) is the noise of binary sums, which stays below that for
        # money of fifteen digits; nine digits before the point, so that rounding up stays within the column.
        r"^[+-]?(0*\d{1,10}(\.\d{0,2}0*)?|0*\.\d{1,2}0*|0*\d{0,9}\.\d{2}(00|99)\d*)$",
        (
            ("infinite", _INFINITE),
            ("too_large", r"^[+-]?0*[1-9]\d{10,}(\.\d*)?$"),
            ("three_decimals", r"^[+-]?\d*\.\d+$"),
            ("not_a_number", ""),
        ),
    ),
    "number": (
        # Fifteen digits are what a double holds exactly.
        r"^[+-]?(0*\d{1,15}(\.\d*)?|0*\.\d+)$",
        (("infinite", _INFINITE), ("too_large", r"^[+-]?\d+(\.\d*)?$"), ("not_a_number", "")),
    ),
}


def readable_pattern(kind: Kind) -> str:
    """The pattern of the texts that a number of some kind can be read from, for engines that read them themselves."""
    return _PATTERNS[kind][0]


class Typed(NamedTuple):
    """A typed column, and by reason suffix (`missing`, `not_a_date`) the rows it holds for."""

    values: pa.Array
    faults: dict[str, pa.Array]


class TypedColumns(NamedTuple):
    """A relation's columns, each row's comma-joined reason codes (null where there are none), and what was seen."""

    table: pa.Table
    codes: pa.Array
    remarks: Remarks


def type_columns(relation: Relation, dialect: Dialect, texts: Mapping[str, pa.Array]) -> TypedColumns:
    """Type the texts of a relation's columns.

    Parameters
    ----------
    texts
        Text by canonical column name; optional columns may be missing and come out all null.

    Notes
    -----
    A counterparty's account comes out as a number where it is one, and as text in its column beside it: the number's
    own digits, else the text as it stands. So it does where an exponent leaves its last digits open; a note says so.
    """
    texts = _unfold_birth_numbers(texts) if relation is FIN_CLIENT and dialect.name == PKDD.name else texts
    rows = len(next(iter(texts.values())))
    trimmed = {name: _in_digits(relation.column(name), _trimmed(text)) for name, text in texts.items()}
    null_words = _null_words(relation, trimmed) if relation.has_null_words else {}
    columns: list[pa.Array] = []
    faults: dict[str, pa.Array] = {}
    remarks = Remarks(open_digits=_open_digits(relation, trimmed))
    for column in relation.columns:
        typed, name = _absent(column, rows), column.read_from or column.name
        if name in trimmed:
            typed = _typed(column, dialect, _without(trimmed[name], null_words.get(name)))
        columns.append(typed.values)
        found = {f"{column.name}_{suffix}": mask for suffix, mask in typed.faults.items() if pc.any(mask).as_py()}
        faults.update(found)
        remarks.forms.update({code: _forms(trimmed[column.name], mask) for code, mask in found.items()})
    remarks.null_words.update({name: hits for name, mask in null_words.items() if (hits := pc.sum(mask).as_py())})
    return TypedColumns(pa.Table.from_arrays(columns, schema=relation.schema), join_codes(faults, rows), remarks)


def _trimmed(text: pa.Array) -> pa.Array:
    return pc.fill_null(pc.utf8_trim_whitespace(text), "")


def _null_words(relation: Relation, texts: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Which texts of each column are a word for nothing, in any letter case; a name that is needed may be such a word.

    >>> from include.relations import FIN_DISTRICT
    >>> _null_words(FIN_DISTRICT, {"district_name": pa.array(["Nan", "NULL"])})["district_name"].to_pylist()
    [False, True]
    """
    needed = {column.name for column in relation.columns if column.kind == "text" and not column.nullable}
    words = {name: NULL_WORDS - _NAMES if name in needed else NULL_WORDS for name in texts}
    return {name: pc.is_in(pc.utf8_lower(text), pa.array(sorted(words[name]))) for name, text in texts.items()}


def _in_digits(column: Column, text: pa.Array) -> pa.Array:
    """The texts with exponents of amounts, figures and numbers of accounts written out, as far as they say them."""
    if column.kind in ("money", "number"):
        return plain_digits(text)
    return _written_out(text, _LARGE_DOUBLE, _whole_digits) if column.kind in _NUMBERED else text


def plain_digits(text: pa.Array) -> pa.Array:
    """Numbers with an exponent (`9.09e-13`, `1.5E+06`) written out in digits, other texts as they are."""
    return _written_out(text, EXPONENT, _digits)


def _written_out(text: pa.Array, pattern: str, write: Callable[[str], str]) -> pa.Array:
    matching = pc.fill_null(pc.match_substring_regex(text, pattern), False)
    if not pc.any(matching).as_py():
        return text
    written = [write(number) for number in text.filter(matching).to_pylist()]
    return pc.replace_with_mask(text, matching, pa.array(written, pa.string()))


def _digits(number: str) -> str:
    return f"{Decimal(number):f}"


def _whole_digits(number: str) -> str:
    """The number in digits where it is whole and shows all of them, else as it stands.

    >>> _whole_digits("1.234567890123456e+15"), _whole_digits("1.23457E+15"), _whole_digits("1.2345678901234567e+16")
    ('1234567890123456', '1.23457E+15', '1.2345678901234567e+16')
    """
    read = Decimal(number)
    shows_all = read == read.to_integral_value() and len(read.as_tuple().digits) > read.adjusted()
    return f"{read:.0f}" if shows_all and abs(read) < DOUBLE_END else number


def _open_digits(relation: Relation, texts: Mapping[str, pa.Array]) -> Counter[str]:
    """How many keys and accounts of each column have an exponent that leaves their last digits open."""
    numbered = (column.name for column in relation.source_columns if column.kind in _NUMBERED and column.name in texts)
    found = {name: pc.sum(pc.match_substring_regex(texts[name], _LARGE_DOUBLE)).as_py() for name in numbered}
    return Counter({name: hits for name, hits in found.items() if hits})


def _without(text: pa.Array, words: pa.Array | None) -> pa.Array:
    return text if words is None or not pc.any(words).as_py() else pc.if_else(words, "", text)


def _forms(text: pa.Array, mask: pa.Array) -> Counter[str]:
    """How often which form occurs among the first of the texts that a reason code was given for."""
    return Counter(form_of(value) for value in text.filter(mask).slice(0, _LOOKED_AT).to_pylist())


def join_codes(faults: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """Each row's reason codes, comma-joined in the order given; null where no mask is true."""
    codes: dict[int, list[str]] = {}
    for code, mask in faults.items():
        for row in np.flatnonzero(mask.to_numpy(zero_copy_only=False)):
            codes.setdefault(int(row), []).append(code)
    flagged = np.zeros(rows, bool)
    flagged[list(codes)] = True
    joined = pa.array([",".join(codes[row]) for row in sorted(codes)], pa.string())
    return pc.replace_with_mask(pa.nulls(rows, pa.string()), pa.array(flagged), joined)


def _absent(column: Column, rows: int) -> Typed:
    return Typed(pa.nulls(rows, column.arrow), {})


def _typed(column: Column, dialect: Dialect, text: pa.Array) -> Typed:
    blank = pc.equal(text, "")
    if column.kind in ("money", "number"):
        blank = pc.or_(blank, pc.equal(text, UNKNOWN_FIGURE))
    typed = _by_kind(column, dialect, text, blank)
    if column.nullable or not pc.any(blank).as_py():
        return typed
    return Typed(typed.values, {"missing": blank, **typed.faults})


def _by_kind(column: Column, dialect: Dialect, text: pa.Array, blank: pa.Array) -> Typed:
    if column.kind in _PATTERNS:
        return _matching(column, text, blank)
    if column.kind == "account":
        return Typed(_account_numbers(text), {})
    if column.read_from:
        return Typed(_accounts(text, blank), {})
    if column.kind == "date":
        return _distinct(column, text, blank, dialect.date_of, "not_a_date")
    if column.kind == "time":
        return _distinct(column, text, blank, dialect.time_of, "not_a_time")
    if column.kind == "code":
        return _distinct(column, text, blank, dialect.codes(column).get, "unknown_code")
    return Typed(pc.if_else(blank, pa.scalar(None, pa.string()), text), {})


def _matching(column: Column, text: pa.Array, blank: pa.Array) -> Typed:
    """Cast the texts that match their kind's pattern; name the fault of the others."""
    pattern, faults = _PATTERNS[column.kind]
    good = pc.match_substring_regex(text, pattern)
    plain = pc.if_else(good, text, pa.scalar(None, pa.string()))
    read = {"identifier": _whole_numbers, "money": _money}.get(column.kind)
    values = pc.cast(plain, column.arrow) if read is None else read(plain)
    if pc.all(pc.or_(good, blank)).as_py() is not False:
        return Typed(values, {})
    return Typed(values, _named_faults(text, pc.invert(pc.or_(good, blank)), faults))


def _money(text: pa.Array) -> pa.Array:
    """Readable money in whole cents; digits that its pattern lets pass as noise are rounded away."""
    if not pc.any(pc.match_substring_regex(text, _BEYOND_CENTS)).as_py():
        return pc.cast(text, MONEY)
    six_decimals = pc.replace_substring_regex(text, r"(\.\d{6})\d*$", r"\1")
    return pc.cast(pc.round(pc.cast(six_decimals, pa.decimal128(18, 6)), 2), MONEY)


def _whole_numbers(plain: pa.Array) -> pa.Array:
    return pc.cast(pc.replace_substring_regex(plain, r"\.0*$", ""), IDENTIFIER)


def _account_numbers(text: pa.Array) -> pa.Array:
    """The accounts that are numbers; null for a text of any other form."""
    good = pc.match_substring_regex(text, readable_pattern("identifier"))
    return _whole_numbers(pc.if_else(good, text, pa.scalar(None, pa.string())))


def _accounts(text: pa.Array, blank: pa.Array) -> pa.Array:
    """The accounts as text; a number in its own digits, whatever it was written with."""
    written = pc.if_else(blank, pa.scalar(None, pa.string()), text)
    return pc.coalesce(pc.cast(_account_numbers(text), pa.string()), written)


def _named_faults(text: pa.Array, rest: pa.Array, faults: Faults) -> dict[str, pa.Array]:
    """Share the faulty rows among the faults, each to the first that its text matches."""
    named: dict[str, pa.Array] = {}
    for suffix, pattern in faults:
        named[suffix] = pc.and_(rest, pc.match_substring_regex(text, pattern))
        rest = pc.and_not(rest, named[suffix])
    return named


def _distinct(column: Column, text: pa.Array, blank: pa.Array, read: Callable[[str], Any], suffix: str) -> Typed:
    """Read each distinct text once: a million postings have a few thousand dates and a dozen codes."""
    encoded = text.dictionary_encode()
    read_once = pa.array([read(value) for value in encoded.dictionary.to_pylist()], column.arrow)
    values = read_once.take(encoded.indices)
    return Typed(values, {suffix: pc.and_(pc.is_null(values), pc.invert(blank))})


def _unfold_birth_numbers(texts: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """A PKDD birth number is YYMMDD with 50 added to a woman's month: take the date and the gender apart."""
    unfolded = [_unfold(text.strip()) for text in texts["birth_date"].to_pylist()]
    return {
        **texts,
        "birth_date": pa.array([date for date, _ in unfolded], pa.string()),
        "gender": pa.array([gender for _, gender in unfolded], pa.string()),
    }


def _unfold(number: str) -> tuple[str, str]:
    """The date's text and the gender.

    >>> _unfold("706213"), _unfold("450204"), _unfold("1970-62-13"), _unfold("soon")
    (('701213', 'F'), ('450204', 'M'), ('1970-12-13', 'F'), ('soon', ''))
    """
    found = _BIRTH_NUMBER.fullmatch(number)
    if found is None:
        return number, ""
    year, month, day = found.groups()
    return (f"{year}{int(month) - 50:02d}{day}", "F") if int(month) > 50 else (number, "M")
