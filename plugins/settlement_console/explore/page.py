"""The page to look around in: what was chosen, what was read of it, and the plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.settings import Settings
from plugins.settlement_console.charts import Chart
from plugins.settlement_console.explore.cells import ShapesError, shapes_of
from plugins.settlement_console.explore.choice import AXES, Axis, Choice
from plugins.settlement_console.explore.districts import DistrictRow, districts_of, towns_of
from plugins.settlement_console.explore.findings import MOST_FINDINGS, Findings, findings_of, narrowed
from plugins.settlement_console.explore.plots import map_plots, scatter_of, series_plots
from plugins.settlement_console.explore.postings import MOST_POSTINGS, Postings, postings_of
from plugins.settlement_console.explore.reading import Reader
from plugins.settlement_console.explore.series import MOST_NIGHTS, series_of
from plugins.settlement_console.lake_reader import opened_lake
from plugins.settlement_console.nights.figures import NightBook, NightFigures


@dataclass(frozen=True)
class ExplorePage:
    """What the page shows.

    Attributes
    ----------
    choice
        What was chosen.
    axes
        Axes that the visitor may choose.
    codes, districts
        Codes and districts that there are in the chosen nights.
    count, money
        Number of the chosen findings, and what they are about.
    nights
        Number of published nights of the choice.
    scatter, series, maps
        The plots; no scatter where there is no posting, no map where no district can be drawn.
    notes
        Sentences on what was left out.
    """

    choice: Choice
    axes: Sequence[Axis]
    codes: Sequence[str]
    districts: Sequence[str]
    count: int
    money: float
    nights: int
    scatter: Chart
    series: Sequence[Chart]
    maps: Sequence[Chart]
    notes: Sequence[str]


def explore_page(
    settings: Settings, given: Mapping[str, str], book: NightBook, *, sees_accounts: bool
) -> ExplorePage | None:
    """The page of a choice; None before the first night.

    Parameters
    ----------
    given
        Parameters of the address.
    book
        Figures of nights that are known from earlier looks.
    sees_accounts
        Whether the visitor may see whom a finding is about; the masked tables are read for others.

    Raises
    ------
    ChoiceError
        When a parameter is not allowed.
    """
    lake = opened_lake(settings)
    newest = book.until(lake, None, 1) if lake else []
    if lake is None or not newest:
        return None
    choice = Choice.of(given, newest[0].night, sees_accounts=sees_accounts)
    reader = Reader(lake, sees_accounts)
    nights = [each for each in book.until(lake, choice.last, MOST_NIGHTS) if each.night >= choice.first]
    found, postings = findings_of(reader, choice), postings_of(reader, choice)
    if any(name not in ("amount", "score") for name in choice.ranges):
        found = narrowed(found, postings.chosen["trans_id"].to_pylist())
    rows = districts_of(reader, choice.first, choice.last, found.by("district"))
    maps, trouble = _maps(reader, choice, rows, settings)
    return ExplorePage(
        choice=choice,
        axes=[axis for axis in AXES.values() if axis.is_masked or sees_accounts],
        codes=found.codes,
        districts=[row.name for row in sorted(rows, key=lambda row: row.name) if row.name],
        count=found.count,
        money=found.money,
        nights=len(nights),
        scatter=_scatter(choice, postings, found),
        series=series_plots(choice, series_of(reader, choice, nights, found)),
        maps=maps,
        notes=[*_notes(choice, nights, found, postings, rows), *trouble],
    )


def _maps(
    reader: Reader, choice: Choice, rows: Sequence[DistrictRow], settings: Settings
) -> tuple[list[Chart], list[str]]:
    """The maps, and what is wrong with the bank's own shapes: the other plots do not need them."""
    try:
        shapes = shapes_of(towns_of(reader, (row.name for row in rows)), settings.district_shapes)
    except ShapesError as error:
        return [], [str(error)]
    return map_plots(choice, rows, shapes), []


def _scatter(choice: Choice, postings: Postings, found: Findings) -> Chart:
    columns = (found.chosen[name].to_pylist() for name in ("trans_id", "finding_id", "code"))
    by_posting = {
        posting: (finding_id or "", code) for posting, finding_id, code in zip(*columns, strict=True) if posting
    }
    points, count = postings.sample((choice.x, choice.y), {posting: code for posting, (_, code) in by_posting.items()})
    return scatter_of(choice, points, count, by_posting)


def _notes(
    choice: Choice, nights: Sequence[NightFigures], found: Findings, postings: Postings, rows: Sequence[DistrictRow]
) -> list[str]:
    """What the page does not show of the choice, in sentences."""
    said: list[tuple[Any, str]] = [
        (
            len(nights) == MOST_NIGHTS and nights[0].night > choice.first,
            f"The time series has the newest {MOST_NIGHTS} nights of the choice.",
        ),
        (
            found.read.left_out or found.read.is_cut,
            f"At most {MOST_FINDINGS:,} findings are read: those of the newest {len(found.read.nights)} nights.",
        ),
        (
            postings.read.left_out or postings.read.is_cut,
            f"The scatter reads at most {MOST_POSTINGS:,} postings: "
            + (
                "the first of one night." if postings.read.is_cut else f"the newest {len(postings.read.nights)} nights."
            ),
        ),
        (
            choice.unknown_to_queue,
            f"The queue cannot choose by {', '.join(choice.unknown_to_queue)}: it shows more findings than this page.",
        ),
        (not any(row.name for row in rows), "No district is known of these findings, so that there is no map."),
    ]
    return [sentence for holds, sentence in said if holds]
