"""The pages of Data Docs: Great Expectations' own sections in a plain frame that needs no network and no scripts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations import ExpectationSuite
from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
    expectationSuiteValidationResultSchema,
)
from great_expectations.render.renderer.page_renderer import ExpectationSuitePageRenderer, ValidationResultsPageRenderer
from great_expectations.render.view.view import DefaultJinjaView

from include.quality.admission import Counts, SuiteResult
from include.quality.validation import Violation, sampled_lines, violation_of
from include.relations import FIN_TRANSACTION

_TEMPLATES = Path(__file__).parent / "templates"


class _View(DefaultJinjaView):
    """A view with Great Expectations' templates inside the sections and this package's templates for the frame."""

    _template = "expectations.html"


@dataclass(frozen=True)
class NightSummary:
    """The line of one night on the front page.

    Attributes
    ----------
    night
        Settlement date of the night.
    status, mark
        Outcome of the night at the gate, and its colour.
    counts
        Numbers of transactions by outcome.
    not_met
        Number of expectations that were not met, over all relations.
    """

    night: str
    status: str
    mark: str
    counts: dict[str, int]
    not_met: int

    def as_dict(self) -> dict[str, Any]:
        """The summary in types that JSON has."""
        return asdict(self)


def stylesheet() -> str:
    """The style sheet of all pages."""
    return (_TEMPLATES / "docs.css").read_text()


def version() -> str:
    """A digest that changes when the pages that all nights share change."""
    from expectations.catalog import SUITES

    digest = hashlib.sha256(gx.__version__.encode())
    for path in sorted(_TEMPLATES.iterdir()):
        digest.update(path.read_bytes())
    for suite in SUITES.values():
        digest.update(json.dumps([each.configuration.to_json_dict() for each in suite.expectations]).encode())
    return digest.hexdigest()


def suite_pages() -> dict[str, str]:
    """The page of each suite, by the suite's name."""
    from expectations.catalog import SUITES

    return {name: _suite_page(suite) for name, suite in SUITES.items()}


def index_page(nights: Sequence[NightSummary], archived: int) -> str:
    """The front page, which lists the nights (the newest first) and the suites."""
    from expectations.catalog import SUITES

    return _rendered("index.html", "Data Docs", root="", nights=nights, suites=list(SUITES), archived=archived)


def summary_of(night: str, results: Sequence[SuiteResult]) -> NightSummary:
    """One night's line on the front page."""
    counts = next((r["counts"] for r in results if r["relation"] == FIN_TRANSACTION.name), Counts().as_dict())
    violations = [violation for result in results for violation in _violations(result)]
    status, mark = _status(violations)
    return NightSummary(night, status, mark, counts, len(violations))


def night_pages(night: str, results: Sequence[SuiteResult]) -> dict[str, str]:
    """Pages by file name: the night's own page and one per suite."""
    results = _in_reading_order(results)
    return {f"{result['suite']}.html": _result_page(night, result) for result in results} | {
        "index.html": _rendered(
            "night.html",
            f"Night {night}",
            root="../../",
            summary=summary_of(night, results),
            suites=[_suite_line(result) for result in results],
            findings=_findings(results),
        )
    }


def _in_reading_order(results: Sequence[SuiteResult]) -> list[SuiteResult]:
    from expectations.catalog import SUITES

    return sorted(results, key=lambda result: list(SUITES).index(result["suite"]))


def _suite_line(result: SuiteResult) -> dict[str, Any]:
    statistics = result["validation"]["statistics"]
    return {
        "name": result["suite"],
        "counts": result.get("counts"),
        "reason_codes": result.get("reason_codes", {}),
        "met": statistics["successful_expectations"],
        "asked": statistics["evaluated_expectations"],
    }


def _loaded(result: SuiteResult) -> ExpectationSuiteValidationResult:
    # Loading by the schema changes its argument, so that it gets a copy.
    loaded = expectationSuiteValidationResultSchema.load(json.loads(json.dumps(result["validation"])))
    return (
        loaded if isinstance(loaded, ExpectationSuiteValidationResult) else ExpectationSuiteValidationResult(**loaded)
    )


def _unmet(result: SuiteResult) -> list[ExpectationValidationResult]:
    return [each for each in _loaded(result).results if not each.success]


def _violations(result: SuiteResult) -> list[Violation]:
    return [violation_of(each) for each in _unmet(result)]


def _findings(results: Sequence[SuiteResult]) -> list[dict[str, Any]]:
    """The expectations that were not met; those that stop a night come first."""
    unmet = [(result["suite"], each) for result in results for each in _unmet(result)]
    unmet.sort(key=lambda found: not violation_of(found[1]).stops_night)
    return [_finding(suite, each) for suite, each in unmet]


def _finding(suite: str, each: ExpectationValidationResult) -> dict[str, Any]:
    violation = violation_of(each)
    return {
        "suite": suite,
        "expectation": violation.expectation,
        "allowed": violation.allowed,
        "found": violation.found,
        "consequence": violation.meta["consequence"],
        "mark": _mark(violation),
        "reason": violation.meta.get("reason_code", ""),
        "lines": sampled_lines(each),
    }


def _mark(violation: Violation) -> str:
    return "bad" if violation.meta["severity"] == "fail" else "warn"


def _status(violations: Sequence[Violation]) -> tuple[str, str]:
    """The outcome at the gate, and its colour."""
    if any(violation.stops_night for violation in violations):
        return "stopped", "bad"
    if any(violation.refuses_rows for violation in violations):
        return "let in, with quarantine", "warn"
    return ("let in, with warnings", "warn") if violations else ("let in", "good")


def _result_page(night: str, result: SuiteResult) -> str:
    document = ValidationResultsPageRenderer().render(_loaded(result))
    status, mark = _status(_violations(result))
    trail = [(night, "index.html"), (result["suite"], f"../../suites/{result['suite']}.html")]
    title = f"{result['suite']}, night {night}"
    # The frame already shows the content of the first section.
    sections = [section.to_json_dict() for section in document.sections[1:]]
    return _rendered("expectations.html", title, "../../", trail, sections=sections, status=status, mark=mark)


def _suite_page(suite: ExpectationSuite) -> str:
    document = ExpectationSuitePageRenderer().render(suite)  # type: ignore[no-untyped-call]
    sections = [section.to_json_dict() for section in document.sections]
    # Header and name of the suite come first; expectations on the whole table follow them.
    sections[0]["content_blocks"] = sections[0]["content_blocks"][2:]
    return _rendered("expectations.html", f"What is expected of {suite.name}", "../", sections=sections)


def _rendered(
    template: str,
    title: str,
    root: str,
    trail: Sequence[tuple[str, str]] = (),
    **content: Any,  # noqa: ANN401 - what the template names
) -> str:
    page = _view().env.get_template(template)
    return str(page.render(title=title, root=root, trail=trail, gx_version=gx.__version__, **content))


@lru_cache(maxsize=1)
def _view() -> _View:
    return _View(custom_views_directory=str(_TEMPLATES))
