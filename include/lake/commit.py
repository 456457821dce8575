"""The guarded commit: it is planned on one snapshot, applied to exactly that snapshot, and never applied twice.

A commit that lost a race is planned again on the winner's snapshot. After any other error its outcome is unknown (the
catalog may have accepted it before the answer was lost), so that the table is loaded again and searched for the
commit's token. No repetition can double a commit: the catalog takes one only for the version it was planned on, and a
version that holds the token is planned on no more.
"""

from __future__ import annotations

import errno
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import not_
from typing import TYPE_CHECKING

from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException, ValidationException
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableUpdate
from pyiceberg.table.update.snapshot import ExpireSnapshots
from tenacity import (
    RetryError,
    Retrying,
    retry_if_result,
    stop_after_attempt,
    wait_exponential,
    wait_random_exponential,
)

from include.aws.leave import require_leave_to_write
from include.errors import (
    LakeConflictError,
    ObjectStoreError,
    PublishError,
    SettlementError,
    TerminalError,
    TransientError,
)
from include.lake.iceberg_catalog import LakeCatalog
from include.lake.stamp import RunStamp

if TYPE_CHECKING:
    from include.aws.s3_refusals import Refusal

TOKEN = "ads.commit"  # noqa: S105 - the name of a snapshot property, not a secret

# The pauses grow to a second and add up to about fifteen seconds, in which some hundred other commits of the same table
# can be made.
_ATTEMPTS = 24
# Half of each pause is drawn by lot, so that writers that collided once do not collide again.
_PAUSE = wait_exponential(multiplier=0.01, max=0.5) + wait_random_exponential(multiplier=0.01, max=0.5)
# A decision: after five tries, half a second in all, a catalog that does not answer counts as one without the commit.
_ATTEMPTS_TO_ASK = 5

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
# pyiceberg copies a table's metadata, which consists mostly of snapshots, some twenty times per commit: with 60 of them
# a commit took four times as long as with four to eight.
_SNAPSHOTS_KEPT = 4


@dataclass(frozen=True)
class Change:
    """The changes that a commit makes to a table.

    Attributes
    ----------
    remove
        Data files of the current snapshot that are removed.
    add
        Data files, already written, that are added.
    notes
        Further properties of the snapshot.
    """

    remove: Sequence[DataFile] = ()
    add: Sequence[DataFile] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.remove or self.add)


Planner = Callable[[IcebergTable], Change]
"""Function that decides a change from the loaded table; an empty change ends the commit."""


def guarded_commit(catalog: LakeCatalog, name: str, plan: Planner, stamp: RunStamp) -> None:
    """Apply a change to a table exactly once, whoever else writes and however the catalog answers.

    Parameters
    ----------
    catalog, name
        Catalog and name of an existing table.
    plan
        Function that plans the change; it is called again with the current table after every lost race.
    stamp
        Stamp of the run, which is put into the snapshot's properties.

    Raises
    ------
    LakeConflictError
        When other writers won every race.
    PublishError
        When the change was not applied; nothing changed for readers.
    LockLostError
        When the lock that the caller holds was lost to another process; nothing changed for readers.
    """
    token = uuid.uuid4().hex
    until_done = Retrying(retry=retry_if_result(not_), stop=stop_after_attempt(_ATTEMPTS), wait=_PAUSE)
    try:
        until_done(_is_done, catalog, name, plan, stamp, token)
    except RetryError:
        raise LakeConflictError(
            f"other writers of the lake's table {name} went first {_ATTEMPTS} times while the night {stamp.night} was "
            "written: nothing changed for readers; run the night again when the other runs are through",
            table=name,
            night=stamp.night,
            run_key=stamp.run_key,
        ) from None


def _is_done(catalog: LakeCatalog, name: str, plan: Planner, stamp: RunStamp, token: str) -> bool:
    """Whether the change is in the table after one more attempt; False after a lost race."""
    try:
        return _attempt(catalog, name, plan, {**stamp.properties(), TOKEN: token})
    except Exception as error:
        if _has_landed(catalog, name, token):
            return True
        # A bare transient error tells what a service of AWS could not do; the others are the plan's own.
        if isinstance(error, SettlementError) and type(error) is not TransientError:
            raise
        raise _publish_error(error, name, stamp) from error


def _attempt(catalog: LakeCatalog, name: str, plan: Planner, properties: dict[str, str]) -> bool:
    """Whether the change is done: committed now, committed by an attempt whose answer was lost, or not needed."""
    table = catalog.load(name)
    if _carries(table, properties[TOKEN]):
        return True
    change = plan(table)
    if not change:
        return True
    require_leave_to_write()
    try:
        _apply(table, change, {**properties, **change.notes})
    except (CommitFailedException, ValidationException):
        # The catalog raises this only where nothing was applied; pyiceberg relies on that and removes the attempt's
        # manifests.
        return False
    except CommitStateUnknownException:
        # Glue refused a repeated request, so that the table has moved on: by this commit, whose token the next turn
        # finds, or by another.
        return False
    except ValueError:
        # A maintenance has expired a snapshot that this commit expires as well: the main branch is what it was, so that
        # pyiceberg finds no conflict, and then not the snapshot. Nothing was applied to the state that was planned on.
        if _has_moved_on(catalog, name, table):
            return False
        raise
    return True


