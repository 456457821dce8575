"""What every DAG shares: default arguments, tags, assets, params, the timetable, and how a task calls `include`.

Beside `include.approval`, a task of its own kind, `include.sinks` and `include.connections`, which use Airflow's
connections, and `local`, which starts Airflow, this is the only module of `include` that imports it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.sdk import Asset, Context, Param, get_current_context
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowSkipException,
    AirflowTaskTimeout,
)
from airflow.timetables.base import DagRunInfo
from airflow.timetables.interval import CronDataIntervalTimetable

from include.connections import address_in, source_in
from include.dag_ids import NIGHTLY_SETTLEMENT
from include.errors import MissingStateError, SettingsError, SettlementError, TerminalError
from include.places import Kind, Places
from include.security.private import keep_new_files_private
from include.settings import PLACE_NAME, Settings, get_settings

if TYPE_CHECKING:
    from airflow.sdk.types import DagRunProtocol

    from include.night import NightRequest
    from include.night.results import Step
    from include.selection.decisions import Answer, Decisions

_LOG = logging.getLogger(__name__)

TaskResult = dict[str, Any]
"""What a task hands on through XCom: dates, counts and names, never rows and never a source's address."""
Given = TypeVar("Given")
Result = TypeVar("Result")

FAILURE = "failure"
"""XCom key under which a failed task leaves its sentence for people."""


class Tag(StrEnum):
    """Tags that DAGs are found by."""

    SETTLEMENT = "settlement"
    NIGHTLY = "nightly"
    MODELS = "models"
    LAKE = "lake"


PUBLISHED_NIGHT = Asset("settlement/published_night")
"""A night that readers see; its events carry the night's figures and the `source` and `lake` the run was asked for."""

SELECTION_WANTED = Asset("settlement/selection_wanted")
"""A wish for a model selection; its events carry the night, the features that drift, `source` and `lake`."""

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "settlement",
    # A database that restarts is back within minutes: 30 s, 1 min and 2 min after the failure, then a person is needed.
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
}
"""Default arguments of every task. Terminal errors are not retried (see `run_step`)."""

STEP_LIMIT = timedelta(hours=1)
"""Longest time of a night's task: ten times a first model of a million postings (365 s on two cores), the longest
measured. Four tries of a task that hangs end before the night's six hours do."""


# Airflow's type of a run, and what the name of one begins with that was a backfill's from the first.
_BACKFILL = "backfill"

_KINDS: tuple[Kind, ...] = ("source", "lake")


def _place_param(kind: Kind, meaning: str) -> Param:
    description = (
        f"A name of this installation's list (ADS_{kind.upper()}S, or a connection ads_{kind}_<name>), never an "
        f"address. Empty: the installation's own, ADS_{kind.upper()}_URI. {meaning}"
    )
    return Param(None, type=["null", "string"], pattern=PLACE_NAME, title=kind.capitalize(), description=description)


_PLACE_PARAMS: dict[str, Param] = {
    "source": _place_param("source", "Where the bank's relations are read from."),
    "lake": _place_param("lake", "Where tables and models are; it belongs to one source."),
}


def _date_param(title: str, meaning: str) -> Param:
    pattern = r"^\d{4}-\d{2}-\d{2}$"
    return Param(None, type=["null", "string"], pattern=pattern, title=title, description=f"YYYY-MM-DD. {meaning}")


NIGHT_PARAMS: dict[str, Param] = {
    "date": _date_param("Settlement date", "Empty: the date of the run's data interval."),
    **_PLACE_PARAMS,
}
"""Params of a DAG that plays one night."""

SELECTION_PARAMS: dict[str, Param] = {
    "before": _date_param(
        "First night nobody looks at", "Empty: the night after the newest one published, wherever the bank's data end."
    ),
    **_PLACE_PARAMS,
    "approve_headlessly": Param(
        False,
        type="boolean",
        title="Promote without asking",
        description=(
            "Makes a challenger that is better than the champion beyond noise the champion at once, without anybody's "
            "approval; whoever triggered the run stands in the history as the one who decided. The installation must "
            "allow it (ADS_HEADLESS_APPROVAL)."
        ),
    ),
}
"""Params of a model selection."""

LEARNING_PARAMS: dict[str, Param] = {
    "date": _date_param("Settlement date", "The published night to learn from. Empty: the nights just published."),
    **_PLACE_PARAMS,
}
"""Params of online learning."""

