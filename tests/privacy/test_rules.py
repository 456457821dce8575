"""Every table that the code declares has a rule that says whose its rows are."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import include
from include import features, settlement
from include.errors import TerminalError
from include.features.state import STATE_SCHEMAS
from include.lake import Table
from include.masking.tables import masked_name
from include.privacy.rules import RULES, rule_of
from include.privacy.subject import IDENTIFIERS

# What only starts or shows something else, and imports what a test need not.
_NOT_ASKED = ("include.__main__", "include.orchestration", "include.approval")


def _declared() -> Iterator[Table]:
    """Every `Table` that is a name of a module, or lies in a collection that is."""
    for module in pkgutil.walk_packages(include.__path__, "include."):
        if module.name not in _NOT_ASKED:
            for value in vars(importlib.import_module(module.name)).values():
                members = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,)
                yield from (member for member in members if isinstance(member, Table))


def test_every_declared_table_has_a_rule() -> None:
    names = {table.name for table in _declared()}
    names |= {*settlement.STATE_SCHEMAS, *STATE_SCHEMAS}
    assert {"alerts", "alerts_masked", "mart_findings", "night_lesson", "state_first_night", "state_totals"} <= names
    assert {name for name in names if name.removesuffix("_masked") not in RULES} == set()


def test_a_table_with_identifiers_is_not_kept() -> None:
    """Whoever declares a table with an identifier says by which column its rows are told."""
    forgotten = [
        table.name
        for table in _declared()
        if rule_of(table.name).kept_because and {*IDENTIFIERS, "counterparty"} & set(table.schema.names)
    ]
    assert forgotten == []


def test_rules_name_columns_that_are_there() -> None:
    schemas = {**settlement.STATE_SCHEMAS, **features.state.STATE_SCHEMAS}
    columns = {name: set(schema.names) for name, schema in schemas.items()}
    columns |= {table.name: set(table.schema.names) for table in _declared()}
    assert {name for name, found in columns.items() if not set(rule_of(name).by) <= found} == set()


def test_a_new_table_is_not_passed_over() -> None:
    for name in ("new_table", masked_name("new_table")):
        with pytest.raises(TerminalError, match=f"{name} has no rule"):
            rule_of(name)
