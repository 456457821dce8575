"""Makes texts inert, so that nothing in a bank's record becomes markup in a page or a formula in a spreadsheet."""

from __future__ import annotations

import html
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# OWASP's list for CSV injection: a cell that starts with one of these is evaluated by spreadsheet programs.
# East Asian editions also accept the full-width signs. Tab and carriage return are replaced by blanks before.
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]\d[\d,.]*%?")


def inert(text: str) -> str:
    """`text` with markup escaped, control characters blanked and a leading formula sign defused.

    Quotes are left as they are: they are harmless between tags, and a sentence with `&#x27;` in it cannot be read
    aloud. Code that puts a text into an attribute must escape it there.

    Examples
    --------
    >>> inert("<script>alert(1)</script>")
    '&lt;script&gt;alert(1)&lt;/script&gt;'
    >>> inert("=cmd()|'/c calc'!A1")
    "'=cmd()|'/c calc'!A1"
    """
    # Unescape first, as `&#10;` is a line end too.
    one_line = "".join(c if c.isprintable() else " " for c in html.unescape(text))
    escaped = html.escape(one_line, quote=False)
    # Some programs remove leading blanks from a cell before they interpret it.
    is_formula = escaped.lstrip().startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(escaped)
    return f"'{escaped}" if is_formula else escaped


def escaped_table(table: pa.Table) -> pa.Table:
    """`table` with every text in it, nested ones too, made inert."""
    for i, field in enumerate(table.schema):
        if _holds_text(field.type):
            column = pa.chunked_array([_inert_array(chunk) for chunk in table.column(i).chunks], field.type)
            table = table.set_column(i, field, column)
    return table


def _holds_text(kind: pa.DataType) -> bool:
    if pa.types.is_string(kind):
        return True
    if pa.types.is_struct(kind):
        return any(_holds_text(kind.field(i).type) for i in range(kind.num_fields))
    return pa.types.is_list(kind) and _holds_text(kind.value_type)


def _inert_array(array: pa.Array) -> pa.Array:
    """The array with inert texts; every distinct text is converted once, however often it is repeated."""
    if pa.types.is_string(array.type):
        encoded = array.dictionary_encode()
        texts = [None if text is None else inert(text) for text in encoded.dictionary.to_pylist()]
        return pa.array(texts, array.type).take(encoded.indices)
    if pa.types.is_list(array.type) and _holds_text(array.type):
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
        values = _inert_array(array.flatten())
        return pa.ListArray.from_arrays(offsets, values, array.type, mask=array.is_null())
    if pa.types.is_struct(array.type):
        parts = [_inert_array(part) for part in array.flatten()]
        return pa.StructArray.from_arrays(parts, fields=list(array.type), mask=array.is_null())
    return array
