"""The nights' timetable, and how a step's failure becomes a task's."""

from __future__ import annotations

import json
import logging
import threading
import time
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pendulum
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, AirflowTaskTimeout
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.utils.types import DagRunType

from include import orchestration
from include.errors import ExtractError, GateError, MissingStateError, SettingsError, SourceUnavailableError
from include.lake.night_lock import one_night_at_a_time
from include.orchestration import FAILURE, SettlementNights, run_dispensable_step, run_step, settlement_date
from include.settings import get_settings


def _nights(first: str, last: str) -> list:
    """The runs a backfill from `first` to `last` makes: both are read as midnight."""
    bounds = TimeRestriction(pendulum.parse(first), pendulum.parse(last), catchup=True)
    runs, interval = [], None
    while info := SettlementNights().next_dagrun_info(last_automated_data_interval=interval, restriction=bounds):
        runs.append(info)
        interval = info.data_interval
    return runs


def test_a_backfill_of_a_month_has_each_of_its_nights_and_no_other():
    nights = [run.data_interval.start.date() for run in _nights("1994-01-01", "1994-01-31")]
    assert nights == [date(1994, 1, day) for day in range(1, 32)]


def test_a_night_runs_two_hours_after_its_date_has_ended():
    (run,) = _nights("1994-02-28", "1994-02-28")
    assert run.run_after == pendulum.datetime(1994, 3, 1, 2)
    assert settlement_date(run.data_interval.start, run.run_after) == date(1994, 2, 28)


@pytest.mark.parametrize(
    ("run_type", "run_id"),
    [
        (DagRunType.SCHEDULED, "scheduled__1994-02-28"),
        (DagRunType.MANUAL, "manual__1994-03-01T02:00:00+00:00"),
    ],
)
def test_a_run_is_called_by_its_settlement_date_unless_triggered_by_hand(run_type, run_id):
    interval = DataInterval(pendulum.datetime(1994, 2, 28), pendulum.datetime(1994, 3, 1))
    after = pendulum.datetime(1994, 3, 1, 2)
    assert SettlementNights().generate_run_id(run_type=run_type, run_after=after, data_interval=interval) == run_id


def test_the_timetable_survives_the_scheduler_database():
    again = SettlementNights.deserialize(SettlementNights().serialize())
    assert again.summary == SettlementNights().summary
    assert again == SettlementNights()


def test_a_run_without_an_interval_settles_the_day_before():
    assert settlement_date(None, datetime(1994, 3, 1, 9, tzinfo=UTC)) == date(1994, 2, 28)


@pytest.fixture
def running_task(monkeypatch, places, tmp_path):
    """The context of a task, as far as a step looks into it, and what it left in XCom."""
    # A step locks its lake, which is made where there is none.
    monkeypatch.setenv("ADS_LAKE_URI", f"file:{tmp_path}/own")
    monkeypatch.setenv("ADS_LAKES", json.dumps({name: f"file:{tmp_path}/{name}" for name in ("trial", "sandbox")}))
    get_settings.cache_clear()
    left: dict[str, object] = {}
    context = {
        "params": {"date": "1994-01-31", "source": "trial", "lake": "trial"},
        "run_id": "manual__1994-02-01T02:00:00+00:00",
        "dag_run": SimpleNamespace(run_after=datetime(2020, 1, 1, tzinfo=UTC)),
        "ti": SimpleNamespace(task_id="validate", xcom_push=left.__setitem__),
    }
    monkeypatch.setattr(orchestration, "get_current_context", lambda: context)
    return SimpleNamespace(context=context, left=left)


def test_a_step_is_asked_for_the_night_of_the_params(running_task, tmp_path):
    asked = []
    figures = run_step(lambda request: asked.append(request) or {"rows_in": 4})
    assert figures == {"settlement_date": "1994-01-31", "rows_in": 4}
    (request,) = asked
    assert (request.night, request.source_uri) == (date(1994, 1, 31), "file:/trial?rounding=0.1")
    assert request.lake_uri == f"file:{tmp_path}/trial"
    assert request.attempt == "manual__1994-02-01T02-00-00-00-00"


def test_a_step_waits_for_a_night_that_is_played_elsewhere(running_task, tmp_path, caplog):
    held, order = threading.Event(), []

    def elsewhere():
        with one_night_at_a_time(f"file:{tmp_path}/trial", date(1994, 2, 1), order.append):
            held.set()
            time.sleep(1)
            order.append("elsewhere")

    other = threading.Thread(target=elsewhere)
    other.start()
    held.wait()
    with caplog.at_level(logging.INFO):
        run_step(lambda _: order.append("step") or {})
    other.join()
    assert order == ["elsewhere", "step"]
    assert "1994-01-31 waits until it is through" in caplog.text


def _failing(error: BaseException):
    def step(_):
        raise error

    return step


def test_what_trying_again_cannot_mend_fails_at_once(running_task):
    with pytest.raises(AirflowFailException, match="a column is missing"):
        run_step(_failing(GateError("a column is missing")))
    assert running_task.left == {FAILURE: "GateError: a column is missing"}


