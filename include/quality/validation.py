"""Runs Great Expectations: validates a table with a suite, and removes values of rows from the answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import great_expectations as gx
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds
from great_expectations import ExpectationSuite
from great_expectations.core import ExpectationValidationResult
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

from include.quality.admission import SuiteResult

# Lines named per expectation in Data Docs, enough to find them in the file; Great Expectations samples twenty too.
SAMPLED_LINES = 20

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST_IN_NANOSECONDS = date(1677, 9, 22).toordinal() - _EPOCH
_LAST_IN_NANOSECONDS = date(2262, 4, 11).toordinal() - _EPOCH
"""First and last whole date that 64 bits of nanoseconds since 1970 reach (pandas.Timestamp.min and max), in days."""

# Values of rows are kept out at the root, and out of what is stored by taking over nothing but these.
_WITHOUT_VALUES = {
    "result_format": "COMPLETE",
    "exclude_unexpected_values": True,
    "return_unexpected_index_query": False,
}
_FIGURES = (
    "element_count",
    "unexpected_count",
    "unexpected_percent",
    "unexpected_percent_total",
    "unexpected_percent_nonmissing",
    "missing_count",
    "missing_percent",
)
_NO_LIMITS = frozenset(
    {
        "batch_id",
        "condition_parser",
        "row_condition",
        "column",
        "column_A",
        "column_B",
        "column_list",
        "exact_match",
        "ignore_row_if",
    }
)


@lru_cache(maxsize=1)
def _frames() -> BatchDefinition[Any]:
    """The process's batch definition for Great Expectations; creating a new one per night would cost too much time."""
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return (
        context.data_sources.add_pandas("night")
        .add_dataframe_asset("rows")
        .add_batch_definition_whole_dataframe("whole")
    )


@dataclass(frozen=True)
class Violation:
    """One expectation that was not met.

    Attributes
    ----------
    meta
        Severity, scope, reason code and fix, as declared.
    expectation
        Name and columns of the expectation, for people.
    found, allowed
        Found figure and the limits that it missed, for people.
    positions
        Positions of the failing rows in the validated table, for expectations on rows.
    is_broken
        Whether the expectation could not be evaluated at all (a column is missing).
    """

    meta: Mapping[str, str]
    expectation: str
    found: str
    allowed: str
    positions: tuple[int, ...] = ()
    is_broken: bool = False

    @property
    def stops_night(self) -> bool:
        """Whether the relation must not be published."""
        return self.meta["severity"] == "fail" and (self.is_broken or self.meta["scope"] == "table")

    @property
    def refuses_rows(self) -> bool:
        """Whether the rows at `positions` go to quarantine."""
        return not self.is_broken and self.meta["severity"] == "fail" and self.meta["scope"] == "row"


@dataclass(frozen=True)
class Verdict:
    """The answer of one suite about one table.

    Attributes
    ----------
    violations
        Violations, in the order of Great Expectations' answer.
    result
        Answer in a form that may be stored and shown.
    """

    violations: tuple[Violation, ...]
    result: SuiteResult

    def reasons(self, codes: Mapping[str, pa.ChunkedArray]) -> Iterator[tuple[int, str]]:
        """Pairs of refused row and reason, the rows' own codes first; `codes` gives the columns that hold these."""
        for violation in sorted(self.violations, key=lambda each: "reason_column" not in each.meta):
            if violation.refuses_rows:
                yield from _reasons(violation, codes)


def _reasons(violation: Violation, codes: Mapping[str, pa.ChunkedArray]) -> Iterator[tuple[int, str]]:
    own = violation.meta.get("reason_column")
    if own is None:
        yield from ((position, violation.meta["reason_code"]) for position in violation.positions)
        return
    texts = codes[own].take(pa.array(violation.positions, pa.int64())).to_pylist()
    for position, text in zip(violation.positions, texts, strict=True):
        yield from ((position, code) for code in text.split(","))


def validate(
    suite: ExpectationSuite,
    rows: pa.Table,
    lines: pa.ChunkedArray | None = None,
    parameters: Mapping[str, object] | None = None,
) -> Verdict:
    """Validate `rows` with `suite`.

    Parameters
    ----------
    suite
        Expectations declared with `expectations.declare`.
    rows
        Table with only the columns that the suite may see; raw texts must not be among them.
    lines
        Source line of each row, to be named in Data Docs.
    parameters
        Values of the suite's parameters.
    """
    batch = _frames().get_batch({"dataframe": as_frame(rows)})
    answer = batch.validate(suite, result_format=_WITHOUT_VALUES, expectation_parameters=dict(parameters or {}))
    violations = tuple(violation_of(each) for each in answer.results if not each.success)
    for each in answer.results:
        _strip(each, lines)
    answer.meta = {"great_expectations_version": gx.__version__}
    stored = answer.to_json_dict()  # type: ignore[no-untyped-call]
    return Verdict(violations, {"suite": suite.name, "validation": stored})


