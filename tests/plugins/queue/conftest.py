"""The console in this process over a lake with made-up findings, as each kind of visitor sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from include.settings import get_settings
from plugins.settlement_console.rights import Right
from plugins.settlement_console.visitors import Visitor, current_visitor
from tests.case_book.nights import ACCOUNT, OTHER, Desk, finding, settings_of
from tests.plugins.clients import ADDRESS, UsersConsole, app_of

A, B = "a" * 32, "b" * 32
"""Findings of two accounts; the second is about more money."""
CROWD = 100
"""Cases that the tests of a module take, each its own."""
EVIL = "<script>alert(1)</script>"
_WHO = "x-test-visitor"


@dataclass
class Office:
    """People at one console.

    Attributes
    ----------
    app
        The console.
    desk
        The lake's cases, past the console.
    """

    app: UsersConsole
    desk: Desk

    def person(self, name: str, *rights: Right) -> TestClient:
        """Somebody with these rights, in whose name a program asks."""
        self.app.dependency_overrides[get_settings] = lambda: self.desk.settings
        headers = {"Authorization": "Bearer x", "accept": "text/html", _WHO: f"{name},{','.join(rights)}"}
        return TestClient(self.app, base_url=ADDRESS, headers=headers, follow_redirects=False)

    @property
    def ann(self) -> TestClient:
        """An investigator."""
        return self.person("ann", Right.VIEWER, Right.INVESTIGATOR)

    @property
    def bob(self) -> TestClient:
        """Another investigator."""
        return self.person("bob", Right.VIEWER, Right.INVESTIGATOR)

    @property
    def viewer(self) -> TestClient:
        """Somebody who may not see whom."""
        return self.person("vic", Right.VIEWER)

    def approver(self, name: str = "kim") -> TestClient:
        """Somebody who approves what others proposed."""
        return self.person(name, Right.VIEWER, Right.INVESTIGATOR, Right.APPROVER)


def _visitor(request: Request) -> Visitor:
    name, *rights = request.headers[_WHO].split(",")
    return Visitor(name, frozenset(map(Right, rights)))


@pytest.fixture(scope="module")
def app() -> Iterator[UsersConsole]:
    with pytest.MonkeyPatch.context() as patched:
        made = app_of("ADMIN", patched)
        made.dependency_overrides[current_visitor] = _visitor
        yield made


@pytest.fixture
def office(app: UsersConsole, tmp_path: Path) -> Office:
    """A console over a lake of its own, in which nothing is published."""
    return Office(app, Desk(settings_of(tmp_path)))


@pytest.fixture(scope="module")
def night(app: UsersConsole, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """A console over a night with two cases, which the tests of a module share; each decides on none of them."""
    shared = Office(app, Desk(settings_of(tmp_path_factory.mktemp("night"))))
    shared.desk.publish([finding(A), finding(B, OTHER, amount=900)])
    return shared


@dataclass(frozen=True)
class OneCase:
    """A case of one finding, which no other test touches.

    Attributes
    ----------
    office
        The console.
    name, account
        The finding, and its account.
    """

    office: Office
    name: str
    account: int

    @property
    def case_id(self) -> str:
        """The case's id."""
        return self.office.desk.book.case_of(self.name)

    @property
    def address(self) -> str:
        """The case's page."""
        return f"/cases/{self.case_id}"

    @property
    def seen(self) -> list[str]:
        """What the form of a decision says of the finding as it is now."""
        found = self.office.desk.case(self.name).findings
        return [f"{each.finding_id}:{each.seen}" for each in found if each.finding_id == self.name]

    @property
    def is_closed(self) -> bool:
        """Whether it is decided."""
        return self.office.desk.case(self.name).row.state == "closed"

    def page(self, person: TestClient | None = None) -> str:
        """The case's page as somebody sees it; as Ann does, unless said otherwise."""
        return (person or self.office.ann).get(self.address).text

    def send(self, act: str, person: TestClient | None = None, **sent: object) -> httpx.Response:
        """Send a form of the page."""
        return (person or self.office.ann).post(f"{self.address}/{act}", data=sent)

    def decide(self, person: TestClient | None = None, **sent: object) -> httpx.Response:
        """Decide on it as fraud, unless said otherwise."""
        form = {"seen": self.seen, "verdict": "fraud:card_misused", "note": "The client called.", **sent}
        return self.send("decide", person, **form)


@pytest.fixture(scope="module")
def crowd(app: UsersConsole, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneCase]:
    """Cases of one night, one after the other."""
    office = Office(app, Desk(settings_of(tmp_path_factory.mktemp("crowd"))))
    found = [finding(f"{n:032x}", ACCOUNT + n, trans_id=n) for n in range(CROWD)]
    office.desk.publish(found)
    return iter([OneCase(office, row["finding_id"], row["account_id"]) for row in found])


@pytest.fixture
def case(crowd: Iterator[OneCase]) -> OneCase:
    """A case of its own for one test; publishing a night for each would take a second."""
    return next(crowd)
