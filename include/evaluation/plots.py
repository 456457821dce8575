"""Plots of an evaluation, each a matplotlib `Figure` of its own; pyplot shows, saves and keeps nothing.

Colours are Okabe and Ito's, which people with any colour vision can tell apart (jfly.uni-koeln.de/color); detectors
differ in their line as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import cycle
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve

Labels: TypeAlias = NDArray[np.bool_]
Scores: TypeAlias = NDArray[np.float64]

BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW, RED = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442", "#D55E00"),
)
_GREY, _PALE = "#666666", "#DDDDDD"
# The champion's colour is used for nothing else; yellow is left out, as it is too pale for a line on white.
_CHALLENGERS = (ORANGE, GREEN, PURPLE, SKY, "#000000")
_DASHES = ("--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))
_WIDTH_INCHES = 9.0
_HEIGHT_INCHES = 5.0
# From this value on a cell of the heat map is dark enough for white letters.
_DARK_CELL = 0.55
# More lines than this cannot be read on a page.
_MOST_FEATURES = 20
SPREAD = "_sd"
"""Suffix of the name of a figure's standard deviation over seeds."""


def precision_recall(curves: Mapping[str, tuple[Labels, Scores]], *, data: str, champion: str = "") -> Figure:
    """Precision against recall, one line per detector, the best average precision first in the legend.

    Parameters
    ----------
    curves
        Whether each row is an anomaly, and its score (higher is more anomalous), by detector.
    data
        Description of the scored rows, for the title.
    champion
        Name of the detector to emphasise.
    """
    figure, axes = _axes("Precision and recall of each detector", data)
    average = {name: float(average_precision_score(*curve)) for name, curve in curves.items()}
    styles = _styles(sorted(average, key=average.__getitem__, reverse=True), champion)
    for name, style in styles.items():
        precision, recall, _ = precision_recall_curve(*curves[name])
        label = f"{_shown(name)}{', champion' if name == champion else ''}: {average[name]:.3f}"
        axes.plot(recall, precision, drawstyle="steps-post", label=label, **style)
    for share in sorted({float(np.mean(labels)) for labels, _ in curves.values()}):
        axes.axhline(share, color=_GREY, linewidth=1, linestyle=(0, (1, 3)), label=f"by chance: {share:.3f}")
    axes.set(
        xlabel="recall: share of the anomalies found", ylabel="precision: share of anomalies among what is flagged"
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    figure.legend(title="average precision", frameon=False, loc="outside right upper", alignment="left")
    return figure


def recall_by_kind(recall: Mapping[str, Mapping[str, float]], *, data: str) -> Figure:
    """Recall as a heat map of kinds of anomaly by strength, in the order given; cells without a value stay grey.

    Parameters
    ----------
    recall
        Share found, 0 to 1, by kind and strength.
    data
        Description of the scored rows and of the budget, for the title.
    """
    kinds = list(recall)
    strengths = list(dict.fromkeys(strength for found in recall.values() for strength in found))
    cells = np.array([[recall[kind].get(strength, np.nan) for strength in strengths] for kind in kinds])
    figure, axes = _axes("Share found of each kind of anomaly", data, height=1.8 + 0.42 * len(kinds))
    axes.set_facecolor(_PALE)
    image = axes.imshow(cells, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(cells):
        text = "–" if np.isnan(value) else f"{value:.2f}"
        axes.text(column, row, text, ha="center", va="center", color="white" if value > _DARK_CELL else "black")
    axes.set_xticks(range(len(strengths)), strengths)
    axes.set_yticks(range(len(kinds)), [_shown(kind) for kind in kinds])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="strength of the planted anomaly", ylabel="kind of anomaly")
    figure.colorbar(image, ax=axes, label="recall: share found")
    return figure


def alerts_a_night(
    nights: Sequence[date], flagged: Sequence[int], postings: Sequence[int], budget: float, *, data: str
) -> Figure:
    """Flagged postings per night beside the number that the budget allows, with the ends of months marked.

    Parameters
    ----------
    nights
        Settlement dates, in order.
    flagged, postings
        Number of flagged postings and number of all postings, by night.
    budget
        Share of an ordinary month's postings to flag; the line is this share of each night's postings.
    data
        Which bank and model, for the title.
    """
    total, of = sum(flagged), sum(postings)
    share = f"{total:,} of {of:,} postings flagged ({total / max(of, 1):.2%}, budget {budget:.2%})"
    figure, axes = _axes("Alerts a night", f"{data}\n{share}")
    days: Any = list(nights)  # matplotlib's types know dates as numbers only
    ends = [_is_month_end(night) for night in nights]
    colours = [ORANGE if is_end else BLUE for is_end in ends]
    axes.bar(days, list(flagged), width=0.85, color=colours)
    allowed = [budget * count for count in postings]
    label = f"budget: {budget:.1%} of the night's postings"
    lines = axes.step(days, allowed, where="mid", color="black", linewidth=1.2, label=label)
    _name_days(axes)
    axes.set(xlabel="settlement date", ylabel="postings flagged in the night")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    bars = [Patch(color=BLUE, label="flagged"), Patch(color=ORANGE, label="flagged, end of a month")]
    figure.legend(handles=[*lines, *bars], frameon=False, loc="outside lower left", ncols=3)
    return figure


def detectors_beside(figures: Mapping[str, Mapping[str, float]], *, data: str, champion: str = "") -> Figure:
    """Average precision and recall of each detector, the best average precision first.

    Parameters
    ----------
    figures
        Figures by detector: `average_precision` and `recall`, and, for error bars, their standard deviations over
        seeds, `average_precision_sd` and `recall_sd`.
    data
        Description of the scored rows and of the budget, for the title.
    champion
        The detector whose name is printed bold.
    """
    names = sorted(figures, key=lambda name: figures[name]["average_precision"], reverse=True)
    has_spread = any(key.endswith(SPREAD) for found in figures.values() for key in found)
    title = f"Detectors side by side{', mean and standard deviation over seeds' if has_spread else ''}"
    figure, axes = _axes(title, data)
    for shift, key, colour in ((-0.2, "average_precision", BLUE), (0.2, "recall", ORANGE)):
        heights = [figures[name][key] for name in names]
        spread = [figures[name].get(key + SPREAD, 0.0) for name in names]
        places = np.arange(len(names)) + shift
        axes.bar(places, heights, width=0.36, color=colour, label=_shown(key))
        axes.errorbar(places, heights, yerr=spread, fmt="none", ecolor="black", capsize=3 if has_spread else 0)
        for place, height, sd in zip(places, heights, spread, strict=True):
            axes.annotate(f"{height:.2f}", (place, height + sd), (0, 3), textcoords="offset points", ha="center")
    ticks = axes.set_xticks(range(len(names)), [_shown(name).replace(" ", "\n") for name in names])
    for name, tick in zip(names, ticks, strict=True):
        tick.label1.set_fontweight("bold" if name == champion else "normal")
    axes.set(xlabel=f"detector{' (bold: the champion)' if champion in names else ''}", ylabel="share, 0 to 1")
    axes.set(ylim=(0, 1.1), yticks=np.linspace(0, 1, 6))
    axes.legend(frameon=False, loc="upper right", ncols=2)
    return figure


def cost_of_candidates(costs: Mapping[str, tuple[float, float]], *, data: str, champion: str = "") -> Figure:
    """Seconds and memory of each candidate, the dearest last.

    Parameters
    ----------
    costs
        Seconds on one core and peak memory in MiB, by candidate.
    data
        Description of the fitted and scored rows, for the title.
    champion
        The candidate whose name is printed bold.
    """
    names = sorted(costs, key=lambda name: (costs[name][0], name))
    figure, axes = _axes("What each candidate costs", data, height=1.8 + 0.42 * len(names))
    axes.barh(range(len(names)), [costs[name][0] for name in names], height=0.7, color=BLUE)
    for place, name in enumerate(names):
        seconds, mib = costs[name]
        text = f"{seconds:.1f} s, {mib:,.0f} MiB"
        axes.annotate(text, (seconds, place), (4, 0), textcoords="offset points", va="center")
    ticks = axes.set_yticks(range(len(names)), [_shown(name) for name in names])
    for name, tick in zip(names, ticks, strict=True):
        tick.label1.set_fontweight("bold" if name == champion else "normal")
    axes.margins(x=0.2)  # room for the figures beside the bars
    axes.set(xlabel="seconds of fitting and scoring, with the peak memory beside")
    return figure


def drift_over_nights(excess: Mapping[str, Mapping[date, float]], *, data: str) -> Figure:
    """Drift as a heat map of features by nights, in multiples of the alert line; cells without a value stay grey.

    Parameters
    ----------
    excess
        Drift by feature and night, as a multiple of the feature's alert line, which 1 and more exceeds; the features
        that drifted farthest are drawn.
    data
        Bank and months, for the title.
    """
    names = sorted(excess, key=lambda name: max(excess[name].values(), default=0.0), reverse=True)[:_MOST_FEATURES]
    nights = sorted({night for name in names for night in excess[name]})
    cells = np.array([[excess[name].get(night, np.nan) for night in nights] for name in names])
    figure, axes = _axes("Drift of features and of the score", data, height=1.8 + 0.28 * len(names))
    axes.set_facecolor(_PALE)
    days: Any = nights  # matplotlib's types know dates as numbers only
    image = axes.pcolormesh(days, range(len(names)), cells, cmap="RdBu_r", vmin=0, vmax=2, shading="nearest")
    axes.set_yticks(range(len(names)), [_shown(name) for name in names])
    axes.invert_yaxis()
    _name_days(axes)
    axes.set(xlabel="settlement date", ylabel="the farthest first")
    figure.colorbar(image, ax=axes, label="times the line; beyond 1 it is told when it lasts")
    return figure


def _axes(title: str, data: str, height: float = _HEIGHT_INCHES) -> tuple[Figure, Axes]:
    """A figure with one plot; the title above it says what it shows and, below that, on which data."""
    figure = Figure(figsize=(_WIDTH_INCHES, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    axes.set_title(data, loc="left", fontsize="medium", color=_GREY)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _styles(names: Sequence[str], champion: str) -> dict[str, dict[str, Any]]:
    """The line style of each name; the champion's line is thick, blue and on top."""
    others = zip(cycle(_CHALLENGERS), cycle(_DASHES), strict=False)
    styles: dict[str, dict[str, Any]] = {}
    for name in names:
        if name == champion:
            styles[name] = {"color": BLUE, "linewidth": 3.0, "zorder": 3}
            continue
        colour, dash = next(others)
        styles[name] = {"color": colour, "linewidth": 1.6, "linestyle": dash}
    return styles


def _name_days(axes: Axes) -> None:
    locator: Any = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _is_month_end(night: date) -> bool:
    """Whether the next day begins a month.

    >>> _is_month_end(date(1996, 2, 29)), _is_month_end(date(1996, 2, 28))
    (True, False)
    """
    return (night + timedelta(days=1)).day == 1


def _shown(name: str) -> str:
    return name.replace("_", " ")
