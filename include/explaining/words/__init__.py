"""What investigators read: a sentence for every feature, and the vocabulary the sentences are made of."""

from include.explaining.words.sentences import SENTENCES, finding
from include.explaining.words.sequence import NO_READING, Earlier, SequenceReading
from include.explaining.words.wording import Finding, Row

__all__ = ["NO_READING", "SENTENCES", "Earlier", "Finding", "Row", "SequenceReading", "finding"]
