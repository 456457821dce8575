"""Each plot says what it shows on which data, and holds the figures it was given."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO

import numpy as np
import pytest
from matplotlib.colors import to_hex

from include.evaluation import plots

DATA = "planted anomalies in 500 postings"
NIGHTS = [date(1998, 1, 25) + timedelta(days=n) for n in range(10)]


@pytest.fixture
def curves():
    random = np.random.default_rng(3)
    labels = random.random(500) < 0.1
    return {name: (labels, random.normal(size=500) + shift * labels) for name, shift in (("weak", 0.5), ("good", 3))}


def texts(figure) -> list[str]:
    (axes, *_) = figure.axes
    legends = [*figure.legends, *filter(None, [axes.get_legend()])]
    return [text.get_text() for text in [*axes.texts, *(text for legend in legends for text in legend.get_texts())]]


def png(figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer)
    return buffer.getvalue()


def every_plot(curves):
    return [
        plots.precision_recall(curves, data=DATA, champion="good"),
        plots.recall_by_kind({"drain": {"weak": 0.25}, "wrong_hour": {"strong": 1.0}}, data=DATA),
        plots.alerts_a_night(NIGHTS, [2] * 10, [100] * 10, 0.02, data=DATA),
        plots.detectors_beside({"forest": {"average_precision": 0.5, "recall": 0.6}}, data=DATA),
        plots.drift_over_nights({"gap": dict.fromkeys(NIGHTS, 0.5), "early": {NIGHTS[3]: 1.5}}, data=DATA),
    ]


def test_every_plot_names_its_data_and_its_axes_and_can_be_drawn(curves):
    for figure in every_plot(curves):
        (axes, *_) = figure.axes
        assert axes.get_title(loc="left").startswith(DATA)
        assert figure.get_suptitle() and axes.get_xlabel() and axes.get_ylabel()
        assert png(figure).startswith(b"\x89PNG")


def test_the_best_detector_comes_first_and_the_champion_is_thickest(curves):
    figure = plots.precision_recall(curves, data=DATA, champion="weak")
    assert [text.split(":")[0] for text in texts(figure)] == ["good", "weak, champion", "by chance"]
    widths = {line.get_label().split(":")[0]: line.get_linewidth() for line in figure.axes[0].lines}
    assert widths["weak, champion"] > widths["good"]


def test_a_perfect_detector_has_average_precision_one():
    labels = np.array([True, False, True, False])
    assert "sure: 1.000" in texts(plots.precision_recall({"sure": (labels, labels.astype(float))}, data=DATA))


def test_cells_show_what_was_measured_and_a_dash_where_nothing_was():
    figure = plots.recall_by_kind({"drain": {"weak": 0.25}, "wrong_hour": {"weak": 0.5, "strong": 1.0}}, data=DATA)
    assert texts(figure) == ["0.25", "–", "0.50", "1.00"]


def test_month_ends_are_marked_and_the_budget_follows_the_postings():
    figure = plots.alerts_a_night(NIGHTS, [2] * 10, [100] * 6 + [1000] + [100] * 3, 0.02, data=DATA)
    (axes,) = figure.axes
    marked = [to_hex(bar.get_facecolor()).upper() == plots.ORANGE for bar in axes.patches]
    assert [night for night, is_marked in zip(NIGHTS, marked, strict=True) if is_marked] == [date(1998, 1, 31)]
    assert list(axes.lines[0].get_ydata()) == [2.0] * 6 + [20.0] + [2.0] * 3
    assert "20 of 1,900 postings flagged (1.05%, budget 2.00%)" in axes.get_title(loc="left")


def test_detectors_stand_in_order_with_their_spread():
    figure = plots.detectors_beside(
        {
            "forest": {"average_precision": 0.4, "recall": 0.6},
            "lstm": {"average_precision": 0.5, "recall": 0.7, "average_precision_sd": 0.1, "recall_sd": 0.05},
        },
        data=DATA,
        champion="lstm",
    )
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["lstm", "forest"]
    assert axes.get_xticklabels()[0].get_fontweight() == "bold"
    assert "deviation over seeds" in figure.get_suptitle()
