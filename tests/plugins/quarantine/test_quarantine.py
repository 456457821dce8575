"""The quarantine's pages: counts for everybody, places for who mends, the record itself for investigators, audited."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.errors import IntegrityError
from include.lake import RunStamp
from include.lake.tables import QUARANTINE_SCHEMA
from include.masking.tables import MASKED_TABLES
from include.quality.sealed_quarantine import seal_quarantine
from include.security.envelope import Envelope
from include.settings import Settings, get_settings
from plugins.settlement_console.quarantine import refused_records, routes
from plugins.settlement_console.quarantine.refused_records import NoSuchRecordError, night_page, raw_record
from tests.plugins.clients import client_of
from tests.tableau.marts import publish_marts

NIGHT, QUIET = date(1994, 1, 31), date(1994, 1, 30)
FILE, ACCOUNT = "file:/bank/trans.asc", 4_711_008_150
EVIL = f"1;{ACCOUNT};<script>alert(1)</script>"


def _row(line: int, relation: str, *codes: str) -> dict[str, Any]:
    about = {"night": NIGHT, "settlement_date": NIGHT, "relation": relation, "account_id": ACCOUNT}
    return {**about, "source_uri": FILE, "line": line, "raw": f"{EVIL}{line}", "reason_codes": [*codes]}


ROWS = [
    _row(1_000, "fin_transaction", "amount_missing", "trans_date_not_a_date"),
    _row(7, "fin_transaction", "amount_missing"),
    _row(9, "fin_order", "torn_record"),
]


def publish_quarantine(folder: Path, rows: list[dict[str, Any]] = ROWS) -> Settings:
    """Publish a night whose quarantine has rows, and one before it that let in everything."""
    settings = Settings(lake_uri=str(folder), key_file=get_settings().key_file)
    publish_marts(folder, QUIET)
    lake, stamp = publish_marts(folder, NIGHT), RunStamp("a" * 16, "first", NIGHT)
    sealed = seal_quarantine(pa.Table.from_pylist(rows, QUARANTINE_SCHEMA), NIGHT, Envelope.open(settings))
    lake.replace("quarantine", NIGHT, sealed, stamp)
    table = MASKED_TABLES["quarantine"]
    schema = pa.schema([field for field in table.schema if field.name != "run_key"])
    masked = [{**row, "account_id": "a", "source_line_id": f"{row['line']:032x}", "key_version": 1} for row in rows]
    lake.replace(table, NIGHT, pa.Table.from_pylist(masked, schema), stamp, 1)
    return settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return publish_quarantine(tmp_path_factory.mktemp("quarantine") / "lake")


@pytest.fixture
def open_as(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADS_LAKE_URI", settings.lake_uri)
    monkeypatch.setenv("ADS_KEY_FILE", str(settings.key_file))
    get_settings.cache_clear()
    yield lambda role: client_of(role, monkeypatch)
    get_settings.cache_clear()


@pytest.mark.parametrize("role", ["VIEWER", "OP", "USER"])
def test_everybody_sees_counts_and_what_to_send_again(open_as, role) -> None:
    client = open_as(role)
    overview = client.get("/quarantine").text
    assert overview.index("1994-01-31") < overview.index("1994-01-30")
    assert "fin_transaction 2, fin_order 1" in overview
    night = client.get(f"/quarantine/{NIGHT}").text
    assert "amount is empty: export its value" in night
    assert "a quote that is not closed" in night
    assert night.index("amount missing</td>") < night.index("torn record</td>")


def test_a_viewer_sees_no_file_and_no_record(open_as) -> None:
    client = open_as("VIEWER")
    page = client.get(f"/quarantine/{NIGHT}").text
    assert f"{7:032x}" in page
    assert "trans.asc" not in page
    assert "/records/" not in page
    assert client.get(f"/quarantine/{NIGHT}/records/x").status_code == 403


def test_an_engineer_sees_file_and_line_and_not_the_record(open_as) -> None:
    client = open_as("OP")
    page = client.get(f"/quarantine/{NIGHT}").text
    places = [f"{FILE}, line 9<", f"{FILE}, line 7<", f"{FILE}, line 1,000<"]
    assert [page.index(place) for place in places] == sorted(page.index(place) for place in places)
    assert "/records/" not in page
    assert str(ACCOUNT) not in page


def test_an_investigator_opens_one_record_as_text_and_the_look_is_audited(open_as, settings, monkeypatch) -> None:
    log: list[tuple[Any, ...]] = []
    monkeypatch.setattr(routes, "audited", lambda *said, **more: log.append((*said, more)))
    client = open_as("USER")
    record = refused_records.night_page(settings, NIGHT, 0, sees_places=True).records[1]
    assert record.place.endswith("line 7")
    assert f'/quarantine/{NIGHT}/records/{record.record_id}"' in client.get(f"/quarantine/{NIGHT}").text
    answer = client.get(f"/quarantine/{NIGHT}/records/{record.record_id}")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;7" in answer.text
    assert "<script>alert" not in answer.text
    assert "no-store" in answer.headers["cache-control"]
    assert "1,000" not in answer.text
    assert [entry[2:] for entry in log] == [("unsealed", record.record_id, {"account": ACCOUNT})]


def test_a_look_that_cannot_be_audited_shows_nothing(open_as, settings, monkeypatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise IntegrityError("the audit's chain is broken")

    monkeypatch.setattr(routes, "audited", full)
    record = refused_records.night_page(settings, NIGHT, 0, sees_places=True).records[0]
    answer = open_as("USER").get(f"/quarantine/{NIGHT}/records/{record.record_id}")
    assert answer.status_code == 503
    assert "alert(1)" not in answer.text


def test_with_another_master_key_a_sentence_says_so(open_as, settings, monkeypatch, tmp_path) -> None:
    record = refused_records.night_page(settings, NIGHT, 0, sees_places=True).records[0]
    (tmp_path / "other.key").write_bytes(bytes(32))
    (tmp_path / "other.key").chmod(0o600)
    with pytest.raises(IntegrityError):
        raw_record(settings.model_copy(update={"key_file": tmp_path / "other.key"}), NIGHT, record.record_id)


def test_what_is_not_there_is_told(open_as, settings) -> None:
    client = open_as("USER")
    assert client.get("/quarantine/1994-02-01").status_code == 404
    assert client.get(f"/quarantine/{NIGHT}/records/{'0' * 32}").status_code == 404
    assert client.get("/quarantine/yesterday").status_code == 422
    assert "Every record of this night was let in" in client.get(f"/quarantine/{QUIET}").text
    assert "No night before 1994-01-30 is published" in client.get("/quarantine?before=1994-01-30").text


def test_records_come_page_by_page(settings, monkeypatch) -> None:
    monkeypatch.setattr(refused_records, "RECORDS_SHOWN", 2)
    first = night_page(settings, NIGHT, 0, sees_places=True)
    assert (len(first.records), first.preceding, first.following) == (2, None, 2)
    last = night_page(settings, NIGHT, 2, sees_places=True)
    assert (len(last.records), last.preceding, last.following) == (1, 0, None)
    assert refused_records.refused_nights(settings, before=NIGHT)[0].night == QUIET


def test_a_lake_that_is_not_there_has_no_nights(tmp_path) -> None:
    nowhere = Settings(lake_uri=str(tmp_path / "lake"))
    assert refused_records.refused_nights(nowhere) == []
    assert night_page(nowhere, NIGHT, 0, sees_places=True) is None
    with pytest.raises(NoSuchRecordError):
        raw_record(nowhere, NIGHT, "x")
    assert not (tmp_path / "lake").exists()
