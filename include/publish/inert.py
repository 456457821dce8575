"""Text that stays text: nothing a bank's record carries becomes markup in a page or a formula in a sheet."""

from __future__ import annotations

import html
import re

import pyarrow as pa

# OWASP's list for CSV injection: a cell that starts with one of these is evaluated by spreadsheet programs.
# East Asian editions take the full-width signs as well. Tab and carriage return are blanked before.
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]\d[\d,.]*%?")


def inert(text: str) -> str:
    """`text` with markup escaped, control characters blanked and a leading formula sign defused.

    Quotes are left as they are: they are harmless between tags, and a sentence with `&#x27;` in it cannot be read
    aloud. Who puts a text into an attribute escapes it there.

    Examples
    --------
    >>> inert("<script>alert(1)</script>")
    '&lt;script&gt;alert(1)&lt;/script&gt;'
    >>> inert("=cmd()|'/c calc'!A1")
    "'=cmd()|'/c calc'!A1"
    """
    # Unescaped first: `&#10;` is a line end too.
    one_line = "".join(c if c.isprintable() else " " for c in html.unescape(text))
    escaped = html.escape(one_line, quote=False)
    # Some programs take leading blanks off a cell before they look at it.
    is_formula = escaped.lstrip().startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(escaped)
    return f"'{escaped}" if is_formula else escaped


def inert_table(table: pa.Table) -> pa.Table:
    """`table` with every text in it, nested ones too, made inert."""
    for i, field in enumerate(table.schema):
        if _holds_text(field.type):
            values = [_inert_value(v) for v in table.column(i).to_pylist()]
            table = table.set_column(i, field, pa.array(values, field.type))
    return table


def _holds_text(kind: pa.DataType) -> bool:
    if pa.types.is_string(kind):
        return True
    if pa.types.is_struct(kind):
        return any(_holds_text(kind.field(i).type) for i in range(kind.num_fields))
    return pa.types.is_list(kind) and _holds_text(kind.value_type)


def _inert_value(value: object) -> object:
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, dict):
        return {k: _inert_value(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_inert_value(v) for v in value]
    return value
