"""The run's summary as its note: the one place of a run's page that everybody sees without a click.

Tasks may not write to Airflow's database, so the scheduler's own listener leaves the note when a run has ended.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.listeners import hookimpl
from sqlalchemy.orm import object_session

from plugins.settlement_console.told import UNVERIFIED

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun, DagRunNote

    from plugins.settlement_console.model_runs import ModelRun
    from plugins.settlement_console.run_results import RunResults
    from plugins.settlement_console.runs import RunSummary

_LOG = logging.getLogger(__name__)
_Said = TypeVar("_Said")

SETTLEMENT_DAG = "nightly_settlement"

# Airflow's column holds no more, and a longer text would fail the scheduler's own transaction.
_LONGEST = 1000
# Not the hyphen, which means something at the beginning of a line alone, and no text gets there.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~])")
# The scheduler is thought dead after thirty.
LONGEST_LOOK_SECONDS = 25
_looking = Lock()
_SILENT = "the lake did not answer the scheduler in time; the Outcome tab asks it again"


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
    from plugins.settlement_console.run_results import results_of

    left = results_of(session, run.dag_id, run.run_id)
    note = _note(left) if left is not None else ""
    if note:
        run.note = note


def _note(left: RunResults) -> str:
    """The note of a run; empty of one that is none of the console's."""
    from plugins.settlement_console.lake_says import LakeSays, NightSays, lake_says, night_says
    from plugins.settlement_console.model_runs import model_run
    from plugins.settlement_console.runs import run_summary

    if left.run.dag_id == SETTLEMENT_DAG:
        return note_of(run_summary(left, in_time(partial(night_says, left.run), NightSays(trouble=_SILENT))))
    about_models = model_run(left, in_time(partial(lake_says, left.run), LakeSays(trouble=_SILENT)))
    return note_of_models(about_models) if about_models else ""


def in_time(look: Callable[[], _Said], otherwise: _Said) -> _Said:
    """What a look into the lake says; something else where it fails or takes long, so that no scheduler waits for it.

    One look at a time: of a lake that hangs, one thread waits for the answer, and no second one.
    """
    if not _looking.acquire(blocking=False):
        return otherwise
    said: SimpleQueue[_Said] = SimpleQueue()
    # Not waited for at the scheduler's end.
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
    """Whether somebody wrote the note by hand: theirs stays."""
    return note is not None and note.user_id is not None


def note_of(summary: RunSummary) -> str:
    """The note in Markdown; what comes from files and settings is shown as it is, never as markup."""
    if summary.failures:
        said = " ".join(f"`{task_id}` {_as_text(sentence)}" for task_id, sentence in summary.failures)
    else:
        said = " · ".join(f"{name} {_as_text(figure)}" for name, figure in summary.figures.items())
        said += f" ({UNVERIFIED[0]})" if summary.doubt else ""
    docs = _page("settlement-data-docs", f"/docs/nights/{summary.night}/index.html")
    return _cut(f"**{_as_text(summary.headline)}.** {said}", f" · [Data Docs]({docs})" if summary.has_docs else "")


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
    return _MARKDOWN.sub(r"\\\1", " ".join(sentence[:_LONGEST].split()))


def _cut(text: str, link: str) -> str:
    room = _LONGEST - len(link)
    return (text if len(text) <= room else text[: room - 1] + "…") + link
