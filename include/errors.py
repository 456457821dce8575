"""Every error the night raises on purpose, terminal apart from transient.

A message says what, which value, what is allowed and how to mend it.
"""

from __future__ import annotations


class SettlementError(Exception):
    """Raised when a night cannot go on; the base of all errors below."""


class TerminalError(SettlementError):
    """Raised when trying again cannot help: the input, the settings or the state must be mended first."""


class TransientError(SettlementError):
    """Raised when the same call may succeed later: a refused connection, a lost race, a full disk."""


class SettingsError(TerminalError):
    """Raised when a setting or a parameter has a value that is not allowed."""


class SourceError(TerminalError):
    """Raised when a source cannot be read as the bank's relations: missing relation, column, dialect."""


class SourceUnavailableError(TransientError):
    """Raised when a source refuses, drops or times out; nothing of the extract is kept."""


class SourceChangedError(TransientError):
    """Raised when control totals after a load differ from those the source gave before it."""


class GateError(TerminalError):
    """Raised when a whole relation fails a `fail` expectation, before anything is published."""


class ConservationError(TerminalError):
    """Raised when a night's offered records are not all published, quarantined, deduplicated or unreadable."""


class PublishError(TransientError):
    """Raised when the lake could not take a night; what was published before is still what readers see."""


class LakeConflictError(PublishError):
    """Raised when another writer kept winning the same partition; the run may be retried."""


class MissingStateError(TerminalError):
    """Raised when a night needs what an earlier night should have left and no source can rebuild it."""


class IntegrityError(TerminalError):
    """Raised when bytes at rest (a model, a sealed text) do not verify: changed, renamed, or another key."""


class TrackingError(TransientError):
    """Raised when MLflow could not take or give the record of a training; no night depends on it."""
