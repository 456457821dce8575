"""Analysts at a real browser: they log in, find, read, decide and see their decision act."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from html import escape
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from local.airflow_api import Run
from tests.browser.bank import IDENTIFIER, MARKUP
from tests.browser.conftest import Watch
from tests.browser.looks import Look, look_at_all
from tests.browser.pages import BELOW, addresses_of
from tests.browser.visitors import DESK, TELEPHONE, Chromium, Scheme, window

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

FRAME = "iframe[title=Settlement]"
IN_FRAME = f"/plugin/settlement{BELOW}"


@dataclass(frozen=True)
class Decided:
    """A decision that an investigator made by keyboard.

    Attributes
    ----------
    sentence
        What was found, as the queue showed it.
    findings
        Ids of the findings that were decided on.
    notice
        What the page said of the decision.
    night
        The night that it acts from.
    """

    sentence: str
    findings: frozenset[str]
    notice: str
    night: date


@pytest.fixture(scope="module")
def decided(chromium: Chromium, watch: Watch) -> Decided:
    """The first case of the queue, dismissed with a note that is markup, in Airflow's frame and without a mouse."""
    with window(chromium, watch.server, "investigator") as page:
        page.goto(f"{IN_FRAME}/queue?to={watch.nights[0]}")
        frame = page.frame_locator(FRAME)
        # A page that is opened in a frame gets the keys once somebody has gone into it.
        frame.get_by_role("heading", name="Queue").click()
        page.keyboard.press("j")
        row = frame.locator("a[data-open]:focus")
        sentence = row.inner_text()
        page.keyboard.press("Enter")
        frame.get_by_role("heading", name=sentence).wait_for()
        findings = _findings_on(frame)
        page.keyboard.press("d")
        frame.get_by_label("Note").first.fill(MARKUP)
        frame.get_by_role("button", name="Decide and stay").press("Enter")
        notice = frame.locator("p.done[role=status], .done").first.inner_text()
        return Decided(sentence, findings, notice, datetime.now(UTC).date())


def _findings_on(frame: FrameLocator) -> frozenset[str]:
    links = frame.locator("tr[data-row] a[data-open]").evaluate_all("links => links.map(link => link.href)")
    return frozenset(str(link).rsplit("/", 1)[-1] for link in links)


@pytest.fixture(scope="module")
def run(watch: Watch, decided: Decided) -> Run:
    """The night that the decision acts from, played by the scheduler."""
    return watch.server.play_early(decided.night)


@dataclass(frozen=True)
class Looks:
    """Every page in the manners that people see them in, each looked at once."""

    chromium: Chromium
    watch: Watch
    run_id: str

    @cached_property
    def light(self) -> dict[str, Look]:
        """At a desk."""
        return self._at("admin", DESK, "light")

    @cached_property
    def dark(self) -> dict[str, Look]:
        """At a desk, with Airflow's dark theme."""
        return self._at("admin", DESK, "dark")

    @cached_property
    def telephone(self) -> dict[str, Look]:
        """On a telephone."""
        return self._at("admin", TELEPHONE, "light")

    def _at(self, login: str, width: int, scheme: Scheme) -> dict[str, Look]:
        with window(self.chromium, self.watch.server, login, width=width, scheme=scheme) as page:
            return look_at_all(page, addresses_of(self.watch, self.run_id), f"{width}-{scheme}")


@pytest.fixture(scope="module")
def looks(chromium: Chromium, watch: Watch, run: Run) -> Looks:
    return Looks(chromium, watch, run.run_id)


def test_who_logs_in_goes_from_the_sidebar_to_a_finding_in_airflows_frame(chromium: Chromium, watch: Watch) -> None:
    with window(chromium, watch.server) as page:
        page.goto("/")
        page.get_by_label("Username").fill("viewer")
        page.get_by_label("Password").fill(watch.server.airflow.passwords["viewer"])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Settlement").click()
        frame = page.frame_locator(FRAME)
        frame.locator(f"a[href='{BELOW}/nights/{watch.nights[0]}']").first.click()
        frame.locator(f"a[href*='{BELOW}/findings/']").first.click()
        frame.get_by_role("heading", name="What to do next").wait_for()
        # The page around the frame is still Airflow's.
        page.get_by_role("link", name="Dags").wait_for()


def test_a_link_that_is_sent_to_a_colleague_opens_the_finding_in_the_frame(chromium: Chromium, watch: Watch) -> None:
    with window(chromium, watch.server, "viewer") as page:
        page.goto(f"{IN_FRAME}/findings/{watch.finding()}")
        page.frame_locator(FRAME).get_by_role("heading", name="Why it was flagged").wait_for()


