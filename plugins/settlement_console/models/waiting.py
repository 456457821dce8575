"""The questions that wait for a person: whether a challenger becomes champion, and who may answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select

from include.dag_ids import MODEL_SELECTION

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_SHOWN = 10
"""Largest number of questions; of `model_selection` one run is active at a time."""


@dataclass(frozen=True)
class Question:
    """A question that nobody answered yet.

    Attributes
    ----------
    subject
        The question.
    address
        Where it is answered, below Airflow's own address.
    people
        Names of those who may answer; empty where it is everybody who may edit the DAG.
    """

    subject: str
    address: str
    people: tuple[str, ...]


def questions(session: Session) -> list[Question]:
    """The open questions of selections, the newest first, from Airflow's own records."""
    query = (
        select(HITLDetail, TaskInstance.run_id, TaskInstance.task_id)
        .join(TaskInstance, HITLDetail.ti_id == TaskInstance.id)
        .where(TaskInstance.dag_id == MODEL_SELECTION, HITLDetail.responded_at.is_(None))
        .where(TaskInstance.state.in_(["deferred", "awaiting_input", "running"]))
        .order_by(HITLDetail.created_at.desc())
        .limit(MOST_SHOWN)
    )
    return [
        Question(
            subject=detail.subject,
            address=f"/dags/{MODEL_SELECTION}/runs/{run_id}/tasks/{task_id}/required_actions",
            people=tuple(user["name"] or user["id"] for user in detail.assigned_users),
        )
        for detail, run_id, task_id in session.execute(query)
    ]
