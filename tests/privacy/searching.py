"""Searches a lake as somebody does who wants a client back: every file, unpacked, for every way to write a number.

Parquet is decoded, and every frame of Zstandard in it is unpacked as well, so that a page that no reader asks for is
seen too. Iceberg's lists and manifests are unpacked block by block; extracts are read as Tableau reads them.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pantab
import pyarrow as pa
import pyarrow.parquet as pq

_ZSTD = b"\x28\xb5\x2f\xfd"
_PARQUET = b"PAR1"
_AVRO = b"Obj\x01"
_SYNC = 16
_PIECE = 64 << 10


def forms_of(canary: str) -> dict[str, bytes]:
    """The ways to write a word, or a number of nine digits, by their names.

    Shorter forms of a number occur by chance; a number of nine digits takes 30 bits.
    """
    texts = {"text": canary.encode(), "UTF-16": canary.encode("utf-16-le")}
    if not canary.isdecimal():
        return texts
    number = int(canary)
    packed = {
        f"{name} {order}": struct.pack(sign + kind, number)
        for name, kind in (("32 bits", "i"), ("64 bits", "q"), ("float", "d"))
        for order, sign in (("little", "<"), ("big", ">"))
    }
    return {**texts, **packed, "varint": _varint(number << 1)}


def _varint(number: int) -> bytes:
    """A whole number as Avro and Thrift write it, already in zigzag."""
    groups = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes(group | 0x80 for group in groups[:-1]) + bytes(groups[-1:])


def places(folder: Path, canaries: Collection[str]) -> list[str]:
    """Every file below a folder that holds a canary, with the canary and the ways it is written there."""
    wanted = {canary: forms_of(canary) for canary in canaries}
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        layers = [*layers_of(path)]
        for canary, forms in wanted.items():
            ways = [way for way, form in forms.items() if any(form in layer for layer in layers)]
            found += [f"{path.relative_to(folder)}: {canary} as {', '.join(ways)}"] if ways else []
    return found


def layers_of(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what they become when they are unpacked and decoded."""
    content = path.read_bytes()
    yield content
    if content.startswith(_AVRO):
        yield from _blocks(content)
    if path.suffix == ".parquet" and content.endswith(_PARQUET):
        yield str(pq.read_table(path, partitioning=None).to_pylist()).encode()
    if path.suffix == ".hyper":
        yield from (str(pa.table(table).to_pylist()).encode() for table in _tables(path))
    yield from _frames(content)


def _tables(path: Path) -> Iterable[pa.Table]:
    found = pantab.frames_from_hyper(path, return_type="pyarrow")
    return found.values()


def _frames(content: bytes) -> Iterator[bytes]:
    """Whatever unpacks as Zstandard, wherever it begins."""
    at = content.find(_ZSTD)
    while at >= 0:
        with suppress(OSError):
            yield _unpacked(content[at:])
        at = content.find(_ZSTD, at + 1)


def _unpacked(frame: bytes) -> bytes:
    """What a frame unpacks to; in pieces, as Arrow keeps the address space of large ones, and a process of hundreds of
    gigabytes can start no other.
    """
    with pa.CompressedInputStream(io.BytesIO(frame), "zstd") as stream:
        return b"".join(iter(lambda: stream.read(_PIECE), b""))


def _blocks(content: bytes) -> Iterator[bytes]:
    """The blocks of an Avro file, unpacked: each is two lengths, its bytes and the mark that ends the header, too."""
    mark = content[-_SYNC:]
    for block in content.split(mark)[1:-1]:
        _, begin = _long(block, 0)
        size, begin = _long(block, begin)
        yield zlib.decompress(block[begin : begin + size], -zlib.MAX_WBITS)


def _long(content: bytes, at: int) -> tuple[int, int]:
    """A long of Avro's, and where it ends."""
    number, shift = 0, 0
    while True:
        number |= (content[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not content[at - 1] & 0x80:
            return number >> 1 ^ -(number & 1), at