def as_frame(rows: pa.Table) -> pd.DataFrame:
    """The rows in types that Great Expectations compares fast, without losing a digit of an identifier."""
    return pd.DataFrame({name: _as_series(rows[name]) for name in rows.column_names}, copy=False)


def _as_series(column: pa.ChunkedArray) -> pd.Series[Any]:
    if kinds.is_decimal(column.type):
        column = column.cast(pa.float64())
    if kinds.is_integer(column.type):
        return column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    if kinds.is_date(column.type) and _fits_nanoseconds(column):
        # Great Expectations compares these as a whole, and dates of any other resolution value by value.
        column = column.cast(pa.timestamp("ns"))
    return column.to_pandas(date_as_object=False)


def _fits_nanoseconds(column: pa.ChunkedArray) -> bool:
    """Whether every date lies where 64 bits of nanoseconds reach; a mistyped year need not."""
    # In days since 1970, as dates after the year 9999 have no Python form.
    ends = pc.min_max(column.cast(pa.int32())).as_py()
    return ends["min"] is None or _FIRST_IN_NANOSECONDS <= ends["min"] <= ends["max"] <= _LAST_IN_NANOSECONDS


def violation_of(each: ExpectationValidationResult) -> Violation:
    """The violation in an answer that was not a success; a stored answer has no positions."""
    config = _config(each)
    is_counted = "unexpected_count" in each.result
    limits = _limits(config.kwargs)
    return Violation(
        meta=config.meta,
        expectation=_named(config.type, config.kwargs) + (f" ({limits})" if is_counted and limits else ""),
        found=_found(each.result),
        allowed=_exceptions(config.kwargs) if is_counted else limits,
        positions=tuple(each.result.get("unexpected_index_list") or ()),
        is_broken=_is_broken(each.exception_info),
    )


def _config(each: ExpectationValidationResult) -> ExpectationConfiguration:
    """The configuration of an expectation, which Great Expectations types as optional but always returns."""
    if each.expectation_config is None:
        raise TypeError("Great Expectations answered without saying what it was asked")
    return each.expectation_config


def _is_broken(exception_info: Mapping[str, Any]) -> bool:
    """Whether evaluation raised; Great Expectations nests the information by metric when a metric raised."""
    if "raised_exception" in exception_info:
        return bool(exception_info["raised_exception"])
    return any(each["raised_exception"] for each in exception_info.values())


def _found(result: Mapping[str, Any]) -> str:
    missing = result.get("details", {}).get("mismatched", {}).get("missing")
    if missing:
        return f"no column {', '.join(missing)}"
    if "unexpected_count" in result:
        return f"{result['unexpected_count']} of {result['element_count']} rows that do not meet it"
    return str(result.get("observed_value", "that it could not be evaluated"))


def _named(kind: str, kwargs: Mapping[str, Any]) -> str:
    columns = kwargs.get("column") or ", ".join(
        kwargs.get("column_list") or (kwargs[name] for name in ("column_A", "column_B") if name in kwargs)
    )
    return f"{kind} of {columns}{_condition(kwargs)}" if columns else kind


def _condition(kwargs: Mapping[str, Any]) -> str:
    held = kwargs.get("row_condition")
    return f" where {held['column']['name']} {held['operator']} {held['parameter']}" if held else ""


def _limits(kwargs: Mapping[str, Any]) -> str:
    """The limits as words: `min_value 1`."""
    return ", ".join(f"{name} {_limit(value)}" for name, value in kwargs.items() if name not in _NO_LIMITS)


def _exceptions(kwargs: Mapping[str, Any]) -> str:
    """Words for the share of rows that need not meet an expectation."""
    share = 1 - kwargs.get("mostly", 1)
    return f"{share:.0%} of them" if share else "none"


def _limit(value: object) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _strip(each: ExpectationValidationResult, lines: pa.ChunkedArray | None) -> None:
    """Keep only figures and the lines to look at; exception texts are removed too, as they may quote a value."""
    kept = {name: each.result[name] for name in _FIGURES if name in each.result}
    if _config(each).meta["scope"] == "table" and "observed_value" in each.result:
        kept["observed_value"] = each.result["observed_value"]
    where = _lines(each.result.get("unexpected_index_list"), lines)
    if where:
        kept["partial_unexpected_list"] = where
    if _is_broken(each.exception_info):
        each.exception_info = {
            "raised_exception": True,
            "exception_message": "It could not be evaluated: a column is missing or of another type.",
            "exception_traceback": None,
        }
    each.result = kept


def sampled_lines(each: ExpectationValidationResult) -> list[str]:
    """The lines to look at that a stored answer names."""
    return list(each.result.get("partial_unexpected_list", ()))


def _lines(positions: list[int] | None, lines: pa.ChunkedArray | None) -> list[str]:
    if not positions or lines is None:
        return []
    sampled = positions[:SAMPLED_LINES]
    numbers = lines.take(pa.array(sampled, pa.int64())).to_pylist()
    return [f"line {n}" if n is not None else f"record {p + 1}" for p, n in zip(sampled, numbers, strict=True)]
