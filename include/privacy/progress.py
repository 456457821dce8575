"""Runs what an erasure consists of, and says of one that stops midway what is done, what is left and how to go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pyiceberg.exceptions import CommitFailedException
from sqlalchemy.exc import SQLAlchemyError

from include.errors import LakeConflictError, PublishError, SettlementError

_FAULTS = (SettlementError, OSError, SQLAlchemyError, CommitFailedException)


def run_steps(request: str, steps: Mapping[str, Callable[[], object]]) -> None:
    """Run the steps of a sealed erasure in their order.

    Parameters
    ----------
    request
        Name of the erasure.
    steps
        What each step does, by what it is done to. Each may be done twice.

    Raises
    ------
    PublishError
        When a step fails; the steps before it are done.
    """
    names = list(steps)
    for place, name in enumerate(names):
        try:
            steps[name]()
        except _FAULTS as error:
            raise PublishError(_sentence(request, names[:place], names[place:], error)) from error


def _sentence(request: str, done: Sequence[str], left: Sequence[str], error: Exception) -> str:
    return (
        f"the erasure {request} is begun and not finished: it stopped at {left[0]} ({_reason(error)}). "
        f"Done: {', '.join(done) or 'nothing'}. Left: {', '.join(left)}. Mend the cause (the lake, its catalog and the "
        "folder of the key must have room, and this account must be allowed to write and delete there) and run the "
        "same command again (python -m include privacy --client ID --erase), which completes it. Until then some "
        "tables still hold the client, and verify says so"
    )


def _reason(error: Exception) -> str:
    """The cause in the words of the file system or of the catalog: a lake's own message is on a night and its rerun."""
    if isinstance(error, LakeConflictError | CommitFailedException):
        return "other writers of the table went first each time"
    cause = error.__cause__ if isinstance(error, PublishError) and error.__cause__ else error
    return str(getattr(cause, "orig", cause))
