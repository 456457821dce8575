"""Who may ask for which route, and what a request that changes something must bring."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from include.settings import PROJECT_ROOT, get_settings
from plugins.settlement_console import app as console
from plugins.settlement_console import tally
from plugins.settlement_console.rights import RESOURCES, SIMPLE_ROLES, Right, rights_of
from plugins.settlement_console.routes import Page
from plugins.settlement_console.statics import static_path
from tests.plugins.clients import ADDRESS, as_browser, client_of, send_from_a_page, session_token

VIEWER, INVESTIGATOR, APPROVER, ENGINEER = Right

_ROW = re.compile(r"^\| (GET|POST) \| `(/[^`]*)` \| ([a-z, ]+) \| [^|]+ \|$", re.MULTILINE)


def _documented() -> dict[tuple[str, str], tuple[str, ...]]:
    """Every route as the docs list it, with the rights of which one opens it."""
    text = (PROJECT_ROOT / "docs" / "console.md").read_text()
    return {(method, path): tuple(rights.split(", ")) for method, path, rights in _ROW.findall(text)}


PAGES = console.pages()


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADS_LAKE_URI", f"file:{tmp_path}")
    monkeypatch.setattr(tally, "AIRFLOW_HOME", str(tmp_path))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_every_route_stands_in_the_docs_with_its_rights() -> None:
    assert {(page.method, page.path): page.rights for page in PAGES} == _documented()
    served = {(method, route.path) for route in console.create_app().routes for method in route.methods}
    assert served == set(_documented()), "a route was added past the declaration"


@pytest.mark.parametrize("right", [*Right, None])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.method} {page.path}")
def test_a_route_opens_for_its_rights_alone(page: Page, right: Right | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADS_SIMPLE_RIGHTS", f'{{"ida": ["{right}"]}}' if right else '{"ida": []}')
    get_settings.cache_clear()
    status = client_of("ADMIN", monkeypatch).request(page.method, _address(page)).status_code
    assert (status == 403) == (right not in page.rights)


def _address(page: Page) -> str:
    address = page.path.replace("{path:path}", "x").replace("{run_id:path}", "x").replace("{night}", "1994-01-31")
    return address.replace("{", "").replace("}", "")


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        ("VIEWER", {VIEWER}),
        ("USER", {VIEWER, INVESTIGATOR}),
        ("OP", {VIEWER, ENGINEER}),
        ("ADMIN", {VIEWER, INVESTIGATOR, APPROVER, ENGINEER}),
        (None, set()),
        ("GUEST", set()),
    ],
)
def test_roles_of_the_simple_manager_give_rights(role, rights, monkeypatch) -> None:
    user = _user(role, monkeypatch)
    assert rights_of(user, get_settings()) == rights
    assert set(SIMPLE_ROLES) == {"VIEWER", "USER", "OP", "ADMIN"}


def _user(role: str | None, monkeypatch: pytest.MonkeyPatch) -> Any:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    client_of("USER", monkeypatch)
    return SimpleAuthManagerUser(username="ida", role=role)


def test_other_managers_are_asked_for_the_resource_of_each_right(monkeypatch) -> None:
    class Asked:
        def is_authorized_custom_view(self, *, method: str, resource_name: str, user: Any) -> bool:
            return method == "GET" and resource_name in (RESOURCES[VIEWER], RESOURCES[APPROVER])

    user = _user("ADMIN", monkeypatch)
    monkeypatch.setattr("airflow.api_fastapi.app.get_auth_manager", Asked)
    assert rights_of(user, get_settings()) == {VIEWER, APPROVER}


def test_a_refusal_says_which_right_is_missing(monkeypatch) -> None:
    client = client_of("VIEWER", monkeypatch)
    answer = client.post("/reviews", json={"reviews": []})
    assert answer.status_code == 403
    assert "this needs the right of investigator" in answer.json()["detail"]
    page = as_browser(client).post("/reviews", json={"reviews": []})
    assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")


ONE = {"reviews": [{"trans_id": 7, "decision": "confirmed"}]}


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "names its Origin"),
        ({"sec-fetch-site": "same-origin"}, "names its Origin"),
        ({"authorization": "Basic eDp5"}, "names its Origin"),
        ({"origin": ADDRESS}, "made for an earlier login"),
        ({"origin": ADDRESS, "x-csrf-token": "0" * 64}, "made for an earlier login"),
        ({"origin": "https://elsewhere.example"}, "those of another site"),
        ({"origin": ADDRESS, "sec-fetch-site": "cross-site"}, "those of another site"),
    ],
)
def test_a_cookie_alone_changes_nothing(headers, said, monkeypatch, tmp_path) -> None:
    client = as_browser(client_of("USER", monkeypatch))
    answer = client.post("/reviews", json=ONE, headers=headers)
    assert (answer.status_code, said in answer.text) == (403, True)
    assert not (tmp_path / "reviews").exists()


def test_the_pages_token_lets_a_request_through_in_its_own_session_alone(monkeypatch) -> None:
    client = client_of("USER", monkeypatch)
    assert send_from_a_page(client, "/reviews", json=ONE).status_code == 201
    client.cookies.set("_token", "a later login")
    headers = {"origin": ADDRESS, "x-csrf-token": session_token()}
    assert client.post("/reviews", json=ONE, headers=headers).status_code == 403


def test_a_request_that_is_too_long_is_not_read(monkeypatch) -> None:
    client = client_of("USER", monkeypatch)
    answer = client.post("/reviews", content=b"x" * (10 << 20), headers={"content-type": "application/json"})
    assert (answer.status_code, "at most" in answer.text) == (413, True)


def test_a_file_is_kept_by_browsers_under_the_address_of_its_content_alone(monkeypatch) -> None:
    client = client_of("VIEWER", monkeypatch)
    named, plain = client.get(static_path("console.css")), client.get("/static/console.css?v=0")
    assert named.content == plain.content
    assert "immutable" in named.headers["cache-control"]
    assert plain.headers["cache-control"] == "private, no-cache"
    assert client.get("/static/app.py").status_code == 404
