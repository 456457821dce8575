"""The real bank, its features and the model trained on it, as tests of the scores have them."""

from tests.scoring.conftest import features, history, model, outcome, statics

__all__ = ["features", "history", "model", "outcome", "statics"]
