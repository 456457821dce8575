"""The run's summary as its note: the one place of a run's page that everybody sees without a click.

Tasks may not write to Airflow's database, so the scheduler's own listener leaves the note when a run has ended.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl
from sqlalchemy.orm import object_session

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun, DagRunNote

    from plugins.settlement_console.runs import RunSummary

SETTLEMENT_DAG = "nightly_settlement"

# Airflow's column holds no more, and a longer text would fail the scheduler's own transaction.
_LONGEST = 1000
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~-])")


class RunNotes:
    """Listener that sums up each run of the nightly DAG once it has ended."""

    @hookimpl
    def on_dag_run_success(self, dag_run: DagRun) -> None:
        """Say what the night came to."""
        _leave_note(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: DagRun) -> None:
        """Say which task failed, and why."""
        _leave_note(dag_run)


def _leave_note(run: DagRun) -> None:
    session = object_session(run)
    # Without a session nobody would keep what is written to the run (`dag.test()` ends a failed run like that).
    if run.dag_id != SETTLEMENT_DAG or session is None or _is_a_persons(run.dag_run_note):
        return
    # Every task loads this module for its plugin; only the scheduler comes here.
    from plugins.settlement_console.runs import run_summary

    if (summary := run_summary(session, run.dag_id, run.run_id)) is not None:
        run.note = note_of(summary)


def _is_a_persons(note: DagRunNote | None) -> bool:
    """Whether somebody wrote the note by hand: theirs stays."""
    return note is not None and note.user_id is not None


def note_of(summary: RunSummary) -> str:
    """The note in Markdown; what comes from files and settings is shown as it is, never as markup."""
    if summary.failures:
        said = " ".join(f"`{task_id}` {_as_text(sentence)}" for task_id, sentence in summary.failures)
    else:
        said = " · ".join(f"{name} {figure}" for name, figure in summary.figures.items())
    docs = f" · [Data Docs](/plugin/settlement-data-docs/settlement/docs/nights/{summary.night}/index.html)"
    return _cut(f"**{summary.headline}.** {said}", docs if summary.has_docs else "")


def _as_text(sentence: str) -> str:
    return _MARKDOWN.sub(r"\\\1", sentence)


def _cut(text: str, link: str) -> str:
    room = _LONGEST - len(link)
    return (text if len(text) <= room else text[: room - 1] + "…") + link