LAST_REFRESH, CHAMPION = "the last refresh", "champion"
"""What can be rolled back."""

ROLLBACK_PARAMS: dict[str, Param] = {
    "which": Param(
        LAST_REFRESH,
        type="string",
        enum=[LAST_REFRESH, CHAMPION],
        title="What to take back",
        description=(
            "The newest refresh that is in force: the model is again as it was before, and the nights that brought it "
            "no longer teach. Or the champion: the one before it is champion again."
        ),
    ),
    "why": Param(
        type="string",
        minLength=1,
        maxLength=1000,
        title="Why",
        description="The reason, for the history that auditors read.",
    ),
    "lake": _PLACE_PARAMS["lake"],
}
"""Params of a rollback."""

LAKE_PARAMS: dict[str, Param] = {"lake": _PLACE_PARAMS["lake"]}
"""Params of what is done to a lake as a whole."""

MAINTENANCE_PARAMS: dict[str, Param] = {
    **LAKE_PARAMS,
    "dry_run": Param(
        False,
        type="boolean",
        title="Dry run",
        description="Tell what would be done, and change nothing in the lake.",
    ),
}
"""Params of a lake's maintenance."""

ALERTING_PARAMS: dict[str, Param] = {"lake": _PLACE_PARAMS["lake"]}
"""Params of the sending of messages."""

# As the standard provider's ApprovalOperator names it, whose import only one DAG needs.
APPROVE = "Approve"
"""The answer of somebody who approves."""
COMMENT = "comment"
"""What the person who approves may say, for the history."""
APPROVAL_PARAMS: dict[str, Param] = {
    COMMENT: Param(
        None,
        type=["null", "string"],
        maxLength=500,
        title="Comment",
        description="Your reason, kept in the champion's history beside your name.",
    )
}

_EVIDENCE_BODY = """\
{markdown}

[Plots and the whole report]({below}/plugin/settlement-models{below}/settlement/models/{selection})

![Recall by kind]({below}/settlement/packs/{selection}/recall_by_kind.png)
"""


def evidence_body(found: TaskResult) -> str:
    """What a person approves by: the comparison's own words, where the rest lies, and the plot of what it misses.

    The addresses are as the browser asks for them, below the path that Airflow itself is served under; the UI shows in
    its frame what follows the name of the view.
    """
    below = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
    return _EVIDENCE_BODY.format(markdown=found["markdown"], selection=found["selection"], below=below)


DECISION_DAYS = 5
"""Days a challenger waits for a person: over a weekend with a holiday, and answered before next week's selection."""


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


def run_step(step: Step) -> TaskResult:
    """Run one step of the night for the running task, its failure left as a sentence for people.

    Raises
    ------
    AirflowFailException
        For a `TerminalError`: trying again cannot help, so the task fails at once.
    """
    from include.lake.night_lock import one_night_at_a_time

    context = get_current_context()
    with _told_failures(context):
        request = _request(context)
        # Between two steps another night may have its turn; `publish` sees to it that they share nothing.
        with one_night_at_a_time(request.lake_uri, request.night, _LOG.info):
            return {"settlement_date": request.night.isoformat(), **step(request)}


def run_dispensable_step(step: Step) -> TaskResult:
    """Run a step that the published night does not depend on: at its last try its failure is told, and not the run's.

    Raises
    ------
    AirflowSkipException
        When trying again cannot help, or was tried often enough.
    """
    try:
        return run_step(step)
    except AirflowSkipException:
        raise
    except (Exception, AirflowTaskTimeout) as error:
        task = get_current_context()["ti"]
        if isinstance(error, AirflowFailException) or task.try_number > task.max_tries:
            raise AirflowSkipException(f"{type(error).__name__}: {error}") from error
        raise


