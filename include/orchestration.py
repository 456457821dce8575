"""What every DAG shares: default arguments, tags, assets, the timetable, and how a task calls a step of the night.

Beside `include.service`, which starts Airflow, this is the only module of `include` that imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, Context, Param, get_current_context
from airflow.sdk.exceptions import AirflowFailException
from airflow.timetables.base import DagRunInfo
from airflow.timetables.interval import CronDataIntervalTimetable

from include.errors import SettlementError, TerminalError

if TYPE_CHECKING:
    from include.night import NightRequest

Figures = dict[str, Any]
"""What a task hands on: dates, counts and addresses, never rows."""

FAILURE = "failure"
"""XCom key under which a failed task leaves its sentence for people."""


class Tag(StrEnum):
    """Tags that DAGs are found by."""

    SETTLEMENT = "settlement"
    NIGHTLY = "nightly"


PUBLISHED_NIGHT = Asset("settlement/published_night")
"""A night that readers see; its events carry the night's figures."""

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "settlement",
    # A database that restarts is back within minutes: 30 s, 1 min and 2 min after the failure, then a person is needed.
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
}
"""Default arguments of every task. Terminal errors are not retried (see `run_step`)."""

NIGHT_PARAMS: dict[str, Param] = {
    "date": Param(
        None,
        type=["null", "string"],
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        title="Settlement date",
        description="YYYY-MM-DD. Empty: the date of the run's data interval.",
    ),
    "source": Param(
        None,
        type=["null", "string"],
        minLength=1,
        title="Source",
        description=(
            "Folder, object prefix or database URI of the bank. Empty: the installation's own, ADS_SOURCE_URI. A URI "
            "with a password does not belong here, where every reader of the run sees it."
        ),
    ),
    "lake": Param(
        None,
        type=["null", "string"],
        minLength=1,
        title="Lake",
        description="Folder or object prefix of the lake. Empty: the installation's own, ADS_LAKE_URI.",
    ),
}
"""Params of a DAG that plays one night."""


class SettlementNights(CronDataIntervalTimetable):
    """One run a settlement date: the data interval is the date itself (UTC), the run starts two hours after it ends.

    With a cron line at two o'clock the interval would begin at two, and a backfill up to a date would leave that date
    out: its end is read as midnight.
    """

    # The core banking day of the sources ends at midnight; two hours leave room for its own end-of-day batch.
    wait = timedelta(hours=2)

    def __init__(self, cron: str = "0 0 * * *", timezone: str = "UTC") -> None:
        super().__init__(cron, timezone)
        self.description = "every night at 02:00 UTC, for the settlement date that has ended"

    @property
    def summary(self) -> str:
        """What the UI shows as the schedule."""
        return "02:00 for the day before"

    def next_dagrun_info(self, **bounds: Any) -> DagRunInfo | None:  # noqa: ANN401 - Airflow's own keywords, passed on
        """The next settlement date, and when its run may start."""
        info = super().next_dagrun_info(**bounds)
        return info and info._replace(run_after=info.run_after + self.wait)

    def generate_run_id(self, *, run_type: Any, run_after: Any, data_interval: Any, **extra: Any) -> str:  # noqa: ANN401
        """`scheduled__1994-01-31`: a scheduled run is called by its settlement date, others as Airflow does."""
        if run_type == "scheduled" and data_interval is not None:
            return f"scheduled__{data_interval.start.date()}"
        return super().generate_run_id(run_type=run_type, run_after=run_after, data_interval=data_interval, **extra)


def earlier_night_is_running() -> bool:
    """Whether a run of an earlier logical date is still at work: a night rests on what the night before leaves.

    `max_active_runs` of a DAG does not bind its backfills, which have their own (ten, unless asked otherwise).
    """
    return get_current_context()["ti"].get_previous_dagrun(state="running") is not None


def run_step(step: Callable[[NightRequest], Figures]) -> Figures:
    """Run one step of the night for the running task, its failure left as a sentence for people.

    Raises
    ------
    AirflowFailException
        For a `TerminalError`: trying again cannot help, so the task fails at once.
    """
    context = get_current_context()
    try:
        request = _request(context)
        return {"settlement_date": request.night.isoformat(), **step(request)}
    except TerminalError as error:
        _leave_failure(context, f"{type(error).__name__}: {error}")
        raise AirflowFailException(str(error)) from error
    except SettlementError as error:
        _leave_failure(context, f"{type(error).__name__}: {error}")
        raise
    except Exception as error:
        # What nobody foresaw may have a customer's record in its text, and XComs are not masked.
        _leave_failure(context, f"{type(error).__name__}: not foreseen; its text is in the log of {_task_id(context)}")
        raise


def _request(context: Context) -> NightRequest:
    from include.night import NightRequest
    from include.settings import get_settings

    params, settings = context["params"], get_settings()
    return NightRequest.of(
        params["date"] or settlement_date(context.get("data_interval_start"), context["dag_run"].run_after),
        params["source"] or settings.source_uri,
        params["lake"] or settings.lake_uri,
        attempt=context["run_id"],
    )


def settlement_date(interval_start: datetime | None, run_after: datetime) -> date:
    """The date a run settles when none is given: its data interval's, or the day before a run that has no interval."""
    return interval_start.date() if interval_start else run_after.date() - timedelta(days=1)


def _leave_failure(context: Context, sentence: str) -> None:
    context["ti"].xcom_push(FAILURE, sentence)


def _task_id(context: Context) -> str:
    return str(context["ti"].task_id)
