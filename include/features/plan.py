"""In which order the feature queries build on each other, and what can be dropped when: read from the queries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter

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

READ_BESIDE = frozenset({"postings"})
"""What is read by more than queries: the windows of the sequence models are cut from it."""


@dataclass(frozen=True)
class Step:
    """One query, under whose name its rows are kept.

    Attributes
    ----------
    query
        Name of its file.
    spent
        Tables that no later query reads.
    """

    query: str
    spent: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
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
def feature_plan() -> Plan:
    """The plan of the files as they are, read once a process."""
    texts = {query: sql_text(SQL_FOLDER, query) for query in sql_names(SQL_FOLDER)}
    graph = needed(FEATURES, reads_of(texts))
    order = [query for query in TopologicalSorter(graph).static_order() if query != FEATURES]
    again = _made_again(order, graph, texts)
    habits = [query for query in order if query not in again]
    stretch = [query for query in order if query in again]
    kept = READ_BESIDE.union(*(graph[query] for query in [*stretch, FEATURES]))
    return Plan(_steps(habits, graph, kept), _steps(stretch, graph, {*graph[FEATURES], *habits}))


def reads_of(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """By query, which other ones' rows it reads, in order of name; the state comes from the night before.

    >>> reads_of({"a": "select 1 as one -- from b", "b": "select one from a"})
    {'a': [], 'b': ['a']}
    """
    others = texts.keys() - STATE_SCHEMAS.keys()
    named = {query: _TABLE.findall(_COMMENT.sub("", text)) for query, text in sorted(texts.items())}
    return {query: sorted(others.intersection(tables) - {query}) for query, tables in named.items()}


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


def _steps(order: Sequence[str], graph: Mapping[str, Sequence[str]], kept: Iterable[str]) -> tuple[Step, ...]:
    """Each query with what it is the last to read, but for what is `kept` for later."""
    last_readers = {table: query for query in order for table in graph[query]}
    spent = {table: reader for table, reader in last_readers.items() if table not in kept}
    return tuple(Step(query, tuple(table for table, last in spent.items() if last == query)) for query in order)
