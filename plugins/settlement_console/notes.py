"""Writes the summary of a run as its note, which everybody sees on a run's page without a click.

Tasks may not write to Airflow's database, so that a listener in the scheduler writes the note when a run has ended.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.listeners import hookimpl
from sqlalchemy.orm import object_session

from include.dag_ids import NIGHTLY_SETTLEMENT
from plugins.settlement_console.told import UNVERIFIED

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun, DagRunNote

    from plugins.settlement_console.model_runs import ModelRun
    from plugins.settlement_console.run_results import RunResults
    from plugins.settlement_console.runs import RunSummary

_LOG = logging.getLogger(__name__)
_Said = TypeVar("_Said")

# Airflow's column holds no more characters, and a longer text would fail the scheduler's own transaction.
_LONGEST = 1000
# Without the hyphen, which has a meaning only at the beginning of a line, where no text stands.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~])")
# The scheduler counts as dead after thirty seconds.
LONGEST_LOOK_SECONDS = 25
_looking = Lock()
_SILENT = "the lake did not answer the scheduler in time; the Outcome tab asks it again"


class RunNotes:
    """Listener that writes a summary of each run of the console's DAGs once it has ended."""

    @hookimpl
    def on_dag_run_success(self, dag_run: DagRun) -> None:
        """Write the outcome of the run."""
        _leave_note(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: DagRun) -> None:
        """Write which task failed, and why."""
        _leave_note(dag_run)


def _leave_note(run: DagRun) -> None:
    session = object_session(run)
    # Without a session nobody would store what is written to the run (`dag.test()` ends a failed run like that).
    if session is None or _is_a_persons(run.dag_run_note):
        return
    # Every task loads this module for its plugin, but only the scheduler runs this function.
    from plugins.settlement_console.run_results import results_of

    left = results_of(session, run.dag_id, run.run_id)
    note = _note(left) if left is not None else ""
    if note:
        run.note = note


def _note(left: RunResults) -> str:
    """The note of a run; empty for runs of other DAGs."""
    from include.settings import get_settings
    from plugins.settlement_console.lake_says import LakeSays, NightSays, lake_says, night_says
    from plugins.settlement_console.model_runs import model_run
    from plugins.settlement_console.runs import run_summary

    # The settings are read within the look, so that a wrong one costs the note what the lake says, and nothing else.
    if left.run.dag_id == NIGHTLY_SETTLEMENT:
        night = in_time(lambda: night_says(left.run, get_settings()), NightSays(trouble=_SILENT))
        return note_of(run_summary(left, night))
    about_models = model_run(left, in_time(lambda: lake_says(left.run, get_settings()), LakeSays(trouble=_SILENT)))
    return note_of_models(about_models) if about_models else ""


def in_time(look: Callable[[], _Said], otherwise: _Said) -> _Said:
    """The result of a look into the lake, or `otherwise` where it fails or takes long; the scheduler must not wait.

    Only one look runs at a time, so that at most one thread waits for a lake that hangs.
    """
    if not _looking.acquire(blocking=False):
        return otherwise
    said: SimpleQueue[_Said] = SimpleQueue()
    # A daemon thread, so that the scheduler does not wait for it when it ends.
    Thread(target=_look, args=(look, otherwise, said), daemon=True).start()
    try:
        return said.get(timeout=LONGEST_LOOK_SECONDS)
    except Empty:
        return otherwise


def _look(look: Callable[[], _Said], otherwise: _Said, said: SimpleQueue[_Said]) -> None:
    try:
        found = look()
    except Exception:
        _LOG.exception("a run's note lacks what the lake says")
        found = otherwise
    _looking.release()
    said.put(found)


def _is_a_persons(note: DagRunNote | None) -> bool:
    """Whether a person wrote the note, which then stays."""
    return note is not None and note.user_id is not None


def note_of(summary: RunSummary) -> str:
    """The note in Markdown; texts from files and settings are shown as they are, never as markup."""
    if summary.failures:
        said = " ".join(f"`{task_id}` {_as_text(sentence)}" for task_id, sentence in summary.failures)
    else:
        said = " · ".join(f"{name} {_as_text(figure)}" for name, figure in summary.figures.items())
        said += f" ({UNVERIFIED[0]})" if summary.doubt else ""
    docs = _page("settlement-data-docs", f"/docs/nights/{summary.night}/index.html")
    return _cut(f"**{_as_text(summary.headline)}.** {said}", f" · [Data Docs]({docs})" if summary.has_docs else "")


def note_of_models(run: ModelRun) -> str:
    """The note of a run about models, in the same form as `note_of`."""
    failed = [f"`{task_id}` {_as_text(sentence)}" for task_id, sentence in run.failures]
    said = " · ".join([*failed, *(_as_text(sentence) for _, sentence in run.said[:1])])
    page = _page("settlement-models", f"/models/{run.selection}" if run.selection else "/models")
    name = "Evidence" if run.selection else "Models"
    return _cut(f"**{_as_text(run.headline)}.** {said}", f" · [{name}]({page})")


def _page(view: str, path: str) -> str:
    """The address of a console page inside the UI, which shows the path after the view's name."""
    served_at = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
    return f"{served_at}/plugin/{view}{served_at}/settlement{path}"


def _as_text(sentence: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(sentence[:_LONGEST].split()))


def _cut(text: str, link: str) -> str:
    room = _LONGEST - len(link)
    return (text if len(text) <= room else text[: room - 1] + "…") + link