@dataclass(frozen=True)
class ModelRequest:
    """What a task of a model's DAG is asked for.

    Attributes
    ----------
    source, lake
        Names of where the bank's relations come from and of the lake.
    dag_id, run_id
        Name the run, and a selection after it.
    by
        Who triggered the run, or what did.
    params
        Parameters of the run.
    """

    source: str
    lake: str
    dag_id: str
    run_id: str
    by: str
    params: dict[str, Any]

    @classmethod
    def of(cls, context: Context) -> Self:
        """The running task's: of its params, else of the event that triggered it, else the installation's own."""
        run, params = context["dag_run"], dict(context["params"])
        wishes = _those_that_pass(_extras(context, SELECTION_WANTED), _place_of)
        wish = wishes[-1] if wishes else {}
        return cls(
            source=_places().name_of("source", params.get("source") or wish.get("source")),
            lake=_places().name_of("lake", params.get("lake") or wish.get("lake")),
            dag_id=run.dag_id,
            run_id=context["run_id"],
            by=_who(run, context["run_id"]),
            params=params,
        )

    @property
    def approvers(self) -> Mapping[str, str]:
        """Names of those who may answer, by the id of their login; everybody who may edit the DAG where it is empty."""
        return get_settings().promotion_approvers

    @property
    def run(self) -> str:
        """Names the run among those of all DAGs, in the history of what it changes."""
        return f"{self.dag_id}/{self.run_id}"

    @property
    def source_uri(self) -> str:
        """Where the bank's relations come from; may hold a password."""
        return _address("source", self.source)

    @property
    def lake_uri(self) -> str:
        """Where the lake lies."""
        return _address("lake", self.lake)

    @property
    def before(self) -> date:
        """The date of the params, or the night after the newest that is published.

        A bank whose data end in the past is judged at its own end. What is not published yet is not looked at: the
        winner scores the very next night.

        Raises
        ------
        SettingsError
            When no night is published, or the date is none.
        """
        from include.lake import Lake
        from include.night import parse_night

        if self.params["before"]:
            return parse_night(self.params["before"])
        published: list[date] = Lake.open(self.lake_uri).manifest()["settlement_date"].to_pylist()
        if not published:
            raise SettingsError(
                f"no night is published in the lake {self.lake!r}: publish one, or give the date as `before`",
                setting="before",
            )
        return max(published) + timedelta(days=1)

    def check_promotable(self) -> None:
        """See beforehand that what is found may be promoted: nobody should wait or decide for nothing.

        Raises
        ------
        SettingsError
            As `promotes_headlessly`; and when the lake would get a model from a source it does not belong to.
        """
        _places().require_own_source(self.source, self.lake)
        self.promotes_headlessly()

    def promotes_headlessly(self) -> bool:
        """Whether a better challenger is promoted without asking anybody.

        Raises
        ------
        SettingsError
            When the run asks for it and the installation does not allow it.
        """
        is_asked = self.params["approve_headlessly"] is True
        if is_asked and not get_settings().headless_approval:
            raise SettingsError(
                "approve_headlessly is on and this installation does not allow it: leave it off and answer the run's "
                "question, or set ADS_HEADLESS_APPROVAL=true where Airflow is started",
                setting="headless_approval",
            )
        return is_asked

    @property
    def decisions(self) -> Decisions:
        """What the lake holds, sealed, of this run's comparison and of the answer to it, or of what it looked at."""
        from include.selection import Decisions

        return Decisions(self.lake_uri, self.dag_id, self.run_id)

    def decided(self, found: TaskResult, answer: Answer | None) -> dict[str, str]:
        """Who decided a promotion and why, for the history.

        Parameters
        ----------
        found
            What the run's comparison found, whose verdict the person's own words precede.
        answer
            What the lake holds of the answer; None where nobody was asked, or somebody marked the question as done.

        Raises
        ------
        SettingsError
            When nobody approved, or as `promotes_headlessly`.
        """
        evidence, said = found["verdict"], {"run": self.run}
        if answer is None and self.promotes_headlessly():
            return {**said, "by": f"{self.by} (approve_headlessly)", "why": evidence, "decision": found["result"]}
        if answer is None or answer.chosen != (APPROVE,) or not answer.by:
            raise SettingsError(
                f"nobody answered {APPROVE!r}: nothing is promoted, and marking the question as done is no answer; "
                "clear `await_approval` to be asked again"
            )
        why = f"{answer.comment} ({evidence})" if answer.comment else evidence
        return {**said, "by": answer.by, "why": why, "decision": f"{found['result']}/{answer.at}"}


def _who(run: DagRunProtocol, run_id: str) -> str:
    """Who asks for a run; of one that a backfill took over Airflow goes on naming whoever triggered it first."""
    is_taken_over = run.run_type == _BACKFILL and not run_id.startswith(f"{_BACKFILL}__")
    named = None if is_taken_over else run.triggering_user_name
    return named or f"{run.dag_id}, {run.run_type} run"


