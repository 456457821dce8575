"""What of a large night's publication is spent on finding ids, marts and masked tables.

`python -m tests.benchmark.publication` publishes a made-up night of 240,000 postings in memory into a fresh lake, and
prints the CPU seconds of each part; with a number, money of masked tables is rounded to it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from demo.generated_tables import money
from include.lake import Lake, RunStamp
from include.lake.tables import BREAKS_SCHEMA, REVIEWS_SCHEMA, SCORES_SCHEMA, TABLES
from include.marts import MART_TABLES, marts_of
from include.marts.inputs import FEATURES_SCHEMA, NightFigures
from include.marts.tables import SHOWN_DISTRICT_MONTHS
from include.masking.finding_ids import with_alert_ids, with_score_ids
from include.masking.keys import NameKeyStore
from include.masking.places import shown_places
from include.night.masking import MaskedNight, Masks
from include.night.publishing import NightOutputs, write_night
from include.publish.alerts import alert_queue
from include.quality import Counts
from include.settings import Settings
from tests.benchmark.results import markdown

POSTINGS, ACCOUNTS, DISTRICTS = 240_000, 200_000, 77
"""A month's end of a bank of 200,000 accounts."""
NIGHT = date(2024, 12, 31)
FLAGGED_SHARE = 0.02
"""The alert budget."""
_TRANSACTIONS, _SCORES = "fin_transaction", "anomaly_scores"


def main(step: int) -> None:
    """Publish, and print what each part took."""
    with tempfile.TemporaryDirectory() as folder:
        took = _publish(Settings(key_file=Path(folder) / "key", lake_uri=f"file:{folder}/lake"), step)
    whole = sum(took.values())
    rows = [[what, seconds, 100 * seconds / whole] for what, seconds in took.items()]
    print(
        markdown(f"{POSTINGS:,} postings, step {step}", ["part", "CPU s", "% of all"], [*rows, ["all", whole, 100.0]])
    )


def _publish(settings: Settings, step: int) -> dict[str, float]:
    took: dict[str, float] = {}
    timed = _Stopwatch(took)
    lake = Lake.open(settings.lake_uri, settings)
    keys = NameKeyStore.open(settings.lake_uri, settings).get(has_nights=False)
    statics, postings, namer = _statics(), _postings(), keys.finding_namer
    nameless = _scores(postings)
    scores = timed("finding ids of scores", lambda: with_score_ids(nameless, namer))
    published = {**_published(postings, scores), "alerts": _queue(postings, scores)}
    published["alerts"] = timed("finding ids of alerts", lambda: with_alert_ids(published["alerts"], namer))
    places = timed("homes", lambda: shown_places(statics, NIGHT))
    marts = timed("marts", lambda: _marts(published, statics, places))
    shown = {"mart_district_months": marts.pop(SHOWN_DISTRICT_MONTHS)}
    derived = [(MART_TABLES[name], rows) for name, rows in marts.items()]
    outputs = NightOutputs(published, published["quarantine"], statics, [], Counts(), derived, shown)
    stamp = RunStamp("bench", "bench", NIGHT)
    timed("writing full tables", lambda: write_night(lake, stamp, outputs))
    night = timed("homes by client", lambda: MaskedNight.of(Masks(keys, step), statics, NIGHT))
    row = {"settlement_date": NIGHT}
    timed("making and writing masked tables", lambda: night.write(lake, stamp, outputs, row))
    return took


