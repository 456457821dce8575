"""Sealed files of one lake: bound to the lake, and where they change, to how often they were written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Self

from upath import UPath

from include.errors import IntegrityError
from include.lake.identity import identity_of
from include.lake.whole_file import write_whole
from include.security.anchors import Anchors
from include.security.envelope import COUNTER, Envelope
from include.settings import Settings

LAKE = "lake"


class SealedRecords:
    """Seals and opens the files of one lake.

    A file that is written once opens wherever it says the same: in its lake, under its name. One that is written again
    and again also carries a counter, and the newest one is kept beside the key: an older file put back is refused, and
    so is a file that is gone though there was one.

    Parameters
    ----------
    lake
        The lake's identity.
    envelope
        Seals and unseals.
    anchors
        The newest counters.
    """

    def __init__(self, lake: str, envelope: Envelope, anchors: Anchors) -> None:
        self.lake = lake
        self.envelope = envelope
        self.anchors = anchors

    @classmethod
    def open(cls, lake_uri: str, settings: Settings) -> Self:
        """Those of a lake, which is created where there is none.

        Raises
        ------
        IntegrityError
            When another lake's files were put in this one's place.
        """
        envelope = Envelope.open(settings)
        return cls(identity_of(lake_uri, settings), envelope, Anchors.open(settings, envelope))

    def write(self, path: UPath, content: bytes, context: Mapping[str, str]) -> None:
        """Seal a file, replaced as a whole."""
        write_whole(path, self.envelope.seal(content, self._bound(context)))

    def read(self, path: UPath, context: Mapping[str, str]) -> bytes:
        """What a file holds that `write` wrote.

        Raises
        ------
        IntegrityError
            When it does not verify, or is no file.
        """
        return self.envelope.unseal(file_content(path), self._bound(context))

    def write_counted(self, path: UPath, content: bytes, context: Mapping[str, str], record: str) -> None:
        """Seal the next version of a file, and remember its counter once it lies there.

        Parameters
        ----------
        record
            What the counter is kept under.
        """
        counter = max(self.anchors.counter(self.lake, record), self._counter_in(path, context)) + 1
        write_whole(path, self.envelope.seal(content, {**self._bound(context), COUNTER: str(counter)}))
        self.anchors.advance(self.lake, {record: counter})

    def read_counted(self, path: UPath, context: Mapping[str, str], record: str) -> bytes | None:
        """What the newest version of a file holds, or None where it was never written.

        A version that is newer than the counter beside the key was written by somebody who held the key: a process that
        ended between the two, or another machine. Its counter is taken over.

        Raises
        ------
        IntegrityError
            When it does not verify, is older than the newest, or is gone.
        """
        known = self.anchors.counter(self.lake, record)
        if not path.exists():
            if known:
                raise IntegrityError(f"{path} is gone, and this lake had one (version {known} of it)")
            return None
        content, counter = self.envelope.unseal_counted(file_content(path), self._bound(context))
        if counter < known:
            raise IntegrityError(
                f"{path} is version {counter}, and the newest is version {known}: an older file lies there"
            )
        if counter > known:
            self.anchors.advance(self.lake, {record: counter})
        return content

    def read_newest(self, path: UPath, context: Mapping[str, str], record: str) -> bytes | None:
        """As `read_counted`; what was written before it was counted opens too, until it is written again."""
        if not self.anchors.counter(self.lake, record) and path.exists():
            with suppress(IntegrityError):
                return self.read(path, context)
        return self.read_counted(path, context, record)

    def _counter_in(self, path: UPath, context: Mapping[str, str]) -> int:
        """The counter of the file that is there; 0 where none verifies."""
        if path.exists():
            with suppress(IntegrityError):
                return self.envelope.unseal_counted(file_content(path), self._bound(context))[1]
        return 0

    @property
    def is_known(self) -> bool:
        """Whether the lake was opened with this key before, by code that binds files to their lake."""
        return self.anchors.counters(self.lake) is not None

    def know(self, counted: Iterable[tuple[UPath, Mapping[str, str], str]]) -> None:
        """Remember that the lake was opened, with the counters of the files it has; never done twice."""
        found = {record: self._counter_in(path, context) for path, context, record in counted}
        self.anchors.advance(self.lake, found)

    def bind(self, path: UPath, context: Mapping[str, str]) -> None:
        """Bind a file to this lake that was sealed before files were; one that does not verify stays as it is."""
        with suppress(IntegrityError):
            self.write(path, self.envelope.unseal(file_content(path), context), context)

    def bind_counted(self, path: UPath, context: Mapping[str, str]) -> None:
        """Bind a file to this lake, as its first version."""
        with suppress(IntegrityError):
            content = self.envelope.unseal(file_content(path), context)
            write_whole(path, self.envelope.seal(content, {**self._bound(context), COUNTER: "1"}))

    def _bound(self, context: Mapping[str, str]) -> dict[str, str]:
        return {**context, LAKE: self.lake}


def file_content(path: UPath) -> bytes:
    """The bytes of a regular file; a folder, a pipe or a device in its place would not end, or end the night.

    Raises
    ------
    IntegrityError
        When it is none, or cannot be read.
    """
    try:
        if path.is_file():
            return bytes(path.read_bytes())
        reason = "it is no regular file"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise IntegrityError(f"{path} cannot be read ({reason}): restore it from a backup")
