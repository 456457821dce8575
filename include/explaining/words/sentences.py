"""Every feature of the catalog with its sentence."""

from __future__ import annotations

from collections.abc import Callable

from include.explaining.words.activity import ACTIVITY_SENTENCES
from include.explaining.words.amounts import AMOUNT_SENTENCES
from include.explaining.words.balance import BALANCE_SENTENCES
from include.explaining.words.novelty import NOVELTY_SENTENCES
from include.explaining.words.rhythm import RHYTHM_SENTENCES
from include.explaining.words.sequence import NO_READING, SEQUENCE_SENTENCES, SequenceReading
from include.explaining.words.time_and_place import SCENE_SENTENCES
from include.explaining.words.wording import FeatureRow, Finding

_PLAIN: dict[str, Callable[[FeatureRow], Finding]] = {
    **AMOUNT_SENTENCES,
    **ACTIVITY_SENTENCES,
    **BALANCE_SENTENCES,
    **NOVELTY_SENTENCES,
    **RHYTHM_SENTENCES,
    **SCENE_SENTENCES,
}


def _of_row_alone(sentence: Callable[[FeatureRow], Finding]) -> Callable[[FeatureRow, SequenceReading], Finding]:
    return lambda row, _: sentence(row)


SENTENCES: dict[str, Callable[[FeatureRow, SequenceReading], Finding]] = {
    **{feature: _of_row_alone(sentence) for feature, sentence in _PLAIN.items()},
    **SEQUENCE_SENTENCES,
}
"""One sentence for every feature of the catalog."""


def finding(feature: str, row: FeatureRow, reading: SequenceReading = NO_READING) -> Finding:
    """The sentence for one feature of one posting.

    Parameters
    ----------
    feature
        Name of one of `include.features.catalog.MODEL_FEATURES`.
    row
        The posting's row of the feature table.
    reading
        The sequence model's reading of the posting; only the model's own features need one.
    """
    return SENTENCES[feature](row, reading)
