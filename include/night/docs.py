"""Publishes a night's verdicts to the Data Docs site of its lake."""

from __future__ import annotations

from collections.abc import Sequence

from include.night.request import NightRequest
from include.paths import path_of
from include.quality import SuiteResult
from include.quality.data_docs import DataDocs

SITE = "data_docs"
"""Folder of the lake that holds the site."""


def publish_docs(request: NightRequest, results: Sequence[SuiteResult]) -> str:
    """Render the verdicts of a night, whether it passed or was stopped, and return the address of its page."""
    site = DataDocs(_site(request), keep_nights=request.settings.data_docs_nights)
    return str(site.publish(request.night, tuple(results)))


def docs_address(request: NightRequest) -> str:
    """The address of the site's front page, which links to every night that is kept."""
    return f"{_site(request)}/index.html"


def _site(request: NightRequest) -> str:
    return str(path_of(request.lake_uri) / SITE)
