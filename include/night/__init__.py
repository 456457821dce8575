"""The night as a sequence of named steps; DAGs and the command line call these and nothing below them."""

from include.night.finish import publish, report
from include.night.modelling import has_model, train_champion
from include.night.play import STEPS, restate, run_night
from include.night.request import NightRequest, parse_night
from include.night.steps import extract, gate, score, settle
from include.night.verify import verify

__all__ = [
    "STEPS",
    "NightRequest",
    "extract",
    "gate",
    "has_model",
    "parse_night",
    "publish",
    "report",
    "restate",
    "run_night",
    "score",
    "settle",
    "train_champion",
    "verify",
]
