"""Outcomes of runs of the model DAGs: a selection, a night's learning, a rollback.

Decisions and outcomes come from the lake; who answered a question comes from Airflow's own records. Anybody who may
trigger a DAG can write the values that tasks pass on, so that these are shown only where the lake has no record, and
the page says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from include.dag_ids import CHAMPION_ROLLBACK, MODEL_SELECTION, ONLINE_LEARNING
from plugins.settlement_console.lake_says import LakeSays
from plugins.settlement_console.run_results import RunResults
from plugins.settlement_console.told import UNVERIFIED, Compared, NightUpdates, Prepared, Tried, Watched, Wish

Figures = dict[str, Any]


@dataclass(frozen=True)
class ModelRun:
    """One run, for people.

    Attributes
    ----------
    headline
        One line on what the run was about, and its status.
    is_running
        Whether more will happen without a person; a run that waits for a person stands still, and so does its page.
    failures
        Pairs of task id and sentence on what failed; in a finished selection these are candidates that dropped out.
    said
        Pairs of a topic and a sentence, the most important first.
    selection
        Name of the selection whose evidence can be shown; empty where there is none.
    """

    headline: str
    is_running: bool
    failures: list[tuple[str, str]]
    said: list[tuple[str, str]]
    selection: str = ""


def model_run(left: RunResults, lake: LakeSays) -> ModelRun | None:
    """The outcome of the run; None for a DAG that is not about models."""
    reader = _READERS.get(left.run.dag_id)
    if reader is None:
        return None
    told = reader(left, lake)
    return replace(told, said=[*told.said, ("the lake", lake.trouble)]) if lake.trouble else told


def _selection(left: RunResults, lake: LakeSays) -> ModelRun:
    prepared, compared = left.told("prepare", Prepared), lake.found or {}
    began = compared.get("before") or (prepared and prepared.before)
    before, decision = f" before {began}" if began else "", _decision(left, lake, compared)
    return ModelRun(
        headline=f"Selection{before}: {decision}",
        is_running=left.run.is_running and decision != _WAITING,
        failures=left.failures,
        said=list(_selection_said(left, lake, prepared)),
        selection=compared.get("selection", ""),
    )


def _decision(left: RunResults, lake: LakeSays, compared: Figures) -> str:
    """A sentence on how a selection ended, or what it waits for."""
    answer = left.answers.get("await_approval")
    if lake.promotion:
        return f"promoted by {lake.promotion['by']}"
    if answer and not answer.is_approved:
        return f"refused by {answer.by}, the champion stays" if answer.by else _UNANSWERED
    if compared and not (compared["is_better"] and compared["challenger"]):
        return "the champion stays"
    if not left.run.is_running:
        return _ENDED if left.run.state == "success" else "failed, the champion stays"
    return _WAITING if compared and not answer and not _asks_nobody(left) else "at work"


def _asks_nobody(left: RunResults) -> bool:
    """Whether the run was asked to promote by itself."""
    return bool(left.run.conf.get("approve_headlessly"))


_WAITING = "waits for approval"
_ENDED = "ended, and the lake holds no promotion by it"
_UNANSWERED = "nobody answered in time, the champion stays"


def _selection_said(left: RunResults, lake: LakeSays, prepared: Prepared | None) -> Iterator[tuple[str, str]]:
    tried, told = left.all_told("try_candidate", Tried), left.told("compare", Compared)
    compared = lake.found or (told and told.model_dump())
    if compared:
        yield from [] if lake.found else [UNVERIFIED]
        yield "verdict", compared["verdict"]
        yield "challenger", compared["challenger"] or "none"
        yield "champion before", compared["champion"] or "none"
    if prepared:
        yield "compared", prepared.note
        names = ", ".join(f"{each.candidate} ({each.seconds:.1f} s, {each.peak_mib:.0f} MiB)" for each in tried)
        yield f"{len(tried)} of {len(prepared.candidates)} candidates tried", names
    yield from (("comment", answer.comment) for answer in left.answers.values() if answer.comment)


def _learning(left: RunResults, lake: LakeSays) -> ModelRun:
    told = (left.told("learn", NightUpdates) or NightUpdates()).nights
    learned = [lake.update_of(update.night) or update.model_dump() for update in told]
    watched = (left.told("watch", Watched) or Watched()).nights
    accepted = sum(night["accepted"] for night in learned)
    said = [(f"{night['night']}: {_fate(night)}", night["why"]) for night in learned]
    if any(lake.update_of(update.night) is None for update in told):
        said.append(UNVERIFIED)
    said += [(f"{night.night}: {notice.code}", notice.text) for night in watched for notice in night.notices]
    wish = left.told("ask_for_selection", Wish)
    if wish:
        said.append(("asks for a selection", ", ".join(wish.features)))
    nights = ", ".join(each.night for each in told or watched) or "no night"
    tried = sum(bool(night["figures"]) for night in learned)
    count = f"{accepted} of {tried} refreshes accepted" if tried else "no refresh was due"
    return _told(left, f"Learning from {nights}: {'at work' if left.run.is_running else count}", said)


def _fate(update: Figures) -> str:
    by = f" by {update['rolled_back_by']}" if update["rolled_back_by"] else ""
    return f"{update['fate']}{by}"


def _rollback(left: RunResults, lake: LakeSays) -> ModelRun:
    conf = left.run.conf
    said = [("what", str(conf.get("which", ""))), ("why", str(conf.get("why", "")))]
    if champion := lake.rolled_back_to:
        return _told(left, f"Rollback: {champion} is champion again", said)
    if nights := lake.nights_taken_back:
        return _told(left, f"Rollback of what was learned from {', '.join(nights)}", said)
    return _told(left, f"Rollback: {_without_record(left)}", said)


def _without_record(left: RunResults) -> str:
    """A sentence on a rollback without a record in the lake; marking its tasks as done makes any run a success."""
    if left.run.is_running:
        return "at work"
    ended = left.run.state == "success"
    return "ended, and the lake holds no rollback by it" if ended else "nothing was taken back"


_READERS: dict[str, Callable[[RunResults, LakeSays], ModelRun]] = {
    MODEL_SELECTION: _selection,
    ONLINE_LEARNING: _learning,
    CHAMPION_ROLLBACK: _rollback,
}
MODEL_DAGS = frozenset(_READERS)
"""Names of the DAGs that are about models."""


def _told(left: RunResults, headline: str, said: list[tuple[str, str]]) -> ModelRun:
    return ModelRun(headline, left.run.is_running, left.failures, said)