class _Staged(Transaction):
    """A transaction that works out its metadata once for each staged update.

    pyiceberg's own copies the whole of a table's metadata each time it is looked at, 17 times a commit: measured, that
    is 45 % of a commit's time.
    """

    _worked_out: tuple[tuple[TableUpdate, ...], TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        """The table's metadata with the updates that are staged so far."""
        if self._worked_out is None or self._worked_out[0] is not self._updates:
            self._worked_out = (self._updates, super().table_metadata)
        return self._worked_out[1]


def _apply(table: IcebergTable, change: Change, properties: dict[str, str]) -> None:
    with _Staged(table) as transaction:
        with transaction.update_snapshot(snapshot_properties=properties).overwrite() as snapshot:
            for file in change.remove:
                snapshot.delete_data_file(file)
            for file in change.add:
                snapshot.append_data_file(file)
        _expire_snapshots(transaction)


def _expire_snapshots(transaction: Transaction) -> None:
    """Expire a night table's older snapshots; readers see the same rows as before.

    A static relation, which is not partitioned, keeps all snapshots as its history.
    """
    metadata = transaction.table_metadata
    if metadata.spec().fields and len(metadata.snapshots) > 2 * _SNAPSHOTS_KEPT:
        newest = sorted(snapshot.timestamp_ms for snapshot in metadata.snapshots)[-_SNAPSHOTS_KEPT]
        ExpireSnapshots(transaction).older_than(datetime.fromtimestamp(newest / 1000, UTC)).commit()


Stage = Callable[[IcebergTable, Transaction], object]
"""Function that stages a change of a table's metadata, which leaves its rows as they are; none ends the commit."""


def metadata_commit(catalog: LakeCatalog, name: str, stage: Stage) -> None:
    """Change a table's metadata, never its rows, whoever else writes.

    Such a change is planned anew on what it finds and harmless when it is made twice, so that it carries no token: any
    failure after which the table has moved on counts as a lost race.

    Parameters
    ----------
    stage
        Function that stages the change; it is called again with the current table after every lost race.

    Raises
    ------
    LakeConflictError
        When other writers won every race.
    PublishError
        When the change was not made.
    """
    until_done = Retrying(retry=retry_if_result(not_), stop=stop_after_attempt(_ATTEMPTS), wait=_PAUSE)
    try:
        until_done(_is_staged, catalog, name, stage)
    except RetryError:
        raise LakeConflictError(
            f"other writers of the lake's table {name} went first {_ATTEMPTS} times while its metadata was tidied: "
            "nothing changed for readers; run the maintenance or erasure again when the other runs are through",
            table=name,
        ) from None


def _is_staged(catalog: LakeCatalog, name: str, stage: Stage) -> bool:
    table = catalog.load(name)
    require_leave_to_write()
    try:
        with table.transaction() as transaction:
            stage(table, transaction)
    except Exception as error:
        if _has_moved_on(catalog, name, table):
            return False
        if isinstance(error, TerminalError):
            raise
        raise PublishError(
            f"the metadata of the lake's table {name} could not be tidied: {getattr(error, 'orig', error)}. Nothing "
            "changed for readers; see that the lake and its catalog answer and that their disk has room, and run the "
            "maintenance or erasure again",
            table=name,
        ) from error
    return True


def _has_moved_on(catalog: LakeCatalog, name: str, table: IcebergTable) -> bool:
    """Whether anybody changed a table since it was loaded; False also when the catalog does not answer."""
    with suppress(Exception):
        return catalog.load(name).metadata_location != table.metadata_location
    return False


def _has_landed(catalog: LakeCatalog, name: str, token: str) -> bool:
    """Whether the commit is in the table after all; False also when the catalog does not answer."""
    until_answered = Retrying(
        stop=stop_after_attempt(_ATTEMPTS_TO_ASK), wait=_PAUSE, retry_error_callback=lambda _unanswered: False
    )
    return until_answered(lambda: _carries(catalog.load(name), token))


def _carries(table: IcebergTable, token: str) -> bool:
    return any(snapshot.summary and snapshot.summary.get(TOKEN) == token for snapshot in table.snapshots())


def _publish_error(error: Exception, name: str, stamp: RunStamp) -> SettlementError:
    refusal = _refusal_of(error)
    reason = refusal.sentence if refusal else str(getattr(error, "orig", error))
    no_room = bool({getattr(cause, "errno", None) for cause in _chain(error)} & _NO_ROOM) or "disk" in reason
    remedy = "see that the disk under the lake and its catalog has room" if no_room else "mend the cause"
    kind = ObjectStoreError if refusal and not refusal.may_pass else PublishError
    return kind(
        f"the lake's table {name} could not take the night {stamp.night}: {reason}. Nothing changed for readers, they "
        f"see what was published before; {remedy} and run the night again: it replaces what this run left.",
        table=name,
        night=stamp.night,
        run_key=stamp.run_key,
    )


def _refusal_of(error: Exception) -> Refusal | None:
    """The meaning of a failure of the object store; None where it is something else's."""
    if not isinstance(error, OSError):
        return None
    from include.aws.s3_refusals import arrow_refusal  # takes half a second, which only a failure spends

    return arrow_refusal(error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
