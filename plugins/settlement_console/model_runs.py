"""What a run of a model's DAG came to: a selection, a night's learning, a rollback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from plugins.settlement_console.left import Left

Figures = dict[str, Any]


@dataclass(frozen=True)
class ModelRun:
    """One run, for people.

    Attributes
    ----------
    headline
        One line: what it was about, and how it stands.
    is_running
        Whether more is to come by itself; a run that waits for a person stands still, and so does its page.
    failures
        (task id, sentence) of what failed; of a selection that came to its end these are candidates that are out.
    said
        (what, sentence), the most important first.
    selection
        Whose evidence is laid out; empty where there is none.
    """

    headline: str
    is_running: bool
    failures: list[tuple[str, str]]
    said: list[tuple[str, str]]
    selection: str = ""


def model_run(left: Left) -> ModelRun | None:
    """What the run came to; None of a DAG that is about no model."""
    reader = _READERS.get(left.run.dag_id)
    return reader(left) if reader else None


def _selection(left: Left) -> ModelRun:
    prepared, compared = left.returned.get("prepare", {}), left.returned.get("compare", {})
    before, decision = f" before {prepared['before']}" if prepared else "", _decision(left, compared)
    return ModelRun(
        headline=f"Selection{before}: {decision}",
        is_running=_is_running(left) and decision != _WAITING,
        failures=left.failures,
        said=list(_selection_said(left, prepared, compared)),
        selection=compared.get("selection", ""),
    )


def _decision(left: Left, compared: Figures) -> str:
    """How a selection ended, or what it waits for."""
    answer = left.answers.get("await_approval")
    if "promote" in left.returned:
        return f"promoted by {answer.by}" if answer else "promoted without asking"
    if answer and not answer.is_approved:
        return f"refused by {answer.by}, the champion stays" if answer.by else _UNANSWERED
    if compared and not (compared["is_better"] and compared["challenger"]):
        return "the champion stays"
    if not _is_running(left):
        return "failed, the champion stays"
    return _WAITING if compared and not answer and not _asks_nobody(left) else "at work"


def _asks_nobody(left: Left) -> bool:
    """Whether the run was asked to promote by itself."""
    return bool((left.run.conf or {}).get("approve_headlessly"))


_WAITING = "waits for approval"
_UNANSWERED = "nobody answered in time, the champion stays"


def _selection_said(left: Left, prepared: Figures, compared: Figures) -> Iterator[tuple[str, str]]:
    tried = left.all_of("try_candidate")
    if compared:
        yield "verdict", compared["verdict"]
        yield "challenger", compared["challenger"] or "none"
        yield "champion before", compared["champion"] or "none"
    if prepared:
        yield "compared", prepared["note"]
        names = ", ".join(
            f"{each['candidate']} ({each['seconds']:.1f} s, {each['peak_mib']:.0f} MiB)" for each in tried
        )
        yield f"{len(tried)} of {len(prepared['candidates'])} candidates tried", names
    yield from (("comment", answer.comment) for answer in left.answers.values() if answer.comment)


def _learning(left: Left) -> ModelRun:
    taught = left.returned.get("learn", {}).get("nights", [])
    watched = left.returned.get("watch", {}).get("nights", [])
    accepted = sum(night["accepted"] for night in taught)
    said = [(f"{night['night']}: {_fate(night)}", night["why"]) for night in taught]
    said += [(f"{night['night']}: {note['code']}", note["text"]) for night in watched for note in night["notices"]]
    wish = left.returned.get("ask_for_selection")
    if wish:
        said.append(("asks for a selection", ", ".join(wish["features"])))
    nights = ", ".join(night["night"] for night in taught or watched) or "no night"
    tried = sum(bool(night["figures"]) for night in taught)
    count = f"{accepted} of {tried} refreshes accepted" if tried else "no refresh was due"
    return _told(left, f"Learning from {nights}: {'at work' if _is_running(left) else count}", said)


def _fate(update: Figures) -> str:
    by = f" by {update['rolled_back_by']}" if update["rolled_back_by"] else ""
    return f"{update['fate']}{by}"


def _rollback(left: Left) -> ModelRun:
    conf, done = left.run.conf or {}, left.returned.get("take_back")
    said = [("what", str(conf.get("which", ""))), ("why", str(conf.get("why", "")))]
    if done is None:
        return _told(left, f"Rollback: {'at work' if _is_running(left) else 'nothing was taken back'}", said)
    if "champion" in done:
        return _told(left, f"Rollback: {done['champion']} is champion again, in place of {done['before']}", said)
    nights = ", ".join(done["rolled_back"]) or "nothing"
    return _told(left, f"Rollback of what was learned from {nights}: {done['in_force']} scores from now on", said)


_READERS: dict[str, Callable[[Left], ModelRun]] = {
    "model_selection": _selection,
    "online_learning": _learning,
    "champion_rollback": _rollback,
}
MODEL_DAGS = frozenset(_READERS)
"""The DAGs that are about models."""


def _told(left: Left, headline: str, said: list[tuple[str, str]]) -> ModelRun:
    return ModelRun(headline, _is_running(left), left.failures, said)


def _is_running(left: Left) -> bool:
    return str(left.run.state) in ("queued", "running")