class _Stopwatch:
    """Runs work and keeps its CPU seconds, which other work on the machine changes less than the clock's."""

    def __init__(self, took: dict[str, float]) -> None:
        self._took = took

    def __call__(self, what: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        found = work()
        self._took[what] = time.process_time() - began
        return found


def _postings() -> pa.Table:
    chance = np.random.default_rng(1)
    numbers = np.arange(POSTINGS, dtype=np.int64)
    cents = chance.integers(100, 5_000_000, POSTINGS)
    filled = {
        "trans_id": numbers + 7_000_000,
        "account_id": chance.integers(1, ACCOUNTS + 1, POSTINGS),
        "trans_date": pa.repeat(NIGHT, POSTINGS),
        "settlement_date": pa.repeat(NIGHT, POSTINGS),
        "amount": money(cents),
        "balance": money(cents),
        "trans_type": pa.repeat("D", POSTINGS),
        "counterparty": pa.array(chance.integers(1, 10**8, POSTINGS)).cast(pa.string()),
        "other_bank_id": pa.repeat("YZ", POSTINGS),
        "source_uri": pa.repeat("file:/data/bank/fin_transaction.parquet", POSTINGS),
        "source_line": numbers,
    }
    return _filled(filled, TABLES[_TRANSACTIONS].schema)


def _scores(postings: pa.Table) -> pa.Table:
    chance = np.random.default_rng(2).random(POSTINGS)
    text = "Paid out 177,902.05 within thirty days; the most this account paid lately was 65,217.70."
    reason = {"code": "amount", "feature": "amount_z", "value": "1", "typical": "0", "contribution": 0.5, "text": text}
    flagged = chance > 1 - FLAGGED_SHARE
    reasons = pa.array(
        [[reason] * 3 if is_flagged else None for is_flagged in flagged], SCORES_SCHEMA.field("reasons").type
    )
    filled = {
        **{name: postings[name] for name in ("trans_id", "account_id", "settlement_date")},
        "score": chance,
        "typical_score": chance / 10,
        "is_flagged": flagged,
        "threshold": pa.repeat(1 - FLAGGED_SHARE, POSTINGS),
        "model_version": pa.repeat("contrast-1", POSTINGS),
        "detector_scores": pa.array(
            [[("contrast", score)] for score in chance], SCORES_SCHEMA.field("detector_scores").type
        ),
        "reasons": reasons,
        "masked_reasons": reasons,
    }
    return _filled(filled, SCORES_SCHEMA)


def _published(postings: pa.Table, scores: pa.Table) -> dict[str, pa.Table]:
    empty = {name: _content(TABLES[name].schema).empty_table() for name in ("settlement_breaks", "quarantine")}
    return {_TRANSACTIONS: postings, _SCORES: scores, **empty}


def _queue(postings: pa.Table, scores: pa.Table) -> pa.Table:
    flagged = scores.filter(scores["is_flagged"])
    return alert_queue(BREAKS_SCHEMA.empty_table(), flagged, postings, [], [])


def _marts(published: dict[str, pa.Table], statics: dict[str, pa.Table], places: pa.Table) -> dict[str, pa.Table]:
    chance = np.random.default_rng(3)
    features = {name: chance.random(POSTINGS) for name in FEATURES_SCHEMA.names if name != "trans_id"}
    return marts_of(
        NIGHT,
        published,
        statics,
        figures=NightFigures("contrast-1", "bench", Counts(), 1.0),
        places=places,
        reviews=REVIEWS_SCHEMA.empty_table(),
        features=_filled({"trans_id": published[_TRANSACTIONS]["trans_id"], **features}, FEATURES_SCHEMA),
    )


def _statics() -> dict[str, pa.Table]:
    chance, numbers = np.random.default_rng(4), np.arange(1, ACCOUNTS + 1, dtype=np.int64)
    districts, homes = np.arange(1, DISTRICTS + 1), chance.integers(1, DISTRICTS + 1, ACCOUNTS)
    born = pa.array(chance.integers(-14_000, 10_000, ACCOUNTS).astype(np.int32)).cast(pa.date32())
    gender = np.where(chance.random(ACCOUNTS) < 0.5, "F", "M")
    names = [f"district {number}" for number in districts]
    return {
        name: _filled(columns, TABLES[name].schema)
        for name, columns in {
            "fin_account": {"account_id": numbers, "district_id": homes, "frequency": pa.repeat("M", ACCOUNTS)},
            "fin_client": {"client_id": numbers, "district_id": homes, "birth_date": born, "gender": gender},
            "fin_disposition": {
                **dict.fromkeys(("disp_id", "client_id", "account_id"), numbers),
                "disp_type": pa.repeat("O", ACCOUNTS),
            },
            "fin_district": {"district_id": districts, "district_name": names, "region": names},
        }.items()
    }


def _filled(columns: dict[str, Any], schema: pa.Schema) -> pa.Table:
    """A table of some columns; the others are null."""
    content = _content(schema)
    rows = len(next(iter(columns.values())))
    found = [
        pa.array(columns[f.name]) if isinstance(columns.get(f.name), np.ndarray | list) else columns.get(f.name)
        for f in content
    ]
    return pa.table(
        [pa.nulls(rows, f.type) if each is None else each.cast(f.type) for each, f in zip(found, content, strict=True)],
        schema=content,
    )


def _content(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field for field in schema if field.name != "run_key"])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
