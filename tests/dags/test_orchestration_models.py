"""What tasks of the models' DAGs are asked for, and whom they name and wake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include import orchestration
from include.errors import IntegrityError, MissingStateError, SettingsError
from include.orchestration import (
    APPROVE,
    FAILURE,
    PUBLISHED_NIGHT,
    SELECTION_WANTED,
    ModelRequest,
    announce_publication,
    announce_wish,
    each_published_night,
    evidence_body,
    run_for_models,
)
from include.selection.decisions import Answer
from include.settings import get_settings


def _event(at: int, **extra: Any) -> SimpleNamespace:
    return SimpleNamespace(timestamp=datetime(2024, 1, 1, at, tzinfo=UTC), extra=extra)


class _Running:
    """A task's context, as far as these functions look into it."""

    def __init__(self, monkeypatch) -> None:
        self.left: dict[str, object] = {}
        self.outlets = {asset: SimpleNamespace(extra={}) for asset in (PUBLISHED_NIGHT, SELECTION_WANTED)}
        self.context = {
            "params": {"date": None, "before": None, "source": None, "lake": None, "approve_headlessly": False},
            "run_id": "manual__1",
            "dag_run": SimpleNamespace(dag_id="model_selection", run_type="manual", triggering_user_name="ada"),
            "ti": SimpleNamespace(task_id="prepare", xcom_push=self.left.__setitem__),
            "triggering_asset_events": {},
            "outlet_events": self.outlets,
        }
        monkeypatch.setattr(orchestration, "get_current_context", lambda: self.context)

    def asked(self) -> ModelRequest:
        return ModelRequest.of(self.context)


@pytest.fixture
def running(monkeypatch, places) -> _Running:
    return _Running(monkeypatch)


def test_a_run_by_hand_asks_for_the_installations_bank_in_the_name_of_who_triggered_it(running):
    asked = running.asked()
    assert (asked.source_uri, asked.lake_uri) == (get_settings().source_uri, get_settings().lake_uri)
    assert (asked.run_id, asked.by) == ("manual__1", "ada")


def test_params_come_before_the_wish_and_the_newest_wish_before_the_installation(running):
    running.context["triggering_asset_events"] = {
        SELECTION_WANTED: [
            _event(2, source="trial", lake="trial"),
            _event(1, source=None, lake=None),
        ]
    }
    running.context["params"]["lake"] = "sandbox"
    assert (running.asked().source, running.asked().lake) == ("trial", "sandbox")
    assert (running.asked().source_uri, running.asked().lake_uri) == ("file:/trial?rounding=0.1", "file:/sandbox")


def test_what_a_run_is_asked_for_shows_no_address(running):
    assert "secret" in running.asked().source_uri
    assert "secret" not in repr(running.asked())


def test_a_run_that_nobody_triggered_names_the_dag(running):
    running.context["dag_run"] = SimpleNamespace(
        dag_id="model_selection", run_type="scheduled", triggering_user_name=None
    )
    assert running.asked().by == "model_selection, scheduled run"


@pytest.mark.parametrize(("run_id", "by"), [("backfill__1", "ada"), ("manual__1", "model_selection, backfill run")])
def test_a_run_that_a_backfill_took_over_is_not_in_the_name_of_who_triggered_it_first(running, run_id, by):
    running.context["run_id"] = run_id
    running.context["dag_run"].run_type = "backfill"
    assert running.asked().by == by


def test_a_given_date_bounds_the_selection(running):
    running.context["params"]["before"] = "1994-01-26"
    assert running.asked().before == date(1994, 1, 26)


def test_without_a_published_night_the_selection_says_what_to_do(running, monkeypatch, tmp_path):
    monkeypatch.setenv("ADS_LAKES", json.dumps({"new": f"file:{tmp_path}"}))
    get_settings.cache_clear()
    running.context["params"]["lake"] = "new"
    with pytest.raises(AirflowFailException, match="no night is published in the lake 'new'"):
        run_for_models(lambda asked: {"before": asked.before})
    assert running.left[FAILURE].startswith("SettingsError: no night is published")


FOUND = {"verdict": "better", "result": "r1"}


def _answer(*chosen: str, by: str = "grace", comment: str = "") -> Answer:
    return Answer("r1", chosen or (APPROVE,), by, "2024-01-01T00:00:00", comment)


