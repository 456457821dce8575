"""What the project says of itself holds: its one version, its direct dependencies, the links between its pages."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from include.settings import PROJECT_ROOT, Settings

PRODUCT = ("include", "dags", "plugins", "expectations", "demo", "local")
OWN = frozenset({*PRODUCT, "tests"})
TOOLS = frozenset({"bandit", "import-linter", "mypy", "ruff", "sqlfluff"})
PAGES = sorted(page.relative_to(PROJECT_ROOT).as_posix() for page in PROJECT_ROOT.glob("docs/**/*.md"))
PAGES += sorted(page.name for page in PROJECT_ROOT.glob("*.md"))
SETTINGS_ENTRIES = frozenset(
    {
        "include/__main__.py",
        "include/orchestration.py",
        "local/headless.py",
        "local/models_page.py",
        "local/run.py",
        "plugins/settlement_console/notes.py",
        "plugins/settlement_console/plugin.py",
    }
)
"""Where a process begins: settings are read there, once, and handed on as arguments."""
SETTINGS_BORDERS = frozenset(
    {
        "include/lake/lake.py",  # for callers that name no settings
        *(f"include/learning/{name}.py" for name in ("learn", "save_model")),
        *(f"include/night/{name}.py" for name in ("modelling", "request", "verify")),
        *(f"include/selection/{name}.py" for name in ("compare_task", "decisions", "preparing", "promotion")),
    }
)
"""Doors of rooms that read them for what lies below; the list only becomes shorter."""
_PROVIDERS = "airflow.providers."
_LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]+)?\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def test_the_changelogs_newest_version_is_the_projects() -> None:
    version = tomllib.loads(_text("pyproject.toml"))["project"]["version"]
    newest = re.search(r"^## (\S+) - \d{4}-\d{2}-\d{2}$", _text("CHANGELOG.md"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version


def test_every_version_of_the_changelog_is_dated() -> None:
    headings = re.findall(r"^## (.+)$", _text("CHANGELOG.md"), re.MULTILINE)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d{2}-\d{2}", heading) for heading in headings)


@pytest.mark.parametrize("folder", [folder for folder in PRODUCT if (PROJECT_ROOT / folder).is_dir()])
def test_what_the_product_imports_is_required_for_the_product(folder: str) -> None:
    required = _required()["The product"]
    missing = {module for module in _imported(folder) if not _providers_of(module) & required.keys()}
    assert missing == set()


def test_what_tests_import_is_required() -> None:
    required = {name for section in _required().values() for name in section}
    missing = {module for module in _imported("tests") if not _providers_of(module) & required}
    assert missing == set()


def test_tools_stand_apart_from_what_the_product_needs() -> None:
    _, _, tools = _required().values()
    assert tools.keys() == TOOLS


def test_every_requirement_says_what_it_is_for_and_is_pinned() -> None:
    pinned = {_normal(line.split("==")[0]) for line in _text("requirements.txt").splitlines() if "==" in line}
    sections = _required()
    for section in sections.values():
        assert all(purpose for purpose in section.values()), section
    assert {name for section in sections.values() for name in section} <= pinned


def test_the_lock_names_no_machine_and_no_host() -> None:
    assert not re.search(r"https?:|file:|--(?:extra-)?index-url|--find-links|(?<!\w)/\w", _text("requirements.txt"))


def test_the_lock_of_what_draws_charts_names_hashes_and_no_host() -> None:
    lock = json.loads(_text("package-lock.json"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert "://" not in _text("package-lock.json")
    asked = json.loads(_text("package.json"))["dependencies"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in asked} == asked


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    path = PROJECT_ROOT / page
    for target, anchor in _LINK.findall(path.read_text(encoding="utf-8")):
        found = path.parent / target if target else path
        assert ":" in target or found.exists(), f"{page} links to {target}"
        assert not anchor or ":" in target or anchor[1:] in _anchors(found), f"{page} links to {target}{anchor}"


def test_the_front_door_is_short() -> None:
    assert (PROJECT_ROOT / "README.md").stat().st_size <= 8_000


def test_every_setting_is_in_the_operations_page() -> None:
    page = _text("docs/operations.md")
    missing = [name for name in Settings.model_fields if f"`ADS_{name.upper()}`" not in page]
    assert missing == []


def test_settings_are_read_at_the_entries_alone_and_handed_down() -> None:
    asking = {
        path.relative_to(PROJECT_ROOT).as_posix()
        for folder in PRODUCT
        for path in (PROJECT_ROOT / folder).rglob("*.py")
        if "get_settings()" in path.read_text(encoding="utf-8")
    }
    assert asking <= SETTINGS_ENTRIES | SETTINGS_BORDERS | {"include/settings.py"}


def test_every_target_of_the_makefile_is_in_a_page() -> None:
    pages = "".join(map(_text, PAGES))
    targets = re.findall(r"^([a-z-]+):.*##", _text("Makefile"), re.MULTILINE)
    assert [target for target in targets if f"make {target}" not in pages] == []


def test_every_decision_is_in_the_index() -> None:
    index = _text("docs/adr/README.md")
    pages = sorted(path.name for path in (PROJECT_ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
    assert all(f"]({name})" in index for name in pages)


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as Markdown renderers make them."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def _required() -> dict[str, dict[str, str]]:
    """By section of requirements.in: each requirement with what it is for."""
    sections: dict[str, dict[str, str]] = {}
    comments: list[str] = []
    for line in _text("requirements.in").splitlines():
        if not line and comments:
            sections[comments[-1]] = {}
            comments = []
        elif line.startswith("#"):
            comments.append(line.removeprefix("#").strip())
        elif line:
            *_, section = sections.values()
            section[_normal(re.split(r"[\[<>=!~; ]", line)[0])] = " ".join(comments)
            comments = []
    sections.pop(next(iter(sections)))  # what the file says of itself
    return sections


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported(folder: str) -> set[str]:
    """What the files of a folder import, but for the standard library and the project itself."""
    modules = {module for path in (PROJECT_ROOT / folder).rglob("*.py") for module in _modules(path)}
    return {module for module in modules if module.split(".")[0] not in sys.stdlib_module_names | OWN}


def _modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _providers_of(module: str) -> set[str]:
    """The distributions that a module may come from; of Airflow's providers the one that bears its name."""
    if module.startswith(_PROVIDERS):
        return {f"apache-airflow-providers-{module.removeprefix(_PROVIDERS).split('.')[0]}"}
    return {_normal(name) for name in _distributions().get(module.split(".")[0], ())}


@cache
def _distributions() -> Mapping[str, list[str]]:
    """By module, the installed distributions that have it; asked once, since every installed file is looked through."""
    return packages_distributions()


def _text(name: str) -> str:
    return (PROJECT_ROOT / name).read_text(encoding="utf-8")
