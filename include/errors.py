"""Every error that is raised on purpose, terminal apart from transient.

A message says what, which value, what is allowed and how to mend it. What code may want to branch on is besides an
attribute of the error, so that nothing has to read it out of the sentence.
"""

from __future__ import annotations

from datetime import date


class SettlementError(Exception):
    """Raised when a night cannot go on; the base of all errors below.

    Facts are keyword arguments, and None where they do not apply or are not known. They survive pickling, as Airflow
    hands errors from one process to another.

    Attributes
    ----------
    night
        Settlement date that the error is about.
    run_key
        Key of the run that the error is about.
    table
        Name of the lake's table.
    relation
        Name of the bank's relation.
    place
        Path or address, without credentials, of the file, folder, database or lake.
    setting
        Name of the setting, parameter or option whose value is not allowed.
    version
        Version of the model.
    """

    def __init__(
        self,
        message: str = "",
        *,
        night: date | None = None,
        run_key: str | None = None,
        table: str | None = None,
        relation: str | None = None,
        place: str | None = None,
        setting: str | None = None,
        version: str | None = None,
    ) -> None:
        super().__init__(message)
        self.night = night
        self.run_key = run_key
        self.table = table
        self.relation = relation
        self.place = place
        self.setting = setting
        self.version = version


class TerminalError(SettlementError):
    """Raised when trying again cannot help: the input, the settings or the state must be mended first."""


class TransientError(SettlementError):
    """Raised when the same call may succeed later: a refused connection, a lost race, a full disk."""


class SettingsError(TerminalError):
    """Raised when a setting or a parameter has a value that is not allowed; says which `setting`."""


class SecretError(TerminalError):
    """Raised when a secrets backend refuses a secret that a setting or a sink needs."""


class SecretUnavailableError(TransientError):
    """Raised when a secrets backend throttles, times out or fails by itself, so that it may be asked again."""


class SourceError(TerminalError):
    """Raised when a source cannot be read as the bank's relations; says the `place` and the `relation`."""


class SourceUnavailableError(TransientError):
    """Raised when a source refuses, drops or times out, so that nothing of the extract is kept; says the `place`."""


class SourceChangedError(TransientError):
    """Raised when control totals after a load differ from those before it; says the `place` and the `relation`."""


class GateError(TerminalError):
    """Raised when a whole relation fails a `fail` expectation, before anything is published; says the `relation`."""


class ConservationError(TerminalError):
    """Raised when a night's offered records are not all published, quarantined, deduplicated or unreadable."""


class PublishError(TransientError):
    """Raised when the lake could not take a night, which readers see as before; says the `table` and the `night`."""


class LakeConflictError(PublishError):
    """Raised when another writer kept winning the same partition; the run may be retried."""


class MissingStateError(TerminalError):
    """Raised when a night needs what an earlier one should have left; says the `night`, `table` or `place`."""


class IntegrityError(TerminalError):
    """Raised when bytes at rest do not verify: changed, renamed, or another key; says the `place` or the `version`."""


class KeyRefusedError(TerminalError):
    """Raised when the key service refuses its key: disabled, denied, missing or about to be deleted."""


class KeyUnavailableError(TransientError):
    """Raised when the key service throttles, fails or cannot be reached, so that nothing is sealed or opened."""


class RetentionError(TerminalError):
    """Raised when records that the law keeps would be erased; says the `setting` that states the duty."""


class ObjectStoreError(TerminalError):
    """Raised when an object store refuses a request; the message names bucket, permission and remedy."""


class ObjectStoreUnavailableError(TransientError):
    """Raised when an object store is busy, fails or does not answer, so that it may be asked again."""


class ObjectConflictError(TransientError):
    """Raised when another process wrote an object since it was read, so that nothing of this was written."""


class LockLostError(TransientError):
    """Raised when the lock of an object store was lost to another process, before anything more is written."""


class TrackingError(TransientError):
    """Raised when MLflow could not take or give the record of a training; no night depends on it."""


class ExtractError(TransientError):
    """Raised when an extract for Tableau could not be written, and the one before stays; says the `place`."""


class AthenaError(TerminalError):
    """Raised when Athena or Lake Formation refuses a statement, a named query or a grant; says the `table` or none."""


class AthenaUnavailableError(TransientError):
    """Raised when Athena or Lake Formation throttles, times out or fails by itself, so that it may be asked again."""


class SinkError(TransientError):
    """Raised when somebody outside does not take what is sent to them."""
