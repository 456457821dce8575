"""What the tasks of a run left in XCom, and what people answered them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import select

from include.orchestration import COMMENT, FAILURE

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

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
class Left:
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

    run: DagRun
    values: list[tuple[str, str, Any]]
    answers: dict[str, Answer]

    @property
    def returned(self) -> dict[str, Any]:
        """Task id -> what it returned; of a mapped task the last."""
        return {task_id: value for task_id, key, value in self.values if key == RETURNED}

    @property
    def failures(self) -> list[tuple[str, str]]:
        """(task id, sentence) of each task that failed last time it was tried."""
        return [(task_id, value) for task_id, key, value in self.values if key == FAILURE]

    def all_of(self, task_id: str) -> list[Any]:
        """What every mapped instance of a task returned."""
        return [value for found, key, value in self.values if (found, key) == (task_id, RETURNED)]


def left_by(session: Session, dag_id: str, run_id: str) -> Left | None:
    """What a run's tasks left, or None when there is no such run."""
    run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    if run is None:
        return None
    query = XComModel.get_many(run_id=run_id, dag_ids=dag_id).order_by(None).order_by(XComModel.timestamp)
    xcoms: list[Any] = list(session.scalars(query))
    values = [(xcom.task_id, xcom.key, XComModel.deserialize_value(xcom)) for xcom in xcoms]
    return Left(run, values, _answers(session, run))


def _answers(session: Session, run: DagRun) -> dict[str, Answer]:
    """The answers that were given, or taken by default."""
    query = (
        select(TaskInstance.task_id, HITLDetail)
        .join(TaskInstance, HITLDetail.ti_id == TaskInstance.id)
        .where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
        .where(HITLDetail.responded_at.is_not(None))
    )
    return {task_id: Answer.of(detail) for task_id, detail in session.execute(query)}
