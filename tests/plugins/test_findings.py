"""A night's findings and one finding, as the console shows them to whoever may not see whom."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from include.alerting import AlertStore, Message, MessageKind, Severity
from include.lake import Lake, RunStamp
from include.masking.tables import MASKED_TABLES
from include.settings import AlertSink, Settings
from plugins.settlement_console.findings import (
    NightPage,
    NoSuchFindingError,
    contributions_of,
    finding_page,
    night_page,
)
from plugins.settlement_console.templating import render
from tests.tableau.marts import ACCOUNT, publish_marts

EVIL = "<script>alert(1)</script>"
NIGHT = date(1994, 1, 31)
SCORED, BROKEN = f"{NIGHT}-1", f"{NIGHT}-2"


def _reason(code: str, contribution: float) -> dict[str, object]:
    return {"code": code, "feature": code, "text": f"Unusual {code}.", "contribution": contribution}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a lake of one night with a flagged posting, a break, and another flagged posting."""
    folder = tmp_path_factory.mktemp("findings") / "lake"
    lake, stamp = publish_marts(folder, NIGHT), RunStamp("a" * 16, "first", NIGHT)
    score = {"finding_id": SCORED, "score": 1 / 7, "typical_score": 1 / 7 - 0.3}
    score["reasons"] = [_reason("amount", 0.4), _reason("timing", -0.1)]
    broken = {"finding_id": BROKEN, "expected": 100, "actual": Decimal("87.50"), "difference": Decimal("-12.50")}
    for name, row in (("anomaly_scores", score), ("settlement_breaks", broken)):
        table = MASKED_TABLES[name]
        schema = pa.schema([field for field in table.schema if field.name != "run_key"])
        rows = pa.Table.from_pylist([{"settlement_date": NIGHT, "key_version": 1, **row}], schema)
        lake.replace(table, NIGHT, rows, stamp, 1)
    return Settings(lake_uri=str(folder))


def _night(settings: Settings) -> NightPage:
    page = night_page(settings, NIGHT)
    assert page is not None
    return page


def test_a_night_shows_its_queue_in_order_with_a_link_to_each_finding(settings: Settings) -> None:
    night = _night(settings)
    assert [row["rank"] for row in night.findings] == [1, 2, 3]
    assert (night.counts, night.left_out) == ([(("score", "amount"), 2), (("break", "amount"), 1)], 0)
    shown = render("one_night.html", root="/settlement", page=night)
    assert all(f'href="/settlement/findings/{NIGHT}-{rank}"' in shown for rank in (1, 2, 3))


def test_nothing_on_the_pages_names_an_account(settings: Settings) -> None:
    pages = [render("one_night.html", root="", page=_night(settings))]
    pages += [render("finding.html", root="", page=finding_page(settings, found)) for found in (SCORED, BROKEN)]
    numbers = [str(ACCOUNT + rank) for rank in (1, 2, 3)]
    assert [number for number in numbers for page in pages if number in page] == []


def test_a_flagged_posting_shows_the_reasons_that_its_score_is_made_of(settings: Settings) -> None:
    found = finding_page(settings, SCORED)
    assert found.typical_score is not None
    added = sum(reason.contribution for reason in found.contributions)
    assert found.typical_score + added == pytest.approx(found.finding["score"])
    shown = render("finding.html", root="", page=found)
    assert shown.index("Unusual amount.") < shown.index("Unusual timing.")
    assert "+0.400" in shown
    assert "-0.100" in shown
    assert "What must hold" not in shown


def test_a_break_shows_what_was_expected_and_what_is(settings: Settings) -> None:
    shown = render("finding.html", root="", page=finding_page(settings, BROKEN))
    assert all(f"<td>{figure}</td>" in shown for figure in ("100.00", "87.50", "-12.50"))
    assert "Why it was flagged" not in shown


def test_bars_are_as_long_as_reasons_weigh() -> None:
    reasons = [_reason("amount", weight) for weight in (0.4, -0.1, 0.0)]
    assert [bar.width for bar in contributions_of(reasons)] == [160.0, 40.0, 0.0]
    assert contributions_of([_reason("amount", 0.0)])[0].width == 0.0


@pytest.mark.parametrize("finding_id", ["0" * 32, "' or 1=1", ""])
def test_a_finding_that_is_not_there_is_told(settings: Settings, finding_id: str) -> None:
    with pytest.raises(NoSuchFindingError, match="no such finding"):
        finding_page(settings, finding_id)


def test_a_look_makes_no_lake(settings: Settings, tmp_path) -> None:
    assert night_page(settings, NIGHT - timedelta(days=1)) is None
    nowhere = Settings(lake_uri=str(tmp_path / "lake"))
    assert night_page(nowhere, NIGHT) is None
    with pytest.raises(NoSuchFindingError):
        finding_page(nowhere, SCORED)
    assert not (tmp_path / "lake").exists()


def test_what_became_of_the_messages_is_shown(settings: Settings) -> None:
    assert _night(settings).messages == []
    sinks = {"desk": AlertSink(kind="email", connection="mail", to="desk@bank.example")}
    with_sinks = settings.model_copy(update={"alert_sinks": sinks})
    now = datetime(1994, 2, 1, 6, tzinfo=UTC)
    message = Message.of(NIGHT, MessageKind.DRIFT, Severity.WARN, ("amount_drift",), {})
    identity = Lake.open(settings.lake_uri, settings).identity
    AlertStore.open(settings.lake_uri, identity, with_sinks).take([(message, {"desk": now})], now)
    told = _night(with_sinks)
    assert [(row["kind"], row["sink"], row["sent_at"]) for row in told.messages] == [("drift", "desk", None)]
    assert "not yet" in render("one_night.html", root="", page=told)


def test_a_banks_texts_are_text() -> None:
    counted = ("offered_rows", "published_rows", "quarantined_rows", "published_money", "error_breaks", "flagged")
    row = dict.fromkeys(("severity", "text", "code", "review_state"), EVIL)
    message = {**dict.fromkeys(("kind", "severity", "sink", "answer"), EVIL), "sent_at": None, "dropped_at": None}
    page = NightPage(
        night=NIGHT,
        totals=dict.fromkeys(counted, 0),
        findings=[{**row, "rank": 1, "finding_id": None, "amount": None, "score": None}],
        counts=[(("break", EVIL), 501)],
        messages=[{**message, "attempts": 1}],
    )
    shown = render("one_night.html", root="", page=page)
    assert "<script>" not in shown
    assert "500 less urgent ones" in shown
    assert "not yet" in shown
