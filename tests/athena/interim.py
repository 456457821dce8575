"""Stand-ins until the real declarations are merged."""

from __future__ import annotations

import pyarrow as pa

from include.lake.tables import TABLES, Table

T, I, D, B = pa.string(), pa.int64(), pa.date32(), pa.bool_()
M, S, F = pa.decimal128(12, 2), pa.decimal128(18, 2), pa.float64()


def _table(name: str, night: str = "settlement_date", **columns: pa.DataType) -> Table:
    return Table(name, pa.schema([pa.field(k, v) for k, v in columns.items()]), night, ())


def interim() -> dict[str, Table]:
    findings = dict(
        settlement_date=D,
        finding_id=T,
        rank=I,
        kind=T,
        code=T,
        severity=T,
        account_id=I,
        trans_id=I,
        shown_district=T,
        shown_region=T,
        trans_type=T,
        operation=T,
        amount=M,
        score=F,
        feature=T,
        text=T,
        review_state=T,
        reviewed_on=D,
        run_key=T,
    )
    money = dict(
        settlement_date=D,
        **{f"{w}_rows": I for w in ["offered", "published", "quarantined", "deduplicated", "unreadable"]},
        **{f"{w}_money": S for w in ["offered", "published", "quarantined", "deduplicated"]},
        credits=S,
        debits=S,
        is_reconciled=B,
        run_key=T,
    )
    full = {
        **{n: t for n, t in TABLES.items() if n != "night_manifest"},
        "mart_findings": _table("mart_findings", **findings),
        "mart_money_days": _table("mart_money_days", **money),
    }
    masked = {}
    for name, t in full.items():
        fields = [pa.field(f.name, T if f.name.endswith("_id") else f.type) for f in t.schema]
        masked[f"{name}_masked"] = Table(
            f"{name}_masked", pa.schema([*fields, pa.field("key_version", pa.int32())]), t.night_column, t.order_by
        )
    keys = Table(
        "pseudonym_keys",
        pa.schema([pa.field("current_version", pa.int32()), pa.field("since", pa.timestamp("us", tz="UTC"))]),
        "",
        (),
    )
    return {**full, "night_manifest": TABLES["night_manifest"], **masked, "pseudonym_keys": keys}
