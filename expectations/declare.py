"""How an expectation is declared in one line: what it expects, and what happens where it is not met."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import great_expectations.expectations as gxe
from great_expectations import ExpectationSuite
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.row_conditions import Column as Rows

from include.relations import Column, Relation

Severity = Literal["fail", "warn"]
Scope = Literal["row", "table"]

READER_CODES = "reader_codes"
"""Column with the codes of the values a reader could not type; null where it could type all."""

# ISO 20022 gives names 140 characters (Max140Text). A longer text has swallowed what followed a lost quote.
LONGEST_TEXT = 140
# Dates are calendar days of people and contracts now alive; beyond these a century was misread.
EARLIEST_DATE, LATEST_DATE = datetime(1850, 1, 1), datetime(2150, 12, 31)

_GX_SEVERITY = {"fail": FailureSeverity.CRITICAL, "warn": FailureSeverity.WARNING}


@dataclass(frozen=True)
class Declared:
    """One expectation and its consequence.

    Attributes
    ----------
    expectation
        What is expected.
    severity
        `fail` keeps a row, or the night, out; `warn` is counted and reported.
    scope
        Whether a violation is one row's or the whole relation's.
    reason_code
        Row scope: the code a row is quarantined or counted under.
    reason_column
        Row scope: the column that holds the row's own codes, where one expectation stands for many.
    fix
        What to do: a sentence at table scope, a part of one at row scope.
    """

    expectation: Expectation
    severity: Severity
    scope: Scope
    reason_code: str = ""
    reason_column: str = ""
    fix: str = ""

    def for_gx(self) -> Expectation:
        """The expectation with its consequence in `meta`, where results and Data Docs find it."""
        meta = {"severity": self.severity, "scope": self.scope, "consequence": self.consequence}
        own = {"reason_code": self.reason_code, "reason_column": self.reason_column, "fix": self.fix}
        meta |= {name: value for name, value in own.items() if value}
        shown = f"If not met: {self.consequence}{f' as {self.reason_code}' if self.reason_code else ''}."
        return self.expectation.copy(update={"meta": meta, "notes": shown, "severity": _GX_SEVERITY[self.severity]})

    @property
    def consequence(self) -> str:
        """What a violation leads to, for people."""
        if self.severity == "warn":
            return "is reported"
        return "row goes to quarantine" if self.scope == "row" else "night stops"


def refuse_row(reason_code: str, expectation: Expectation, fix: str = "") -> Declared:
    """A row that does not meet `expectation` goes to quarantine under `reason_code`; `fix` says what would be right."""
    return Declared(expectation, "fail", "row", reason_code, fix=fix)


def warn_row(reason_code: str, expectation: Expectation) -> Declared:
    """A row that does not meet `expectation` is let in, counted and reported."""
    return Declared(expectation, "warn", "row", reason_code)


def stop_night(fix: str, expectation: Expectation) -> Declared:
    """A relation that does not meet `expectation` stops the night; `fix` says what to do then."""
    return Declared(expectation, "fail", "table", fix=fix)


def warn_night(fix: str, expectation: Expectation) -> Declared:
    """A relation that does not meet `expectation` is reported; `fix` says what it means."""
    return Declared(expectation, "warn", "table", fix=fix)


def suite(name: str, declared: Iterable[Declared]) -> ExpectationSuite:
    """A Great Expectations suite of what was declared."""
    return ExpectationSuite(name=name, expectations=[each.for_gx() for each in declared])


def typed(relation: Relation) -> list[Declared]:
    """What holds of every relation by its own declaration: columns, codes, lengths, nothing missing."""
    return [
        stop_night(
            f"Give {relation.name} the missing columns back (see include/relations.py for its columns), "
            "or map the renamed ones.",
            gxe.ExpectTableColumnsToMatchSet(
                column_set=[c.name for c in relation.columns if not c.optional], exact_match=False
            ),
        ),
        Declared(gxe.ExpectColumnValuesToBeNull(column=READER_CODES), "fail", "row", reason_column=READER_CODES),
        *(each for column in relation.columns for each in _typed_column(column)),
    ]


def where(column: str, value: object) -> dict[str, Any]:
    """Arguments that hold an expectation against the rows with `value` in `column` only."""
    return {"row_condition": Rows(column) == value, "condition_parser": "pandas"}


def unique_key(relation: Relation) -> Declared:
    """Two rows of other content under one key both go to quarantine.

    Doubles of the same content are gone before this is asked, so that a key seen twice is a contradiction.
    """
    return refuse_row(
        "duplicate_key_conflict", gxe.ExpectColumnValuesToBeUnique(column=relation.key), shared_key(relation)
    )


def shared_key(relation: Relation) -> str:
    """What is right where records share a key, for people."""
    return f"records that differ share their {relation.key}: export each of them once, under a number of its own"


def not_empty(relation: Relation) -> Declared:
    """A required relation without a single row is a broken delivery."""
    return stop_night(
        f"{relation.name} was delivered empty: deliver it again in full and rerun the night.",
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
    )


def positive(column: str) -> list[Declared]:
    """An amount is above zero; its direction is told by another column."""
    fix = f"column {column} is above zero, its direction is told by another column: export it so"
    return [
        refuse_row(f"{column}_negative", gxe.ExpectColumnValuesToBeBetween(column=column, min_value=0), fix),
        refuse_row(f"{column}_zero", gxe.ExpectColumnValuesToNotBeInSet(column=column, value_set=[0]), fix),
    ]


def share(column: str) -> Declared:
    """A percentage lies between 0 and 100."""
    return warn_row(
        f"{column}_implausible", gxe.ExpectColumnValuesToBeBetween(column=column, min_value=0, max_value=100)
    )


def plausible(column: str) -> Declared:
    """A date lies in the centuries people and contracts live in; one row at a time, so not for long relations."""
    return warn_row(
        f"{column}_implausible",
        gxe.ExpectColumnValuesToBeBetween(column=column, min_value=EARLIEST_DATE, max_value=LATEST_DATE),
    )


def _typed_column(column: Column) -> list[Declared]:
    return [*_present(column), *_in_range(column)]


def _present(column: Column) -> list[Declared]:
    # An account that is no number is null, and present all the same: the reader tells whether it is.
    if column.nullable or column.kind == "account":
        return []
    return [refuse_row(f"{column.name}_missing", gxe.ExpectColumnValuesToNotBeNull(column=column.name))]


def _in_range(column: Column) -> list[Declared]:
    name = column.name
    if column.kind == "code":
        known = gxe.ExpectColumnValuesToBeInSet(column=name, value_set=sorted(column.codes))
        return [refuse_row(f"{name}_unknown_code", known)]
    # A counterparty's account may have any form.
    if column.kind == "text" and not column.read_from:
        short = gxe.ExpectColumnValueLengthsToBeBetween(column=name, max_value=LONGEST_TEXT)
        return [refuse_row(f"{name}_too_long", short)]
    return []
