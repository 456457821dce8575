"""Errors carry what they are about as facts, apart from their sentence, from one process to another."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from include.errors import LakeConflictError, SettlementError, SourceError, TerminalError, TransientError
from include.lake import Lake
from include.models.base import MatrixError, NotFittedError
from include.quality import RefusedError
from include.sources import open_source

FACTS = ("night", "run_key", "table", "relation", "place", "setting", "version")


def _classes(base: type[SettlementError] = SettlementError) -> Iterator[type[SettlementError]]:
    yield base
    for narrower in base.__subclasses__():
        yield from _classes(narrower)


KINDS = sorted({*_classes(), RefusedError, MatrixError, NotFittedError}, key=lambda kind: kind.__qualname__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_says_when_it_is_raised_and_survives_pickling_with_its_facts(kind: type[SettlementError]) -> None:
    assert (inspect.getdoc(kind) or "").startswith("Raised when ")
    error = kind("a sentence", night=date(1994, 1, 1), table="alerts")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled a moment before
    assert type(again) is kind
    assert str(again) == "a sentence"
    assert vars(again) == vars(error)
    assert (again.night, again.table, again.version) == (date(1994, 1, 1), "alerts", None)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_fact_is_none_where_nobody_gave_it(kind: type[SettlementError]) -> None:
    assert [getattr(kind("a sentence"), fact) for fact in FACTS] == [None] * len(FACTS)


def test_every_error_but_the_base_is_terminal_or_transient() -> None:
    own = [kind for kind in KINDS if kind.__module__ == SettlementError.__module__]
    assert all(issubclass(kind, TerminalError | TransientError) for kind in own if kind is not SettlementError)


def test_a_fact_is_given_by_its_name_alone() -> None:
    with pytest.raises(TypeError):
        LakeConflictError("a sentence", date(1994, 1, 1))  # type: ignore[misc]


def test_a_reader_may_branch_on_the_table_and_the_place(tmp_path: Path) -> None:
    with pytest.raises(TerminalError) as unknown:
        Lake.open(f"file:{tmp_path / 'lake'}").read("nothing")
    assert unknown.value.table == "nothing"
    with pytest.raises(SourceError) as missing, open_source(f"file:{tmp_path / 'bank'}") as source:
        source.span()
    assert missing.value.place == f"file:{tmp_path / 'bank'}"
