"""What a run found, asked and was answered is believed as it was sealed last, whatever is put back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from include.errors import IntegrityError, SettingsError
from include.selection import Decisions

EVENT = {"chosen_options": ["Approve"], "responded_at": "2024-01-01", "responded_by_user": {"id": "1", "name": "ada"}}


@pytest.fixture
def decisions(tmp_path: Path) -> Decisions:
    return Decisions(f"file:{tmp_path}", "model_selection", "manual__1")


def _answered(decisions: Decisions, verdict: str) -> None:
    decisions.keep_found({"verdict": verdict})
    decisions.keep_question("ti")
    decisions.keep_answer("ti", EVENT, "")


def _sealed(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (folder / "models" / "decisions").glob("*.sealed")}


def test_an_older_comparison_and_its_answer_are_not_put_back(decisions, tmp_path):
    _answered(decisions, "first")
    older = _sealed(tmp_path)
    decisions.keep_found({"verdict": "second"})
    decisions.keep_answer("ti", {**EVENT, "chosen_options": ["Reject"]}, "")
    assert len(older) == 3
    for path, content in older.items():
        path.write_bytes(content)
    for asked in (decisions.found, decisions.answer):
        with pytest.raises(IntegrityError, match=r"selection cannot be trusted.*an older file lies there"):
            asked()


def test_an_answer_that_is_removed_is_not_taken_for_none(decisions, tmp_path):
    _answered(decisions, "first")
    next((tmp_path / "models" / "decisions").glob("*.answer.sealed")).unlink()
    with pytest.raises(IntegrityError, match=r"answer cannot be trusted.*is gone"):
        decisions.answer()


def _keep_uncounted(decisions: Decisions, what: str, content: dict[str, str]) -> None:
    """As records were sealed before they were counted."""
    path, context, _ = decisions._place(what)
    path.parent.mkdir(parents=True, exist_ok=True)
    decisions._records.write(path, json.dumps(content).encode(), context)


def test_what_was_sealed_before_records_were_counted_opens_until_it_is_written_again(decisions, tmp_path):
    _keep_uncounted(decisions, "selection", {"verdict": "of before", "result": "r"})
    _keep_uncounted(decisions, "question", {"result": "r", "task_instance": "ti"})
    of_before = _sealed(tmp_path)
    decisions.keep_answer("ti", EVENT, "")
    answer = decisions.answer()
    assert answer is not None
    assert (answer.result, answer.by) == ("r", "ada")
    decisions.keep_found({"verdict": "anew"})
    for path, content in of_before.items():
        path.write_bytes(content)
    with pytest.raises(IntegrityError, match="cannot be trusted"):
        decisions.found()


def test_a_run_that_looks_again_is_given_what_it_saw_first(decisions, tmp_path):
    with pytest.raises(SettingsError, match="does not hold what this run looked at"):
        decisions.first_look()
    assert decisions.keep_first_look({"champion": "a"}) == {"champion": "a"}
    assert decisions.keep_first_look({"champion": "b"}) == {"champion": "a"}
    assert decisions.first_look() == {"champion": "a"}
    with pytest.raises(SettingsError):
        Decisions(f"file:{tmp_path}", "champion_rollback", "manual__1").first_look()
