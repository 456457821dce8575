"""Sealed files of one lake: each is bound to the lake, and files that change carry a counter of their writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Self

from upath import UPath

from include.errors import IntegrityError
from include.lake.identity import identity_of
from include.paths import is_object
from include.security.anchors import Anchors
from include.security.envelope import COUNTER, Envelope
from include.settings import Settings
from include.whole_file import NEW, Whole, read_whole, write_whole

LAKE = "lake"


class SealedRecords:
    """Seals and opens the files of one lake.

    A file that is written once opens only in its lake and under its name. A file that is rewritten also carries a
    counter, and the newest counter is kept beside the key: an older file that was put back is refused, and so is a
    missing file where there was one.

    Parameters
    ----------
    lake
        Identity of the lake.
    envelope
        Envelope that seals and opens files.
    anchors
        Store of the newest counters.
    """

    def __init__(self, lake: str, envelope: Envelope, anchors: Anchors) -> None:
        self.lake = lake
        self.envelope = envelope
        self.anchors = anchors
        self._read_versions: dict[str, str] = {}

    @classmethod
    def open(cls, lake_uri: str, settings: Settings) -> Self:
        """The records of a lake, which is created where there is none.

        Raises
        ------
        IntegrityError
            When another lake's files were put in the place of this lake's.
        """
        envelope = Envelope.open(settings)
        return cls(identity_of(lake_uri, settings), envelope, Anchors.open(settings, envelope))

    def write(self, path: UPath, content: bytes, context: Mapping[str, str]) -> None:
        """Seal a file; an existing one is replaced as a whole."""
        write_whole(path, self.envelope.seal(content, self._bound(context)))

    def read(self, path: UPath, context: Mapping[str, str]) -> bytes:
        """The content of a file that `write` wrote.

        Raises
        ------
        IntegrityError
            When the file does not verify, or is no regular file.
        """
        return self.envelope.unseal(file_content(path), self._bound(context))

    def write_counted(self, path: UPath, content: bytes, context: Mapping[str, str], record: str) -> None:
        """Seal the next version of a file, and store its counter once the file is written.

        In an object store it replaces the version that `read_counted` read last, and no other one; where nothing was
        read, the one that lies there now.

        Parameters
        ----------
        record
            Name under which the counter is kept.

        Raises
        ------
        ObjectConflictError
            When another process wrote the object since; its version stays.
        """
        found = whole_of(path)
        counter = max(self.anchors.counter(self.lake, record), self._counter_of(found, context)) + 1
        sealed = self.envelope.seal(content, {**self._bound(context), COUNTER: str(counter)})
        over = self._read_versions.get(str(path), NEW if found is None else found.version)
        self._read_versions[str(path)] = write_whole(path, sealed, over=over)
        self.anchors.advance(self.lake, {record: counter})

    def read_counted(self, path: UPath, context: Mapping[str, str], record: str) -> bytes | None:
        """The content of the newest version of a file; None where it was never written.

        A file that is newer than the counter beside the key was written with the key: by a process that ended before it
        stored the counter, or by another machine. Its counter is then stored.

        Raises
        ------
        IntegrityError
            When the file does not verify, is older than the newest, or is gone.
        """
        known = self.anchors.counter(self.lake, record)
        self._read_versions.pop(str(path), None)
        found = whole_of(path)
        if found is None:
            if known:
                raise IntegrityError(f"{path} is gone, and this lake had one (version {known} of it)", place=str(path))
            self._read_versions[str(path)] = NEW
            return None
        content, counter = self.envelope.unseal_counted(found.content, self._bound(context))
        if counter < known:
            raise IntegrityError(
                f"{path} is version {counter}, and the newest is version {known}: an older file lies there",
                place=str(path),
            )
        if counter > known:
            self.anchors.advance(self.lake, {record: counter})
        self._read_versions[str(path)] = found.version
        return content

    def read_newest(self, path: UPath, context: Mapping[str, str], record: str) -> bytes | None:
        """The same as `read_counted`, but a file from before counters also opens, until it is written again."""
        if not self.anchors.counter(self.lake, record) and path.exists():
            with suppress(IntegrityError):
                return self.read(path, context)
        return self.read_counted(path, context, record)

    def _counter_in(self, path: UPath, context: Mapping[str, str]) -> int:
        return self._counter_of(whole_of(path), context)

    def _counter_of(self, found: Whole | None, context: Mapping[str, str]) -> int:
        """The counter in an existing file; 0 where no file verifies."""
        if found is not None:
            with suppress(IntegrityError):
                return self.envelope.unseal_counted(found.content, self._bound(context))[1]
        return 0

    @property
    def is_known(self) -> bool:
        """Whether code that binds files to their lake has opened this lake with this key before."""
        return self.anchors.counters(self.lake) is not None

    def know(self, counted: Iterable[tuple[UPath, Mapping[str, str], str]]) -> None:
        """Record that the lake was opened, and store the counters of its files; this is done once per lake."""
        found = {record: self._counter_in(path, context) for path, context, record in counted}
        self.anchors.advance(self.lake, found)

    def bind(self, path: UPath, context: Mapping[str, str]) -> None:
        """Bind a file to this lake that was sealed without a lake; a file that does not verify stays as it is."""
        with suppress(IntegrityError):
            self.write(path, self.envelope.unseal(file_content(path), context), context)

    def bind_counted(self, path: UPath, context: Mapping[str, str]) -> None:
        """Bind a file to this lake as the first version with a counter."""
        with suppress(IntegrityError):
            content = self.envelope.unseal(file_content(path), context)
            write_whole(path, self.envelope.seal(content, {**self._bound(context), COUNTER: "1"}))

    def _bound(self, context: Mapping[str, str]) -> dict[str, str]:
        return {**context, LAKE: self.lake}


def file_content(path: UPath) -> bytes:
    """The bytes of a regular file.

    Anything else in its place is refused: reading a pipe or a device may never end, and a folder would fail the night.

    Raises
    ------
    IntegrityError
        When it is no regular file, or cannot be read.
    """
    found = whole_of(path)
    if found is None:
        raise _unreadable(path, "it is no regular file")
    return found.content


def whole_of(path: UPath) -> Whole | None:
    """A regular file or an object, with its version; None where there is nothing.

    Raises
    ------
    IntegrityError
        When it is no regular file, or cannot be read.
    ObjectStoreError, ObjectStoreUnavailableError
        When the object store refuses it, or fails.
    """
    try:
        if is_object(path):
            return read_whole(path)
        if not path.exists():
            return None
        if path.is_file():
            return Whole(bytes(path.read_bytes()), "")
        reason = "it is no regular file"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise _unreadable(path, reason)


def _unreadable(path: UPath, reason: str) -> IntegrityError:
    return IntegrityError(f"{path} cannot be read ({reason}): restore it from a backup", place=str(path))
