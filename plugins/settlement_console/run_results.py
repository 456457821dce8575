"""What the tasks of a run left in XCom, and what people answered them."""

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
"""Of one run, the newest: five times what the largest selection leaves."""
MOST_CHARACTERS = 1 << 16
"""Of one value: tasks leave figures and sentences, and whoever may write XCom leaves what they like."""
RETURNED = "return_value"
# As the standard provider's ApprovalOperator, whose import the server need not wait for, names it.
APPROVED = "Approve"


@dataclass(frozen=True)
class Answer:
    """An answer to a question that a run asked.

    Attributes
    ----------
    is_approved
        Whether it was a yes.
    by
        Who gave it; empty where nobody did in time and the default was taken.
    comment
        What they said with it.
    """

    is_approved: bool
    by: str
    comment: str

    @classmethod
    def of(cls, detail: HITLDetail) -> Self:
        """From what Airflow keeps of it."""
        user = detail.responded_by_user
        return cls(
            is_approved=APPROVED in (detail.chosen_options or ()),
            by=(user["name"] or user["id"]) if user else "",
            comment=str((detail.params_input or {}).get(COMMENT) or ""),
        )


@dataclass(frozen=True)
class Run:
    """One run, as Airflow itself records it, and what it was asked for.

    Attributes
    ----------
    dag_id, run_id, state
        Airflow's.
    conf
        The params it was given, whose values may be of any kind.
    lakes
        Names of the lakes it is about: of its params, else of the events that triggered it.
    night
        The settlement date it was asked for, as it was written, else that of its interval.
    made_at, ended_at
        Between which it did what it did; None of a run that has not ended. Clearing a run begins no other.
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
        """The run of a row; `events` are the extras of those that triggered it."""
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
        """What names the run in the histories that the lake keeps."""
        return f"{self.dag_id}/{self.run_id}"

    @property
    def is_running(self) -> bool:
        """Whether more is to come."""
        return self.state in ("queued", "running")

    def lasted_at(self, moment: datetime) -> bool:
        """Whether something was done while the run was there."""
        return self.made_at <= moment and (self.ended_at is None or moment <= self.ended_at)


@dataclass(frozen=True)
class RunResults:
    """What is known of one run.

    Attributes
    ----------
    run
        The run.
    values
        (task id, key, value) in the order they were left, one for each mapped instance of a task.
    answers
        By task id, the answers to those that asked a person; a refusal leaves no value.
    """

    run: Run
    values: list[tuple[str, str, Any]]
    answers: dict[str, Answer]

    @property
    def returned(self) -> dict[str, dict[str, Any]]:
        """Task id -> the figures it returned; of a mapped task the last."""
        return {task_id: value for task_id, key, value in self.values if key == RETURNED and isinstance(value, dict)}

    @property
    def failures(self) -> list[tuple[str, str]]:
        """(task id, sentence) of each task that failed last time it was tried."""
        return [(task_id, value) for task_id, key, value in self.values if key == FAILURE and isinstance(value, str)]

    def told(self, task_id: str, shape: type[Shape]) -> Shape | None:
        """What a task returned; None where that is not of the shape."""
        return next(reversed(self.all_told(task_id, shape)), None)

    def all_told(self, task_id: str, shape: type[Shape]) -> list[Shape]:
        """What every mapped instance of a task returned, without what is not of the shape."""
        found = [value for found, key, value in self.values if (found, key) == (task_id, RETURNED)]
        return [told for value in found if (told := _shaped(value, shape)) is not None]


def _shaped(value: object, shape: type[Shape]) -> Shape | None:
    try:
        return shape.model_validate(value)
    except ValidationError:
        return None


def results_of(session: Session, dag_id: str, run_id: str) -> RunResults | None:
    """What a run's tasks left, or None when there is no such run."""
    run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    if run is None:
        return None
    return RunResults(Run.of(run, _events(session, run)), _values(session, run), _answers(session, run))


def _events(session: Session, run: DagRun) -> list[Any]:
    """What the events that triggered the run carry, the newest of them."""
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
    """Asked of the database, so that nothing long is fetched."""
    return func.length(cast(column, Text)) <= MOST_CHARACTERS


def _value(xcom: XComModel) -> Any:  # noqa: ANN401 - whatever JSON was left
    """The value; None of one that names a class that Airflow does not know, or is nested without end."""
    try:
        return XComModel.deserialize_value(xcom)
    except Exception:
        return None


def _answers(session: Session, run: DagRun) -> dict[str, Answer]:
    """The answers that were given, or taken by default."""
    query = (
        select(TaskInstance.task_id, HITLDetail)
        .join(TaskInstance, HITLDetail.ti_id == TaskInstance.id)
        .where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
        .where(HITLDetail.responded_at.is_not(None))
    )
    return {task_id: Answer.of(detail) for task_id, detail in session.execute(query)}
