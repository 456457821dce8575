"""The question whether a challenger becomes champion: asked with what the lake holds, the answer sealed in the lake."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.sdk.api.datamodels._generated import HITLUser as ShownUser
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import CreateHITLDetailPayload
from airflow.sdk.execution_time.hitl import HITLUser

from include.errors import SettingsError
from include.orchestration import COMMENT, ModelRequest, TaskResult, evidence_body, run_for_models


class AskForPromotion(ApprovalOperator):
    """Waits for a person's answer to what this run's comparison found.

    Nothing of the question is taken from other tasks' XCom, and the answer's way to `promote` is the lake: Airflow
    resumes this task with its own record of who answered what, and when, which is sealed for the run. A task that is
    marked as done never gets there.
    """

    template_fields = ()

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - Airflow's own keywords, passed on
        super().__init__(subject="", body="", **kwargs)

    def execute(self, context: Context) -> Any:  # noqa: ANN401 - as Airflow declares it
        """Ask, and wait."""
        run_for_models(lambda asked: self._ask(asked, context))
        return super().execute(context)

    def _ask(self, asked: ModelRequest, context: Context) -> None:
        found = asked.decisions.keep_question(_instance(context))
        self.subject = f"{found['verdict']}: promote {found['challenger']}?"
        self.body = evidence_body(found)
        # Airflow takes an answer from these alone, and names them on the question.
        self.assigned_users = [HITLUser(id=login, name=name) for login, name in asked.approvers.items()] or None
        self._check_what_is_shown(context)

    def _check_what_is_shown(self, context: Context) -> None:
        """Airflow keeps the words of a run's first question when the task is cleared, and shows them again."""
        question = CreateHITLDetailPayload(
            ti_id=context["ti"].id,
            options=self.options,
            subject=self.subject,
            body=self.body,
            defaults=self.defaults,
            params=self.serialized_params,
            assigned_users=[ShownUser(**user) for user in self.assigned_users or ()],
        )
        shown = task_runner.SUPERVISOR_COMMS.send(msg=question)
        if (getattr(shown, "subject", None), getattr(shown, "body", None)) != (self.subject, self.body):
            raise SettingsError(
                "Airflow goes on showing this run's first question, and the comparison was repeated since: nobody is "
                "asked by evidence of another comparison; trigger a new run"
            )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:  # noqa: ANN401 - as Airflow declares it
        """Seal the answer; refused, what follows is skipped."""
        run_for_models(lambda asked: _seal(asked, context, event))
        return super().execute_complete(context, event)


def _seal(asked: ModelRequest, context: Context, event: TaskResult) -> None:
    comment = str((event.get("params_input") or {}).get(COMMENT) or "")
    asked.decisions.keep_answer(_instance(context), event, comment)


def _instance(context: Context) -> str:
    return str(context["ti"].id)
