"""Moments with a zone count on the day of the zone that the source declares, whatever reads them and wherever."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import SourceError
from include.sources import Extract, open_source
from include.sources.database.source import DatabaseSource
from include.sources.dialects import CANONICAL
from local.postgres import LocalPostgres
from tests.sources.small_banks import TRANSACTION_NAMES, csv_text, header_of, write_canonical
from tests.sources.small_databases import make_bank, new_schema, run

PRAGUE, NEW_YORK, HAVANA, APIA = "Europe/Prague", "America/New_York", "America/Havana", "Pacific/Apia"
# Written text, zone of the bank, day and time there.
MOMENTS = [
    ("2024-03-31T00:30:00Z", PRAGUE, date(2024, 3, 31), time(1, 30)),  # half an hour before the hour left out
    ("2024-03-31T01:00:00+00:00", PRAGUE, date(2024, 3, 31), time(3, 0)),  # 2:00 to 3:00 does not exist
    ("2024-03-31 22:30:00+00", PRAGUE, date(2024, 4, 1), time(0, 30)),
    ("2024-10-27T00:30:00Z", PRAGUE, date(2024, 10, 27), time(2, 30)),  # the first 2:30
    ("2024-10-27T01:30:00Z", PRAGUE, date(2024, 10, 27), time(2, 30)),  # the second
    ("2024-10-27 22:59:59.999999 UTC", PRAGUE, date(2024, 10, 27), time(23, 59, 59, 999999)),
    ("2024-10-27 23:00:00.000 UTC", PRAGUE, date(2024, 10, 28), time(0, 0)),
    ("2024-02-28T23:30:00Z", PRAGUE, date(2024, 2, 29), time(0, 30)),  # into a leap day
    ("2023-02-28T23:30:00Z", PRAGUE, date(2023, 3, 1), time(0, 30)),
    ("2023-12-31T23:00:00Z", PRAGUE, date(2024, 1, 1), time(0, 0)),  # into the new year
    ("2024-01-01T04:59:59+0000", NEW_YORK, date(2023, 12, 31), time(23, 59, 59)),
    ("2024-01-01T00:30+02:00[Europe/Helsinki]", PRAGUE, date(2023, 12, 31), time(23, 30)),
    ("2024-01-01 00:30:00 Asia/Tokyo", PRAGUE, date(2023, 12, 31), time(16, 30)),
    ("20240101T003000+0530", "Asia/Kolkata", date(2024, 1, 1), time(0, 30)),
    ("2024-11-03T04:30:00Z", HAVANA, date(2024, 11, 3), time(0, 30)),  # midnight comes twice, this is the first hour
    ("2024-11-03T05:30:00Z", HAVANA, date(2024, 11, 3), time(0, 30)),
    ("2011-12-30T09:59:59Z", APIA, date(2011, 12, 29), time(23, 59, 59)),  # the 30th was left out there
    ("2011-12-30T10:00:00Z", APIA, date(2011, 12, 31), time(0, 0)),
]
INSTANTS = [datetime(2024, 3, 30, 23, 30, tzinfo=UTC) + timedelta(hours=hours) for hours in (0, 1, 2, 22, 23, 24 * 210)]


def rows(days: list[str], times: list[str] | None = None) -> list[list[str]]:
    postings = [[str(n), "1", day, "1.00", "1.00", "C", "CIC", "", "", ""] for n, day in enumerate(days, 1)]
    return postings if times is None else [[*row, at] for row, at in zip(postings, times, strict=True)]


def csv_bank(folder: Path, days: list[str], times: list[str] | None = None) -> Path:
    names = TRANSACTION_NAMES if times is None else [*TRANSACTION_NAMES, "trans_time"]
    return write_canonical(folder, csv_text(names, rows(days, times)))


def parquet_bank(folder: Path, days: pa.Array, **options: bool) -> Path:
    write_canonical(folder)
    (folder / "fin_transaction.csv").unlink()
    columns = dict(zip(TRANSACTION_NAMES, zip(*rows([""] * len(days)), strict=True), strict=True))
    table = pa.table({name: days if name == "trans_date" else pa.array(texts) for name, texts in columns.items()})
    pq.write_table(table, folder / "fin_transaction.parquet", **options)
    return folder


def whole(uri: str) -> Extract:
    with open_source(uri) as source:
        return source.history(date(9999, 1, 1))


def refusal(uri: str) -> str:
    with pytest.raises(SourceError) as caught:
        whole(uri)
    return str(caught.value)


def days_of(uri: str) -> list[date]:
    found = whole(uri).rows.sort_by("trans_id")
    assert found["reader_codes"].null_count == found.num_rows
    return found["trans_date"].to_pylist()


@pytest.fixture
def empty(postgres_server: LocalPostgres) -> str:
    return new_schema(postgres_server.create_database("zones"))


@pytest.mark.parametrize(("text", "zone", "day", "at"), MOMENTS)
def test_a_moment_is_on_the_day_and_at_the_time_of_the_declared_zone(text, zone, day, at):
    dialect = CANONICAL.in_zone(ZoneInfo(zone))
    assert (dialect.date_of(text), dialect.time_of(text)) == (day, at)


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2050, 1, 1), timezones=st.timezones()),
    st.sampled_from([PRAGUE, NEW_YORK, HAVANA, APIA, "Asia/Kathmandu", "UTC"]),
)
def test_any_moment_is_on_the_day_that_the_zones_database_says(moment, zone):
    moment = moment.astimezone(UTC)
    there = moment.astimezone(ZoneInfo(zone))
    dialect = CANONICAL.in_zone(ZoneInfo(zone))
    for text in (moment.isoformat(), str(moment), there.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S.%f} UTC"):
        assert (dialect.date_of(text), dialect.time_of(text)) == (there.date(), there.time())


def test_text_files_count_moments_where_the_bank_does(tmp_path):
    texts = [text for text, zone, _, _ in MOMENTS if zone == PRAGUE]
    folder = csv_bank(tmp_path, texts, texts)
    found = whole(f"{folder}?zone={PRAGUE}").rows
    assert found["trans_date"].to_pylist() == [day for _, zone, day, _ in MOMENTS if zone == PRAGUE]
    assert found["night"].to_pylist() == found["trans_date"].to_pylist()
    assert found["trans_time"].to_pylist() == [at for _, zone, _, at in MOMENTS if zone == PRAGUE]
    assert found["raw"][0].as_py().startswith(f"1,1,{texts[0]},")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("shown_in", ["UTC", "Asia/Tokyo", "+05:30"])
def test_parquet_moments_do_not_depend_on_the_zone_the_file_shows_them_in(tmp_path, unit, shown_in):
    folder = parquet_bank(tmp_path, pa.array(INSTANTS, pa.timestamp(unit, shown_in)))
    for zone in (PRAGUE, NEW_YORK, "UTC"):
        assert days_of(f"{folder}?zone={zone}") == [at.astimezone(ZoneInfo(zone)).date() for at in INSTANTS]


def test_the_old_timestamps_of_spark_are_moments_in_utc(tmp_path):
    days = pa.array([at.replace(tzinfo=None) for at in INSTANTS], pa.timestamp("us"))
    folder = parquet_bank(tmp_path, days, use_deprecated_int96_timestamps=True)
    assert days_of(f"{folder}?zone={PRAGUE}") == [at.astimezone(ZoneInfo(PRAGUE)).date() for at in INSTANTS]
    assert "column trans_date holds moments with a time zone" in refusal(str(folder))


@pytest.mark.parametrize("session", ["Asia/Tokyo", "America/New_York", "UTC"])
@pytest.mark.parametrize("zone", [PRAGUE, HAVANA, APIA])
def test_a_database_session_does_not_decide_the_day(empty, session, zone):
    texts = [text.removesuffix(" UTC") for text, of, _, _ in MOMENTS if of == zone and "/" not in text]
    instants = sorted(datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=UTC) for text in texts)
    uri = make_bank(empty, {"trans_date": "timestamptz"}, rows([at.isoformat() for at in instants]))
    expected = [at.astimezone(ZoneInfo(zone)).date() for at in instants]
    address = f"{uri}%20-cTimeZone%3D{session}&zone={zone}"
    assert days_of(address) == expected
    with open_source(address) as source:
        assert source.span() == (min(expected), max(expected))
        assert source.totals(date(2100, 1, 1))["settlement_date"].to_pylist() == sorted(set(expected))
        for day in {*expected, *(day + timedelta(days=step) for day in expected for step in (-1, 1))}:
            assert source.night(day).offered == expected.count(day)
            assert source.history(day + timedelta(days=1), day).offered == expected.count(day)


def test_rows_of_a_database_without_a_moment_are_counted_with_their_neighbours(empty):
    uri = make_bank(empty, {"trans_date": "timestamptz"}, rows(["2024-03-31T22:30:00Z", "", "infinity"]))
    found = whole(f"{uri}&zone={PRAGUE}").rows.sort_by("trans_id")
    assert found["night"].to_pylist() == [date(2024, 4, 1)] * 3
    assert found["trans_date"].null_count == 2


def test_a_night_of_moments_is_found_through_the_index(empty):
    uri = make_bank(empty, {"trans_date": "timestamptz"}, rows(["2024-03-31T22:30:00Z"]))
    run(uri, "create index on fin_transaction (trans_date)")
    with open_source(f"{uri}&zone={PRAGUE}") as source:
        assert isinstance(source, DatabaseSource)
        reading = source._open
        reading.connection.exec_driver_sql("set local enable_seqscan = off")
        night = reading.nights.within(date(2024, 4, 1), date(2024, 4, 1))
        statement = night.compile(reading.connection, compile_kwargs={"literal_binds": True})
        plan = reading.connection.exec_driver_sql(f"explain select * from fin_transaction where {statement}")  # noqa: S608
        assert "Index Cond: ((trans_date >= " in "\n".join(line for (line,) in plan)


def test_a_time_of_day_in_a_database_is_the_declared_zones_too(empty):
    uri = make_bank(empty, {"trans_date": "timestamptz"}, rows(["2024-03-31T22:30:00Z"]))
    run(
        uri,
        "alter table fin_transaction add trans_time timestamptz",
        "update fin_transaction set trans_time = trans_date",
    )
    assert whole(f"{uri}&zone={PRAGUE}").rows["trans_time"].to_pylist() == [time(0, 30)]


def test_text_in_a_database_is_read_as_in_a_file(tmp_path, empty):
    texts = [text for text, zone, _, _ in MOMENTS if zone == PRAGUE]
    expected = [day for _, zone, day, _ in MOMENTS if zone == PRAGUE]
    for uri, joint in ((f"sqlite:///{tmp_path / 'bank.db'}", "?"), (empty, "&")):
        make_bank(uri, {"trans_date": "text"}, rows(texts))
        assert days_of(f"{uri}{joint}zone={PRAGUE}") == expected
        with open_source(f"{uri}{joint}zone={PRAGUE}") as source:
            assert source.night(date(2024, 4, 1)).offered == 1
        assert "column trans_date holds moments with a time zone (of the form '9999-99-99" in refusal(uri)


def test_a_day_without_a_zone_counts_as_it_is_written_whatever_is_declared(tmp_path, empty):
    texts = ["2024-03-31", "2024-03-31 00:00:00", "2024-03-31T23:30:00", "2024-02-29 23:59:59.999"]
    expected = [date.fromisoformat(text[:10]) for text in texts]
    plain = pa.array([datetime.fromisoformat(text) for text in texts], pa.timestamp("us"))
    database = make_bank(empty, {"trans_date": "timestamp"}, rows(texts))
    for uri, joint in (
        (str(csv_bank(tmp_path / "csv", texts)), "?"),
        (str(parquet_bank(tmp_path / "parquet", plain)), "?"),
        (make_bank(f"sqlite:///{tmp_path / 'bank.db'}", {"trans_date": "text"}, rows(texts)), "?"),
        (database, "&"),
    ):
        for declared in ("", f"{joint}zone={PRAGUE}", f"{joint}zone={NEW_YORK}"):
            assert days_of(uri + declared) == expected


# What stops


def _csv(folder: Path, _: str) -> str:
    return str(csv_bank(folder, ["2024-03-31", "2024-03-31T23:30:00+00:00"]))


def _parquet(folder: Path, _: str) -> str:
    return str(parquet_bank(folder, pa.array(INSTANTS, pa.timestamp("us", "UTC"))))


def _postgresql(_: Path, empty: str) -> str:
    return make_bank(empty, {"trans_date": "timestamptz"}, [])


def _sqlite(folder: Path, _: str) -> str:
    return make_bank(f"sqlite:///{folder / 'bank.db'}", {"trans_date": "text"}, rows(["2024-03-31 23:30:00Z"]))


@pytest.mark.parametrize(
    ("bank", "held"),
    [
        (_csv, "(of the form '9999-99-99A99:99:99+99:99')"),
        (_parquet, "(of the form '9999-99-99 99:99:99"),
        (_postgresql, "(of the type TIMESTAMP)"),
        (_sqlite, "(of the form '9999-99-99 99:99:99A')"),
    ],
)
def test_a_source_of_moments_without_a_zone_stops_with_a_sentence(tmp_path, empty, bank, held):
    message = refusal(bank(tmp_path, empty))
    assert "fin_transaction): column trans_date holds moments with a time zone" in message
    assert held.lower() in message.lower()
    assert "such as ?zone=Europe/Prague" in message
    assert not re.search(r"2024|31|23:30", message.replace(str(tmp_path), "").partition(":")[2])


def test_static_relations_and_times_of_day_are_held_to_the_same(tmp_path):
    loans = csv_text(header_of("fin_loan"), [["1", "1", "2024-03-31T22:30:00Z", "5.00", "1", "5.00", "A"]])
    folder = write_canonical(tmp_path / "loans", fin_loan=loans)
    with open_source(str(folder)) as source, pytest.raises(SourceError, match="column granted_date holds moments"):
        source.static("fin_loan")
    with open_source(f"{folder}?zone={PRAGUE}") as source:
        loan = source.static("fin_loan")
        assert loan is not None
        assert loan.rows["granted_date"].to_pylist() == [date(2024, 4, 1)]
    timed = csv_bank(tmp_path / "times", ["2024-03-31"], ["2024-03-31T22:30:00Z"])
    assert "column trans_time holds moments" in refusal(str(timed))


def test_a_moment_that_does_not_exist_costs_its_own_record_alone(tmp_path):
    found = whole(f"{csv_bank(tmp_path, ['2024-02-29T10:00:00Z', '2023-02-29T10:00:00Z'])}?zone={PRAGUE}").rows
    assert found["reader_codes"].to_pylist() == [None, "trans_date_not_a_date"]
