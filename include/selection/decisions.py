"""Seals in the lake what a run compared, asked and was answered, bound to the run, and what a rollback looked at.

Promotions and rollbacks rest on these records alone. What tasks hand on through
Airflow can be written by whoever may trigger a DAG.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import uuid4

from upath import UPath

from include.errors import IntegrityError, SettingsError
from include.paths import path_of
from include.registry.sealed_records import SealedRecords
from include.settings import get_settings

Record = dict[str, Any]
"""What is sealed for a run, by name, in types that JSON has."""
RESULT = "result"
"""Key of the name of one comparison among all that a run made."""
COMMAND_LINE = "command line"
"""Name in place of a DAG's, for a selection that no DAG runs."""
_FOUND, _ASKED, _ANSWERED, _SEEN = "selection", "question", "answer", "rollback"
_FOLDER = "decisions"


@dataclass(frozen=True)
class Answer:
    """A person's answer to a run's question, as Airflow recorded it.

    Attributes
    ----------
    result
        Name of the comparison that was shown.
    chosen
        Options that were chosen.
    by
        Name or id of the person; empty where nobody answered in time.
    at
        Time of the answer, in ISO form.
    comment
        Comment of the person.
    """

    result: str
    chosen: tuple[str, ...]
    by: str
    at: str
    comment: str

    @classmethod
    def from_dict(cls, found: Record) -> Self:
        """Rebuild the answer from its form in JSON."""
        return cls(**{**found, "chosen": tuple(found["chosen"])})


class Decisions:
    """The sealed records of one run; an older one that is put back is refused.

    Parameters
    ----------
    lake_uri
        The lake that the run is about.
    dag_id, run_id
        The run.
    """

    def __init__(self, lake_uri: str, dag_id: str, run_id: str) -> None:
        self._folder = path_of(lake_uri) / "models" / _FOLDER
        self._run = {"dag": dag_id, "run": run_id}
        self._records = SealedRecords.open(lake_uri, get_settings())

    def keep_found(self, found: Record) -> Record:
        """Seal the result of a comparison; it is returned with a name of its own."""
        named = {**found, RESULT: uuid4().hex}
        self._keep(_FOUND, named)
        return named

    def found(self) -> Record | None:
        """The result of the run's newest comparison; None where it made none.

        Raises
        ------
        IntegrityError
            When the record does not verify.
        """
        return self._kept(_FOUND)

    def require_found(self) -> Record:
        """The result of the run's newest comparison.

        Raises
        ------
        SettingsError
            When the run made no comparison.
        """
        found = self.found()
        if found is None:
            raise SettingsError(
                "the lake holds no comparison of this run: nothing is asked or promoted, and marking `compare` as done "
                "is no comparison; clear the run from `prepare` on, or trigger a new one"
            )
        return found

    def keep_question(self, task_instance: str) -> Record:
        """Seal that a task instance shows the result of the newest comparison, and return that result."""
        found = self.require_found()
        self._keep(_ASKED, {RESULT: found[RESULT], "task_instance": task_instance})
        return found

    def keep_answer(self, task_instance: str, event: Record, comment: str) -> None:
        """Seal what Airflow recorded of an answer to the question that a task instance asked.

        Parameters
        ----------
        event
            What Airflow resumes the task with: its record of the response.

        Raises
        ------
        SettingsError
            When the question was another task instance's.
        """
        asked = self._kept(_ASKED) or {}
        if asked.get("task_instance") != task_instance:
            raise SettingsError("this answer is to a question that the lake knows nothing of: clear `await_approval`")
        user = event.get("responded_by_user") or {}
        answer = Answer(
            result=asked[RESULT],
            chosen=tuple(event["chosen_options"]),
            by=str(user.get("name") or user.get("id") or ""),
            at=str(event["responded_at"]),
            comment=comment,
        )
        self._keep(_ANSWERED, asdict(answer))

    def answer(self) -> Answer | None:
        """The answer to the question about the newest comparison; None where nobody gave one."""
        found, answered = self.found(), self._kept(_ANSWERED)
        if found is None or answered is None or answered[RESULT] != found[RESULT]:
            return None
        return Answer.from_dict(answered)

    def keep_first_look(self, seen: Record) -> Record:
        """Seal what a rollback is asked for and finds in force; a run that looks again is given what it saw first."""
        known = self._kept(_SEEN)
        if known is None:
            self._keep(_SEEN, seen)
        return seen if known is None else known

    def first_look(self) -> Record:
        """The record that `keep_first_look` sealed.

        Raises
        ------
        SettingsError
            When the run did not look.
        """
        seen = self._kept(_SEEN)
        if seen is None:
            raise SettingsError(
                "the lake does not hold what this run looked at: nothing is taken back, and marking `look` as done is "
                "no look; clear the run from `look` on, or trigger a new one"
            )
        return seen

    def _keep(self, what: str, content: Record) -> None:
        path, context, record = self._place(what)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._records.write_counted(path, json.dumps(content, sort_keys=True, default=str).encode(), context, record)

    def _kept(self, what: str) -> Record | None:
        try:
            content = self._records.read_newest(*self._place(what))
            return None if content is None else dict(json.loads(content))
        except IntegrityError as error:
            raise IntegrityError(f"what the lake holds of this run's {what} cannot be trusted: {error}") from error

    def _place(self, what: str) -> tuple[UPath, dict[str, str], str]:
        """Path of a record, the context that it is bound to, and the name of its counter."""
        name = hashlib.sha256(json.dumps(self._run, sort_keys=True).encode()).hexdigest()[:32]
        path = self._folder / f"{name}.{what}.sealed"
        return path, {"purpose": what, **self._run}, f"{_FOLDER}/{name}.{what}"
