"""The named queries: read from `include/sql/athena/queries`, and kept in a workgroup, each once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from include.athena.refusals import told_by_aws
from include.sql_engine import sql_names, sql_text

_QUERIES = "athena/queries"
# What one call of BatchGetNamedQuery takes.
_BATCH = 50


@dataclass(frozen=True)
class NamedQuery:
    """A query that people find by its name.

    Attributes
    ----------
    name
        Name in Athena, which is the file's.
    description
        What it answers and what it is to be given.
    sql
        The whole file; each `?` is an execution parameter.
    """

    name: str
    description: str
    sql: str


def named_queries() -> list[NamedQuery]:
    """Every named query, in the order of their names."""
    return [_read(name) for name in sql_names(_QUERIES)]


def _read(name: str) -> NamedQuery:
    text = sql_text(_QUERIES, name)
    header = header_of(text)
    return NamedQuery(name, f"{header['Question']} Parameters: {header['Parameters']}", text)


def header_of(text: str) -> dict[str, str]:
    """What the comment lines at the head of a file say, by the word before the colon."""
    said: dict[str, str] = {}
    topic = ""
    for line in text.splitlines():
        if not line.startswith("-- "):
            break
        word, colon, rest = line.removeprefix("-- ").partition(": ")
        if colon and word.istitle():
            topic, said[word] = word, rest
        else:
            said[topic] += f" {line.removeprefix('--').strip()}"
    return said


def deploy_named_queries(athena: Any, workgroup: str, database: str) -> dict[str, list[str]]:  # noqa: ANN401 - boto3 makes its clients' classes while it runs
    """Keep every named query in the workgroup as the files have it.

    A query is known by its name and database: what is there is changed where it differs, so that none is there twice.
    Queries of other names are left alone.

    Parameters
    ----------
    athena
        Client of Athena.
    workgroup
        Name of the workgroup that keeps them.
    database
        Name of the database that they read.

    Returns
    -------
    dict
        Names of those `created`, `updated` and `unchanged`.

    Raises
    ------
    AthenaError, AthenaUnavailableError
        When AWS refuses, or cannot answer now.
    """
    with told_by_aws(f"the named queries of the workgroup {workgroup}"):
        kept = {query["Name"]: query for query in _kept(athena, workgroup) if query["Database"] == database}
    done: dict[str, list[str]] = {"created": [], "updated": [], "unchanged": []}
    for query in named_queries():
        with told_by_aws(f"the named query {query.name}"):
            done[_keep(athena, query, kept.get(query.name), workgroup, database)].append(query.name)
    return done


def _keep(athena: Any, query: NamedQuery, kept: Mapping[str, Any] | None, workgroup: str, database: str) -> str:  # noqa: ANN401
    content = {"Name": query.name, "Description": query.description, "QueryString": query.sql}
    if kept is None:
        athena.create_named_query(**content, Database=database, WorkGroup=workgroup)
        return "created"
    if all(kept.get(key) == value for key, value in content.items()):
        return "unchanged"
    athena.update_named_query(**content, NamedQueryId=kept["NamedQueryId"])
    return "updated"


def _kept(athena: Any, workgroup: str) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401
    """The named queries of a workgroup, whosever they are."""
    pages = athena.get_paginator("list_named_queries").paginate(WorkGroup=workgroup)
    found = [identifier for page in pages for identifier in page["NamedQueryIds"]]
    for first in range(0, len(found), _BATCH):
        yield from athena.batch_get_named_query(NamedQueryIds=found[first : first + _BATCH])["NamedQueries"]
