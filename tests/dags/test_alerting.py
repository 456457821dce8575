"""The DAG that sends: its tasks over a lake and a real host, and a run that failed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.alerting import alerting
from include import orchestration
from include.errors import SinkError
from include.lake import Lake
from include.settings import get_settings
from tests.alerting.nights import finding, publish, settings_of

TODAY = datetime.now(UTC).date()
PUBLISHED, STOPPED = TODAY - timedelta(days=3), TODAY - timedelta(days=2)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Task:
    """A task, as far as these functions look at it: a run of the night that stopped failed."""

    task_id = "collect"

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def get_dr_count(self, dag_id: str, logical_dates: list[datetime], states: list[str]) -> int:
        self.asked.append((dag_id, states))
        return int(logical_dates == [datetime(STOPPED.year, STOPPED.month, STOPPED.day, tzinfo=UTC)])

    def xcom_push(self, *_: Any) -> None:
        """Leave nothing."""


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """An installation with one sink, over a lake with one night."""
    settings = settings_of(tmp_path / "lake")
    publish(Lake.open(settings.lake_uri, settings), PUBLISHED, [finding(1)])
    monkeypatch.setenv("ADS_LAKE_URI", settings.lake_uri)
    monkeypatch.setenv("ADS_KEY_FILE", str(settings.key_file))
    monkeypatch.setenv("ADS_ALERT_SINKS", '{"ops": {"kind": "webhook", "connection": "hook"}}')
    monkeypatch.setenv("ADS_ALERT_PUBLISH_HOUR", "-1")
    monkeypatch.setenv("ADS_ALERT_PRIVATE_ADDRESSES", "true")
    context = {"params": {"lake": None}, "ti": _Task()}
    monkeypatch.setattr(orchestration, "get_current_context", lambda: context)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.got, server.status, server.task = [], 204, context["ti"]  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        told = {"conn_type": "http", "host": "127.0.0.1", "port": server.server_port, "password": "word"}
        monkeypatch.setenv("AIRFLOW_CONN_HOOK", json.dumps(told))
        get_settings.cache_clear()
        yield server
        server.shutdown()
    monkeypatch.undo()
    get_settings.cache_clear()


def work(task_id: str, **given: Any) -> Any:
    """What a task of the DAG does."""
    return alerting().get_task(task_id).python_callable(**given)


def test_what_is_collected_is_delivered_once(host: Any) -> None:
    assert work("collect") == ["ops"]
    assert host.task.asked[0] == ("nightly_settlement", ["failed"])
    assert work("deliver", sink="ops") == {"sent": 1, "kept": 0, "answer": "204 No Content"}
    (got,) = host.got
    assert [(each["kind"], each["night"]) for each in got["messages"]] == [
        ("stopped", STOPPED.isoformat()),
        ("night", PUBLISHED.isoformat()),
    ]
    assert work("collect") == []
    assert work("deliver", sink="ops") == {"sent": 0, "kept": 0, "answer": None}


def test_a_sink_that_somebody_makes_up_is_refused(host: Any) -> None:
    with pytest.raises(AirflowFailException, match="there is no sink 'elsewhere'"):
        work("deliver", sink="elsewhere")
    assert host.got == []


def test_without_sinks_nothing_is_looked_at(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADS_ALERT_SINKS", "")
    get_settings.cache_clear()
    with pytest.raises(AirflowSkipException, match="names no sinks"):
        work("collect")


def test_the_heartbeat_says_when_it_is_not_taken(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowSkipException, match="ADS_ALERT_HEARTBEAT"):
        work("beat")
    monkeypatch.setenv("ADS_ALERT_HEARTBEAT", "hook")
    get_settings.cache_clear()
    assert work("beat") == {"answer": "204 No Content"}
    host.status = 500
    with pytest.raises(SinkError, match="500"):
        work("beat")


def test_the_cases_are_kept_up_to_date_without_sinks_and_digests(host, monkeypatch):
    monkeypatch.setenv("ADS_ALERT_SINKS", "")
    get_settings.cache_clear()
    taken = [work("follow_cases"), work("follow_cases")]
    assert [each["nights"] for each in taken] == [1, 0]
    assert alerting().get_task("follow_cases").downstream_task_ids == set()


def test_digests_are_made_for_those_who_want_one(host, monkeypatch):
    with pytest.raises(AirflowSkipException, match="ADS_DIGESTS names nobody"):
        work("make_digests")
    monkeypatch.setenv("ADS_DIGESTS", '{"ida": {"sink": "ops", "hour": 0}}')
    get_settings.cache_clear()
    assert [work("make_digests"), work("make_digests")] == [{"made": 1}, {"made": 0}]
    assert work("collect") == ["ops"]
    work("deliver", sink="ops")
    told = [each for letter in host.got for each in letter["messages"] if each["kind"] == "digest"]
    assert [each["counts"]["who"] for each in told] == ["ida"]


def test_where_the_queue_cannot_be_read_the_other_messages_go_out():
    assert alerting().get_task("collect").trigger_rule == "all_done"
