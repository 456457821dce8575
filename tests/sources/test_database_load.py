"""Loading a bank: typed tables with keys and the night's index, whole or not at all."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest
import sqlalchemy as sa

from include.errors import SourceError, SourceUnavailableError
from include.sources import open_source
from include.sources.database.load import load_bank
from local.postgres import LocalPostgres
from tests.sources.small_banks import STATICS, TRANSACTION_NAMES, csv_text, transactions_with, write_canonical
from tests.sources.small_databases import new_schema

LATER = date(2100, 1, 1)


@pytest.fixture
def target(postgres_server: LocalPostgres) -> str:
    """An empty schema."""
    return new_schema(postgres_server.create_database("loaded"))


def test_tables_have_types_keys_and_the_index_of_the_night(tmp_path, target):
    assert load_bank(write_canonical(tmp_path / "bank"), target)["fin_transaction"] == 4
    inspector = sa.inspect(sa.create_engine(target, poolclass=sa.pool.NullPool))
    types = {c["name"]: str(c["type"]) for c in inspector.get_columns("fin_transaction")}
    assert types["trans_id"] == "BIGINT"
    assert types["trans_date"] == "DATE"
    assert types["amount"] == "NUMERIC(12, 2)"
    assert "trans_time" not in types
    assert inspector.get_pk_constraint("fin_transaction")["constrained_columns"] == ["trans_id"]
    assert [i["column_names"] for i in inspector.get_indexes("fin_transaction")] == [["trans_date", "trans_id"]]
    assert sorted(inspector.get_table_names()) == sorted([*STATICS, "fin_transaction"])


def test_times_places_nulls_and_difficult_texts_arrive(tmp_path, target):
    nasty = 'a"b, c\n\\N \\. =cmd()'
    row = ["1", "1", "2013-01-01", "7", "7", "C", "", "", nasty, "", "23:59:30", "1"]
    bank = write_canonical(tmp_path / "bank", csv_text([*TRANSACTION_NAMES, "trans_time", "district_id"], [row]))
    load_bank(bank, target)
    with open_source(target) as source:
        found = source.history(LATER).rows.to_pylist()[0]
    assert found["reader_codes"] is None
    assert (found["other_bank_id"], found["trans_time"], found["district_id"]) == (nasty, time(23, 59, 30), 1)
    assert (found["operation"], found["other_account_id"]) == (None, None)


def test_a_bank_loaded_again_replaces_what_was_there(tmp_path, target):
    load_bank(write_canonical(tmp_path / "first"), target)
    load_bank(write_canonical(tmp_path / "second", transactions_with((0, "amount", "1.00"))), target)
    with open_source(target) as source:
        rows = source.history(LATER).rows
    assert rows.num_rows == 4
    assert str(rows["amount"][0].as_py()) == "1.00"


def test_rows_that_share_a_key_stop_the_load_before_anything_is_written(tmp_path, target):
    load_bank(write_canonical(tmp_path / "first"), target)
    doubled = write_canonical(tmp_path / "doubled", transactions_with((1, "trans_id", "1"), (2, "trans_id", "")))
    with pytest.raises(SourceError, match="1 of its 4 rows have no trans_id and 1 share theirs"):
        load_bank(doubled, target)
    with open_source(target) as source:
        assert source.history(LATER).offered == 4


def test_a_load_that_breaks_off_leaves_what_was_there(tmp_path, target, monkeypatch):
    load_bank(write_canonical(tmp_path / "first"), target)

    def break_off(connection: sa.Connection, *_: object) -> None:
        connection.exec_driver_sql("select pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr("include.sources.database.load._copy", break_off)
    with pytest.raises(SourceUnavailableError):
        load_bank(write_canonical(tmp_path / "second"), target)
    with open_source(target) as source:
        assert source.history(LATER).offered == 4


def test_a_database_can_be_loaded_from_a_database(tmp_path, target):
    uri = f"sqlite:///{tmp_path / 'bank.db'}"
    load_bank(write_canonical(tmp_path / "bank"), target)
    load_bank(open_source(target), uri)
    with open_source(uri) as copy, open_source(target) as source:
        columns = source.history(LATER).rows.select(TRANSACTION_NAMES)
        assert copy.history(LATER).rows.select(TRANSACTION_NAMES).equals(columns)


def test_the_progress_names_no_password(tmp_path: Path, target, capsys):
    load_bank(write_canonical(tmp_path / "bank"), target.replace("postgres:@", "postgres:hunter2@"))
    shown = capsys.readouterr().err
    assert "100%" in shown
    assert "hunter2" not in shown
