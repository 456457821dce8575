"""Nights of a bank whose every number and text is a canary leave none where somebody reads who may not see whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from demo.canary import NUMBER, PLACE, WORD, with_canaries
from demo.generate import build_bank
from demo.write import source_uri, write_bank
from include.lake import Lake
from include.marts import MASKED_MARTS
from include.masking.tables import MASKED_TABLES
from include.night import NightRequest, run_night
from include.settings import get_settings
from include.tableau.contents import table_names
from local.airflow_api import Run
from local.postgres import LocalPostgres
from tests.masking import canary_search as search
from tests.masking.canary_search import IDENTIFIERS, SENTENCE_MARKS, SHOWN_PLACES, Found
from tests.served import ready, served

MASKED = sorted(table.name for table in (*MASKED_TABLES.values(), *MASKED_MARTS.values()))
SEED = 5
HEADER = "trans_id,account_id,check_code,decision,reason,who,decided_at,known_at"


def names_somebody(found: Found) -> Found:
    """What tells an identifier, a text of the bank, or a place where none is shown."""
    return {
        place: signs
        for place, signs in found.items()
        if signs & (IDENTIFIERS | SENTENCE_MARKS) or _tells_place(place, signs)
    }


def _tells_place(place: str, signs: set[str]) -> bool:
    """Whether rows name a place in a column that shows none; bytes of a file name those that are shown."""
    column = place.rpartition(".")[2]
    return "place" in signs and "_masked." in place and column not in SHOWN_PLACES


def drop_review(lake: Path, night: date, posting: object = "", account: object = "") -> None:
    """A decision on a posting or an account's break, with canaries in all that the analyst writes."""
    inbox = lake / "reviews" / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    said = f"confirmed,{WORD} paid to {NUMBER},{WORD} Analyst,{night}T09:00:00,{night}T09:00:00"
    rows = f"{HEADER}\n{posting},{account},{WORD} check,{said}\n"
    (inbox / f"{'break' if account else 'posting'}.csv").write_text(rows)


# One night without a model and without Airflow


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    folder, night = tmp_path_factory.mktemp("canary"), date(2024, 1, 31)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADS_KEY_FILE", str(folder / "key"))
        get_settings.cache_clear()
        bank = with_canaries(build_bank(60, date(2023, 9, 1), night, SEED, incidents=True))
        write_bank(folder / "bank", bank.tables, None, "parquet")
        drop_review(folder / "lake", night, account=bank.tables["fin_account"]["account_id"][0])
        run_night(NightRequest.of(night, source_uri(folder / "bank"), f"file:{folder / 'lake'}"))
        yield Lake.open(f"file:{folder / 'lake'}")
    get_settings.cache_clear()


@pytest.mark.parametrize("table", MASKED)
def test_no_masked_table_has_a_canary(lake: Lake, table: str) -> None:
    if table in lake.catalog.names():
        assert names_somebody(search.in_table(lake, table)) == {}


def test_the_search_finds_canaries_where_they_are(lake: Lake) -> None:
    found = search.in_table(lake, "fin_transaction")
    assert found["fin_transaction.account_id"] == {"number"}
    assert any(signs for place, signs in found.items() if place.endswith(".parquet.account_id"))
    assert search.in_table(lake, "reviews")["reviews.check_code"] == {"word"}
    assert search.in_table(lake, "alerts")["alerts.text"] == {"number"}
    assert "place" in search.in_table(lake, "mart_findings")["mart_findings.district_name"]


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        (f"account {NUMBER}00000012", {"number"}),
        (f"paid to {WORD.upper()}-12", {"word"}),
        (f"lives in {PLACE} Velmava", {"place"}),
        ("account \ue00012\ue001", {"opening", "closing"}),
        ("account 12", set()),
    ],
)
def test_signs_are_found_in_bytes_in_rows_and_in_files(text: str, signs: set[str], tmp_path: Path) -> None:
    assert search.signs_in(text.encode()) == signs
    rows = pa.table({"deep": pa.array([[{"text": text}]])})
    assert search.in_rows("rows", rows) == ({"rows.deep": signs} if signs else {})
    pq.write_table(rows, tmp_path / "rows.parquet")
    assert search.in_files(tmp_path).get("rows.parquet.deep", set()) == signs


# Nights through a real Airflow, with scores, reviews, extracts and a failure


@dataclass(frozen=True)
class Watch:
    """What nights through a real Airflow have left.

    Attributes
    ----------
    folder
        Folder of the lake.
    lake
        The lake.
    airflow
        Home of Airflow, with its logs.
    database
        Address of Airflow's database.
    runs
        Runs of the nights: those that were published, and one that failed.
    """

    folder: Path
    lake: Lake
    airflow: Path
    database: str
    runs: list[Run]


