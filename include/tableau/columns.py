"""How Tableau sees the columns of an extract: their types, their roles, and the forms in which a sheet uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Role = Literal["dimension", "measure"]
FieldType = Literal["nominal", "ordinal", "quantitative"]
Derivation = Literal["None", "Sum", "Avg", "Max", "Day-Trunc"]

PREFIXES: dict[Derivation, str] = {"None": "none", "Sum": "sum", "Avg": "avg", "Max": "max", "Day-Trunc": "tdy"}
"""Derivations, and how the name of a column's instance begins with each."""
AGGREGATES: frozenset[Derivation] = frozenset({"Sum", "Avg", "Max"})
"""Derivations that make one value of many; they need a measure."""
KEYS: dict[FieldType, str] = {"nominal": "nk", "ordinal": "ok", "quantitative": "qk"}
"""How the name of a column's instance ends."""

# Numbers of people and things, which nobody adds up.
_NUMBERS = frozenset({"rank"})
_GEOGRAPHIC = {"shown_latitude": "[Geographical].[Latitude]", "shown_longitude": "[Geographical].[Longitude]"}


@dataclass(frozen=True)
class Column:
    """One column of a data source.

    Attributes
    ----------
    name
        Name in the extract.
    datatype
        Tableau's type of its values.
    role, type
        Whether it is split by or measured, and how its values are ordered.
    semantic_role
        What it means on a map; empty for all others.
    meaning
        What people read about it; empty where nothing is said.
    """

    name: str
    datatype: str
    role: Role
    type: FieldType
    semantic_role: str = ""
    meaning: str = ""

    @classmethod
    def of(cls, field: pa.Field) -> Column:
        """A column as it comes from an extract."""
        datatype, meaning = datatype_of(field.type), (field.metadata or {}).get(b"doc", b"").decode()
        is_number = datatype in ("integer", "real")
        if is_number and not (field.name.endswith("_id") or field.name in _NUMBERS):
            return cls(field.name, datatype, "measure", "quantitative", _GEOGRAPHIC.get(field.name, ""), meaning)
        is_ordered = is_number or datatype in ("date", "datetime")
        return cls(field.name, datatype, "dimension", "ordinal" if is_ordered else "nominal", meaning=meaning)


def datatype_of(kind: pa.DataType) -> str:
    """Tableau's type for an Arrow type that an extract can hold.

    >>> datatype_of(pa.decimal128(12, 2)), datatype_of(pa.date32())
    ('real', 'date')
    """
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_timestamp(kind):
        return "datetime"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    return "string" if pa.types.is_string(kind) else "real"


def caption_of(name: str) -> str:
    """A column's name as people read it.

    >>> caption_of("findings_per_thousand")
    'Findings per thousand'
    """
    return name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Field:
    """One use of a column in a sheet.

    Attributes
    ----------
    column
        Name of the column.
    derivation
        What becomes of its values.
    type
        How the derived values are ordered.
    """

    column: str
    derivation: Derivation
    type: FieldType

    @property
    def name(self) -> str:
        """The name of the column's instance.

        >>> Field("amount", "Sum", "quantitative").name
        '[sum:amount:qk]'
        """
        return f"[{PREFIXES[self.derivation]}:{self.column}:{KEYS[self.type]}]"


def each(column: str, kind: FieldType = "nominal") -> Field:
    """The values of a column as they are."""
    return Field(column, "None", kind)


def measured(column: str, derivation: Derivation) -> Field:
    """A column's values brought together."""
    return Field(column, derivation, "quantitative")
