"""In which order the feature queries build on each other, and what can be dropped when: read from the queries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from include.features.state import STATE_SCHEMAS
from include.sql_engine import sql_names, sql_text

SQL_FOLDER = "features"
"""Name of the folder of `include/sql` that holds the feature queries."""

FEATURES = "features"
"""The query that all others are made for."""

STRETCH_PARAMETER = "first_night"
"""Whatever takes it is made for a stretch of nights at a time, and so is what reads that."""

# What stands after these words is a table or a part of the query itself. The engine's own parser would cost a night's
# first features 0.3 s, this costs 0.01; a test holds the one against the other.
_COMMENT = re.compile("--.*")
_TABLE = re.compile(r"\b(?:from|join)\s+(\w+)")

GIVEN = "transactions"
"""The only large table that comes from outside; it is dropped like the others once it has been read."""

READ_BESIDE = frozenset({"postings"})
"""What is read by more than queries: the windows of the sequence models are cut from it."""

JOINED_BY_NIGHT = ("profile_groups", "rhythms", "successions")
"""Tables that only the described nights are joined with; earlier days are dropped once no other query reads them."""


@dataclass(frozen=True)
class Step:
    """One query, under whose name its rows are kept.

    Attributes
    ----------
    query
        Name of its file.
    spent
        Tables that no later query reads.
    narrowed
        Tables of which later queries read the described nights alone.
    """

    query: str
    spent: tuple[str, ...]
    narrowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeaturePlan:
    """What comes before `features`.

    Attributes
    ----------
    habits
        Made once, for all nights described.
    stretch
        Made again for each stretch of nights: their rows hold long lists, or are many a day.
    """

    habits: tuple[Step, ...]
    stretch: tuple[Step, ...]


@cache
def feature_plan() -> FeaturePlan:
    """The plan of the files as they are, read once a process."""
    texts = {query: sql_text(SQL_FOLDER, query) for query in sql_names(SQL_FOLDER)}
    graph = needed(FEATURES, reads_of(texts))
    order = [query for query in _late_order(FEATURES, graph) if query in texts and query != FEATURES]
    again = _made_again(order, graph, texts)
    habits = [query for query in order if query not in again]
    stretch = [query for query in order if query in again]
    kept = READ_BESIDE.union(*(graph[query] for query in [*stretch, FEATURES]))
    kept_each_time = {GIVEN, *graph[FEATURES], *habits}
    return FeaturePlan(_steps(habits, graph, kept, JOINED_BY_NIGHT), _steps(stretch, graph, kept_each_time))


def _late_order(query: str, graph: Mapping[str, Sequence[str]]) -> list[str]:
    """Every table after those it reads and as late as its first reader allows, so that few are held at once.

    On the month end of 200,000 accounts, where the widest table is of 300 MB, this order peaked 400 MB lower than one
    that makes all tables of a level before the next.
    """
    order: dict[str, None] = {}

    def visit(table: str) -> None:
        for other in graph[table]:
            if other not in order:
                visit(other)
        order[table] = None

    visit(query)
    return list(order)


def reads_of(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """By query, which other tables it reads, in order of name; the state comes from the night before.

    >>> reads_of({"a": "select 1 as one -- from b", "b": "select one from a join transactions"})
    {'a': [], 'b': ['a', 'transactions'], 'transactions': []}
    """
    others = {GIVEN, *texts} - STATE_SCHEMAS.keys()
    named = {query: _TABLE.findall(_COMMENT.sub("", text)) for query, text in sorted(texts.items())}
    return {**{query: sorted(others.intersection(tables) - {query}) for query, tables in named.items()}, GIVEN: []}


def needed(query: str, reads: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """What a query builds on, directly or not, itself included, each with what it reads.

    >>> needed("c", {"a": [], "b": ["a"], "c": ["b"], "d": ["a"]})
    {'c': ['b'], 'b': ['a'], 'a': []}
    """
    found: dict[str, Sequence[str]] = {}
    waiting = [query]
    while waiting:
        name = waiting.pop()
        found[name] = reads[name]
        waiting += [other for other in reads[name] if other not in found]
    return found


def _made_again(order: Iterable[str], graph: Mapping[str, Sequence[str]], texts: Mapping[str, str]) -> set[str]:
    """Queries of a stretch of nights, those that read one included."""
    again: set[str] = set()
    for query in order:
        if f"${STRETCH_PARAMETER}" in texts[query] or again.intersection(graph[query]):
            again.add(query)
    return again


def _steps(
    order: Sequence[str], graph: Mapping[str, Sequence[str]], kept: Iterable[str], joined_by_night: Iterable[str] = ()
) -> tuple[Step, ...]:
    """Each query with the tables that it is the last to read, but for those that are `kept` for later."""
    last_readers = {table: query for query in order for table in [query, *graph[query]]}

    def step(query: str) -> Step:
        done = {table: None for table, reader in last_readers.items() if reader == query}
        spent = tuple(table for table in done if table not in kept)
        return Step(query, spent, tuple(table for table in joined_by_night if table in done and table in kept))

    return tuple(map(step, order))
