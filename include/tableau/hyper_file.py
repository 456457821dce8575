"""Writes tables as one .hyper file and asks Hyper whether it holds them; only this module calls Hyper, in a worker.

pantab starts Hyper for each call, without a log file (`log_config` is empty), without telemetry and without a network
connection.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from include.errors import ExtractError

# A sum of doubles depends on its order, in the last of 16 digits.
_SUM_TOLERANCE = 1e-9

Figure = int | float | Decimal | object


@dataclass(frozen=True)
class _Check:
    """One figure over a column, as Hyper and as Arrow compute it."""

    what: str
    in_hyper: Callable[[sa.ColumnClause[Any]], sa.ColumnElement[Any]]
    in_arrow: Callable[[pa.Array], pa.Scalar]
    merge: Callable[[Any, Any], Figure] = operator.add
    in_nothing: Figure = None


_FILLED = _Check("filled", sa.func.count, lambda values: pa.scalar(len(values) - values.null_count), in_nothing=0)
_SUM = _Check("sum", sa.func.sum, pc.sum)
# Identifiers go up to 2^63 - 1, whose sum would not fit.
_SUM_AS_DOUBLE = _Check(
    "sum",
    lambda column: sa.func.sum(sa.cast(column, sa.Double)),
    lambda values: pc.sum(values.cast(pa.float64(), safe=False)),
)
_TRUE = _Check("true", lambda column: sa.func.sum(sa.cast(column, sa.Integer)), pc.sum)
_LATEST = _Check("latest", sa.func.max, pc.max, merge=max)
_LENGTH = _Check(
    "length", lambda column: sa.func.sum(sa.func.length(column)), lambda values: pc.sum(pc.utf8_length(values))
)


@dataclass(frozen=True)
class TableRows:
    """The rows of one table, which come in batches and can be read once.

    Attributes
    ----------
    schema
        Columns.
    count
        Number of rows that are to come.
    batches
        The rows.
    """

    schema: pa.Schema
    count: int
    batches: Iterator[pa.RecordBatch]


def write_hyper(path: Path, tables: Mapping[str, TableRows]) -> None:
    """Write tables into a new .hyper file, then ask Hyper for figures over every column, which must be those written.

    One batch of rows at a time is in memory.

    Raises
    ------
    ExtractError
        When Hyper is not there, could not write or does not answer, or when a figure differs; nothing stays at `path`.
    """
    totals = {name: _Totals(rows) for name, rows in tables.items()}
    try:
        _write(path, tables, totals)
        _check(path, totals)
    except ExtractError:
        path.unlink(missing_ok=True)
        raise


def _write(path: Path, tables: Mapping[str, TableRows], totals: Mapping[str, _Totals]) -> None:
    pantab = _pantab(path)
    readers = {
        name: pa.RecordBatchReader.from_batches(rows.schema, totals[name].counting(rows.batches))
        for name, rows in tables.items()
    }
    try:
        pantab.frames_to_hyper(readers, path)
    # Hyper's own errors come as RuntimeError, a missing program as OSError.
    except (RuntimeError, OSError) as error:
        raise _failed(path, error) from error


def _check(path: Path, totals: Mapping[str, _Totals]) -> None:
    found = hyper_figures(path, {name: total.schema for name, total in totals.items()})
    wrong = list(_differences({name: total.figures() for name, total in totals.items()}, found))
    if wrong:
        raise ExtractError(
            f"{path.name} does not hold what the lake holds ({'; '.join(wrong)}), and the extract before stays: write "
            "it again; if it happens again, this is a defect of the program: report it with this sentence",
            place=str(path),
        )


class _Totals:
    """The figures of a table that are expected of Hyper, added up while its batches pass.

    The number of rows is the one that was announced: rows that got lost on the way are found, too.
    """

    def __init__(self, rows: TableRows) -> None:
        self.schema, self._count = rows.schema, rows.count
        self._found: list[Figure] = [check.in_nothing for _, check in _checks(rows.schema)]

    def counting(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same batches."""
        for batch in batches:
            found = [check.in_arrow(batch[column]).as_py() for column, check in _checks(self.schema)]
            merges = [check.merge for _, check in _checks(self.schema)]
            self._found = [_merged(*each) for each in zip(merges, self._found, found, strict=True)]
            yield batch

    def figures(self) -> dict[str, Figure]:
        """Number of rows, and the figures over each column."""
        return dict(zip(_figure_names(self.schema), [self._count, *self._found], strict=True))


