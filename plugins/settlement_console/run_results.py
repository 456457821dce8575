"""Reads the values that the tasks of a run wrote to XCom, and people's answers to their questions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from airflow.models.asset import AssetEvent
from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from pydantic import ValidationError
from sqlalchemy import ColumnElement, Text, cast, func, select

from include.orchestration import COMMENT, FAILURE, settlement_date
from include.settings import DEFAULT_PLACE
from plugins.settlement_console.told import Told

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Shape = TypeVar("Shape", bound=Told)

MOST_VALUES = 500
"""Largest number of values read of one run, the newest ones: five times as many as the largest selection writes."""
MOST_CHARACTERS = 1 << 16
"""Largest number of characters of one value: tasks write figures and sentences, but other users of XCom may write
anything."""
RETURNED = "return_value"
# The name in the standard provider's ApprovalOperator, which is not imported to save the server's time.
APPROVED = "Approve"


@dataclass(frozen=True)
class Answer:
    """An answer to a question that a run asked.

    Attributes
    ----------
    is_approved
        Whether the answer approves.
    by
        Person who answered; empty where nobody did in time and the default was taken.
    comment
        Comment with the answer.
    """

    is_approved: bool
    by: str
    comment: str

    @classmethod
    def of(cls, detail: HITLDetail) -> Self:
        """The answer in Airflow's record."""
        user = detail.responded_by_user
        return cls(
            is_approved=APPROVED in (detail.chosen_options or ()),
            by=(user["name"] or user["id"]) if user else "",
            comment=str((detail.params_input or {}).get(COMMENT) or ""),
        )


@dataclass(frozen=True)
class Run:
    """One run as Airflow itself records it, with its parameters.

    Attributes
    ----------
    dag_id, run_id, state
        Identifiers and state of the run in Airflow.
    conf
        Parameters of the run, whose values may be of any type.
    lakes
        Names of the lakes that it is about, from its parameters, else from the events that triggered it.
    night
        Settlement date that it was asked for, as written, else that of its interval.
    made_at, ended_at
        Times between which it worked; `ended_at` is None when it has not ended. Clearing a run starts no new one.
    """

    dag_id: str
    run_id: str
    state: str
    conf: dict[str, Any]
    lakes: frozenset[str]
    night: str
    made_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, found: DagRun, events: Iterable[Any]) -> Self:
        """The run in a row; `events` are the extras of the events that triggered it."""
        conf = found.conf if isinstance(found.conf, dict) else {}
        named = [conf] if conf.get("lake") else [extra for extra in events if isinstance(extra, dict)]
        return cls(
            dag_id=found.dag_id,
            run_id=found.run_id,
            state=str(found.state),
            conf=conf,
            lakes=frozenset(str(each.get("lake") or DEFAULT_PLACE) for each in named) or frozenset({DEFAULT_PLACE}),
            night=str(conf.get("date") or settlement_date(found.data_interval_start, found.run_after)),
            made_at=found.created_at or found.run_after,
            ended_at=found.end_date,
        )

    @property
    def name(self) -> str:
        """The name of the run in the histories that the lake keeps."""
        return f"{self.dag_id}/{self.run_id}"

    @property
    def is_running(self) -> bool:
        """Whether the run has not ended yet."""
        return self.state in ("queued", "running")

    def lasted_at(self, moment: datetime) -> bool:
        """Whether a moment lies between the run's beginning and its end."""
        return self.made_at <= moment and (self.ended_at is None or moment <= self.ended_at)


@dataclass(frozen=True)
class RunResults:
    """The values and answers of one run.

    Attributes
    ----------
    run
        The run.
    values
        Tuples of task id, key and value in the order of writing, one for each mapped instance of a task.
    answers
        Answers to the tasks that asked a person, by task id; a refusal writes no value.
    """

    run: Run
    values: list[tuple[str, str, Any]]
    answers: dict[str, Answer]

    @property
    def returned(self) -> dict[str, dict[str, Any]]:
        """The figures that each task returned, by task id; for a mapped task those of its last instance."""
        return {task_id: value for task_id, key, value in self.values if key == RETURNED and isinstance(value, dict)}

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Pairs of task id and sentence for each task whose last attempt failed."""
        return [(task_id, value) for task_id, key, value in self.values if key == FAILURE and isinstance(value, str)]

    def told(self, task_id: str, shape: type[Shape]) -> Shape | None:
        """The value that a task returned; None where it does not have the shape."""
        return next(reversed(self.all_told(task_id, shape)), None)

    def all_told(self, task_id: str, shape: type[Shape]) -> list[Shape]:
        """The values that all mapped instances of a task returned, without those that do not have the shape."""
        found = [value for found, key, value in self.values if (found, key) == (task_id, RETURNED)]
        return [told for value in found if (told := _shaped(value, shape)) is not None]


def _shaped(value: object, shape: type[Shape]) -> Shape | None:
    try:
        return shape.model_validate(value)
    except ValidationError:
        return None


def results_of(session: Session, dag_id: str, run_id: str) -> RunResults | None:
    """The results of a run; None when there is no such run."""
    run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    if run is None:
        return None
    return RunResults(Run.of(run, _events(session, run)), _values(session, run), _answers(session, run))


def _events(session: Session, run: DagRun) -> list[Any]:
    """The extras of the newest events that triggered the run."""
    query = select(AssetEvent.extra).where(AssetEvent.created_dagruns.any(DagRun.id == run.id))
    return list(
        session.scalars(query.where(_is_short(AssetEvent.extra)).order_by(AssetEvent.id.desc()).limit(MOST_VALUES))
    )


def _values(session: Session, run: DagRun) -> list[tuple[str, str, Any]]:
    """The newest values of the run that pages show, the oldest first."""
    query = XComModel.get_many(run_id=run.run_id, dag_ids=run.dag_id).where(XComModel.key.in_((RETURNED, FAILURE)))
    newest = query.where(_is_short(XComModel.value)).order_by(None).order_by(XComModel.timestamp.desc())
    xcoms: list[Any] = list(session.scalars(newest.limit(MOST_VALUES)))
    return [(xcom.task_id, xcom.key, _value(xcom)) for xcom in reversed(xcoms)]


def _is_short(column: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a column of JSON, whichever model's
    """Condition that a value is short; the database checks it, so that long values are not fetched."""
    return func.length(cast(column, Text)) <= MOST_CHARACTERS


def _value(xcom: XComModel) -> Any:  # noqa: ANN401 - whatever JSON was left
    """The value; None when it names a class that Airflow does not know, or is nested too deeply."""
    try:
        return XComModel.deserialize_value(xcom)
    except Exception:
        return None


def _answers(session: Session, run: DagRun) -> dict[str, Answer]:
    """The answers that people gave or that were taken by default, by task id."""
    query = (
        select(TaskInstance.task_id, HITLDetail)
        .join(TaskInstance, HITLDetail.ti_id == TaskInstance.id)
        .where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
        .where(HITLDetail.responded_at.is_not(None))
    )
    return {task_id: Answer.of(detail) for task_id, detail in session.execute(query)}
