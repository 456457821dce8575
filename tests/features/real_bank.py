"""The real relations as Arrow tables, read with DuckDB alone, and small ones made by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from include.relations import CATEGORIES, FIN_TRANSACTION, FREQUENCIES, OPERATIONS, TRANSACTION_TYPES

_READ = "from read_csv($path, delim=';', header=true, quote='\"', all_varchar=true)"
_DAY = "cast(strptime('19' || {0}, '%Y%m%d') as date)"


def _query(folder: Path, name: str, select: str) -> pa.Table:
    with duckdb.connect() as engine:
        return engine.sql(f"select {select} {_READ}", params={"path": str(folder / f"{name}.asc")}).to_arrow_table()


def _decode(column: pa.ChunkedArray, codes: dict[str, str]) -> pa.Array:
    back = {pkdd: code for code, pkdd in codes.items()}
    return pa.array([back.get(value) for value in column.to_pylist()], pa.string())


def postings(folder: Path) -> pa.Table:
    """Every posting of the .asc file in the relation's schema."""
    raw = _query(
        folder,
        "trans",
        "cast(trans_id as bigint) trans_id, cast(account_id as bigint) account_id, "
        f"{_DAY.format('date')} trans_date, cast(amount as decimal(12,2)) amount, "
        "cast(balance as decimal(12,2)) balance, type trans_type, operation, trim(k_symbol) category, "
        "bank other_bank_id, cast(account as bigint) other_account_id",
    )
    coded = {"trans_type": TRANSACTION_TYPES, "operation": OPERATIONS, "category": CATEGORIES}
    columns = {name: _decode(raw[name], coded[name]) if name in coded else raw[name] for name in raw.column_names}
    columns["trans_time"] = pa.nulls(raw.num_rows, pa.time64("us"))
    columns["district_id"] = pa.nulls(raw.num_rows, pa.int64())
    columns["counterparty"] = raw["other_account_id"].cast(pa.string())
    return pa.table(columns).select(FIN_TRANSACTION.schema.names).cast(FIN_TRANSACTION.schema)


def statics(folder: Path) -> dict[str, pa.Table]:
    """The static relations features are made of."""
    account = _query(
        folder,
        "account",
        "cast(account_id as bigint) account_id, cast(district_id as bigint) district_id, "
        f"{_DAY.format('date')} create_date, frequency",
    )
    account = account.set_column(3, "frequency", _decode(account["frequency"], FREQUENCIES))
    month = "lpad(cast(cast(substr(birth_number, 3, 2) as int) % 50 as varchar), 2, '0')"
    birth = f"substr(birth_number, 1, 2) || {month} || substr(birth_number, 5, 2)"
    client = _query(
        folder,
        "client",
        f"cast(client_id as bigint) client_id, {_DAY.format(f'({birth})')} birth_date, "
        "cast(district_id as bigint) district_id",
    )
    disposition = _query(
        folder,
        "disp",
        "cast(disp_id as bigint) disp_id, cast(client_id as bigint) client_id, "
        "cast(account_id as bigint) account_id, if(type = 'OWNER', 'O', 'D') disp_type",
    )
    district = _query(
        folder,
        "district",
        "cast(A1 as bigint) district_id, A2 district_name, A3 region, cast(A11 as double) average_salary",
    )
    card = _query(folder, "card", f"cast(disp_id as bigint) disp_id, {_DAY.format('substr(issued, 1, 6)')} issued_date")
    loan = _query(folder, "loan", f"cast(account_id as bigint) account_id, {_DAY.format('date')} granted_date")
    return {
        "fin_account": account,
        "fin_client": client,
        "fin_disposition": disposition,
        "fin_district": district,
        "fin_card": card,
        "fin_loan": loan,
    }


def between(table: pa.Table, first: date, last: date, column: str = "trans_date") -> pa.Table:
    """The rows dated from `first` to `last`, both included."""
    return table.filter(
        pc.and_(pc.greater_equal(table[column], pa.scalar(first)), pc.less_equal(table[column], pa.scalar(last)))
    )


def with_times_and_places(table: pa.Table) -> pa.Table:
    """The same postings as an up-to-date bank has them; time and district follow from the numbers of the record."""
    seconds = pc.multiply(pc.bit_wise_and(pc.multiply(table["trans_id"], 7919), 0xFFFF), 1_000_000)
    places = pc.add(pc.bit_wise_and(pc.add(table["account_id"], pc.shift_right(table["trans_id"], 5)), 3), 1)
    timed = table.set_column(table.schema.get_field_index("trans_time"), "trans_time", seconds.cast(pa.time64("us")))
    return timed.set_column(table.schema.get_field_index("district_id"), "district_id", places)


def made(*rows: dict[str, object]) -> pa.Table:
    """Postings from what matters in each; the rest is a cash withdrawal of 100.00 by account 1."""
    usual = {
        "account_id": 1,
        "amount": Decimal("100.00"),
        "balance": Decimal("900.00"),
        "trans_type": "P",
        "operation": "WIC",
    }
    empty = dict.fromkeys(FIN_TRANSACTION.schema.names)
    filled = [{**empty, "trans_id": number, **usual, **row} for number, row in enumerate(rows, start=1)]
    return pa.Table.from_pylist(filled, schema=FIN_TRANSACTION.schema)
