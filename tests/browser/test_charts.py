"""Charts in a real browser: drawn under the pages' own policy, in the light and the dark, and without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page

from plugins.settlement_console.charts import LIBRARY
from tests.browser.visitors import PATIENCE_MS, TELEPHONE, Chromium
from tests.conftest import require
from tests.plugins.behind_a_server import console_for
from tests.plugins.explore.lake import NIGHTS, publish_nights

EXPLORE = "/settlement/explore"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A console over a lake of three nights, whose visitor sees the masked tables."""
    if not LIBRARY.exists():
        require("chromium", "the library of charts is not installed: make setup")
    settings = publish_nights(tmp_path_factory.mktemp("charts") / "lake")
    with console_for("VIEWER", settings) as server:
        yield server


@contextmanager
def _window(chromium: Chromium, **manner: Any) -> Iterator[Page]:
    context = chromium.new_context(**manner)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def _drawn(page: Page) -> list[str | None]:
    page.wait_for_load_state("networkidle")
    return [figure.get_attribute("data-drawn") for figure in page.locator("figure.chart").all()]


@pytest.mark.parametrize("path", ["/settlement/", f"/settlement/nights/{NIGHTS[-1]}", EXPLORE])
def test_every_chart_is_drawn_under_the_policy_and_asks_no_other_site(
    chromium: Chromium, address: str, path: str
) -> None:
    with _window(chromium, viewport={"width": TELEPHONE, "height": 800}) as page:
        complaints, asked = [], []
        page.on("console", lambda message: complaints.append(message.text) if "favicon" not in message.text else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
        page.goto(f"{address}{path}")
        drawn = _drawn(page)
        assert drawn
        assert set(drawn) == {"light"}
        assert [each for each in complaints if "404" not in each] == []
        assert set(asked) == {urlsplit(address).netloc}
        assert page.title() != "owned"


def test_charts_follow_the_theme_at_once_and_are_light_on_paper(chromium: Chromium, address: str) -> None:
    with _window(chromium, color_scheme="dark") as page:
        page.goto(f"{address}{EXPLORE}")
        _wait_for(page, "dark")
        page.emulate_media(color_scheme="light")
        _wait_for(page, "light")
        page.emulate_media(color_scheme="dark")
        _wait_for(page, "dark")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        _wait_for(page, "light")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        _wait_for(page, "dark")


def _wait_for(page: Page, theme: str) -> None:
    """Wait until every chart is drawn in a theme."""
    page.wait_for_function(
        "theme => [...document.querySelectorAll('figure.chart')].every(each => each.dataset.drawn === theme)", arg=theme
    )


def test_without_scripts_the_tables_are_open_and_the_form_chooses(chromium: Chromium, address: str) -> None:
    with _window(chromium, java_script_enabled=False) as page:
        page.goto(f"{address}{EXPLORE}")
        assert page.locator("#chart-volume table").is_visible()
        assert not page.locator("#chart-volume .chart-plot").is_visible()
        page.get_by_label("Kind").select_option("break")
        page.get_by_role("button", name="Look").click()
        assert page.get_by_text("3 findings", exact=True).is_visible()


def test_without_the_library_the_tables_are_open(chromium: Chromium, address: str) -> None:
    with _window(chromium) as page:
        page.route("**/echarts.min.js*", lambda route: route.abort())
        page.goto(f"{address}{EXPLORE}")
        page.locator("#chart-volume table").wait_for(state="visible")
        assert not page.locator("#chart-volume .chart-plot").is_visible()


def test_what_is_drawn_over_becomes_the_choice(chromium: Chromium, address: str) -> None:
    with _window(chromium) as page:
        page.goto(f"{address}{EXPLORE}?from={NIGHTS[0]}&to={NIGHTS[-1]}")
        _drag(page, "volume", (0.75, 0.4), (0.999, 0.5))
        page.wait_for_url("**/explore?*from=1994-01-31*")
        assert _parameters(page) == {"from": "1994-01-31", "to": "1994-02-01"}
        _drag(page, "scatter", (0.2, 0.2), (0.9, 0.5))
        page.wait_for_url("**/explore?*score_from=*")
        chosen = _parameters(page)
        assert float(chosen["score_from"]) > 0.3
        assert float(chosen["amount_to"]) > float(chosen["amount_from"])


def _drag(page: Page, chart: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    plot = page.locator(f"#chart-{chart} .chart-plot")
    plot.scroll_into_view_if_needed()
    _drawn(page)
    box = plot.bounding_box()
    assert box
    for place, act in ((start, page.mouse.down), (end, page.mouse.up)):
        page.mouse.move(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"], steps=4)
        act()


def _parameters(page: Page) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(page.url).query))


def test_a_click_on_a_bar_chooses_its_night_and_one_on_a_point_opens_its_finding(
    chromium: Chromium, address: str
) -> None:
    with _window(chromium) as page:
        page.goto(f"{address}{EXPLORE}")
        _click_item(page, "codes", 0)
        page.wait_for_url(f"**/explore?*from={NIGHTS[0]}*to={NIGHTS[0]}*")
        page.goto(f"{address}{EXPLORE}")
        _click_item(page, "scatter", 1)
        page.wait_for_url("**/settlement/findings/*")


def _click_item(page: Page, chart: str, series: int) -> None:
    """Click the first item of a series, where the chart itself says that it lies."""
    plot = page.locator(f"#chart-{chart} .chart-plot")
    plot.scroll_into_view_if_needed()
    _drawn(page)
    x, y = plot.evaluate(
        """(plot, series) => {
            const chart = echarts.getInstanceByDom(plot);
            const [x, y] = chart.getOption().series[series].data[0].value;
            const [left, top] = chart.convertToPixel({ seriesIndex: series }, [x, y]);
            return [left, top];
        }""",
        series,
    )
    plot.click(position={"x": x, "y": y})


def test_words_of_a_tooltip_are_drawn_and_never_elements(chromium: Chromium, address: str) -> None:
    with _window(chromium) as page:
        page.goto(f"{address}{EXPLORE}?from={NIGHTS[-1]}&to={NIGHTS[-1]}&kind=break")
        plot = page.locator("#chart-codes .chart-plot")
        _drawn(page)
        plot.hover()
        page.wait_for_timeout(300)
        assert plot.evaluate("plot => plot.innerText") == ""
        assert plot.evaluate("plot => [...plot.querySelectorAll('*')].map(each => each.tagName)") == ["DIV", "CANVAS"]
        assert page.title() == "Explore"