def _merged(merge: Callable[[Any, Any], Figure], one: Figure, other: Figure) -> Figure:
    """Two parts of a figure brought together; a part without values has none."""
    if one is None or other is None:
        return other if one is None else one
    return merge(one, other)


def hyper_figures(path: Path, schemas: Mapping[str, pa.Schema]) -> dict[str, dict[str, Figure]]:
    """Number of rows, and a figure over each column, of each table of a .hyper file, in one query.

    Raises
    ------
    ExtractError
        When Hyper is not there or does not answer.
    """
    pantab = _pantab(path)
    try:
        answer = pantab.frame_from_hyper_query(path, _statement(schemas), return_type="pyarrow")
    except (RuntimeError, OSError) as error:
        raise _failed(path, error) from error
    values = iter(next(iter(answer.to_pylist())).values())
    return {name: {figure: next(values) for figure in _figure_names(schema)} for name, schema in schemas.items()}


def _pantab(path: Path) -> Any:  # noqa: ANN401 - a module, whose functions have no types
    try:
        import pantab  # 70 MB of libraries, which only extracts need
    except (ImportError, OSError) as error:
        raise ExtractError(
            f"the extract {path.name} was not written, since pantab, which holds Tableau's Hyper, cannot be imported "
            f"({error}): install the pinned requirements (make setup) and write the extracts again (python -m include "
            "extract), or do without them (ADS_EXTRACTS=off)",
            place=str(path),
        ) from error
    return pantab


def _failed(path: Path, error: Exception) -> ExtractError:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return ExtractError(
        f"Hyper could not write or read {path.name} ({reason}), and the extract before stays: see that the lake's disk "
        "has room and that this machine can run Hyper, then write the extracts again (python -m include extract), or "
        "do without them (ADS_EXTRACTS=off)",
        place=str(path),
    )


def _statement(schemas: Mapping[str, pa.Schema]) -> str:
    """One query with one row: the figures of all tables, in the order of `schemas`."""
    parts = [_figures_query(name, schema, f"t{number}") for number, (name, schema) in enumerate(schemas.items())]
    hypers_own = postgresql.dialect()  # type: ignore[no-untyped-call]  # Hyper speaks PostgreSQL's SQL
    return str(sa.select(*parts).compile(dialect=hypers_own, compile_kwargs={"literal_binds": True}))


def _figures_query(name: str, schema: pa.Schema, prefix: str) -> sa.Subquery:
    """The figures of one table, which have short names: Hyper's own names are limited."""
    figures: list[sa.ColumnElement[Any]] = [sa.func.count()]
    figures += [check.in_hyper(sa.column(column)) for column, check in _checks(schema)]
    named = [figure.label(f"{prefix}_{number}") for number, figure in enumerate(figures)]
    return sa.select(*named).select_from(sa.table(name)).subquery(prefix)


def _figure_names(schema: pa.Schema) -> list[str]:
    return ["rows", *(f"{check.what} of {column}" for column, check in _checks(schema))]


def _checks(schema: pa.Schema) -> Iterator[tuple[str, _Check]]:
    for field in schema:
        yield field.name, _FILLED
        yield field.name, _check_of(field.type)


def _check_of(kind: pa.DataType) -> _Check:
    if pa.types.is_string(kind):
        return _LENGTH
    if pa.types.is_boolean(kind):
        return _TRUE
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _LATEST
    return _SUM_AS_DOUBLE if pa.types.is_integer(kind) else _SUM


def _differences(
    expected: Mapping[str, Mapping[str, Figure]], found: Mapping[str, Mapping[str, Figure]]
) -> Iterator[str]:
    for name, figures in expected.items():
        for what, figure in figures.items():
            if not _is_same(figure, found[name][what]):
                yield f"{name}: {what} is {found[name][what]}, the lake's {figure}"


def _is_same(expected: Figure, found: Figure) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, rel_tol=_SUM_TOLERANCE, abs_tol=_SUM_TOLERANCE)
    return expected == found
