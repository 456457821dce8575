"""What a model looks at: the contributions of its reason codes over a sample of postings, and shap's plot of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from include.explaining.reasons import Contributions, contributions
from include.models.base import Matrix
from include.models.model import Model
from include.training import TrainingOutcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = 5_000
"""Postings of the nights held back that the sample is chosen from; scoring them takes a second or two."""
AT_RANDOM, HIGHEST = 150, 50
"""Postings of the sample: some at random, as most postings are ordinary, and those of `DRAWN` with the highest scores,
about as many in a hundred as a month flags, as their contributions are what analysts read. Each costs up to 550 rows to
score."""
PLOT = "what_the_model_looks_at"
"""Name of the plot among a selection's plots."""
FILE = "attributions.json"
"""Name of the file with the figures behind the plot."""


@dataclass(frozen=True)
class Attributions:
    """Contributions of reason codes to the scores of a sample; it holds no identifier, date or amount.

    Attributes
    ----------
    version
        Version of the model.
    postings
        Number of postings that the sample was chosen from.
    codes
        Reason codes, the one with the largest mean absolute contribution first.
    contributions
        Contribution of each code to score - typical_score, by posting; shape (n_postings, n_codes).
    rarities
        Rarity of the code's rarest feature in powers of ten, 0 where none is off its typical value; same shape.
    """

    version: str
    postings: int
    codes: tuple[str, ...]
    contributions: tuple[tuple[float, ...], ...]
    rarities: tuple[tuple[float, ...], ...]

    def as_file(self) -> bytes:
        """The figures as JSON."""
        return (json.dumps(asdict(self)) + "\n").encode()


def attributions_of(outcome: TrainingOutcome, seed: int) -> Attributions | None:
    """The contributions over a sample of the nights that a training held back; None where it gave no model."""
    if outcome.model is None or outcome.held_back is None:
        return None
    features = outcome.held_back.features
    draw = np.random.default_rng(seed)
    drawn = draw.choice(features.num_rows, min(DRAWN, features.num_rows), replace=False)
    values = outcome.model.values(features.take(pa.array(drawn)))
    chosen = values[_chosen(outcome.model, values)]
    return _attributions(outcome.model, contributions(outcome.model, chosen), features.num_rows)


def _chosen(model: Model, values: Matrix) -> list[int]:
    """Places of the sample: the rows are in random order, so that the first ones are a random sample."""
    highest = np.argsort(-model.score(values), kind="stable")[:HIGHEST]
    return sorted({*range(min(AT_RANDOM, len(values))), *highest.tolist()})


def _attributions(model: Model, solved: Sequence[Contributions], postings: int) -> Attributions:
    names = sorted({code for parts in solved for code in parts.codes})
    shares = np.array([[parts.codes.get(code, 0.0) for code in names] for parts in solved]).reshape(-1, len(names))
    rarities = np.array([[_rarity(parts, code) for code in names] for parts in solved]).reshape(-1, len(names))
    order = np.argsort(-np.abs(shares).mean(axis=0), kind="stable") if solved else np.arange(0)
    return Attributions(
        version=model.version,
        postings=postings,
        codes=tuple(names[place] for place in order),
        contributions=_rounded(shares[:, order]),
        rarities=_rounded(rarities[:, order]),
    )


def _rarity(parts: Contributions, code: str) -> float:
    own = (rarity for name, rarity in parts.rarities.items() if parts.weighed.get(name) == code)
    return max(own, default=0.0) if code in parts.codes else 0.0


def _rounded(cells: Matrix) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in np.round(cells, 4).tolist())


def beeswarm(found: Attributions) -> Figure:
    """Shap's beeswarm: a dot for each posting and code, as far right as the code adds to the score."""
    # Imported here alone: it takes some seconds, and no night needs it.
    import shap
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 2.4 + 0.42 * len(found.codes)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shown: Any = shap.Explanation(
        values=np.array(found.contributions),
        data=np.array(found.rarities),
        feature_names=[code.replace("_", " ") for code in found.codes],
    )
    shap.plots.beeswarm(
        shown, max_display=len(found.codes), ax=axes, show=False, plot_size=None, color_bar_label="rarity"
    )
    axes.set_xlabel("adds to the score, beyond the typical posting's")
    figure.suptitle("What the model looks at", x=0.01, ha="left", fontweight="bold")
    axes.set_title(_sample(found), loc="left", fontsize="medium")
    return figure


def _sample(found: Attributions) -> str:
    """The sample in words, for the plot's title."""
    shown = len(found.contributions)
    return f"{found.version}: {shown} of {found.postings:,} postings of its last nights, the rarest among them"