def test_what_may_pass_is_left_to_the_retries(running_task):
    with pytest.raises(SourceUnavailableError):
        run_step(_failing(SourceUnavailableError("refused")))
    assert running_task.left == {FAILURE: "SourceUnavailableError: refused"}


@pytest.mark.parametrize(("tries", "raised"), [(1, ExtractError), (4, AirflowSkipException)])
def test_what_the_night_does_not_depend_on_is_tried_again_and_at_last_passed_over(running_task, tries, raised):
    running_task.context["ti"].try_number, running_task.context["ti"].max_tries = tries, 3
    with pytest.raises(raised, match="the disk is full"):
        run_dispensable_step(_failing(ExtractError("the disk is full")))
    assert running_task.left == {FAILURE: "ExtractError: the disk is full"}


def test_what_trying_again_cannot_mend_is_passed_over_at_once(running_task):
    running_task.context["ti"].try_number, running_task.context["ti"].max_tries = 1, 3
    with pytest.raises(AirflowSkipException, match="no marts"):
        run_dispensable_step(_failing(MissingStateError("no marts")))
    assert run_dispensable_step(lambda _: {"extracts": []}) == {"settlement_date": "1994-01-31", "extracts": []}


def test_a_task_that_ran_out_of_time_says_so(running_task):
    with pytest.raises(AirflowTaskTimeout):
        run_step(_failing(AirflowTaskTimeout("3600 seconds")))
    (sentence,) = running_task.left.values()
    assert sentence.startswith("AirflowTaskTimeout: validate was stopped at the end of the time")


def test_what_nobody_foresaw_leaves_no_text_that_might_be_a_customers(running_task):
    with pytest.raises(ValueError, match="Josef"):
        run_step(_failing(ValueError("could not convert 'Josef K.'")))
    (sentence,) = running_task.left.values()
    assert sentence.startswith("ValueError: not foreseen")
    assert "Josef" not in sentence


def test_a_date_that_does_not_exist_fails_at_once_with_its_sentence(running_task):
    running_task.context["params"]["date"] = "1994-02-31"
    with pytest.raises(AirflowFailException, match="'1994-02-31' is not a settlement date"):
        run_step(_failing(SettingsError("not reached")))


@pytest.mark.parametrize(("earlier", "waits"), [(None, False), (SimpleNamespace(run_id="backfill__1994-01-30"), True)])
def test_a_night_waits_for_an_earlier_one_that_is_at_work(running_task, earlier, waits):
    asked = []
    running_task.context["ti"].get_previous_dagrun = lambda state: asked.append(state) or earlier
    assert orchestration.earlier_night_is_running() is waits
    assert asked == ["running"]


@pytest.mark.parametrize("lake", [None, "default", "sandbox"])
def test_a_lake_takes_no_night_from_a_source_it_does_not_belong_to(running_task, lake):
    running_task.context["params"].update(source="trial", lake=lake)
    with pytest.raises(AirflowFailException, match="from its own source only"):
        run_step(_failing(SettingsError("not reached")))
    running_task.context["params"].update(source=None)
    assert run_step(lambda request: {"source": request.source_uri})["source"].startswith("postgresql+psycopg:")


ADDRESSES = [
    "mysql+pymysql://u:hunter2@127.0.0.1:3306/x?local_infile=1",
    "postgresql+psycopg://u:hunter2@/airflow?host=/socket",
    "file:/etc/hunter2",
    "/etc/hunter2",
    "s3://hunter2/prefix",
    "trial\n",
    ["hunter2"],
    {"name": "hunter2"},
]


@pytest.mark.parametrize("kind", ["source", "lake"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_opens_nothing_and_is_repeated_nowhere(running_task, kind, address):
    running_task.context["params"][kind] = address
    with pytest.raises(AirflowFailException) as failed:
        run_step(_failing(SettingsError("not reached")))
    (sentence,) = running_task.left.values()
    assert sentence.startswith(f"SettingsError: `{kind}` takes a name of this installation's list")
    assert "default, trial" in sentence
    for told in (sentence, str(failed.value)):
        assert "hunter2" not in told
        assert "secret" not in told


def test_a_connection_of_airflow_gives_the_address_of_a_name(running_task, monkeypatch, tmp_path):
    monkeypatch.setenv(
        "AIRFLOW_CONN_ADS_SOURCE_CORE",
        '{"conn_type": "postgres", "login": "me", "password": "p@ss", "host": "db.bank", "port": 5433, "schema": "b", '
        '"extra": {"rounding": "0.1", "sslmode": "verify-full"}}',
    )
    lake = f"file:{tmp_path / 'core'}"
    monkeypatch.setenv("AIRFLOW_CONN_ADS_LAKE_CORE", json.dumps({"conn_type": "generic", "extra": {"address": lake}}))
    running_task.context["params"].update(source="core", lake="core")
    places = run_step(lambda request: {"source": request.source_uri, "lake": request.lake_uri})
    named = "connection=ads_source_core&rounding=0.1&sslmode=verify-full"
    assert places["source"] == f"postgresql+psycopg://db.bank:5433/b?{named}"
    assert places["lake"] == lake
