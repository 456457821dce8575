"""Texts of a database that need not be UTF-8: SQLite keeps whatever bytes it was given."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

# Unicode never assigns it to a character, so that no text of a bank begins with it.
_UNDECODED = "\ufdd0"


def is_utf8(content: bytes | None) -> bool:
    """Whether bytes are a text.

    >>> is_utf8("Jos\u00e9".encode()), is_utf8("Jos\u00e9".encode("latin-1")), is_utf8(None)
    (True, False, True)
    """
    try:
        (content or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def text_of(content: bytes) -> str:
    r"""The text of some bytes; what does not decode is written out as `\xNN`, and the whole marked."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return _UNDECODED + content.decode(errors="backslashreplace")


def without_marks(texts: Sequence[pa.Array]) -> tuple[list[pa.Array], pa.Array]:
    """Columns of texts without the marks of `text_of`, and the rows that have one."""
    marked = [pc.fill_null(pc.starts_with(text, _UNDECODED), False) for text in texts]
    return [pc.replace_substring(text, _UNDECODED, "") for text in texts], reduce(pc.or_, marked)
