"""The sentences that investigators read, one for every feature, and their vocabulary."""

from include.explaining.words.sentences import SENTENCES, finding
from include.explaining.words.sequence import NO_READING, Earlier, SequenceReading
from include.explaining.words.wording import FeatureRow, Finding

__all__ = ["NO_READING", "SENTENCES", "Earlier", "FeatureRow", "Finding", "SequenceReading", "finding"]
