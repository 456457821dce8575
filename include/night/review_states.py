"""Brings published findings up to date with the reviews that a night took in."""

from __future__ import annotations

import logging
from datetime import date

from include.errors import SettlementError
from include.lake import Lake, RunStamp
from include.marts import MART_TABLES, restated_findings
from include.night.masking import MaskedNight

_LOG = logging.getLogger(__name__)


def restate_review_states(lake: Lake, night: date, masked: MaskedNight) -> None:
    """Write the findings of the nights before anew where reviews have given them another state.

    Only rows of the run that readers see are replaced, each table in one commit. A failure does not fail the night,
    which is published: the next one compares again and makes up for it.

    Parameters
    ----------
    lake
        The lake, after the night was published.
    night
        The night.
    masked
        Masks of the night.
    """
    try:
        for day, rows in restated_findings(lake, night).items():
            stamp, table = _stamp_of(lake, day), MART_TABLES["mart_findings"]
            # The masked rows first: the full ones are what the next night compares, should this one be cut short here.
            masked.write_beside(lake, stamp, table, rows)
            lake.replace(table, day, rows, stamp)
    except SettlementError as error:
        _LOG.warning("states of review stay as they are in mart_findings until the next night: %s", error)


def _stamp_of(lake: Lake, night: date) -> RunStamp:
    """The stamp of a night's published run."""
    row = lake.published(night)
    assert row is not None  # noqa: S101 - its rows were just read
    return RunStamp(row["run_key"], str(row["attempt"]), night)
