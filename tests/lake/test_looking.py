"""What readers find without reading rows: the span of nights, their runs, and how many nights fit into a bound."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from include.lake import TABLES, Lake
from tests.lake.nights import ROWS_PER_TABLE, night_number, open_lake, publish_night, stamp_of

POSTINGS = TABLES["fin_transaction"]
NIGHTS = [night_number(0), night_number(1), night_number(40)]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of three nights, the last one far from the others."""
    opened = open_lake(tmp_path_factory.mktemp("looking") / "lake")
    for run, night in zip("abc", NIGHTS, strict=True):
        publish_night(opened, stamp_of(run, night))
    return opened


def test_the_span_ends_at_the_outermost_nights_and_runs_are_named_by_night(lake: Lake) -> None:
    assert lake.span() == (NIGHTS[0], NIGHTS[-1])
    assert lake.run_keys() == {night: run * 16 for run, night in zip("abc", NIGHTS, strict=True)}
    assert list(lake.run_keys(NIGHTS[1], NIGHTS[1])) == [NIGHTS[1]]


def test_a_lake_without_nights_has_no_span_and_no_state(tmp_path: Path) -> None:
    empty = open_lake(tmp_path / "lake")
    assert (empty.span(), empty.run_keys(), empty.state()) == (None, {}, "")


def test_the_state_changes_with_every_publication_and_with_nothing_else(tmp_path: Path) -> None:
    changing = open_lake(tmp_path / "lake")
    publish_night(changing, stamp_of("a", NIGHTS[0]))
    first = changing.state()
    assert open_lake(tmp_path / "lake").state() == first
    publish_night(changing, stamp_of("b", NIGHTS[0]))
    assert changing.state() != first


@pytest.mark.parametrize(
    ("most_rows", "nights"),
    [(100, 3), (3 * ROWS_PER_TABLE, 3), (3 * ROWS_PER_TABLE - 1, 2), (ROWS_PER_TABLE, 1), (1, 1), (0, 1)],
)
def test_as_many_of_the_newest_nights_fit_as_have_no_more_rows(lake: Lake, most_rows: int, nights: int) -> None:
    assert lake.listing(POSTINGS).fitting(most_rows) == NIGHTS[-nights:]


def test_no_night_fits_where_there_is_none(lake: Lake) -> None:
    outside = NIGHTS[-1] + timedelta(days=1)
    listing = lake.listing(POSTINGS, outside, outside)
    assert listing.fitting(9) == []
    assert listing.read([], ("trans_id",)).schema.names == ["trans_id"]


def test_a_listing_reads_the_columns_and_the_number_of_rows_that_are_asked_for(lake: Lake) -> None:
    rows = lake.listing(POSTINGS).read(NIGHTS, ("source_uri",), most_rows=4)
    assert (rows.num_rows, rows.column_names) == (4, ["source_uri"])
    assert lake.listing(POSTINGS).read(NIGHTS[:1]).num_rows == ROWS_PER_TABLE
