"""Long work says what it has done and how long that took: into the log, and to whoever listens while it runs."""

from __future__ import annotations

import logging
import re

from include.stages import stage, told


def test_who_listens_is_told_each_stage_when_it_is_done() -> None:
    said: list[str] = []
    with told(said.append), stage("features of 12 postings"):
        assert not said
    with stage("nobody listens any more"):
        pass
    (sentence,) = said
    assert re.fullmatch(r"features of 12 postings: \d+\.\d s", sentence)


def test_the_tasks_log_has_every_stage(caplog) -> None:
    with caplog.at_level(logging.INFO, logger="include.stages"), stage("contrast fitted"):
        pass
    (record,) = caplog.records
    assert record.getMessage().startswith("contrast fitted: ")


def test_a_stage_that_fails_is_not_said_to_be_done() -> None:
    said: list[str] = []
    try:
        with told(said.append), stage("features"):
            raise ValueError
    except ValueError:
        assert said == []