@pytest.mark.parametrize(("comment", "why"), [("convincing", "convincing (better)"), ("", "better")])
def test_who_approved_is_named_with_what_they_said(running, comment, why):
    said = {"by": "grace", "why": why, "decision": "r1/2024-01-01T00:00:00", "run": "model_selection/manual__1"}
    assert running.asked().decided(FOUND, _answer(comment=comment)) == said


@pytest.mark.parametrize(
    "answer", [None, _answer("Reject"), _answer("approve"), _answer(APPROVE, "Reject"), _answer(by="")]
)
def test_what_nobody_approved_is_decided_by_nobody(running, answer):
    with pytest.raises(SettingsError, match="nobody answered 'Approve'"):
        running.asked().decided(FOUND, answer)


def test_a_refusal_counts_where_headless_runs_are_allowed_too(running, headless):
    with pytest.raises(SettingsError, match="nobody answered"):
        running.asked().decided(FOUND, _answer("Reject"))


@pytest.fixture
def allowed(monkeypatch) -> Iterator[None]:
    """An installation that allows promotions without asking."""
    monkeypatch.setenv("ADS_HEADLESS_APPROVAL", "true")
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def headless(allowed, running) -> None:
    running.context["params"]["approve_headlessly"] = True


def test_a_headless_promotion_says_that_nobody_was_asked(running, headless):
    assert running.asked().decided(FOUND, None) == {
        "by": "ada (approve_headlessly)",
        "why": "better",
        "decision": "r1",
        "run": "model_selection/manual__1",
    }


def test_an_installation_that_allows_headless_runs_asks_all_the_same_where_the_run_does_not_want_one(running, allowed):
    assert not running.asked().promotes_headlessly()
    with pytest.raises(SettingsError, match="nobody answered"):
        running.asked().decided(FOUND, None)


def test_a_headless_run_that_the_installation_does_not_allow_says_what_to_do(running):
    running.context["params"]["approve_headlessly"] = True
    asked = running.asked()
    for refused in (lambda: asked.decided(FOUND, None), asked.promotes_headlessly, asked.check_promotable):
        with pytest.raises(SettingsError, match="ADS_HEADLESS_APPROVAL=true"):
            refused()


def test_a_lake_takes_no_model_from_a_source_it_does_not_belong_to(running):
    running.asked().check_promotable()
    running.context["params"]["source"] = "trial"
    with pytest.raises(SettingsError, match="from its own source only"):
        running.asked().check_promotable()
    running.context["params"]["lake"] = "trial"
    running.asked().check_promotable()


def test_an_event_names_places_too(running):
    for asset in (SELECTION_WANTED, PUBLISHED_NIGHT):
        running.context["triggering_asset_events"] = {
            asset: [_event(1, settlement_date="1994-01-03", source="mysql://u:hunter2@me/x", lake="file:/tmp")]
        }
        asked = each_published_night if asset is PUBLISHED_NIGHT else run_for_models
        with pytest.raises(AirflowFailException, match="takes a name of this installation's list") as failed:
            asked(lambda wanted: {"lake": wanted.lake_uri})
        assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize("extra", [{}, {"settlement_date": ["1994"]}, {"settlement_date": "1994-01-03", "lake": 7}])
def test_an_event_that_anybody_wrote_ends_the_task_with_a_sentence(running, extra):
    running.context["triggering_asset_events"] = {PUBLISHED_NIGHT: [_event(1, **extra)]}
    with pytest.raises(AirflowFailException):
        each_published_night(lambda published: {})
    assert running.left[FAILURE].startswith("SettingsError: ")


@pytest.mark.parametrize(("base_url", "below"), [("http://host:8080", ""), ("https://host/airflow/", "/airflow")])
def test_the_evidence_is_linked_below_the_path_that_airflow_is_served_under(monkeypatch, base_url, below):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    body = evidence_body({"markdown": "as {found}", "selection": "first"})
    assert body.startswith("as {found}\n")
    assert f"]({below}/plugin/settlement-models{below}/settlement/models/first)" in body
    assert f"]({below}/settlement/packs/first/" in body


def test_nights_of_several_events_are_taken_in_order_and_each_once(running):
    running.context["triggering_asset_events"] = {
        PUBLISHED_NIGHT: [
            _event(1, settlement_date="1994-01-03", source=None, lake="trial"),
            _event(3, settlement_date="1994-01-02", source=None, lake="trial"),
            _event(2, settlement_date="1994-01-03", source=None, lake="trial"),
        ]
    }
    found = each_published_night(lambda published: {"night": published.night, "lake": published.lake_uri})
    assert [night["night"].day for night in found["nights"]] == [2, 3]
    assert {night["lake"] for night in found["nights"]} == {"file:/trial/lake"}


