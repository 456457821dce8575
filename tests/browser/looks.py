"""What is seen of a page: what axe finds, its width, what the browser complains of, and a screenshot where asked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SCREENSHOTS = os.environ.get("ADS_SCREENSHOTS", "")
"""Folder that a screenshot of every page goes to; none is taken where it is empty."""
SERIOUS = frozenset({"serious", "critical"})
"""Impacts, in axe's words, with which somebody cannot read a page or cannot act on it."""


_BEYOND = """() => {
    const page = document.documentElement;
    if (page.scrollWidth <= window.innerWidth) return [];
    const moves = (each) => getComputedStyle(each).overflowX !== "visible";
    const isWithin = (each) => each && each !== page && (moves(each) || isWithin(each.parentElement));
    const reaches = (each) => each.getBoundingClientRect().right > window.innerWidth + 1;
    const all = [...document.body.querySelectorAll("*")];
    const beyond = all.filter((each) => reaches(each) && !isWithin(each.parentElement));
    return beyond.slice(0, 3).map((each) => each.outerHTML.slice(0, 120));
}"""
"""Elements that reach beyond the window and do not move within one that does not."""


@dataclass(frozen=True)
class Look:
    """One page as one visitor saw it.

    Attributes
    ----------
    status
        Status of the answer.
    title
        Title of the document, once its scripts have run.
    violations
        What axe finds serious, each with the first element that it was found at.
    too_wide
        Where the page is wider than the window: some elements that reach beyond it.
    complaints
        Errors in the browser's console: broken scripts, and whatever the policy refused.
    """

    status: int
    title: str
    violations: tuple[str, ...]
    too_wide: tuple[str, ...]
    complaints: tuple[str, ...]


def look_at(page: Page, address: str, picture: str) -> Look:
    """Open an address and look at it; `picture` names the screenshot, where one is asked for."""
    complaints: list[str] = []

    def note(message) -> None:
        complaints.extend([message.text] if message.type == "error" else [])

    page.on("console", note)
    answer = page.goto(address)
    page.wait_for_load_state("networkidle")
    page.remove_listener("console", note)
    assert answer is not None
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{picture}.png", full_page=True)
    return Look(answer.status, page.title(), _violations(page), tuple(page.evaluate(_BEYOND)), tuple(complaints))


def look_at_all(page: Page, addresses: Mapping[str, str], manner: str) -> dict[str, Look]:
    """Look at every page of a mapping from its name to its address, in one manner (a size and a scheme)."""
    return {name: look_at(page, address, f"{_file_name(name)}-{manner}") for name, address in addresses.items()}


def _violations(page: Page) -> tuple[str, ...]:
    found = Axe().run(page).response["violations"]
    return tuple(
        f"{each['id']}: {each['help']} - {each['nodes'][0]['target']} {each['nodes'][0]['html'][:200]}"
        for each in found
        if each["impact"] in SERIOUS
    )


def _file_name(name: str) -> str:
    """The name of a route as that of a file.

    >>> _file_name("/nights/{night}")
    'nights-night'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "front"