FIRST, LAST, FAILING = date(2024, 2, 11), date(2024, 2, 12), date(2024, 2, 13)
"""Nights with a doubled posting, with a payment by a card that is not there and an amount beyond all others, and one
that the gate refuses."""


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory, postgres_server: LocalPostgres) -> Iterator[Watch]:
    folder = tmp_path_factory.mktemp("watch")
    bank = with_canaries(build_bank(60, date(2022, 9, 1), FAILING, SEED, incidents=True))
    write_bank(folder / "bank", bank.tables, None, "parquet")
    settings = {
        "ADS_SOURCE_URI": source_uri(folder / "bank"),
        "ADS_LAKE_URI": f"file:{folder / 'lake'}",
        "ADS_KEY_FILE": str(folder / "key"),
        "ADS_EXTRACTS": "on",
        # Of few postings a night, so many are flagged that each night has reasons.
        "ADS_ALERT_BUDGET": "0.3",
    }
    with served(folder / "airflow", postgres_server, "canary", settings) as server:
        ready(server)
        runs = [server.play(FIRST)]
        _drop_reviews(folder / "lake", bank.tables["fin_transaction"])
        runs.append(server.play(LAST))
        _spoil_codes(folder / "bank" / "fin_account.parquet")
        runs.append(server.play(FAILING))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ADS_KEY_FILE", settings["ADS_KEY_FILE"])
            get_settings.cache_clear()
            database = postgres_server.uri("canary").replace("+psycopg", "")
            yield Watch(folder / "lake", Lake.open(settings["ADS_LAKE_URI"]), server.airflow.home, database, runs)
    get_settings.cache_clear()


def _drop_reviews(lake: Path, postings: pa.Table) -> None:
    """A decision on a posting of the first night, and one on a break of its account."""
    posting = postings.filter(pc.equal(postings["trans_date"], pa.scalar(FIRST))).slice(0, 1).to_pylist()[0]
    drop_review(lake, FIRST, posting=posting["trans_id"])
    drop_review(lake, FIRST, account=posting["account_id"])


def _spoil_codes(file: Path) -> None:
    """Put a canary in the place of a code of every account, which the gate refuses with a sentence."""
    accounts, name = pq.read_table(file), "frequency"
    codes = pa.repeat(f"{WORD} {NUMBER}", accounts.num_rows)
    pq.write_table(accounts.set_column(accounts.column_names.index(name), name, codes), file)


airflow_alone = [pytest.mark.airflow, pytest.mark.long]
"""A start of Airflow, a training and three nights take some minutes."""


class TestThroughAirflow:
    pytestmark = airflow_alone

    def test_there_is_something_to_hide(self, watch: Watch) -> None:
        assert [run.state for run in watch.runs] == ["success", "success", "failed"]
        scores = watch.lake.read("anomaly_scores")
        assert scores.num_rows == watch.lake.read("fin_transaction").num_rows > 0
        assert pc.sum(scores["is_flagged"]).as_py() > 0
        for table, column in CONTROLS:
            assert search.in_rows(table, watch.lake.read(table)).get(f"{table}.{column}", set()) & IDENTIFIERS, (
                table,
                column,
            )

    @pytest.mark.parametrize("table", MASKED)
    def test_no_masked_table_has_a_canary(self, watch: Watch, table: str) -> None:
        assert names_somebody(search.in_table(watch.lake, table)) == {}

    def test_no_masked_view_of_athena_has_a_canary(self, watch: Watch) -> None:
        found = search.in_views(watch.lake)
        assert {place.partition(".")[0] for place in found} >= {"published_alerts", "published_fin_transaction"}
        masked = {place.removeprefix("published_"): signs for place, signs in found.items() if "_masked." in place}
        assert names_somebody(masked) == {}

    def test_no_extract_has_a_canary(self, watch: Watch) -> None:
        files = sorted((watch.folder / "extracts").glob("*.hyper"))
        assert [file.name for file in files] == [f"{FIRST}.hyper", f"{LAST}.hyper", "rolling.hyper"]
        found = [search.in_hyper(file, table_names(is_masked=True)) for file in files]
        assert [names_somebody(each) for each in found] == [{}, {}, {}]
        assert names_somebody(search.in_files(watch.folder / "extracts")) == {}

    @pytest.mark.parametrize("folder", ["data_docs", "mlflow", "models", "keys"])
    def test_no_page_metric_or_model_has_a_canary(self, watch: Watch, folder: str) -> None:
        assert any((watch.folder / folder).rglob("*"))
        assert search.in_files(watch.folder / folder) == {}

    def test_neither_log_nor_note_nor_result_of_a_task_has_a_canary(self, watch: Watch) -> None:
        assert any("publish" in str(file) for file in watch.airflow.rglob("*.log"))
        assert search.in_files(watch.airflow) == {}
        assert search.in_database(watch.database) == {}

    @pytest.mark.parametrize(
        "table", ["night_manifest", "night_profile", "night_watch", "night_notices", "mart_nights"]
    )
    def test_what_counts_over_the_whole_bank_names_nobody(self, watch: Watch, table: str) -> None:
        assert search.in_table(watch.lake, table) == {}

    def test_the_sheet_of_alerts_names_accounts_without_the_marks_of_sentences(self, watch: Watch) -> None:
        found = search.in_files(watch.folder / "alerts")
        assert set.union(*found.values()) & IDENTIFIERS
        every = [
            search.in_rows(name, watch.lake.read(name)) for name in watch.lake.catalog.names() if name != "retired_rows"
        ]
        assert not [found for found in every if set().union(*found.values()) & SENTENCE_MARKS]
        assert not set.union(*found.values()) & SENTENCE_MARKS


CONTROLS = [
    ("fin_transaction", "counterparty"),
    ("fin_transaction", "other_bank_id"),
    ("anomaly_scores", "reasons"),
    ("settlement_breaks", "text"),
    ("alerts", "text"),
    ("quarantine", "account_id"),
    ("reviews", "reason"),
    ("reviews", "who"),
    ("reviews", "check_code"),
    ("mart_findings", "text"),
    ("transaction_features", "client_district"),
]
"""Columns of full tables in which the search must find canaries: one that finds none proves nothing."""