@pytest.mark.parametrize(
    "forged",
    [
        {"settlement_date": "x"},
        {},
        {"settlement_date": "1994-01-02", "lake": "file:/tmp"},
        {"settlement_date": "1994-01-02", "lake": "nowhere"},
        {"settlement_date": "1994-01-09"},
    ],
)
def test_an_event_that_anybody_wrote_costs_the_genuine_ones_nothing(running, forged, caplog):
    genuine = {"settlement_date": "1994-01-03", "source": None, "lake": "trial"}
    running.context["triggering_asset_events"] = {PUBLISHED_NIGHT: [_event(1, **genuine), _event(2, **forged)]}

    def teach(published):
        if published.night == date(1994, 1, 9):
            raise MissingStateError("the night 1994-01-09 is not published")
        return published.lake_uri

    assert each_published_night(teach) == {"nights": ["file:/trial/lake"]}
    assert "passed over: " in caplog.text
    assert running.left == {}


def test_a_night_that_cannot_be_trusted_is_not_passed_over(running):
    nights = [_event(at, settlement_date=f"1994-01-0{at}") for at in (1, 2)]
    running.context["triggering_asset_events"] = {PUBLISHED_NIGHT: nights}

    def teach(published):
        if published.night.day == 2:
            raise IntegrityError("the log does not verify")
        return {}

    with pytest.raises(AirflowFailException, match="does not verify"):
        each_published_night(teach)


def test_the_newest_wish_that_can_be_read_counts(running):
    wishes = [_event(1, source="trial", lake="trial"), _event(2, lake="file:/tmp")]
    running.context["triggering_asset_events"] = {SELECTION_WANTED: wishes}
    assert running.asked().lake == "trial"


def test_a_date_by_hand_is_the_only_night(running):
    running.context["params"]["date"] = "1994-01-05"
    assert each_published_night(lambda published: published.night) == {"nights": [date(1994, 1, 5)]}


def test_a_run_about_no_night_says_what_to_do(running):
    with pytest.raises(AirflowFailException, match="give the date"):
        each_published_night(lambda published: {})


def test_a_night_that_fails_ends_the_task_with_its_sentence(running):
    def fail(published):
        raise SettingsError("not this one")

    running.context["params"]["date"] = "1994-01-05"
    with pytest.raises(AirflowFailException):
        each_published_night(fail)
    assert running.left == {FAILURE: "SettingsError: not this one"}


def test_a_skip_is_no_failure(running):
    def skip(published):
        raise AirflowSkipException("no champion")

    running.context["params"]["date"] = "1994-01-05"
    with pytest.raises(AirflowSkipException):
        each_published_night(skip)
    assert running.left == {}


def test_the_publication_carries_names_and_never_addresses(running):
    running.context["params"]["lake"] = "sandbox"
    announce_publication({"settlement_date": "1994-01-05"})
    extra = running.outlets[PUBLISHED_NIGHT].extra
    assert extra == {"settlement_date": "1994-01-05", "source": "default", "lake": "sandbox"}


def _watched(*nights: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {"nights": [{"night": n, "notices": told, "source": "default", "lake": "sandbox"} for n, told in nights]}


def _notice(feature: str, *, asks: bool) -> dict[str, Any]:
    return {"code": "feature_drift", "feature": feature, "text": "It moved.", "asks_for_selection": asks}


def test_a_notice_that_asks_is_announced_with_its_feature_and_where(running):
    told = [_notice("amount", asks=True), _notice("hour", asks=False), _notice("", asks=True)]
    wish = announce_wish(_watched(("1994-01-05", told), ("1994-01-06", [])))
    assert wish == {"night": "1994-01-05", "features": ["amount", "feature_drift"]}
    assert running.outlets[SELECTION_WANTED].extra == {**wish, "source": "default", "lake": "sandbox"}


def test_a_night_without_such_a_notice_announces_nothing(running):
    with pytest.raises(AirflowSkipException):
        announce_wish(_watched(("1994-01-05", [_notice("hour", asks=False)])))
    assert running.outlets[SELECTION_WANTED].extra == {}
