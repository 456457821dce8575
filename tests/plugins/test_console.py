"""The console in a real server: nobody gets in without the UI's login, and nothing gets out but the site's pages."""

from __future__ import annotations

import re
from http.client import HTTPConnection
from urllib.parse import quote, urlsplit

import httpx
import pytest

from plugins.settlement_console.app import pages
from plugins.settlement_console.rights import Right
from tests.plugins.conftest import NIGHT, OUTSIDE, PACK, Console

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

NO_FINDING = "0" * 32
"""In the night that is published nothing was found."""


@pytest.fixture(scope="module")
def analyst(console: Console):
    return console.analyst()


@pytest.fixture(scope="module")
def visitor(console: Console):
    return console.visitor()


def _routes(console: Console) -> dict[tuple[str, str], tuple[Right, ...]]:
    """An address of every route of the console, by its method, with the rights of which one opens it."""
    known = {
        "/runs/{dag_id}/{run_id:path}": f"/runs/nightly_settlement/{quote(console.run.run_id)}",
        "/models/{selection}": f"/models/{PACK}",
        "/packs/{path:path}": f"/packs/{PACK}/plot.png",
        "/docs/{path:path}": "/docs/index.html",
        "/static/{name}": "/static/console.css",
    }
    return {(page.method, "/settlement" + known.get(page.path, _named(page.path))): page.rights for page in pages()}


def _named(path: str) -> str:
    """An address with the night that there is, and ids that nothing has."""
    return re.sub(r"{(\w+)}", NO_FINDING, path.replace("{night}", str(NIGHT)))


def _pages(console: Console) -> list[str]:
    """Addresses of what a viewer may read."""
    return [path for (method, path), rights in _routes(console).items() if method == "GET" and Right.VIEWER in rights]


def test_every_route_wants_the_login(console, visitor):
    routes = _routes(console)
    assert len(routes) == len(pages())
    assert {asked: visitor.request(*asked).status_code for asked in routes} == dict.fromkeys(routes, 401)


def test_every_route_opens_for_its_rights_alone(console, analyst):
    # What changes something asks for the session's token besides.
    refused = {asked for asked, rights in _routes(console).items() if asked[0] == "POST" or Right.VIEWER not in rights}
    answers = {asked: analyst.request(*asked).status_code for asked in _routes(console)}
    assert {asked for asked, status in answers.items() if status == 403} == refused
    opened = {asked: status for asked, status in answers.items() if asked not in refused}
    assert opened == {asked: 404 if NO_FINDING in asked[1] else 200 for asked in opened}


def test_a_forged_cookie_does_not_open_it(console):
    with httpx.Client(base_url=console.address, cookies={"_token": "e30.e30.e30"}, trust_env=False) as forger:
        assert forger.get("/settlement/docs/").status_code in (401, 403)


@pytest.mark.parametrize("path", ["/openapi.json", "/redoc", "/docs/oauth2-redirect", "/nowhere"])
def test_nothing_stands_beside_the_routes(visitor, path):
    assert visitor.get(f"/settlement{path}").status_code in (401, 404)


def test_pages_run_the_consoles_own_scripts_alone_and_are_not_kept(console, analyst):
    for page in _pages(console):
        headers = analyst.get(page).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        # Data Docs, which Great Expectations writes, run no script at all.
        assert policy.get("script-src") == (None if "/docs/" in page else "'self'")
        assert policy["frame-ancestors"] == "'self'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"].startswith("private, no-cache" if "/static/" in page else "private, no-store")


def test_overview_lists_the_night_with_its_figures(analyst):
    page = analyst.get("/settlement/").text
    assert f'<a href="/settlement/nights/{NIGHT}">{NIGHT}</a>' in page
    assert f"/settlement/docs/nights/{NIGHT}/index.html" in page


def test_a_run_shows_what_its_night_came_to(console, analyst):
    page = analyst.get(f"/settlement/runs/nightly_settlement/{quote(console.run.run_id)}").text
    assert f"Night {NIGHT}: published" in page
    assert "<dt>Records in</dt>" in page
    for step in ("extract", "validate", "check_settlement", "score", "publish", "report"):
        assert f'<th scope="row">{step}</th>' in page


def test_nights_and_findings_that_are_not_there_are_told(analyst):
    assert analyst.get("/settlement/nights/1993-01-14").status_code == 404
    assert analyst.get("/settlement/nights/yesterday").status_code == 422
    assert "has this id" in analyst.get(f"/settlement/findings/{NO_FINDING}").json()["detail"]


