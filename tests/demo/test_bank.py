"""The generated bank: whole, deterministic, chained in a hidden order, and with the habits measured on the real one."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from demo import Bank, build_bank, generate_bank
from include.errors import SettingsError
from include.relations import CATEGORIES, OPERATIONS, RELATIONS, TRANSACTION_TYPES
from include.sources import open_source

FIRST, LAST = date(1993, 1, 1), date(1994, 1, 31)
SEED = 20
SLACK = Decimal("0.10")


@pytest.fixture(scope="module")
def bank() -> Bank:
    return build_bank(600, FIRST, LAST, SEED)


@pytest.fixture(scope="module")
def long_bank() -> Bank:
    """A third of the real bank, over all of its six years."""
    return build_bank(1500, FIRST, date(1998, 12, 31), SEED)


@pytest.fixture(scope="module")
def troubled() -> Bank:
    return build_bank(200, FIRST, LAST, SEED, incidents=True)


def transactions(bank: Bank, columns: list[str], **equal: str | None) -> list[dict[str, Any]]:
    table = bank.tables["fin_transaction"]
    for name, code in equal.items():
        table = table.filter(pc.is_null(table[name]) if code is None else pc.equal(table[name], code))
    return table.select(columns).to_pylist()


def cents(column: pa.ChunkedArray) -> np.ndarray:
    return pc.multiply(column, pa.scalar(100)).cast(pa.int64()).to_numpy()


# ---------------------------------------------------------------- the same seed, the same bank


def test_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        generate_bank(tmp_path / name, 60, FIRST, date(1993, 9, 30), SEED, incidents=True)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted(["_troubles.json", *(f"{name}.parquet" for name in RELATIONS)])
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)


def test_another_seed_is_another_bank() -> None:
    one, other = (build_bank(20, FIRST, date(1993, 6, 30), seed).tables["fin_transaction"] for seed in (1, 2))
    assert not one.equals(other)


# ---------------------------------------------------------------- whole relations


def test_relations_have_their_schemas_and_unique_keys(bank: Bank) -> None:
    assert set(bank.tables) == set(RELATIONS)
    for name, table in bank.tables.items():
        assert table.schema == RELATIONS[name].schema
        key = table[RELATIONS[name].key]
        assert key.null_count == 0
        assert pc.count_distinct(key).as_py() == table.num_rows > 0


def test_references_lead_somewhere(bank: Bank) -> None:
    checked = 0
    for name, relation in RELATIONS.items():
        for column, (other, key) in relation.references.items():
            assert pc.all(pc.is_in(bank.tables[name][column], bank.tables[other][key])).as_py(), (name, column)
            checked += 1
    assert checked == 8


def test_only_nullable_columns_are_null_and_codes_are_known(bank: Bank) -> None:
    for name, table in bank.tables.items():
        for column in RELATIONS[name].columns:
            assert column.nullable or table[column.name].null_count == 0, (name, column.name)
            if column.codes:
                assert set(table[column.name].unique().to_pylist()) - {None} <= set(column.codes)


def test_every_account_has_one_owner(bank: Bank) -> None:
    rows = bank.tables["fin_disposition"].to_pylist()
    owners = Counter(row["account_id"] for row in rows if row["disp_type"] == "O")
    assert owners == Counter(bank.tables["fin_account"]["account_id"].to_pylist())
    assert 0.1 < sum(row["disp_type"] == "D" for row in rows) / len(owners) < 0.3  # 0.193 in PKDD'99


def test_first_posting_is_a_small_deposit_on_the_opening_day(bank: Bank) -> None:
    opened = dict(zip(*(bank.tables["fin_account"][c].to_pylist() for c in ("account_id", "create_date")), strict=True))
    firsts: dict[int, dict[str, Any]] = {}
    for row in bank.booked.select(["account_id", "trans_date", "amount", "balance", "operation"]).to_pylist():
        firsts.setdefault(row["account_id"], row)
    assert len(firsts) == len(opened)
    for account_id, row in firsts.items():
        assert (row["trans_date"], row["operation"]) == (opened[account_id], "CIC")
        assert 200 <= row["amount"] == row["balance"] <= 1100


def test_cards_are_used_only_where_one_has_been_issued(bank: Bank) -> None:
    account_of = dict(
        zip(*(bank.tables["fin_disposition"][c].to_pylist() for c in ("disp_id", "account_id")), strict=True)
    )
    issued = {account_of[row["disp_id"]]: row["issued_date"] for row in bank.tables["fin_card"].to_pylist()}
    used = transactions(bank, ["account_id", "trans_date"], operation="CCW")
    assert used
    assert all(issued[row["account_id"]] <= row["trans_date"] for row in used)


# ---------------------------------------------------------------- balances and orders


def chain_gaps(table: pa.Table) -> np.ndarray:
    """Per posting: what is left between the balance before, the amount and the balance after, in cents."""
    account, balance = table["account_id"].to_numpy(), cents(table["balance"])
    credit = pc.equal(table["trans_type"], "C").to_numpy()
    signed = np.where(credit, 1, -1) * cents(table["amount"])
    is_first = np.r_[True, account[1:] != account[:-1]]
    return balance - np.where(is_first, 0, np.r_[0, balance[:-1]]) - signed


def test_balances_chain_in_the_true_order_within_the_rounding(bank: Bank) -> None:
    gaps = np.abs(chain_gaps(bank.booked))
    assert bank.booked.sort_by("trans_id").equals(bank.tables["fin_transaction"].sort_by("trans_id"))
    assert gaps.max() == 10  # the slack is needed
    assert 0.01 < (gaps == 10).mean() < 0.5


def test_neither_file_order_nor_numbers_tell_the_true_order(bank: Bank) -> None:
    # In PKDD'99, 28 % of the rows break in file order and 40 % in the order of trans_id.
    file_order = bank.tables["fin_transaction"].append_column("n", pa.array(range(bank.booked.num_rows)))
    for orders in (["trans_date", "n"], ["trans_date", "trans_id"]):
        ordered = file_order.sort_by([("account_id", "ascending"), *((name, "ascending") for name in orders)])
        assert (np.abs(chain_gaps(ordered)) > 10).mean() > 0.1, orders
    by_number = bank.tables["fin_transaction"].sort_by([("account_id", "ascending"), ("trans_id", "ascending")])
    assert (np.abs(chain_gaps(by_number)) > 10).mean() > 0.3


def test_the_file_is_sorted_by_date(bank: Bank) -> None:
    days = bank.tables["fin_transaction"]["trans_date"].cast(pa.int32()).to_numpy()
    assert (np.diff(days) >= 0).all()


def test_amounts_are_positive_tenths(bank: Bank) -> None:
    amounts, balances = (cents(bank.tables["fin_transaction"][name]) for name in ("amount", "balance"))
    assert amounts.min() > 0
    assert (amounts % 10 == 0).all()
    assert (balances % 10 == 0).all()


# ---------------------------------------------------------------- the habits of the real bank


def real_shares(folder: Path) -> dict[tuple[str, str, str], float]:
    codes = [{v: k for k, v in table.items()} for table in (TRANSACTION_TYPES, OPERATIONS, CATEGORIES)]
    with (folder / "trans.asc").open(encoding="latin-1", newline="") as file:
        rows = csv.DictReader(file, delimiter=";")
        kinds = Counter(
            tuple(
                code.get(row[name].strip(), "")
                for code, name in zip(codes, ("type", "operation", "k_symbol"), strict=True)
            )
            for row in rows
        )
    return {kind: count / kinds.total() for kind, count in kinds.items()}


def test_shares_of_kinds_are_near_the_real_ones(bank: Bank, pkdd: Path) -> None:
    real = real_shares(pkdd)
    rows = transactions(bank, ["trans_type", "operation", "category"])
    made = Counter(tuple(code or "" for code in row.values()) for row in rows)
    assert set(made) == set(real)
    for kind, share in real.items():
        # Cash withdrawals are fewer: in January 1994 the real bank's quadrupled, which no habit here explains.
        tolerance = 0.08 if kind == ("D", "WIC", "") else 0.03
        assert abs(made[kind] / len(rows) - share) < tolerance, (kind, made[kind] / len(rows), share)


def test_postings_per_account_are_near_the_real_ones(bank: Bank) -> None:
    # 37,344 postings on 1,163 accounts in PKDD'99.
    assert bank.booked.num_rows / 600 == pytest.approx(37_344 / 1_163, rel=0.15)


def test_month_ends_are_ten_times_an_ordinary_day(bank: Bank) -> None:
    per_day = Counter(row["trans_date"] for row in transactions(bank, ["trans_date"]))
    busiest = sorted(per_day, key=per_day.__getitem__)[-6:]
    assert all(day.day in (30, 31) for day in busiest)
    assert per_day[busiest[-1]] > 10 * np.median(list(per_day.values()))


def test_standing_orders_are_paid_exactly_monthly(bank: Bank) -> None:
    paid: dict[tuple[int, int], list[tuple[date, Decimal]]] = defaultdict(list)
    rows = transactions(bank, ["account_id", "other_account_id", "trans_date", "amount", "category"], operation="ROB")
    for row in rows:
        paid[row["account_id"], row["other_account_id"]].append((row["trans_date"], row["amount"]))
    orders = {(r["account_id"], r["account_to"]): r for r in bank.tables["fin_order"].to_pylist()}
    assert set(paid) <= set(orders)
    for key, payments in paid.items():
        months = [day.year * 12 + day.month for day, _ in payments]
        assert months == list(range(months[0], months[0] + len(months)))
        assert {amount for _, amount in payments} == {orders[key]["amount"]}
        assert len({day.day for day, _ in payments}) == 1
        assert 5 <= payments[0][0].day <= 14
        assert orders[key]["category"] == "LO" or payments[-1][0].month == LAST.month


def test_loans_are_paid_on_the_12th_after_they_are_granted(bank: Bank) -> None:
    loans = {row["account_id"]: row for row in bank.tables["fin_loan"].to_pylist()}
    first: dict[int, date] = {}
    for row in transactions(bank, ["account_id", "trans_date", "amount"], category="LO"):
        first.setdefault(row["account_id"], row["trans_date"])
        assert row["trans_date"].day == 12
        assert abs(row["amount"] - loans[row["account_id"]]["payments"]) <= Decimal("0.5")
    assert first
    for account_id, day in first.items():
        assert 0 < (day - loans[account_id]["granted_date"]).days <= 31
    for loan in loans.values():
        assert loan["amount"] == loan["payments"] * int(loan["duration"])
        assert loan["payments"] % 1 == 0


def test_a_loan_ends_with_its_last_payment(long_bank: Bank) -> None:
    paid = Counter(row["account_id"] for row in transactions(long_bank, ["account_id"], category="LO"))
    over = [row for row in long_bank.tables["fin_loan"].to_pylist() if row["status"] in "AB"]
    assert len(over) > 20
    assert all(paid[row["account_id"]] == row["duration"] for row in over)


def test_fees_follow_the_statement_and_interest_the_month_end(bank: Bank) -> None:
    fee = {"M": Decimal("14.60"), "W": Decimal("30.00"), "T": Decimal("100.00")}
    frequency = dict(
        zip(*(bank.tables["fin_account"][c].to_pylist() for c in ("account_id", "frequency")), strict=True)
    )
    fees = transactions(bank, ["account_id", "amount", "trans_date"], category="ST")
    assert {frequency[row["account_id"]] for row in fees} == set(fee)
    assert all(row["amount"] == fee[frequency[row["account_id"]]] for row in fees)
    for row in (*fees, *transactions(bank, ["trans_date"], category="IC")):
        assert (row["trans_date"] + (date(1993, 1, 2) - date(1993, 1, 1))).day == 1


def test_salaries_have_a_bonus_and_rise_in_january(bank: Bank) -> None:
    paid: dict[int, dict[date, Decimal]] = defaultdict(dict)
    for row in transactions(
        bank, ["account_id", "trans_date", "amount", "category", "other_account_id"], operation="COB"
    ):
        if row["category"] is None and row["amount"] > 8_000:
            paid[row["account_id"]][row["trans_date"].replace(day=1)] = row["amount"]
    november, december, january = date(1993, 11, 1), date(1993, 12, 1), date(1994, 1, 1)
    long = [months for months in paid.values() if {november, december, january} <= set(months)]
    assert len(long) > 20
    for months in long:
        assert months[december] == months[november] * Decimal("1.5")
        assert Decimal("1.01") < months[january] / months[november] < Decimal("1.08")


# ---------------------------------------------------------------- hours and places


def test_the_bank_works_at_night_and_nowhere_and_people_by_day_somewhere(bank: Bank) -> None:
    by_bank = {("COB", None), ("COB", "PE"), (None, "IC"), ("WIC", "ST"), ("WIC", "IO")}
    for row in transactions(bank, ["operation", "category", "trans_time", "district_id"]):
        automatic = row["operation"] == "ROB" or (row["operation"], row["category"]) in by_bank
        assert (row["district_id"] is None) == automatic
        assert (time(2) < row["trans_time"] < time(23)) != automatic


def test_people_keep_to_their_hours_and_places(bank: Bank) -> None:
    rows = transactions(bank, ["account_id", "trans_time", "district_id"], operation="CIC")
    seconds = np.array([r["trans_time"].hour * 3600 + r["trans_time"].minute * 60 for r in rows])
    account = np.array([row["account_id"] for row in rows])
    mean = {a: seconds[account == a].mean() for a in set(account.tolist())}
    strayed = seconds - np.array([mean[a] for a in account.tolist()])
    assert strayed.std() < 0.6 * seconds.std()
    branch = dict(zip(*(bank.tables["fin_account"][c].to_pylist() for c in ("account_id", "district_id")), strict=True))
    assert 0.85 < np.mean([row["district_id"] == branch[row["account_id"]] for row in rows]) < 0.99


def test_one_person_is_in_one_district_a_day(bank: Bank) -> None:
    holders = bank.tables["fin_disposition"]["account_id"].to_pylist()
    alone = {account for account in holders if holders.count(account) == 1}
    places: dict[tuple[int, date], set[int]] = defaultdict(set)
    for row in transactions(bank, ["account_id", "trans_date", "district_id"]):
        if row["account_id"] in alone and row["district_id"] is not None:
            places[row["account_id"], row["trans_date"]].add(row["district_id"])
    assert {len(districts) for districts in places.values()} == {1}


def test_districts_of_a_region_lie_together(long_bank: Bank) -> None:
    rows = long_bank.tables["fin_district"].select(["region", "latitude", "longitude"]).to_pylist()
    km = np.array([[row["latitude"] * 111, row["longitude"] * 77] for row in rows])
    apart = np.linalg.norm(km[:, None] - km[None], axis=2)
    same = np.array([[a["region"] == b["region"] for b in rows] for a in rows]) & (apart > 0)
    assert np.median(apart[same]) < 60 < 150 < np.median(apart[~same])
    assert apart.max() < 520  # the diagonal of 450 x 250 km


# ---------------------------------------------------------------- sizes and arguments


def test_proportions_of_the_relations(long_bank: Bank) -> None:
    rows = {name: table.num_rows * 3 for name, table in long_bank.tables.items()}
    assert rows["fin_transaction"] == pytest.approx(1_056_320, rel=0.1)
    assert rows["fin_order"] == pytest.approx(6_471, rel=0.1)
    assert rows["fin_client"] == pytest.approx(5_369, rel=0.05)
    assert rows["fin_loan"] == pytest.approx(682, rel=0.1)
    assert rows["fin_card"] == pytest.approx(892, rel=0.15)


def test_hardly_any_posting_reads_like_another(long_bank: Bank) -> None:
    like = ["account_id", "trans_date", "amount", "trans_type", "operation", "category", "other_account_id"]
    table = long_bank.tables["fin_transaction"].select(like)
    assert table.num_rows - table.group_by(like).aggregate([]).num_rows <= 8


def test_the_smallest_bank() -> None:
    bank = build_bank(1, FIRST, FIRST, SEED, incidents=True)
    assert bank.tables["fin_account"].num_rows == 1
    assert bank.tables["fin_transaction"].num_rows >= 1
    assert bank.incidents == ()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"accounts": 0}, "a bank of 0 accounts"),
        ({"first": LAST, "last": FIRST}, "give them in order"),
        ({"seed": -1}, "seed -1 is negative"),
        ({"fmt": "xlsx"}, "one of parquet, csv"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path: Path, changed: dict, message: str) -> None:
    arguments = {"accounts": 5, "first": FIRST, "last": LAST, "seed": SEED, **changed}
    with pytest.raises(SettingsError, match=message):
        generate_bank(tmp_path / "bank", **arguments)
    assert not (tmp_path / "bank").exists()


# ---------------------------------------------------------------- written and read again


@pytest.mark.parametrize("fmt", ["parquet", "csv"])
def test_what_is_written_is_read(tmp_path: Path, fmt: str) -> None:
    other = "csv" if fmt == "parquet" else "parquet"
    generate_bank(tmp_path, 5, FIRST, date(1993, 3, 31), SEED, fmt=other)  # an earlier bank in the way
    summary = generate_bank(tmp_path, 40, FIRST, date(1993, 8, 31), SEED, fmt=fmt)
    expected = build_bank(40, FIRST, date(1993, 8, 31), SEED).tables
    with open_source(summary.source_uri) as source:
        assert source.rounding_cents == 10
        read = {name: source.static(name) for name in RELATIONS if name != "fin_transaction"}
        read["fin_transaction"] = source.history(date(1993, 9, 1))
    assert summary.rows == {name: table.num_rows for name, table in expected.items()}
    for name, extract in read.items():
        assert extract is not None
        assert extract.absent_columns == frozenset()
        assert extract.rows["reader_codes"].null_count == extract.offered
        key = RELATIONS[name].key
        assert extract.rows.select(expected[name].column_names).sort_by(key).equals(expected[name].sort_by(key)), name


# ---------------------------------------------------------------- incidents


def test_without_troubles_nothing_is_planted_or_listed(tmp_path: Path) -> None:
    generate_bank(tmp_path, 10, FIRST, date(1993, 6, 30), SEED, incidents=True)
    summary = generate_bank(tmp_path, 10, FIRST, date(1993, 6, 30), SEED)
    assert summary.troubles == 0
    assert not (tmp_path / "_troubles.json").exists()


def test_troubles_are_listed_beside_the_data(tmp_path: Path, troubled: Bank) -> None:
    summary = generate_bank(tmp_path, 200, FIRST, LAST, SEED, incidents=True)
    listed = json.loads((tmp_path / "_troubles.json").read_text())
    assert summary.troubles == len(listed) == len(troubled.incidents) == 7
    assert len({incident["account_id"] for incident in listed}) == 7
    assert all("1994-01-01" <= incident["date"] <= "1994-01-31" for incident in listed)


def test_each_trouble_is_what_its_listing_says(troubled: Bank) -> None:
    rows = {row["trans_id"]: row for row in troubled.tables["fin_transaction"].to_pylist()}
    booked = {row["trans_id"]: row for row in troubled.booked.to_pylist()}
    at = {incident.kind: incident for incident in troubled.incidents}
    assert at["missing_posting"].trans_id not in rows
    assert at["missing_posting"].trans_id in booked
    shifted = at["shifted_decimal"].trans_id
    assert rows[shifted] == {**booked[shifted], "amount": booked[shifted]["amount"] * 10}
    copy = rows[at["doubled_posting"].trans_id]
    assert sum({**row, "trans_id": 0} == {**copy, "trans_id": 0} for row in rows.values()) == 2
    assert rows[at["wrong_fee"].trans_id]["amount"] in (146, 300, 1000)
    assert rows[at["card_without_card"].trans_id]["operation"] == "CCW"
    assert rows[at["blatant_amount"].trans_id]["amount"] > 150_000
    order = next(
        row
        for row in troubled.tables["fin_order"].to_pylist()
        if row["order_id"] == at["missed_standing_order"].order_id
    )
    months = [row["trans_date"].month for row in rows.values() if row["other_account_id"] == order["account_to"]]
    assert len(months) >= 3
    assert LAST.month not in months


def test_only_money_troubles_reach_the_balances(troubled: Bank) -> None:
    assert np.abs(chain_gaps(troubled.booked)).max() == 10
