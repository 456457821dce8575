"""Brings published findings up to date with the reviews that a night took in."""

from __future__ import annotations

import logging
from datetime import date

import pyarrow as pa

from include.errors import SettlementError
from include.lake import Lake, RunStamp
from include.marts import MART_TABLES, restated_findings
from include.night.masking import LakeNames, Masks

_LOG = logging.getLogger(__name__)


def restate_review_states(lake: Lake, night: date, names: LakeNames) -> None:
    """Write the findings of the nights before anew where reviews have given them another state.

    Only rows of the run that readers see are replaced, each table in one commit. A failure does not fail the night,
    which is published: the next one compares again and makes up for it.

    Parameters
    ----------
    lake
        The lake, after the night was published.
    night
        The night.
    names
        Names of the lake.
    """
    try:
        for day, rows in restated_findings(lake, night).items():
            _write(lake, day, rows, names)
    except SettlementError as error:
        _LOG.warning("states of review stay as they are in mart_findings until the next night: %s", error)


def _write(lake: Lake, day: date, rows: pa.Table, names: LakeNames) -> None:
    """Write a night's findings; the masked ones first, as the next night compares the full ones if it ends between."""
    row, table, keys = lake.published(day), MART_TABLES["mart_findings"], names.masks().keys
    assert row is not None  # noqa: S101 - its rows were just read
    stamp = RunStamp(row["run_key"], str(row["attempt"]), day)
    with names.unchanged_since(keys):
        Masks.of_published(keys, row).write(lake, stamp, table, rows)
        lake.replace(table, day, rows, stamp)
