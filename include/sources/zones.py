"""Checks that a source with moments instead of days has declared the zone in which its days begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import SourceError
from include.relations import Relation
from include.sources.dialects import Dialect
from include.sources.forms import form_of
from include.sources.moments import ZONED


def require_zone(relation: Relation, dialect: Dialect, texts: Mapping[str, pa.Array], place: str) -> None:
    """Stop at a column of days or times that holds moments with a zone, unless the source declared its own.

    Raises
    ------
    SourceError
        When there is such a column and no zone.
    """
    if dialect.zone is not None:
        return
    for column in relation.columns:
        if column.kind in ("date", "time") and column.name in texts:
            _require_no_moments(texts[column.name], dialect.header_name(column), f"{place} ({relation.name})")


def _require_no_moments(text: pa.Array, column: str, place: str) -> None:
    distinct = pc.utf8_trim_whitespace(pc.unique(text).drop_null())
    moments = distinct.filter(pc.match_substring_regex(distinct, ZONED))
    if len(moments):
        refuse_moments(place, column, f"of the form {form_of(moments[0].as_py())!r}")


def refuse_moments(place: str, column: str, held: str) -> NoReturn:
    """Say that a column holds moments whose day depends on where it is counted.

    Parameters
    ----------
    held
        Words for the column's values, by their form or type.

    Raises
    ------
    SourceError
        Always.
    """
    raise SourceError(
        f"{place}: column {column} holds moments with a time zone ({held}), and which day such a moment is on depends "
        "on where the bank counts its days. Declare that zone in the source's address, such as ?zone=Europe/Prague "
        "(?zone=UTC where the days are those of UTC), or export the column as a date without a zone",
        place=place,
    )