def run_for_models(work: Callable[[ModelRequest], Result]) -> Result:
    """Do the running task's part in choosing, teaching or taking back a model; failures are told as in `run_step`."""
    context = get_current_context()
    with _told_failures(context):
        return work(ModelRequest.of(context))


def run_by_settings(work: Callable[[Settings], Result]) -> Result:
    """Do the running task's part in what the installation's settings alone decide; failures are told as in `run_step`.

    Whoever may trigger the run chooses neither database nor roles.
    """
    with _told_failures(get_current_context()):
        return work(get_settings())


@dataclass(frozen=True)
class LakeRequest:
    """What a task is asked for that looks after a lake, or sends its messages.

    Attributes
    ----------
    lake
        Name of the lake.
    is_dry
        Whether nothing is to be changed; False where the DAG has no such param.
    now
        Time that the task goes by.
    """

    lake: str
    is_dry: bool
    now: datetime

    @property
    def lake_uri(self) -> str:
        """Where the lake lies."""
        return _address("lake", self.lake)

    @property
    def settings(self) -> Settings:
        """The settings of the installation."""
        return get_settings()


def run_for_lake(work: Callable[[LakeRequest], Result]) -> Result:
    """Do the running task's part in looking after a lake; failures are told as in `run_step`."""
    context = get_current_context()
    with _told_failures(context):
        params = context["params"]
        lake = _places().name_of("lake", params["lake"])
        return work(LakeRequest(lake, params.get("dry_run") is True, datetime.now(UTC)))


def failed_nights(nights: Iterable[date]) -> list[date]:
    """Those of the settlement dates of which a run failed: the clock's own, or a backfill's.

    A run that somebody triggered has no such date of its own; whoever did sees it fail.
    """
    task = get_current_context()["ti"]
    return [night for night in nights if task.get_dr_count(NIGHTLY_SETTLEMENT, [_midnight(night)], states=["failed"])]


def _midnight(night: date) -> datetime:
    return datetime(night.year, night.month, night.day, tzinfo=UTC)


@dataclass(frozen=True)
class PublishedNight:
    """A night to learn from, and where it is published."""

    night: date
    place: dict[str, str]
    """Names of the source and of the lake."""

    @property
    def lake_uri(self) -> str:
        """Where the lake lies."""
        return _address("lake", self.place["lake"])


def each_published_night(work: Callable[[PublishedNight], TaskResult]) -> TaskResult:
    """Do the same for every night that the run is about, in order: a backfill publishes several before one run.

    Returns
    -------
    dict
        `nights`, what `work` returned for each. A night that is none, as whoever may send an event can make one up, is
        passed over where another one is left.
    """
    context = get_current_context()
    with _told_failures(context):
        return {"nights": _those_that_pass(published_nights(context), work)}


def published_nights(context: Context) -> list[PublishedNight]:
    """The nights of the run's events, or the one of its params; each once, in order.

    Raises
    ------
    SettingsError
        When there is neither, or of each the date is none or a place is not named as `name_of` wants it.
    """
    params = context["params"]
    asked = [{**params, "settlement_date": params["date"]}] if params["date"] else _extras(context, PUBLISHED_NIGHT)
    if not asked:
        raise SettingsError(
            "no night was published and none was asked for: give the date of a published night", setting="date"
        )
    found = {(each.night, each.place["lake"]): each for each in _those_that_pass(asked, _published_night)}
    return [found[key] for key in sorted(found)]


def _published_night(extra: dict[str, Any]) -> PublishedNight:
    from include.night import parse_night

    return PublishedNight(parse_night(str(extra.get("settlement_date", ""))), _place_of(extra))


def _place_of(extra: dict[str, Any]) -> dict[str, str]:
    return {kind: _places().name_of(kind, extra.get(kind)) for kind in _KINDS}


def _those_that_pass(given: Iterable[Given], act: Callable[[Given], Result]) -> list[Result]:
    """What `act` makes of each; what it refuses is noted in the log, and the last refusal raised where nothing is left.

    Whoever may send an event writes into it what they like, which is not to cost the genuine ones beside it.
    """
    results, refusals = [], []
    for each in given:
        try:
            results.append(act(each))
        except (SettingsError, MissingStateError) as error:
            _LOG.warning("passed over: %s", error)
            refusals.append(error)
    if refusals and not results:
        raise refusals[-1]
    return results


