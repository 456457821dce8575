"""The step that brings Tableau's extracts up to date with a published night; the night does not depend on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import date
from typing import Any

from include.errors import PublishError
from include.lake import Lake
from include.lake.night_lock import one_night_at_a_time
from include.night.request import NightRequest
from include.night.results import ExtractsResult
from include.night.workspace import Workspace
from include.settings import Settings
from include.tableau.contents import nights_with_marts
from include.tableau.extracts import kept_nights, write_extracts
from include.tableau.folder import ROLLING, Entry, ExtractFolder, extract_of

_FAILURE = "extracts.failure"


def export_extracts(request: NightRequest) -> ExtractsResult:
    """Write the extract of the night and the rolling one, and those of earlier nights that are missing or outdated.

    Nothing is written where the setting `extracts` is off.

    Raises
    ------
    ExtractError
        When Hyper is not there, the disk is full, or a file does not hold what the lake holds; extracts that were there
        stay, and the night stays published.
    MissingStateError
        When the night has no marts.
    """
    if not request.settings.extracts:
        return {"extracts": [], "removed": []}
    try:
        done = write_extracts(request.lake_uri, request.settings, night=request.night)
    except Exception as error:
        # For the report, whatever it is; a full disk has no room for it either, and the report then says that the
        # extract is missing.
        with suppress(PublishError):
            Workspace.of(request).note(_FAILURE, str(error))
        raise
    return {"extracts": done.written, "removed": done.removed}


def missing_extracts(request: NightRequest, lake: Lake) -> list[str]:
    """A sentence that names the extracts the published night is not in, and why; none where it is, or they are off."""
    row = lake.published(request.night)
    if not request.settings.extracts or row is None:
        return []
    listed = ExtractFolder.of(request.lake_uri, is_masked=True).entries()
    wanted = (extract_of(request.night), *([ROLLING] if _is_kept(request, lake) else []))
    holds = {name: _runs(listed, name).get(request.night.isoformat()) == row["run_key"] for name in wanted}
    missing, written = ([name for name in holds if holds[name] is held] for held in (False, True))
    if not missing:
        return []
    return [
        f"the night {request.night} is published, but not in Tableau's {' and '.join(missing)}"
        f"{f' ({written[0]} has it)' if written else ''}: {_reason(request)}. The next night tries again; python -m "
        f"include extract --night {request.night} does at once"
    ]


def _is_kept(request: NightRequest, lake: Lake) -> bool:
    """Whether the night is so recent that the rolling extract holds it."""
    return request.night in kept_nights(nights_with_marts(lake, is_masked=True), request.settings.extract_nights)


def _runs(listed: Mapping[str, Entry], name: str) -> Mapping[str, str]:
    """Runs of the nights that an extract holds."""
    runs: Mapping[str, str] = listed[name]["nights"] if name in listed else {}
    return runs


def _reason(request: NightRequest) -> str:
    workspace = Workspace.of(request)
    return str(workspace.read_note(_FAILURE)) if workspace.has_note(_FAILURE) else "see the log of export_extracts"


def write_extracts_again(
    lake_uri: str, settings: Settings, night: date | None, *, is_masked: bool, say: Callable[[str], object]
) -> dict[str, Any]:
    """Write extracts whether or not they are current: a night's and the rolling one, or all that are kept.

    Parameters
    ----------
    lake_uri
        Folder or object prefix of the lake.
    settings
        Settings of the installation.
    night
        A published night; all that are kept when None.
    is_masked
        Whether accounts, clients and postings are hidden.
    say
        Function that is called with a sentence when a night that is played is waited for.

    Raises
    ------
    ExtractError, MissingStateError
        As `export_extracts`.
    """
    with _between_nights(lake_uri, settings, night, say):
        done = write_extracts(lake_uri, settings, night=night, is_masked=is_masked, is_anew=True)
    return asdict(done)


def refresh_extracts(lake_uri: str, settings: Settings, say: Callable[[str], object]) -> ExtractsResult:
    """Write the masked extracts that no longer hold what readers see, after a change that no night made.

    Nothing is written where the setting `extracts` is off.

    Parameters
    ----------
    lake_uri, settings, say
        As for `write_extracts_again`.

    Raises
    ------
    ExtractError, MissingStateError
        As `export_extracts`.
    """
    if not settings.extracts:
        return {"extracts": [], "removed": []}
    with _between_nights(lake_uri, settings, None, say):
        done = write_extracts(lake_uri, settings)
    return {"extracts": done.written, "removed": done.removed}


@contextmanager
def _between_nights(
    lake_uri: str, settings: Settings, night: date | None, say: Callable[[str], object]
) -> Iterator[None]:
    """Hold the lock of nights, as a night that is played writes the same files."""
    newest = max(Lake.open(lake_uri, settings).manifest()["settlement_date"].to_pylist(), default=date.max)
    with one_night_at_a_time(lake_uri, night or newest, say):
        yield