def test_a_link_to_airflow_leaves_the_frame(chromium: Chromium, watch: Watch) -> None:
    with window(chromium, watch.server, "admin") as page:
        page.goto(f"/plugin/settlement{BELOW}/models")
        link = page.frame_locator(FRAME).get_by_role("link", name="model_selection").first
        link.wait_for()
        # The script that knows the way out may come after the link.
        page.wait_for_load_state("networkidle")
        link.click()
        page.wait_for_url(lambda address: urlsplit(address).path == "/dags/model_selection")
        page.get_by_role("link", name="Dags").wait_for()
        assert page.locator(FRAME).count() == 0


def test_a_login_that_ran_out_is_told_in_the_frame(chromium: Chromium, watch: Watch) -> None:
    with window(chromium, watch.server, "viewer") as page:
        page.clock.install()
        page.goto(f"{IN_FRAME}/")
        frame = page.frame_locator(FRAME)
        night = frame.locator(f"a[href='{BELOW}/nights/{watch.nights[0]}']").first
        night.wait_for()
        page.context.clear_cookies()
        # An open page notices at the next time it asks whether there is something new.
        page.clock.run_for(20_000)
        frame.get_by_role("status").get_by_text("Your login ran out").wait_for()
        night.click()
        frame.get_by_role("main").get_by_text("your login ran out").wait_for()


def test_who_lacks_a_right_reads_which(chromium: Chromium, watch: Watch, run: Run) -> None:
    record = addresses_of(watch, run.run_id)["/quarantine/{night}/records/{record_id}"]
    with window(chromium, watch.server, "viewer") as page:
        answer = page.goto(record)
        assert answer is not None
        assert answer.status == 403
        expect(page.get_by_role("main")).to_contain_text("needs the right of investigator")
    with window(chromium, watch.server) as page:
        answer = page.goto(record)
        assert answer is not None
        assert answer.status == 401


def test_a_decision_by_keyboard_is_told_with_the_night_that_it_acts_from(decided: Decided) -> None:
    assert decided.findings
    assert str(decided.night.day) in decided.notice


def test_the_queue_shows_the_decision_at_once(chromium: Chromium, watch: Watch, decided: Decided) -> None:
    with window(chromium, watch.server, "approver") as page:
        page.goto(f"{BELOW}/queue?state=closed")
        expect(page.get_by_role("main")).to_contain_text(decided.sentence)
        page.get_by_role("link", name=decided.sentence).click()
        # The note is shown as it was written.
        expect(page.get_by_role("main")).to_contain_text(MARKUP)
        assert "owned" not in page.title()


def test_the_night_that_it_acts_from_takes_the_decision_in(watch: Watch, decided: Decided, run: Run) -> None:
    assert run.state == "success"
    taken = [row for row in watch.read("reviews") if row["settlement_date"] == decided.night]
    assert {(row["decision"], row["who"]) for row in taken} == {("dismissed", "investigator")}
    # Texts that people wrote are inert wherever the lake keeps them.
    assert all(escape(MARKUP, quote=False) in row["reason"] for row in taken)


def test_viewers_read_no_identifier(chromium: Chromium, watch: Watch, decided: Decided) -> None:
    pages = [
        f"/nights/{watch.nights[0]}",
        "/queue",
        f"/findings/{watch.finding()}",
        f"/findings/{watch.finding('break')}",
    ]
    with window(chromium, watch.server, "viewer") as page:
        assert {path: _identifiers(page, path) for path in pages} == {path: [] for path in pages}
    with window(chromium, watch.server, "investigator") as page:
        assert _identifiers(page, pages[-1]), "an investigator sees none either: the test could not fail"


def _identifiers(page: Page, path: str) -> list[str]:
    page.goto(BELOW + path)
    return IDENTIFIER.findall(page.content())


def test_every_page_opens(looks: Looks) -> None:
    assert {name: look.status for name, look in looks.light.items()} == dict.fromkeys(looks.light, 200)


@pytest.mark.parametrize("manner", ["light", "dark", "telephone"])
def test_nothing_stands_in_the_way_of_somebody_with_assistive_technology(looks: Looks, manner: str) -> None:
    seen: dict[str, Look] = getattr(looks, manner)
    assert {name: look.violations for name, look in seen.items() if look.violations} == {}


def test_no_page_is_wider_than_a_telephone(looks: Looks) -> None:
    assert {name: look.too_wide for name, look in looks.telephone.items() if look.too_wide} == {}


def test_no_text_of_the_bank_is_a_script(looks: Looks) -> None:
    titles = [look.title for seen in (looks.light, looks.telephone) for look in seen.values()]
    assert [title for title in titles if "owned" in title] == []


def test_the_browser_has_nothing_to_complain_of(looks: Looks) -> None:
    assert {name: look.complaints for name, look in looks.light.items() if look.complaints} == {}
