"""The night as a sequence of named steps; DAGs and the command line call these and nothing below them."""

from include.night.extracts import export_extracts, write_extracts_again
from include.night.finish import publish, report
from include.night.modelling import has_model, train_champion
from include.night.play import STEPS, restate_late_nights, run_night
from include.night.request import NightRequest, parse_night
from include.night.rotation import rotate_pseudonyms
from include.night.scoring import score
from include.night.steps import check_settlement, extract, validate
from include.night.verify import verify

__all__ = [
    "STEPS",
    "NightRequest",
    "check_settlement",
    "export_extracts",
    "extract",
    "has_model",
    "parse_night",
    "publish",
    "report",
    "restate_late_nights",
    "rotate_pseudonyms",
    "run_night",
    "score",
    "train_champion",
    "validate",
    "verify",
    "write_extracts_again",
]
