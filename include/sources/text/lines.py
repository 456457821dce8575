"""The physical lines of a delimited text, scanned whole: how many fields each has, whether its quotes are in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_LINE_FEED, _CARRIAGE_RETURN, _QUOTE = b'\n\r"'
# Arrow's CSV reader works on blocks of 1 MiB, and a line must fit into one.
_LONGEST_BYTES = 1 << 19


@dataclass(frozen=True)
class Lines:
    """A text as physical lines, numbered from 0.

    Attributes
    ----------
    data
        UTF-8 with LF or CRLF.
    delimiter
        One ASCII character.
    starts, ends
        Byte positions at which each line starts and at which its text ends (without the line end).
    sound
        Lines that are certainly whole records by themselves: every quote opens a field, closes one or is doubled, no
        line break stands inside, all bytes decode.
    fields
        Fields of each sound line.
    spoilt
        Lines whose bytes do not decode.
    """

    data: bytes
    delimiter: str
    starts: Positions
    ends: Positions
    sound: Mask
    fields: Positions
    spoilt: frozenset[int]

    def __len__(self) -> int:
        return len(self.starts)

    def text(self, first: int, last: int | None = None) -> str:
        """The text of a line, or of all from `first` to `last`."""
        return self.data[self.starts[first] : self.ends[first if last is None else last]].decode("utf-8")

    def is_blank(self, line: int) -> bool:
        """Whether a line holds nothing, blanks, or the end-of-file mark of DOS."""
        return not self.text(line).strip(" \r\x1a")

    @cached_property
    def ends_whole(self) -> bool:
        """Whether the last line has a line end."""
        return self.data.endswith(b"\n")


def scan(data: bytes, delimiter: str, spoilt: Sequence[int] = ()) -> Lines:
    """Find the lines of a text and which of them are sound.

    A million lines of ten fields take about half a second; the text is looked at as a whole, never line by line.
    """
    buffer = np.frombuffer(data, np.uint8)
    breaks = np.flatnonzero(buffer == _LINE_FEED)
    starts = np.concatenate(([0], breaks + 1))
    starts = starts[starts < len(buffer)]
    ends = np.append(breaks, len(buffer))[: len(starts)]
    sound = np.ones(len(starts), bool)
    sound[list(spoilt)] = False
    sound[ends - starts > _LONGEST_BYTES] = False
    _mark_stray_returns(buffer, starts, sound)
    ends = ends - (buffer[np.maximum(ends - 1, 0)] == _CARRIAGE_RETURN)
    fields = _count_fields(buffer, starts, ord(delimiter), sound)
    return Lines(data, delimiter, starts, ends, sound, fields, frozenset(spoilt))


def _mark_stray_returns(buffer: npt.NDArray[np.uint8], starts: Positions, sound: Mask) -> None:
    """Lines with a carriage return that is no part of their line end are not sound."""
    returns = np.flatnonzero(buffer == _CARRIAGE_RETURN)
    stray = returns[_byte_at(buffer, returns + 1) != _LINE_FEED]
    sound[_line_of(stray, starts)] = False


def _count_fields(buffer: npt.NDArray[np.uint8], starts: Positions, delimiter: int, sound: Mask) -> Positions:
    """Fields of each line by the delimiters outside its quotes; marks lines whose quotes are not in order."""
    delimiters = np.flatnonzero(buffer == delimiter)
    counts = _per_line(delimiters, starts, len(buffer))
    is_quote = buffer == _QUOTE
    if not is_quote.any():
        return counts + 1
    # Whether an odd number of quotes of the same line stands up to and including each byte.
    odd = (np.cumsum(is_quote, dtype=np.uint8) & 1).astype(bool)
    odd_before = odd[starts] ^ is_quote[starts]
    _mark_quotes_out_of_order(buffer, np.flatnonzero(is_quote), odd, odd_before, starts, delimiter, sound)
    quoted = delimiters[odd[delimiters] ^ np.repeat(odd_before, counts)]
    return counts - _per_line(quoted, starts, len(buffer)) + 1


def _mark_quotes_out_of_order(
    buffer: npt.NDArray[np.uint8],
    quotes: Positions,
    odd: Mask,
    odd_before: Mask,
    starts: Positions,
    delimiter: int,
    sound: Mask,
) -> None:
    """A line's odd quotes must open a field or follow a quote, its even ones close one or precede a quote."""
    counts = _per_line(quotes, starts, len(buffer))
    sound[counts % 2 == 1] = False
    opens = odd[quotes] ^ np.repeat(odd_before, counts)
    before, after = np.zeros(256, bool), np.zeros(256, bool)
    before[[delimiter, _LINE_FEED, _QUOTE]] = True
    after[[delimiter, _LINE_FEED, _CARRIAGE_RETURN, _QUOTE]] = True
    fitting = np.where(opens, before[_byte_at(buffer, quotes - 1)], after[_byte_at(buffer, quotes + 1)])
    sound[_line_of(quotes[~fitting], starts)] = False


def _byte_at(buffer: npt.NDArray[np.uint8], positions: Positions) -> npt.NDArray[np.uint8]:
    """The bytes at these positions; a line feed before the text and after it."""
    inside = (positions >= 0) & (positions < len(buffer))
    return np.where(inside, buffer[np.clip(positions, 0, len(buffer) - 1)], _LINE_FEED).astype(np.uint8)


def _line_of(positions: Positions, starts: Positions) -> Positions:
    return np.searchsorted(starts, positions, "right") - 1


def _per_line(positions: Positions, starts: Positions, size: int) -> Positions:
    """How many of the positions lie on each line."""
    return np.diff(np.searchsorted(positions, np.append(starts, size)))
