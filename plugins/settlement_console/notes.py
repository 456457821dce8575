"""The run's summary as its note: the one place of a run's page that everybody sees without a click.

Tasks may not write to Airflow's database, so the scheduler's own listener leaves the note when a run has ended.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.listeners import hookimpl
from sqlalchemy.orm import object_session

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun, DagRunNote

    from plugins.settlement_console.left import Left
    from plugins.settlement_console.model_runs import ModelRun
    from plugins.settlement_console.runs import RunSummary

SETTLEMENT_DAG = "nightly_settlement"

# Airflow's column holds no more, and a longer text would fail the scheduler's own transaction.
_LONGEST = 1000
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~-])")


class RunNotes:
    """Listener that sums up each run of the console's DAGs once it has ended."""

    @hookimpl
    def on_dag_run_success(self, dag_run: DagRun) -> None:
        """Say what it came to."""
        _leave_note(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: DagRun) -> None:
        """Say which task failed, and why."""
        _leave_note(dag_run)


def _leave_note(run: DagRun) -> None:
    session = object_session(run)
    # Without a session nobody would keep what is written to the run (`dag.test()` ends a failed run like that).
    if session is None or _is_a_persons(run.dag_run_note):
        return
    # Every task loads this module for its plugin; only the scheduler comes here.
    from plugins.settlement_console.left import left_by

    left = left_by(session, run.dag_id, run.run_id)
    note = _note(left) if left is not None else ""
    if note:
        run.note = note


def _note(left: Left) -> str:
    """The note of a run; empty of one that is none of the console's."""
    from plugins.settlement_console.lake_says import lake_says
    from plugins.settlement_console.model_runs import model_run
    from plugins.settlement_console.runs import run_summary

    if left.run.dag_id == SETTLEMENT_DAG:
        return note_of(run_summary(left))
    about_models = model_run(left, lake_says(left.run))
    return note_of_models(about_models) if about_models else ""


def _is_a_persons(note: DagRunNote | None) -> bool:
    """Whether somebody wrote the note by hand: theirs stays."""
    return note is not None and note.user_id is not None


def note_of(summary: RunSummary) -> str:
    """The note in Markdown; what comes from files and settings is shown as it is, never as markup."""
    if summary.failures:
        said = " ".join(f"`{task_id}` {_as_text(sentence)}" for task_id, sentence in summary.failures)
    else:
        said = " · ".join(f"{name} {figure}" for name, figure in summary.figures.items())
    docs = _page("settlement-data-docs", f"/docs/nights/{summary.night}/index.html")
    return _cut(f"**{summary.headline}.** {said}", f" · [Data Docs]({docs})" if summary.has_docs else "")


def note_of_models(run: ModelRun) -> str:
    """The note of a run about models, as `note_of`."""
    failed = [f"`{task_id}` {_as_text(sentence)}" for task_id, sentence in run.failures]
    said = " · ".join([*failed, *(_as_text(sentence) for _, sentence in run.said[:1])])
    page = _page("settlement-models", f"/models/{run.selection}" if run.selection else "/models")
    name = "Evidence" if run.selection else "Models"
    return _cut(f"**{_as_text(run.headline)}.** {said}", f" · [{name}]({page})")


def _page(view: str, path: str) -> str:
    """A console page inside the UI, which shows what follows the view's name; both lie below the UI's own path."""
    served_at = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
    return f"{served_at}/plugin/{view}{served_at}/settlement{path}"


def _as_text(sentence: str) -> str:
    return _MARKDOWN.sub(r"\\\1", sentence)


def _cut(text: str, link: str) -> str:
    room = _LONGEST - len(link)
    return (text if len(text) <= room else text[: room - 1] + "…") + link
