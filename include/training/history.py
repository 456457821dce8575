"""Reads the past that a model is trained on: all postings before a date that the gate accepts."""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from include.databases.terms import ServerTerms
from include.evaluation.bank_history import BankHistory
from include.quality import admit
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS
from include.sources import open_source


def read_history(source_uri: str, before: date, habit_days: int, terms: ServerTerms) -> BankHistory:
    """The past of a source: its postings dated before `before`; nothing later is read.

    Parameters
    ----------
    source_uri
        Address of the bank's relations.
    before
        The first date that is not read.
    habit_days
        Days that habits reach back in the features of these postings.
    terms
        What is asked of a database's server.
    """
    with open_source(source_uri, terms=terms) as source:
        statics = admit({name: source.static(name) for name in STATIC_RELATIONS}, None).accepted
        past = admit({FIN_TRANSACTION.name: source.history(before=before)}, None).accepted
        history = BankHistory(past[FIN_TRANSACTION.name], statics, source.rounding_cents, habit_days)
    # Judging a million postings leaves 1.7 GB that Arrow would keep for itself; later steps need the memory.
    pa.default_memory_pool().release_unused()
    return history