def test_unknown_runs_and_other_dags_are_told_apart(analyst):
    assert analyst.get("/settlement/runs/nightly_settlement/never").status_code == 404
    assert analyst.get("/settlement/runs/model_selection/never").status_code == 404
    assert "This is a run of another" in analyst.get("/settlement/runs/another/any").text


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("", "text/html"),
        (f"nights/{NIGHT}/index.html", "text/html"),
        (f"nights/{NIGHT}/fin_transaction.html", "text/html"),
        ("static/docs.css", "text/css"),
    ],
)
def test_data_docs_pages_come_as_what_they_are(analyst, path, kind):
    answer = analyst.get(f"/settlement/docs/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "../../secret.html",
        "..%2f..%2fsecret.html",
        "%2e%2e/%2e%2e/secret.html",
        "%252e%252e/%252e%252e/secret.html",
        "nights/..%2f..%2f..%2fsecret.html",
        "..%5c..%5csecret.html",
        "%2fetc%2fpasswd",
        "way_out.html",
        "way_out/secret.html",
        ".lock",
        "static/version.txt",
        f"nights/{NIGHT}/results.json",
        f"nights/{NIGHT}",
        "index.html%00.css",
        "nowhere.html",
    ],
)
def test_nothing_but_the_sites_pages_gets_out(console, analyst, path):
    assert _fetched(console, analyst, f"/settlement/docs/{path}") == (404, False)


@pytest.mark.parametrize(
    "path",
    [
        f"{PACK}/way_out.png",
        f"{PACK}/way_out/outside.html",
        f"{PACK}/..%2f..%2f..%2foutside.html",
        f"%2e%2e/data_docs/nights/{NIGHT}/index.html",
        "..%2f..%2foutside.html",
        f"{PACK}%00.png",
        f"{PACK}/.lock",
        f"{PACK}/outside.html",
        "nowhere/plot.png",
    ],
)
def test_nothing_but_evidence_gets_out_of_the_packs(console, analyst, path):
    assert _fetched(console, analyst, f"/settlement/packs/{path}") == (404, False)


@pytest.mark.parametrize("selection", ["nowhere", "..%2f..", "%2e%2e", f"{PACK}%2f..", "%2e"])
def test_no_evidence_but_a_selections_is_laid_out(console, analyst, selection):
    assert _fetched(console, analyst, f"/settlement/models/{selection}") == (404, False)


def _fetched(console, analyst, path) -> tuple[int, bool]:
    """The status, and whether what lies outside came with it."""
    # A browser's library would tidy the path; a forger's does not.
    connection = HTTPConnection(urlsplit(console.address).netloc, timeout=60)
    connection.request("GET", path, headers={"Cookie": f"_token={analyst.cookies['_token']}"})
    answer = connection.getresponse()
    return answer.status, OUTSIDE in answer.read().decode()


def test_the_scheduler_left_the_summary_on_the_run(console):
    assert console.run.state == "success"
    assert console.run.note.startswith(f"**Night {NIGHT}: published.** Records in ")
    assert console.run.note.endswith(f"/docs/nights/{NIGHT}/index.html)")
    assert console.run.summary.startswith(f"Night {NIGHT}: published. Records in ")


def test_nothing_runs_by_itself_where_the_schedule_is_off(console, analyst):
    assert analyst.get("/api/v2/dags/nightly_settlement/dagRuns").json()["total_entries"] == 1


def test_sidebar_and_run_lead_to_the_console(analyst):
    plugins = analyst.get("/api/v2/plugins").json()["plugins"]
    views = {view["name"]: view for plugin in plugins for view in plugin["external_views"]}
    assert views["Settlement"]["nav_top_level"]
    assert views["Queue"]["nav_top_level"]
    assert views["Data Docs"]["nav_top_level"]
    assert views["Models"]["nav_top_level"]
    assert views["Nights"]["destination"] == "dag"
    assert views["Outcome"]["destination"] == "dag_run"


def test_publication_is_an_event_of_the_asset(analyst):
    (event,) = analyst.get("/api/v2/assets/events").json()["asset_events"]
    assert event["name"] == "settlement/published_night"
    assert event["extra"]["settlement_date"] == NIGHT.isoformat()
    # Addresses may hold a password.
    assert (event["extra"]["source"], event["extra"]["lake"]) == ("default", "default")


@pytest.mark.parametrize("dag_id", ["nightly_settlement", "model_selection", "online_learning", "champion_rollback"])
@pytest.mark.parametrize("address", ["file:/etc", "mysql+pymysql://u@127.0.0.1:3306/x?local_infile=1"])
def test_who_may_trigger_names_a_source_or_a_lake_and_gives_no_address(console, dag_id, address):
    reviewer = console.reviewer()
    for kind in ("source", "lake") if dag_id != "champion_rollback" else ("lake",):
        order = {"logical_date": None, "conf": {kind: address, "why": "to see"}}
        answer = reviewer.post(f"/api/v2/dags/{dag_id}/dagRuns", json=order, headers=_bearer(reviewer))
        assert (answer.status_code, kind in answer.text) == (400, True)


def _bearer(browser) -> dict[str, str]:
    """The UI's cookie as the header that the API asks for."""
    return {"Authorization": f"Bearer {browser.cookies['_token']}"}
