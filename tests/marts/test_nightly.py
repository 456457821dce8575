"""The marts of a night: what a bank lacks is null, months add up, and sums tell no home that is not shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.features.catalog import CONTEXT, FEATURES_BY_NAME
from include.lake.tables import RUN_KEY, TABLES
from include.marts import (
    FEATURES_SCHEMA,
    MART_TABLES,
    PLACE_REVEALING,
    SHOWN_DISTRICT_MONTHS,
    UNDIGESTED,
    Earlier,
    NightFigures,
    feature_columns,
    marts_of,
)
from include.marts.comments import column_comments
from include.marts.inputs import INPUT_SCHEMAS
from include.masking.places import shown_places
from include.quality import Counts
from include.relations import RELATIONS

NIGHT, BEFORE = date(1994, 1, 31), date(1994, 1, 30)
FIGURES = NightFigures("m1", "c1", Counts(offered_rows=2, published_rows=2), 1.0)

Rows = list[dict[str, Any]]


def _table(name: str, rows: Rows) -> pa.Table:
    schema = INPUT_SCHEMAS[name]
    return pa.Table.from_pylist([{"settlement_date": NIGHT, **row} for row in rows], schema=schema)


def _statics(clients: int = 6) -> dict[str, pa.Table]:
    """One owner an account: all but the last live in Decin, the last one in Louny."""
    numbers = range(1, clients + 1)
    rows: dict[str, Rows] = {
        "fin_account": [{"account_id": n, "frequency": "M"} for n in numbers],
        "fin_client": [
            {"client_id": n, "birth_date": date(1960, 1, 1), "gender": "F", "district_id": 1 if n < clients else 2}
            for n in numbers
        ],
        "fin_disposition": [{"disp_id": n, "client_id": n, "account_id": n, "disp_type": "O"} for n in numbers],
        "fin_district": [
            {"district_id": 1, "district_name": "Decin", "region": "north"},
            {"district_id": 2, "district_name": "Louny", "region": "north"},
        ],
    }
    return {name: pa.Table.from_pylist(found, schema=RELATIONS[name].schema) for name, found in rows.items()}


def _published(amounts: Mapping[int, int]) -> dict[str, pa.Table]:
    """One posting an account."""
    postings = [
        {"trans_id": n, "account_id": n, "trans_type": "D", "amount": Decimal(amount)} for n, amount in amounts.items()
    ]
    names = ("anomaly_scores", "settlement_breaks", "alerts")
    return {"fin_transaction": _table("fin_transaction", postings), **{name: _table(name, []) for name in names}}


def _marts(
    published: dict[str, pa.Table], statics: dict[str, pa.Table], night: date = NIGHT, **given: Any
) -> dict[str, pa.Table]:
    reviews = given.pop("reviews", INPUT_SCHEMAS["reviews"].empty_table())
    places = shown_places(statics, night)
    return marts_of(night, published, statics, figures=FIGURES, places=places, reviews=reviews, **given)


def test_every_declared_column_has_its_comment_in_the_sql_file_and_no_other_is_there() -> None:
    for name, table in MART_TABLES.items():
        declared = {field.name: field.metadata[b"doc"].decode() for field in table.schema if field.name != "run_key"}
        assert declared == column_comments(name)
        assert all(declared.values())
        assert all(comment.isascii() for comment in declared.values())


def test_a_feature_is_described_as_in_the_catalog() -> None:
    comments = column_comments("transaction_features")
    assert {name: comments[name] for name in FEATURES_BY_NAME} == {n: f.doc for n, f in FEATURES_BY_NAME.items()}
    assert set(CONTEXT) <= comments.keys()


def test_every_mart_is_partitioned_by_night_and_keyed_by_run() -> None:
    for name, table in MART_TABLES.items():
        assert table.night_column == "settlement_date"
        assert table.schema.field(RUN_KEY.name) == RUN_KEY
        assert name not in TABLES
        assert set(UNDIGESTED.get(name, ())) <= set(table.schema.names)
    assert set(PLACE_REVEALING) <= set(MART_TABLES["transaction_features"].schema.names)


def test_what_the_bank_lacks_is_null_and_nothing_fails() -> None:
    found = _marts(_published({1: 10, 2: 20}), {})
    assert {name: rows.num_rows for name, rows in found.items()} == {
        "mart_findings": 0,
        "mart_nights": 1,
        "mart_account_days": 2,
        "mart_district_months": 1,
        SHOWN_DISTRICT_MONTHS: 1,
        "mart_model_performance": 0,
        "mart_money_days": 1,
        "transaction_features": 2,
    }
    for name in ("client_id", "account_kind", "shown_region", "closing_balance", "highest_score"):
        assert found["mart_account_days"][name].null_count == 2
    for name in ("client_age", "account_type", "balance_before", "amount_z", "travel"):
        assert found["transaction_features"][name].null_count == 2


def test_a_night_without_anything_has_its_rows_of_the_night() -> None:
    found = _marts(_published({}), {})
    assert {name for name, rows in found.items() if rows.num_rows} == {"mart_nights", "mart_money_days"}


def test_each_mart_has_the_declared_columns_and_types() -> None:
    found = _marts(_published({1: 10}), _statics())
    for name, table in MART_TABLES.items():
        assert [*found[name].schema.names, "run_key"] == table.schema.names
        assert found[name].cast(pa.schema([f for f in table.schema if f.name != "run_key"])) == found[name]


def test_a_month_is_the_sum_of_its_nights() -> None:
    statics = _statics()
    first = _marts(_published({1: 10, 6: 5}), statics, night=BEFORE)["mart_account_days"]
    found = _marts(
        _published({1: 100, 2: 1}),
        statics,
        earlier=Earlier(first, INPUT_SCHEMAS["earlier_findings"].empty_table()),
    )
    months = {row["district_name"]: row for row in found["mart_district_months"].to_pylist()}
    assert {name: (row["postings"], row["debits"]) for name, row in months.items()} == {
        "Decin": (3, Decimal("111.00")),
        "Louny": (1, Decimal("5.00")),
    }
    assert {row["month"] for row in months.values()} == {date(1994, 1, 1)}


def test_a_masked_month_adds_up_by_what_is_shown_alone() -> None:
    """The only owner in Louny posts: no row that masked readers see may grow by that posting under a place."""
    found = _marts(_published({6: 5}), _statics())
    shown = {row["shown_district"]: row for row in found[SHOWN_DISTRICT_MONTHS].to_pylist()}
    assert (shown["Decin"]["debits"], shown["Decin"]["clients"]) == (0, 5)
    assert (shown[None]["debits"], shown[None]["shown_region"]) == (Decimal("5.00"), None)
    assert all(row[name] is None for row in shown.values() for name in ("district_id", "district_name", "region"))


def test_masked_months_tell_what_masked_account_days_tell_and_no_more() -> None:
    found = _marts(_published({n: n * 10 for n in range(1, 10)}), _statics(9))
    days = found["mart_account_days"].group_by(["shown_district", "shown_region"])
    by_days = days.aggregate([("debits", "sum"), ("postings", "sum")]).to_pylist()
    told = {(row["shown_district"], row["shown_region"]): (row["debits_sum"], row["postings_sum"]) for row in by_days}
    months = found[SHOWN_DISTRICT_MONTHS].to_pylist()
    assert {(m["shown_district"], m["shown_region"]): (m["debits"], m["postings"]) for m in months} == told


def test_precision_counts_the_reviewed_findings_of_nights_before() -> None:
    earlier = Earlier(
        INPUT_SCHEMAS["earlier_account_days"].empty_table(),
        _table("earlier_findings", [{"kind": "score", "trans_id": n, "model_version": "m1"} for n in (1, 2, 3)]),
    )
    scored = {"trans_id": 7, "account_id": 7, "score": 0.1, "is_flagged": False, "model_version": "m1"}
    published = {**_published({7: 1}), "anomaly_scores": _table("anomaly_scores", [scored])}
    reviews = pa.Table.from_pylist(
        [
            {"settlement_date": NIGHT, "trans_id": 1, "decision": "confirmed", "review_key": "a"},
            {"settlement_date": NIGHT, "trans_id": 2, "decision": "dismissed", "review_key": "b"},
        ],
        schema=INPUT_SCHEMAS["reviews"],
    )
    (row,) = _marts(published, {}, earlier=earlier, reviews=reviews)["mart_model_performance"].to_pylist()
    assert (row["reviewed"], row["confirmed"], row["dismissed"], row["precision"]) == (2, 1, 1, 0.5)
    assert 0 < row["precision_low"] < 0.5 < row["precision_high"] < 1


def test_features_are_the_models_own_with_null_where_a_value_is_missing() -> None:
    built = pa.table(
        {"trans_id": [1, 2], "amount_z": [1.5, float("nan")], "day_count": [1, 2], "scene": ["card", None]}
    )
    found = feature_columns(built, {"sequence_gap": pa.array([0.5, float("nan")])})
    assert found.schema == FEATURES_SCHEMA
    shown = found.select(["trans_id", "amount_z", "day_count", "sequence_gap", "travel"]).to_pydict()
    assert shown == {
        "trans_id": [1, 2],
        "amount_z": [1.5, None],
        "day_count": [1.0, 2.0],
        "sequence_gap": [0.5, None],
        "travel": [None, None],
    }


def test_features_stand_beside_their_postings() -> None:
    features = feature_columns(pa.table({"trans_id": [2], "amount_z": [1.5]}), {})
    rows = _marts(_published({1: 10, 2: 20}), _statics(), features=features)["transaction_features"]
    assert rows["amount_z"].to_pylist() == [None, 1.5]
    assert rows["account_type"].to_pylist() == ["monthly", "monthly"]
    assert pc.unique(rows["client_age"]).to_pylist() == [34]
