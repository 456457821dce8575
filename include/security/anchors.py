"""Anchors outside the lake: the newest counters of each lake's sealed records, and the place of each lake.

Somebody who can write into a lake can remove a sealed file or put an older one back, but without access to the anchors'
folder cannot make it look like the newest. That is the key's folder, or one that the installation names. Each lake has
a file of its own in it; it is sealed, replaced as a whole, and readable only by its owner.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random
from upath import UPath

from include.errors import IntegrityError, ObjectConflictError, SettingsError
from include.paths import is_object, names_in, path_of
from include.security import file_lock
from include.security.envelope import Envelope
from include.security.private import make_private
from include.settings import Settings
from include.whole_file import NEW, Whole, read_whole, write_whole

_ANCHOR, _PLACE = ".anchor", ".place"
# Of a few processes that count at once one wins each turn.
_TURNS, _PAUSE = stop_after_attempt(20), wait_random(0, 0.2)


class Anchors:
    """The anchors of one installation.

    Parameters
    ----------
    folder
        Folder or object prefix that they lie in.
    prefix
        Beginning of their names.
    envelope
        Envelope that seals and opens them.
    """

    def __init__(self, folder: UPath, prefix: str, envelope: Envelope) -> None:
        self.folder = folder
        self._prefix = prefix
        self._envelope = envelope

    @classmethod
    def open(cls, settings: Settings, envelope: Envelope | None = None) -> Self:
        """The anchors of an installation: in the place that it names, else beside the key file.

        Raises
        ------
        SettingsError
            When the key cannot be used, or the folder is another user's.
        """
        opened = envelope or Envelope.open(settings)
        if settings.anchors_uri:
            anchors = cls(path_of(settings.anchors_uri), "", opened)
        else:
            anchors = cls(path_of(settings.key_file.parent), f"{settings.key_file.name}.", opened)
        if settings.anchors_uri or settings.kms_key:  # a local key looks after its folder itself
            make_private(anchors.folder)
        return anchors

    def counters(self, lake: str) -> dict[str, int] | None:
        """The newest counter of each record of a lake; None for a lake that was never opened with this key.

        Raises
        ------
        IntegrityError
            When the file does not verify.
        """
        path = self.anchor_file(lake)
        found = _found(path)
        return None if found is None else dict(json.loads(self._unsealed(path, found, _anchor_context(lake))))

    def counter(self, lake: str, record: str) -> int:
        """The newest counter of one record; 0 where it was never written."""
        return (self.counters(lake) or {}).get(record, 0)

    def advance(self, lake: str, counters: Mapping[str, int]) -> None:
        """Store these counters of a lake, and that it was opened; a counter never decreases."""
        for attempt in _turns():
            with attempt, self._held():
                self._advance(lake, counters)

    def _advance(self, lake: str, counters: Mapping[str, int]) -> None:
        path, context = self.anchor_file(lake), _anchor_context(lake)
        found = _found(path)
        known = {} if found is None else json.loads(self._unsealed(path, found, context))
        newer = {name: max(count, known.get(name, 0)) for name, count in counters.items()}
        if found is None or not newer.items() <= known.items():
            self._write(path, json.dumps({**known, **newer}, sort_keys=True).encode(), context, found)

    def lake_at(self, address: str) -> str | None:
        """The identity of the lake that was last seen at an address; None where none was.

        Raises
        ------
        IntegrityError
            When the file does not verify.
        """
        found = _found(self.place_file(address))
        if found is None:
            return None
        with _verifying(self.place_file(address)):
            return self._lake_in(found.content, _place_context(address))

    def _lake_in(self, sealed: bytes, context: Mapping[str, str]) -> str:
        with suppress(IntegrityError):
            return self._envelope.unseal_naming(sealed, context, "lake")[0].decode()
        # It was sealed before the context of every record named its lake.
        return self._envelope.unseal(sealed, context).decode()

    def place(self, address: str, lake: str) -> str:
        """Record which lake lies at an address, unless one is recorded there, and return the recorded one."""
        known = None
        for attempt in _turns():
            with attempt, self._held():
                known = self.lake_at(address)
                if known is None:
                    context = {**_place_context(address), "lake": lake}
                    self._write(self.place_file(address), lake.encode(), context, None)
        return known or lake

    def reseal(self, lake: str) -> int:
        """Seal a lake's anchors anew that another key sealed, and count them: its counters, and wherever it was seen.

        Raises
        ------
        IntegrityError
            When its counters do not verify.
        """
        count = 0
        for attempt in _turns():
            with attempt, self._held():
                count += sum(self._reseal(path, lake) for path in (self.anchor_file(lake), *self._places(lake)))
        return count

    def _places(self, lake: str) -> list[UPath]:
        """The files that record where a lake was seen; another lake's may be sealed with a key of its own."""
        names = [name for name in names_in(self.folder) if name.startswith(self._prefix) and name.endswith(_PLACE)]
        found = ((self.folder / name, _found(self.folder / name)) for name in sorted(names))
        return [path for path, whole in found if whole and self._envelope.content_of(whole.content) == lake.encode()]

    def _reseal(self, path: UPath, lake: str) -> int:
        found = _found(path)
        if found is None:
            return 0
        with _verifying(path):
            resealed = self._envelope.resealed(found.content, {"lake": lake})
        if resealed is not None:
            write_whole(path, resealed, over=found.version)
        return int(resealed is not None)

    def anchor_file(self, lake: str) -> UPath:
        """The path of the file with a lake's counters."""
        return self._named(f"{lake}{_ANCHOR}")

    def place_file(self, address: str) -> UPath:
        """The path of the file that records the lake at an address; once it is removed, another lake may lie there."""
        return self._named(f"{hashlib.sha256(address.encode()).hexdigest()[:32]}{_PLACE}")

    def _named(self, ending: str) -> UPath:
        return self.folder / f"{self._prefix}{ending}"

    def _unsealed(self, path: UPath, found: Whole, context: Mapping[str, str]) -> bytes:
        with _verifying(path):
            return self._envelope.unseal(found.content, context)

    def _write(self, path: UPath, content: bytes, context: Mapping[str, str], found: Whole | None) -> None:
        """Replace what was found, and in an object store nothing that was written since."""
        try:
            write_whole(path, self._envelope.seal(content, context), over=NEW if found is None else found.version)
        except OSError as error:
            raise _unusable(path, error) from error

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the lock of these files, so that concurrent writers don't lose each other's counters.

        Objects have none: there a write replaces only what was read, and who lost begins again.
        """
        path = self._named("anchors.lock")
        if is_object(path):
            yield
            return
        try:
            with file_lock.held(Path(path.path)):
                yield
        except OSError as error:
            raise _unusable(path, error) from error


def _turns() -> Retrying:
    """Turns of a write that lost to another process."""
    return Retrying(retry=retry_if_exception_type(ObjectConflictError), stop=_TURNS, wait=_PAUSE, reraise=True)


def _found(path: UPath) -> Whole | None:
    try:
        return read_whole(path)
    except OSError as error:
        raise _unusable(path, error) from error


@contextmanager
def _verifying(path: UPath) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise IntegrityError(
            f"{path} does not verify: restore it from the backup; without it nobody can tell the newest champion from "
            f"an older one ({error})",
            place=str(path),
        ) from error


def _anchor_context(lake: str) -> dict[str, str]:
    return {"purpose": "anchor", "lake": lake}


def _place_context(address: str) -> dict[str, str]:
    return {"purpose": "place", "address": address}


def _unusable(path: UPath, error: OSError) -> SettingsError:
    return SettingsError(
        f"{path} cannot be read or written: {error.strerror}; what a lake's newest champion is, is kept beside the "
        "key: set ADS_ANCHORS_URI or ADS_KEY_FILE to a place that the night's user owns",
        setting="key_file",
        place=str(path),
    )
