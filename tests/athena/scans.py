"""Which nights of which tables a query reads: its bounds, followed through views, parts and joins to the tables.

What is followed is what Athena's engine, Trino, pushes down: a bound goes through a column that is handed on as it is,
through both sides of a union, through a group by that column, and over the equality of an inner join.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.optimizer.simplify import simplify

from tests.athena.athena_sql import DIALECT, Columns


@dataclass(frozen=True)
class Bounds:
    """The first and the last night that a column may have; None where it is open."""

    first: date | None = None
    last: date | None = None

    def within(self, other: Bounds) -> Bounds:
        """Both bounds at once."""
        firsts = [each for each in (self.first, other.first) if each]
        lasts = [each for each in (self.last, other.last) if each]
        return Bounds(max(firsts, default=None), min(lasts, default=None))


_OPEN = Bounds()
_Key = tuple[str, str]
_Known = dict[_Key, Bounds]
"""Bounds by the source's alias and the column."""


def scans(
    query: exp.Expr, views: Mapping[str, exp.Query], schemas: Mapping[str, Columns]
) -> Iterator[tuple[str, dict[str, Bounds]]]:
    """The table of every scan, with the bounds on its columns.

    Parameters
    ----------
    query
        Query with its parameters filled in.
    views
        What each view selects, by the view's name.
    schemas
        Columns of the tables.
    """
    whole = exp.expand(query.copy(), dict(views), dialect=DIALECT)
    scope = build_scope(qualify(whole, schema=dict(schemas), dialect=DIALECT))
    assert scope is not None
    yield from _scans(scope, {})


def _scans(scope: Scope, asked: Mapping[str, Bounds]) -> Iterator[tuple[str, dict[str, Bounds]]]:
    query = scope.expression
    if isinstance(query, exp.SetOperation):
        places = {name: place for place, name in enumerate(query.named_selects)}
        for side in scope.set_operation_scopes:
            names = side.expression.named_selects
            yield from _scans(side, {names[places[name]]: bounds for name, bounds in asked.items()})
        return
    known = _over_joins(query, _handed_down(query, asked, _of_where(query)))
    for alias, (_, source) in scope.selected_sources.items():
        own = {column: bounds for (name, column), bounds in known.items() if name == alias}
        if isinstance(source, exp.Table):
            yield source.name, own
        elif isinstance(source.expression, exp.Query):
            yield from _scans(source, own)


def _handed_down(query: exp.Select, asked: Mapping[str, Bounds], known: _Known) -> _Known:
    """The bounds asked of the query's own columns, where they are columns of its sources."""
    found = dict(known)
    group = query.args.get("group")
    for column in query.selects:
        origin, bounds = column.unalias(), asked.get(column.alias_or_name)
        if bounds and isinstance(origin, exp.Column) and (group is None or origin in group.expressions):
            _add(found, origin, bounds)
    return found


def _of_where(query: exp.Select) -> _Known:
    found: _Known = {}
    where = query.args.get("where")
    for term in where.this.flatten() if where and isinstance(where.this, exp.And) else [where.this] if where else []:
        for column, bounds in _of_term(term.unnest()):
            _add(found, column, bounds)
    return found


def _of_term(term: exp.Expr) -> Iterator[tuple[exp.Column, Bounds]]:
    if isinstance(term, exp.Between):
        ends = {"first": _day(term.args["low"]), "last": _day(term.args["high"])}
    elif isinstance(term, exp.GTE | exp.LTE | exp.EQ):
        day = _day(term.expression)
        ends = {"first": None if isinstance(term, exp.LTE) else day, "last": None if isinstance(term, exp.GTE) else day}
    else:
        return
    if isinstance(term.this, exp.Column) and any(ends.values()):
        yield term.this, Bounds(**ends)


def _day(value: exp.Expr) -> date | None:
    """The date that a literal is cast to."""
    plain = simplify(value.copy(), dialect=DIALECT)
    literal = plain.this if isinstance(plain, exp.Cast) and plain.is_type(exp.DType.DATE) else None
    return date.fromisoformat(literal.name) if isinstance(literal, exp.Literal) else None


def _over_joins(query: exp.Select, known: _Known) -> _Known:
    found = dict(known)
    equal = [pair for join in query.args.get("joins") or [] if not join.side for pair in _equalities(join)]
    for one, other in [*equal, *((other, one) for one, other in equal)]:
        if bounds := found.get((one.table, one.name)):
            _add(found, other, bounds)
    return found


def _equalities(join: exp.Join) -> Iterator[tuple[exp.Column, exp.Column]]:
    for term in join.args["on"].find_all(exp.EQ) if join.args.get("on") else ():
        if isinstance(term.left, exp.Column) and isinstance(term.right, exp.Column):
            yield term.left, term.right


def _add(known: _Known, column: exp.Column, bounds: Bounds) -> None:
    key = (column.table, column.name)
    known[key] = known.get(key, _OPEN).within(bounds)
