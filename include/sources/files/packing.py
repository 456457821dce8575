"""Unpacks files: recognises them by their first bytes and unpacks them up to a bound, or names an unsupported kind."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import zstandard

from include.errors import SourceError

PACKED_SUFFIXES = (".gz", ".gzip", ".zst", ".zstd")
"""Suffixes that may follow those of a file that is read."""

LARGEST_BYTES = 2**31 - 1
"""Largest size of one relation as text, in bytes: the limit of Arrow's text columns. Larger banks are read from a
database."""
# The real bank's postings shrink to a third by gzip and a fifth by zstd at its strictest; what unfolds to a hundred
# times its size is no bank's file but meant to fill the memory. A small file may: it holds the same record again.
_MOST_RATIO = 100
_ALWAYS_ALLOWED = 64 << 20
# Fed in small steps: a step of zstd may stand for thirty thousand times its size, one of gzip for a thousand.
_STEP_BYTES = 1 << 10
# What zstd itself unpacks without being asked for more (`--long` windows beyond 128 MiB are refused).
_LARGEST_WINDOW = 1 << 27


class _Member(Protocol):
    """One packed stream; a file may be several, one after the other."""

    @property
    def eof(self) -> bool:
        """Whether its end was reached."""

    @property
    def unused_data(self) -> bytes:
        """The bytes after its end."""

    def decompress(self, data: bytes, /) -> bytes:
        """The unpacked bytes of a further piece."""


def _gzip_member() -> _Member:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _zstd_member() -> _Member:
    return zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).decompressobj()


# pzstd begins with a frame of its own, of one of sixteen numbers, which other readers of zstd skip.
_SKIPPED_FRAMES = tuple(bytes((number,)) + b"\x2a\x4d\x18" for number in range(0x50, 0x60))
_UNPACKERS: Mapping[bytes, Callable[[], _Member]] = {
    b"\x1f\x8b": _gzip_member,
    **dict.fromkeys((b"\x28\xb5\x2f\xfd", *_SKIPPED_FRAMES), _zstd_member),
}
_PACKED_TWICE = dict.fromkeys(_UNPACKERS, "another packed file")
_UNREAD: Mapping[bytes, str] = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ\x00": "packed by xz",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\x04\x22\x4d\x18": "packed by LZ4",
    b"\xff\x06\x00\x00sNaPpY": "packed by Snappy",
    b"Rar!": "a RAR archive",
    b"SQLite format 3\x00": "an SQLite database",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
    b"ARROW1": "an Arrow file",
}


class Unpacked(NamedTuple):
    """A file's bytes as they were before it was packed, and whether its end is missing."""

    data: bytes
    is_cut: bool = False


def unpack(data: bytes, place: str) -> Unpacked:
    """The bytes of a file that may be packed, by its first bytes and whatever its name.

    A packed file that is cut off is unpacked as far as it goes, as one that is not packed is read.

    Raises
    ------
    SourceError
        When it is of a kind that is not read, is damaged, or unfolds to far more than a file of its size should.
    """
    for magic, unpacker in _UNPACKERS.items():
        if data.startswith(magic):
            found = _unpacked(data, unpacker, place)
            _require_read(found.data, place, "holds in its packing", {**_UNREAD, **_PACKED_TWICE})
            return found
    _require_read(data, place, "is", _UNREAD)
    return Unpacked(data)


def largest_of(size: int) -> int:
    """How many bytes a packed file of some size may stand for."""
    return max(_ALWAYS_ALLOWED, _MOST_RATIO * size)


def _unpacked(data: bytes, begin: Callable[[], _Member], place: str) -> Unpacked:
    largest = min(LARGEST_BYTES, largest_of(len(data)))
    unpacked, position, member = bytearray(), 0, begin()
    while position < len(data):
        if member.eof:
            member = begin()
        piece = data[position : position + _STEP_BYTES]
        unpacked += _step(member, piece, place)
        position += len(piece) - (len(member.unused_data) if member.eof else 0)
        _require_bounded(len(unpacked), largest, place)
        # Blocks of tapes and mainframes are filled up with zeros.
        if member.eof and data[position : position + 1] == b"\0" and not data[position:].strip(b"\0"):
            break
    return Unpacked(bytes(unpacked), is_cut=not member.eof)


def _step(member: _Member, piece: bytes, place: str) -> bytes:
    try:
        return member.decompress(piece)
    except (zlib.error, zstandard.ZstdError, MemoryError) as error:
        raise SourceError(f"{place} cannot be unpacked ({error}): it is damaged, pack it again", place=place) from error


def _require_bounded(size: int, largest: int, place: str) -> None:
    if size > largest:
        raise SourceError(
            f"{place} unfolds to more than {largest:,} bytes, which is not read: a bank's file shrinks to a fifth, not "
            f"to a hundredth of its size. Deliver it unpacked, or in parts of at most {LARGEST_BYTES:,} bytes",
            place=place,
        )


def _require_read(data: bytes, place: str, verb: str, unread: Mapping[bytes, str]) -> None:
    for magic, kind in unread.items():
        if data.startswith(magic):
            raise SourceError(
                f"{place} {verb} {kind}, which is not read: deliver CSV or Parquet, packed once by gzip or zstd at "
                "most",
                place=place,
            )
