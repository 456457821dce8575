"""A listing names the published files of each night, whose rows can be read some nights at a time."""

from tests.lake.nights import (
    ROWS_PER_TABLE,
    STATE,
    night_number,
    open_lake,
    publish_night,
    rows_of,
    stamp_of,
    write_night,
)


def test_it_holds_what_readers_see(tmp_path):
    lake, first, second = open_lake(tmp_path), night_number(0), night_number(1)
    empty = lake.listing(STATE)
    assert (empty.nights, empty.read([first]).num_rows) == ({}, 0)
    publish_night(lake, stamp_of("a", first))
    publish_night(lake, stamp_of("b", second), count=5)
    write_night(lake, stamp_of("c", second))
    listing = lake.listing(STATE)
    found = [(night, files.run_key, files.row_count) for night, files in listing.nights.items()]
    assert found == [(first, "a" * 16, ROWS_PER_TABLE), (second, "b" * 16, 5)]
    assert listing.read([first, second]).equals(lake.read(STATE))
    assert listing.read([second])["run"].to_pylist() == ["b"] * 5
    assert lake.listing(STATE, second).nights.keys() == {second}


def test_other_rows_of_the_same_run_are_other_files(tmp_path):
    lake, night = open_lake(tmp_path), night_number(0)
    publish_night(lake, stamp_of("a", night))
    before = lake.listing(STATE).nights[night]
    lake.replace(STATE, night, rows_of(STATE, night, "d"), stamp_of("a", night))
    after = lake.listing(STATE).nights[night]
    assert (before.run_key, before.row_count) == (after.run_key, after.row_count)
    assert set(before.names).isdisjoint(after.names)
