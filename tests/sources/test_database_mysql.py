"""What a MySQL server is asked and what its errors mean, without one: the statements as its driver sends them."""

from __future__ import annotations

import sqlite3
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pymysql
import pytest
import sqlalchemy as sa
from pymysql.converters import encoders, escape_item
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.dialects.mysql import pymysql as driver
from sqlalchemy.engine import make_url

from include.errors import SourceError
from include.relations import FIN_TRANSACTION
from include.sources.database.link import reported
from include.sources.database.nights import ZonedNights
from include.sources.database.relation_tables import _single_precision
from include.sources.database.values import as_text

URL = make_url("mysql+pymysql://reader@host/bank")
NIGHT = date(2024, 7, 1)


def sent(element: sa.ColumnElement[object]) -> str:
    """A piece of a statement as PyMySQL sends it, its values written into it."""
    compiled = element.compile(dialect=driver.dialect())
    values = (compiled.params[name] for name in compiled.positiontup or ())
    return str(compiled) % tuple(escape_item(value, "utf8mb4", encoders) for value in values)


def test_a_night_of_timestamps_begins_when_it_does_in_the_sessions_zone():
    nights = ZonedNights(sa.column("trans_date", mysql.TIMESTAMP()), zone=ZoneInfo("Europe/Prague"))
    assert sent(nights.within(NIGHT, NIGHT)) == (
        "trans_date >= '2024-07-01 00:00:00' AND trans_date < '2024-07-02 00:00:00'"
    )


@pytest.mark.parametrize(
    ("error", "mend"),
    [
        (pymysql.err.OperationalError(1298, "Unknown or incorrect time zone: 'Europe/Prague'"), "mysql_tzinfo_to_sql"),
        (pymysql.err.OperationalError(1142, "SELECT command denied"), "this user's rights"),
        (sqlite3.OperationalError("too many SQL variables"), "hold a DATE in the column"),
        (sqlite3.OperationalError("Expression tree is too large (maximum depth 1000)"), "hold a DATE in the column"),
    ],
)
def test_what_no_time_mends_is_not_worth_another_try(error, mend):
    with pytest.raises(SourceError, match=mend) as refused, reported(URL):
        raise sa.exc.OperationalError("select", {}, error)
    assert "try again" not in str(refused.value)


def evaluated(amount: float) -> str:
    """What the text of a FLOAT is, by SQLite, which holds the double that MySQL makes of it."""
    single = sa.column("amount", mysql.FLOAT())
    statement = sa.select(as_text(single, "money")).select_from(sa.table("held", single))
    with sa.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql("create table held (amount real)")
        connection.exec_driver_sql("insert into held values (?)", (amount,))
        return connection.execute(statement).scalar_one()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("12345.67", "12345.67"),
        ("2050.07", "2050.07"),
        ("-131071.99", "-131071.99"),
        ("0.1", "0.1"),
        ("700", "700"),
        ("1.005", "1.0049999952"),
        ("12345.678", "12345.6777343750"),
    ],
)
def test_a_float_is_read_by_its_cents_where_it_holds_them(written, read):
    assert Decimal(evaluated(float(np.float32(written)))) == Decimal(read)


def test_a_float_is_made_a_double_before_it_is_text():
    text = sent(as_text(sa.column("amount", mysql.FLOAT()), "money"))
    assert "CAST(amount AS CHAR)" not in text
    assert "THEN round(amount + 0E0, 2) ELSE amount + 0E0 END AS CHAR)" in text
    assert "CAST(CAST(amount AS CHAR) AS DECIMAL(38, 10))" in sent(
        as_text(sa.column("amount", mysql.DOUBLE()), "money")
    )


def test_a_whole_double_is_read_in_digits():
    assert sent(as_text(sa.column("account_id", mysql.DOUBLE()), "identifier")) == (
        "CASE WHEN (abs(account_id) < 9007199254740992 AND floor(account_id) = account_id) "
        "THEN CAST(CAST(account_id AS SIGNED INTEGER) AS CHAR) ELSE CAST(account_id AS CHAR) END"
    )


@pytest.mark.parametrize(
    ("kind", "is_single"),
    [(mysql.FLOAT(), True), (mysql.DOUBLE(), False), (postgresql.REAL(), True), (postgresql.DOUBLE_PRECISION(), False)],
)
def test_single_precision_is_told_by_either_name(kind, is_single):
    table = sa.table("fin_transaction", sa.column("amount", kind))
    assert _single_precision(FIN_TRANSACTION, table, {"amount": "amount"}) == (["amount"] if is_single else [])
