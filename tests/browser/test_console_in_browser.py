"""Analysts at a real browser: they log in, find, read, decide and see their decision act."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

import pytest

from local.airflow_api import Run
from tests.browser.conftest import Watch
from tests.browser.looks import Look, look_at_all
from tests.browser.pages import BELOW, addresses_of
from tests.browser.visitors import DESK, TELEPHONE, Chromium, Scheme, window

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

FRAME = "iframe[title=Settlement]"


@pytest.fixture(scope="module")
def run(watch: Watch) -> Run:
    """The night that decisions of today act from, played by the scheduler."""
    return watch.server.play_early(watch.today)


@dataclass(frozen=True)
class Looks:
    """Every page in the manners that people see them in, each looked at once."""

    chromium: Chromium
    watch: Watch
    run_id: str

    @cached_property
    def light(self) -> dict[str, Look]:
        """At a desk."""
        return self._at(DESK, "light")

    @cached_property
    def dark(self) -> dict[str, Look]:
        """At a desk, with Airflow's dark theme."""
        return self._at(DESK, "dark")

    @cached_property
    def telephone(self) -> dict[str, Look]:
        """On a telephone."""
        return self._at(TELEPHONE, "light")

    def _at(self, width: int, scheme: Scheme) -> dict[str, Look]:
        with window(self.chromium, self.watch.server, "admin", width=width, scheme=scheme) as page:
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
        frame.get_by_role("link", name=str(watch.nights[0]), exact=True).click()
        frame.locator(f"a[href*='{BELOW}/findings/']").first.click()
        frame.get_by_role("heading", name="Why it was flagged").or_(frame.get_by_text("What must hold")).wait_for()
        # The page around the frame is still Airflow's.
        page.get_by_role("link", name="Dags").wait_for()


def test_a_link_that_is_sent_to_a_colleague_opens_the_finding_in_the_frame(chromium: Chromium, watch: Watch) -> None:
    with window(chromium, watch.server, "viewer") as page:
        page.goto(f"/plugin/settlement{BELOW}/findings/{watch.finding()}")
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
        page.goto(f"/plugin/settlement{BELOW}/")
        frame = page.frame_locator(FRAME)
        night = frame.get_by_role("link", name=str(watch.nights[0]), exact=True)
        night.wait_for()
        page.context.clear_cookies()
        # An open page notices at the next time it asks whether there is something new.
        page.clock.run_for(20_000)
        frame.get_by_role("status").get_by_text("Your login ran out").wait_for()
        night.click()
        frame.get_by_role("main").get_by_text("your login ran out").wait_for()


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
