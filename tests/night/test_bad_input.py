"""Bad input, end to end: nothing good is lost, nothing bad is published, and the message says where and what to do."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.errors import GateError, IntegrityError, PublishError, SettlementError, SourceError, SourceUnavailableError
from include.lake import Lake, RunStamp, work_folder
from include.night import NightRequest, run_night, verify
from include.settings import get_settings
from include.sources.database import reading
from local.postgres import LocalPostgres
from tests.night.conftest import play
from tests.sources.small_banks import STATICS, TRANSACTION_NAMES, TRANSACTIONS, csv_text, header_of, write_canonical
from tests.sources.small_databases import make_bank, new_schema, run

NIGHT, AFTER = date(2013, 1, 2), date(2013, 1, 3)
GOOD = {2, 3}
"""What the small bank posts on that night."""

# Account 3 opens later than it is posted to, account 99 does not exist.
ACCOUNTS = csv_text(header_of("fin_account"), [*STATICS["fin_account"], ["3", "1", "2013-01-05", "M"]])


def posting(trans_id: int, account: int = 1, amount: str = "5.00", **other: str) -> list[str]:
    """One posting of the night as the bank writes it, with anything in it."""
    usual = {"trans_date": "2013-01-02", "balance": "5.00", "trans_type": "C", "operation": "CIC"}
    values = {"trans_id": str(trans_id), "account_id": str(account), "amount": amount, **usual, **other}
    return [values.get(name, "") for name in TRANSACTION_NAMES]


FAULTY = {
    10: (posting(10, amount=""), ["amount_missing"]),
    11: (posting(11, amount="0"), ["amount_zero"]),
    12: (posting(12, amount="NaN"), ["amount_missing"]),
    13: (posting(13, amount="inf"), ["amount_infinite"]),
    14: (posting(14, amount="1.005"), ["amount_three_decimals"]),
    15: (posting(15, trans_type="X"), ["trans_type_unknown_code"]),
    16: (posting(16, trans_date="2013-02-30"), ["trans_date_not_a_date"]),
    17: (posting(17, amount="five", trans_type=""), ["amount_not_a_number", "trans_type_missing"]),
}
TWICE = [posting(20), posting(20)]
CLAIMED_TWICE = [posting(21, amount="1.00"), posting(21, amount="2.00")]
FIRST_OF_NIGHT = TRANSACTIONS[:3]
CONTRADICTING = [posting(30, account=99), posting(31, account=3)]
ADMITTED = GOOD | {20, 30, 31}


def bad_night(cut: str) -> str:
    """The small bank with every fault of a record on one night, cut off inside the last one."""
    faulty = [record for record, _ in FAULTY.values()]
    records = [*FIRST_OF_NIGHT, *faulty, *TWICE, *CLAIMED_TWICE, *CONTRADICTING]
    return csv_text(TRANSACTION_NAMES, records) + cut


def published(lake: Path, night: date = NIGHT) -> dict[str, Any]:
    row = Lake.open(f"file:{lake}").published(night)
    assert row is not None
    return row


def table(lake: Path, name: str, night: date = NIGHT) -> pa.Table:
    return Lake.open(f"file:{lake}").read(name, night, night)


def assert_untouched(lake: Path, night: date = NIGHT) -> None:
    """Readers see nothing of the night, and no record lies about in the clear."""
    opened = Lake.open(f"file:{lake}")
    assert opened.published(night) is None
    assert opened.read("fin_transaction", night, night).num_rows == 0
    assert not list((lake / "_work").glob("*/*"))


@pytest.mark.parametrize("cut", ["40,1,2013-01-0", '40,1,2013-01-02,5.00,5.00,C,CIC,,"Y'], ids=["record", "quote"])
def test_every_bad_record_of_a_night_costs_itself_alone(tmp_path: Path, cut: str) -> None:
    bank = write_canonical(tmp_path / "bank", bad_night(cut), fin_account=ACCOUNTS)
    found = play(str(NIGHT), bank, tmp_path / "lake")

    row = published(tmp_path / "lake")
    parts = [row[f"{part}_rows"] for part in ("offered", "published", "quarantined", "deduplicated", "unreadable")]
    assert parts == [2 + 8 + 2 + 2 + 2 + 1, len(ADMITTED), 8 + 2, 1, 1]
    assert set(table(tmp_path / "lake", "fin_transaction")["trans_id"].to_pylist()) == ADMITTED
    assert found["quarantined"] == 8 + 2 + 1
    assert verify(f"file:{tmp_path / 'lake'}", NIGHT)["nights"] == 1

    refused = {row["line"]: row for row in table(tmp_path / "lake", "quarantine").to_pylist()}
    first = len(FIRST_OF_NIGHT) + 2
    codes = {line: row["reason_codes"] for line, row in refused.items()}
    assert [codes[first + i] for i in range(len(FAULTY))] == [codes for _, codes in FAULTY.values()]
    assert [codes[line] for line in (15, 16)] == [["duplicate_key_conflict"]] * 2
    assert codes[19] == ["torn_record"]
    assert {Path(row["source_uri"]).name for row in refused.values()} == {"fin_transaction.csv"}
    assert not any("five" in row["raw"] or "2013" in row["raw"] for row in refused.values())


def test_what_contradicts_another_record_is_let_in_and_becomes_a_break(tmp_path: Path) -> None:
    bank = write_canonical(tmp_path / "bank", bad_night(""), fin_account=ACCOUNTS)
    play(str(NIGHT), bank, tmp_path / "lake")
    breaks = table(tmp_path / "lake", "settlement_breaks").to_pylist()
    by_posting = {(row["check_code"], row["trans_id"]): row for row in breaks}
    assert by_posting["unknown_reference", 30]["severity"] == "error"
    assert by_posting["posted_before_opening", 31]["account_id"] == 3
    alerts = {(row["code"], row["trans_id"]): row for row in table(tmp_path / "lake", "alerts").to_pylist()}
    assert alerts["unknown_reference", 30]["source_line"] == 17
    assert alerts["posted_before_opening", 31]["source_uri"].endswith("fin_transaction.csv")


TEXT = csv_text(TRANSACTION_NAMES, TRANSACTIONS)
BROKEN = {
    "empty file": (b"", r"fin_transaction"),
    "missing column": (csv_text(TRANSACTION_NAMES[:3], [row[:3] for row in TRANSACTIONS]), r"fin_transaction.*amount"),
    "renamed column": (TEXT.replace("balance", "ballance", 1), r"fin_transaction.*balance"),
    "wrong delimiter": (TEXT.replace(",", "|"), r"fin_transaction.*\|"),
    "wrong encoding": (TEXT.encode("utf-16-le"), r"fin_transaction"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_stops_the_night_and_is_named_and_mended_it_is_published(tmp_path: Path, case: str) -> None:
    text, words = BROKEN[case]
    bank, lake = write_canonical(tmp_path / "bank", text), tmp_path / "lake"
    with pytest.raises((SourceError, GateError), match=rf"(?s){words}") as raised:
        play(str(NIGHT), bank, lake)
    assert "fin_transaction.csv" in str(raised.value)
    assert_untouched(lake)


def test_a_refused_night_keeps_what_was_published_of_it_and_is_published_once_mended(tmp_path: Path) -> None:
    bank, lake = write_canonical(tmp_path / "bank"), tmp_path / "lake"
    first = play(str(NIGHT), bank, lake)
    (bank / "fin_account.csv").rename(bank / "fin_acount.csv")
    with pytest.raises(SettlementError, match=r"fin_account.*fin_account\.csv"):
        play(str(NIGHT), bank, lake)
    assert published(lake)["output_hash"] == first["output_hash"]
    (bank / "fin_acount.csv").rename(bank / "fin_account.csv")
    assert play(str(NIGHT), bank, lake)["output_hash"] == first["output_hash"]


def test_an_extra_column_and_a_refused_static_record_are_told(tmp_path: Path) -> None:
    extra = csv_text([*TRANSACTION_NAMES, "mood"], [[*row, "gay"] for row in TRANSACTIONS])
    accounts = csv_text(header_of("fin_account"), [*STATICS["fin_account"], ["3", "1", "2013-13-01", "M"]])
    bank = write_canonical(tmp_path / "bank", extra, fin_account=accounts)
    found = play(str(NIGHT), bank, tmp_path / "lake")
    told = "\n".join(found["warnings"])
    assert "mood" in told
    assert "fin_account: 1 of 3 records were not let in" in told
    (refused,) = table(tmp_path / "lake", "quarantine").to_pylist()
    assert (refused["relation"], refused["line"]) == ("fin_account", 4)


def test_bad_records_before_a_first_night_are_told_and_kept_out_of_its_state(tmp_path: Path) -> None:
    records = [*TRANSACTIONS, posting(50, amount="NaN", trans_date="2013-01-01")]
    bank = write_canonical(tmp_path / "bank", csv_text(TRANSACTION_NAMES, records))
    found = play(str(NIGHT), bank, tmp_path / "lake")
    assert any("1 of 2 records were not let in and what lies before 2013-01-02" in w for w in found["warnings"])
    assert table(tmp_path / "lake", "quarantine").num_rows == 0


def test_what_depends_on_an_absent_relation_is_said_to_be_skipped(tmp_path: Path) -> None:
    found = play(str(NIGHT), write_canonical(tmp_path / "bank"), tmp_path / "lake")
    told = "\n".join([*found["skipped"], *found["warnings"]])
    assert all(name in told for name in ("fin_order", "fin_loan", "fin_card", "fin_district"))
    assert "scores are skipped" in found["model"]


def test_an_empty_night_between_two_moves_the_state_on(tmp_path: Path) -> None:
    later = posting(60, trans_date="2013-01-05", balance="690.40")
    bank = write_canonical(tmp_path / "bank", csv_text(TRANSACTION_NAMES, [*TRANSACTIONS, later]))
    lake = tmp_path / "lake"
    for night in ("2013-01-03", "2013-01-04", "2013-01-05"):
        found = play(night, bank, lake)
        assert (found["breaks"], found["late"]) == ({}, [])
    assert published(lake, date(2013, 1, 4))["offered_rows"] == 0
    assert verify(f"file:{lake}")["nights"] == 3


@pytest.fixture
def database(postgres_server: LocalPostgres) -> str:
    """The small bank in PostgreSQL, in a schema of its own."""
    return make_bank(new_schema(postgres_server.create_database("bad_input")))


def play_database(uri: str, lake: Path, night: date = NIGHT) -> dict[str, Any]:
    return run_night(NightRequest.of(night, uri, f"file:{lake}"))


@contextmanager
def while_the_night_is_read(monkeypatch: pytest.MonkeyPatch, uri: str, statement: str) -> Iterator[None]:
    """Another session's statement once the first rows of the transactions have come in."""
    typed, pending = reading._typed, [statement]

    def and_then(bank_table: Any, *arguments: object) -> object:
        if pending and bank_table.relation.name == "fin_transaction":
            run(uri, pending.pop())
        return typed(bank_table, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(reading, "_typed", and_then)
        yield
    assert not pending


def test_a_database_that_refuses_publishes_nothing_and_shows_no_password(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match=r"127\.0\.0\.1.*try again") as raised:
        play_database("postgresql+psycopg://teller:hunter2@127.0.0.1:1/bank", tmp_path)
    assert "hunter2" not in str(raised.value)
    assert_untouched(tmp_path)


def test_a_database_that_drops_publishes_nothing_and_the_next_try_all(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = (
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
    with (
        pytest.raises(SourceUnavailableError, match="nothing of the extract was kept"),
        while_the_night_is_read(monkeypatch, database, drop),
    ):
        play_database(database, tmp_path)
    assert_untouched(tmp_path)
    assert play_database(database, tmp_path)["rows_in"] == len(GOOD)


def test_a_record_that_arrives_while_the_night_is_read_is_taken_in_by_the_next_one(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrives = "insert into fin_transaction values (70, 1, '2013-01-02', 7, 692.40, 'C', 'CIC')"
    with while_the_night_is_read(monkeypatch, database, arrives):
        assert play_database(database, tmp_path)["rows_in"] == len(GOOD)
    assert play_database(database, tmp_path, AFTER)["restated"] == [str(NIGHT)]
    assert set(table(tmp_path, "fin_transaction")["trans_id"].to_pylist()) == GOOD | {70}
    assert not list((tmp_path / "_work").glob("*/*"))


def test_no_secret_of_an_address_is_in_anything_a_night_leaves(
    postgres_server: LocalPostgres, database: str, tmp_path: Path
) -> None:
    uri = database.replace("postgres:@", "postgres:hunter2@")  # a server that trusts its socket takes any password
    assert "hunter2" in uri
    play_database(uri, tmp_path)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left
    assert [path for path in left if b"hunter2" in path.read_bytes()] == []
    assert "hunter2" not in repr(NightRequest.of(NIGHT, uri, f"file:{tmp_path}"))


def test_no_room_for_the_work_folder_is_said_and_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, lake = write_canonical(tmp_path / "bank"), tmp_path / "lake"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(work_folder.pq, "write_table", full)
        with pytest.raises(PublishError, match=r"No space left on device.*has room"):
            play(str(NIGHT), bank, lake)
    assert_untouched(lake)
    assert play(str(NIGHT), bank, lake)["rows_in"] == len(GOOD)


def _play_unnamed(bank: Path, lake: Path) -> None:
    run_night(NightRequest.of(NIGHT, f"file:{bank}", f"file:{lake}"))


def test_a_night_started_twice_at_once_without_a_name_shares_nothing(tmp_path: Path) -> None:
    bank, lake = write_canonical(tmp_path / "bank"), tmp_path / "lake"
    first, second = (NightRequest.of(NIGHT, f"file:{bank}", f"file:{lake}") for _ in range(2))
    assert first.attempt != second.attempt
    spawn = multiprocessing.get_context("spawn")
    racers = [spawn.Process(target=_play_unnamed, args=(bank, lake)) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(timeout=300)
    assert [racer.exitcode for racer in racers] == [0, 0]
    assert set(table(lake, "fin_transaction")["trans_id"].to_pylist()) == GOOD
    assert table(lake, "fin_transaction").num_rows == len(GOOD)
    assert verify(f"file:{lake}", NIGHT)["nights"] == 1


def test_verify_names_the_night_and_every_figure_that_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, lake = write_canonical(tmp_path / "bank", bad_night("")), Lake.open(f"file:{tmp_path / 'lake'}")
    play(str(NIGHT), bank, tmp_path / "lake")
    row = published(tmp_path / "lake")
    lake.publish_manifest({**row, "published_cents": 1, "offered_rows": 1}, RunStamp(row["run_key"], "x", NIGHT))
    with pytest.raises(IntegrityError, match=r"2013-01-02: offered rows is \d+, expected 1; .*published cents"):
        verify(f"file:{tmp_path / 'lake'}")
    monkeypatch.setenv("ADS_KEY_FILE", str(tmp_path / "other.key"))
    get_settings.cache_clear()
    try:
        with pytest.raises(IntegrityError, match=r"2013-01-02: quarantine: .*does not verify"):
            verify(f"file:{tmp_path / 'lake'}")
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
