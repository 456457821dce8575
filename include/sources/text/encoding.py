"""Bytes of a text file to UTF-8: byte order marks, UTF-16, Czech code pages, and lines that are none of these."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

import numpy as np

_CZECH = "áčďéěíňóřšťúůýž"
_NEIGHBOURS = _CZECH + "äĺľôŕöüß"
# Czech alone first: 0xBE is a Czech letter in Latin-2 and only a Slovak one in Windows-1250.
_CODE_PAGES = tuple((page, letters) for letters in (_CZECH, _NEIGHBOURS) for page in ("cp1250", "iso8859-2"))

NUL = b"\x00"


@dataclass(frozen=True)
class Text:
    r"""A file's text.

    Attributes
    ----------
    data
        UTF-8, lines ended by LF or CRLF, no byte order mark; bytes of spoilt lines are written out as `\xNN`.
    spoilt
        Lines, from 0 and ascending, with bytes that do not decode or NUL characters.
    encoding
        Encoding of the file.
    """

    data: bytes
    spoilt: tuple[int, ...] = ()
    encoding: str = "utf-8"


def decode(data: bytes) -> Text:
    """The text of a file, whatever it was written in.

    A file is taken for a Czech code page only when most of its lines with an accent do not read as UTF-8 and every
    byte above 127 is a letter of that page; else it is UTF-8, and the lines that do not decode are named.
    """
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return _from_utf16(data[len(mark) :], encoding)
    data = data.removeprefix(codecs.BOM_UTF8)
    if not data.isascii() and not _is_utf8(data):
        return _from_bytes(_unix_lines(data))
    return _spell_out(_unix_lines(data), "utf-8")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _unix_lines(data: bytes) -> bytes:
    """Lines of an old Macintosh file, ended by CR alone, as everybody else's."""
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def _from_utf16(data: bytes, encoding: str) -> Text:
    text = data.decode(encoding, errors="replace")
    utf8 = _unix_lines(text.encode("utf-8"))
    spoilt = {i for i, line in enumerate(utf8.split(b"\n")) if "\ufffd".encode() in line}
    return _spell_out(utf8, encoding, spoilt)


def _from_bytes(data: bytes) -> Text:
    page = _code_page(data)
    if page:
        return _spell_out(data.decode(page).encode("utf-8"), page)
    spoilt = {i for i, line in enumerate(data.split(b"\n")) if not _is_utf8(line)}
    return _spell_out(data, "utf-8", spoilt)


def _code_page(data: bytes) -> str:
    """The Czech code page the bytes are letters of; empty when they are not."""
    accented = [_is_utf8(line) for line in data.split(b"\n") if not line.isascii()]
    if 2 * sum(accented) >= len(accented):
        return ""
    high = set(bytes(np.unique(np.frombuffer(data, np.uint8)))) - set(range(128))
    for page, letters in _CODE_PAGES:
        if high <= set((letters + letters.upper()).replace("SS", "").encode(page)):
            return page
    return ""


def _spell_out(data: bytes, encoding: str, spoilt: set[int] | None = None) -> Text:
    """Write out the bytes of spoilt lines, NUL among them, so that the rest of the text is sound UTF-8."""
    marked = set(spoilt or ())
    if not marked and NUL not in data:
        return Text(data, (), encoding)
    lines = data.split(b"\n")
    marked |= {i for i, line in enumerate(lines) if NUL in line}
    for i in marked:
        lines[i] = lines[i].decode("utf-8", errors="backslashreplace").replace("\0", "\\x00").encode("utf-8")
    return Text(b"\n".join(lines), tuple(sorted(marked)), encoding)
