"""Splits lines into records: sound lines all at once, others one by one, so that no wrong quote swallows a good one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from include.sources.text.lines import Lines, Mask, Positions

TORN = "torn_record"
FIELD_COUNT = "wrong_field_count"
ENCODING = "wrong_encoding"

MENDS = {
    TORN: "a quote that is not closed, or text after a closing one, tears a record: export texts in quotes, with "
    "quotes inside them doubled",
    FIELD_COUNT: "records have more or fewer fields than the file has columns: export texts that hold the delimiter "
    "in quotes",
    ENCODING: "bytes are no text of the file's encoding: export the file in UTF-8",
}
"""Cause and remedy for people, by the reason code of a record that could not be split."""

# No text of the eight relations is an essay: far above an address or a note, this bounds what a wrong quote costs.
MOST_LINES = 256

State = Literal["whole", "open", "broken"]


@dataclass(frozen=True)
class Unreadable:
    """A record that could not be split: the line it starts on (from 0), its text and the reason code."""

    line: int
    raw: str
    code: str


@dataclass(frozen=True)
class Records:
    """The records of a text, in the order of their lines.

    Attributes
    ----------
    columns
        Text of each wanted field.
    lines
        Line each record starts on, from 0.
    raw
        Each record as it stands in the text, its line end apart.
    unreadable
        Records that could not be split.
    torn_line
        Line (from 0) of the record the text is cut off in, if it is.
    cut_in_quote
        Whether it is cut off inside a quote.
    """

    columns: list[pa.Array]
    lines: Positions
    raw: pa.Array
    unreadable: tuple[Unreadable, ...]
    torn_line: int | None = None
    cut_in_quote: bool = False

    @property
    def has_misfits(self) -> bool:
        """Whether more than nine records in ten could not be split, so that the file is not what it should be.

        A file cut off in its first record is not meant: what it lacks is its end.
        """
        misfits = sum(1 for u in self.unreadable if u.line != self.torn_line)
        return misfits > 9 * len(self.lines)


def parse(text: str, delimiter: str) -> tuple[list[str], State]:
    """The fields of one record, and whether it is whole, ends inside a quote, or has text after a closing quote.

    A quote opens a field only at the field's start (blanks may precede); elsewhere it is an ordinary character.

    >>> parse('1; "a;""b" ;5" nail', ";")
    (['1', 'a;"b', '5" nail'], 'whole')
    >>> parse('1;"a;b', ";")[1], parse('1;"a"b;2', ";")[1]
    ('open', 'broken')
    """
    quoted, plain, unclosed = _field_patterns(delimiter)
    fields: list[str] = []
    position = 0
    while True:
        found = quoted.match(text, position)
        if found:
            fields.append(found[1].replace('""', '"'))
        elif unclosed.match(text, position):
            return fields, "open" if unclosed.fullmatch(text, position) else "broken"
        else:
            found = plain.match(text, position)
            fields.append(found[0] if found else "")
        position = found.end() if found else position
        if position >= len(text):
            return fields, "whole"
        position += 1


@lru_cache(maxsize=8)
def _field_patterns(delimiter: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """A quoted field, a plain one, and the start of a quoted one that is not closed."""
    inside = r'[^"]*(?:""[^"]*)*'
    return (
        re.compile(rf' *"({inside})" *(?={re.escape(delimiter)}|\Z)'),
        re.compile(rf"[^{re.escape(delimiter)}]*"),
        re.compile(rf' *"{inside}'),
    )


def split(lines: Lines, first: int, width: int, wanted: Sequence[int], key: int) -> Records:
    """The records from line `first` on, each of `width` fields.

    A record may run over several lines inside quotes if, joined, it has exactly `width` fields and none of the joined
    lines is a record by itself (`width` fields, an integer in field `key`). Otherwise its first line alone is torn,
    and reading goes on at the next physical line. What is still open at the end of the text is one torn record.

    Parameters
    ----------
    wanted
        Positions of the fields to return.
    key
        Position of the relation's key.
    """
    fitting = lines.sound & (lines.fields == width)
    fitting[:first] = False
    oddities = _Oddities(lines, fitting, width, key)
    oddities.read(first)
    columns, raw = _split_sound(lines, fitting, width, wanted)
    numbers = np.flatnonzero(fitting)
    if oddities.whole:
        columns, numbers, raw = _merge(columns, numbers, raw, oddities.whole, wanted)
    return Records(
        columns, numbers, raw, tuple(oddities.unreadable), oddities.torn_line, cut_in_quote=oddities.cut_in_quote
    )


@dataclass
class _Whole:
    """A record that had to be read by itself."""

    line: int
    fields: list[str]
    raw: str


@dataclass
class _Oddities:
    """Reads the lines that are not records by themselves; takes lines that belong to one out of `fitting`."""

    lines: Lines
    fitting: Mask
    width: int
    key: int
    whole: list[_Whole] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    torn_line: int | None = None
    cut_in_quote: bool = False

    def read(self, first: int) -> None:
        resume = first
        for line in np.flatnonzero(~self.fitting).tolist():
            if line >= resume and not self.lines.is_blank(line):
                resume = self._read_at(line) + 1

    def _read_at(self, line: int) -> int:
        """Read the record that starts on a line; gives the last line that belongs to it."""
        for last in self._candidates(line):
            fields, state = parse(self.lines.text(line, last), self.lines.delimiter)
            if state == "open" and last == len(self.lines) - 1:
                return self._cut_off(line, last, in_quote=True)
            if state != "open":
                return self._closed(line, last, fields, state)
        return self._refuse(line, line, TORN)

    def _candidates(self, line: int) -> Iterator[int]:
        """Lines a record that starts on `line` may end on."""
        yield line
        for last in range(line + 1, min(line + MOST_LINES, len(self.lines))):
            if self._stands_alone(last):
                return
            yield last

    def _stands_alone(self, line: int) -> bool:
        if not self.fitting[line]:
            return False
        return parse(self.lines.text(line), self.lines.delimiter)[0][self.key].strip().isdigit()

    def _closed(self, line: int, last: int, fields: list[str], state: State) -> int:
        is_last = last == len(self.lines) - 1 and not self.lines.ends_whole
        if is_last and (state == "broken" or len(fields) < self.width):
            return self._cut_off(line, last)
        if state == "broken" or (last > line and len(fields) != self.width):
            return self._refuse(line, line, TORN)
        if not self.lines.spoilt.isdisjoint(range(line, last + 1)):
            return self._refuse(line, last, ENCODING)
        if len(fields) != self.width:
            return self._refuse(line, last, FIELD_COUNT)
        self.whole.append(_Whole(line, fields, self.lines.text(line, last)))
        self.fitting[line : last + 1] = False
        return last

    def _cut_off(self, line: int, last: int, *, in_quote: bool = False) -> int:
        self.torn_line, self.cut_in_quote = line, in_quote
        return self._refuse(line, last, TORN)

    def _refuse(self, line: int, last: int, code: str) -> int:
        spoilt = line in self.lines.spoilt and line != self.torn_line
        self.unreadable.append(Unreadable(line, self.lines.text(line, last), ENCODING if spoilt else code))
        self.fitting[line : last + 1] = False
        return last


def _split_sound(lines: Lines, fitting: Mask, width: int, wanted: Sequence[int]) -> tuple[list[pa.Array], pa.Array]:
    """Fields and raw text of the fitting lines, which need no care any more."""
    if not fitting.any():
        return [pa.array([], pa.string()) for _ in wanted], pa.array([], pa.string())
    lengths = np.diff(np.append(lines.starts, len(lines.data)))
    body = np.frombuffer(lines.data, np.uint8)
    if not fitting.all():
        body = body[np.repeat(fitting, lengths)]
    table = _read_csv(pa.py_buffer(body), lines.delimiter, width, wanted)
    offsets = np.concatenate(([0], np.cumsum(lengths[fitting])))
    whole = pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(body))
    raw = pc.cast(pc.utf8_rtrim(whole, characters="\r\n"), pa.string())
    return [column.combine_chunks() for column in table.columns], raw


def _read_csv(body: pa.Buffer, delimiter: str, width: int, wanted: Sequence[int]) -> pa.Table:
    names = [str(position) for position in range(width)]
    return csv.read_csv(
        pa.BufferReader(body),
        read_options=csv.ReadOptions(column_names=names),
        parse_options=csv.ParseOptions(delimiter=delimiter, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=[names[position] for position in wanted],
            strings_can_be_null=False,
            check_utf8=False,  # the whole text has been
        ),
    )


def _merge(
    columns: list[pa.Array], numbers: Positions, raw: pa.Array, whole: Sequence[_Whole], wanted: Sequence[int]
) -> tuple[list[pa.Array], Positions, pa.Array]:
    """Put records that were read by themselves between the others."""
    every = np.concatenate((numbers, [record.line for record in whole]))
    order = np.argsort(every, kind="stable")
    texts = [[record.fields[position] for record in whole] for position in wanted]
    joined = [pa.concat_arrays([c, pa.array(t, pa.string())]).take(order) for c, t in zip(columns, texts, strict=True)]
    raws = pa.concat_arrays([raw, pa.array([record.raw for record in whole], pa.string())]).take(order)
    return joined, every[order], raws