def announce_publication(figures: TaskResult) -> None:
    """Hand the night's figures, and the names of its source and lake, to whoever waits for published nights."""
    context = get_current_context()
    place: dict[str, str] = {kind: _places().name_of(kind, context["params"][kind]) for kind in _KINDS}
    context["outlet_events"][PUBLISHED_NIGHT].extra = {**figures, **place}


def announce_wish(watched: TaskResult) -> TaskResult:
    """Ask for a selection where a notice of the nights watched does.

    Parameters
    ----------
    watched
        What `each_published_night` gave: of each night `night`, `notices`, `source` and `lake`.

    Raises
    ------
    AirflowSkipException
        When none asks: a skipped task announces nothing.
    """
    asking = [night for night in watched["nights"] if _features_that_ask(night)]
    if not asking:
        raise AirflowSkipException("no notice of these nights asks for a selection")
    newest = asking[-1]
    wish = {"night": newest["night"], "features": _features_that_ask(newest)}
    place: dict[str, str] = {kind: newest[kind] for kind in _KINDS}
    get_current_context()["outlet_events"][SELECTION_WANTED].extra = {**wish, **place}
    return wish


def _features_that_ask(night: TaskResult) -> list[str]:
    notices = [notice for notice in night["notices"] if notice["asks_for_selection"]]
    return [notice["feature"] or notice["code"] for notice in notices]


def _extras(context: Context, asset: Asset) -> list[dict[str, Any]]:
    """What the asset's events that triggered the run carry, the oldest first; none of a run by hand or by the clock."""
    events = sorted(context["triggering_asset_events"].get(asset, ()), key=lambda event: event.timestamp)
    return [dict(event.extra) for event in events]


@contextmanager
def _told_failures(context: Context) -> Iterator[None]:
    """Leave a failure as a sentence for people, and end the task where trying again cannot help."""
    # Whoever started Airflow: what a task writes is a bank's.
    keep_new_files_private()
    try:
        yield
    except TerminalError as error:
        _leave_failure(context, f"{type(error).__name__}: {error}")
        raise AirflowFailException(str(error)) from error
    except SettlementError as error:
        _leave_failure(context, f"{type(error).__name__}: {error}")
        raise
    except AirflowSkipException:
        raise
    except AirflowTaskTimeout:
        _leave_failure(
            context,
            f"AirflowTaskTimeout: {_task_id(context)} was stopped at the end of the time that its DAG gives it "
            "(`execution_timeout`); see in its log what it was at, most likely a source or a store that hangs",
        )
        raise
    except Exception as error:
        # What nobody foresaw may have a customer's record in its text, and XComs are not masked.
        _leave_failure(context, f"{type(error).__name__}: not foreseen; its text is in the log of {_task_id(context)}")
        raise


def _request(context: Context) -> NightRequest:
    from include.night import NightRequest

    params = context["params"]
    # A night leaves rows that teach and, where there is no model yet, a model.
    _places().require_own_source(params["source"], params["lake"])
    source_uri, lake_uri = _address("source", params["source"]), _address("lake", params["lake"])
    night = params["date"] or settlement_date(context.get("data_interval_start"), context["dag_run"].run_after)
    return NightRequest.of(night, source_uri, lake_uri, attempt=context["run_id"])


def _address(kind: Kind, name: str | None) -> str:
    return _places().address_of(kind, name)


def _places() -> Places:
    return Places(get_settings(), _address_of_connection)


def _address_of_connection(kind: Kind, name: str) -> str | None:
    """The address in Airflow's connection `ads_source_<name>` or `ads_lake_<name>`, None where there is none."""
    found = source_in if kind == "source" else address_in
    return found(f"ads_{kind}_{name}")


def settlement_date(interval_start: datetime | None, run_after: datetime) -> date:
    """The date a run settles when none is given: its data interval's, or the day before a run that has no interval."""
    return interval_start.date() if interval_start else run_after.date() - timedelta(days=1)


def _leave_failure(context: Context, sentence: str) -> None:
    context["ti"].xcom_push(FAILURE, sentence)


def _task_id(context: Context) -> str:
    return str(context["ti"].task_id)
