"""Anchors beside the key: the newest counters of each lake's sealed records, and the place of each lake.

Somebody who can write into a lake can remove a sealed file or put an older one back, but without access to the key's
folder cannot make it look like the newest. Each lake has a file of its own in that folder; it is sealed, replaced as a
whole, and readable only by the key's owner.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from include.errors import IntegrityError, SettingsError
from include.security import file_lock
from include.security.envelope import Envelope
from include.settings import Settings
from include.whole_file import write_whole


class Anchors:
    """The files beside one key.

    Parameters
    ----------
    key_file
        Path of the key; the anchor files lie beside it, and their names begin with its name.
    envelope
        Envelope that seals and opens the files.
    """

    def __init__(self, key_file: Path, envelope: Envelope) -> None:
        self._key_file = key_file
        self._envelope = envelope

    @classmethod
    def open(cls, settings: Settings, envelope: Envelope | None = None) -> Self:
        """The anchors of an installation."""
        return cls(settings.key_file, envelope or Envelope.open(settings))

    def counters(self, lake: str) -> dict[str, int] | None:
        """The newest counter of each record of a lake; None for a lake that was never opened with this key.

        Raises
        ------
        IntegrityError
            When the file does not verify.
        """
        content = self._read(self.anchor_file(lake), _anchor_context(lake))
        return None if content is None else dict(json.loads(content))

    def counter(self, lake: str, record: str) -> int:
        """The newest counter of one record; 0 where it was never written."""
        return (self.counters(lake) or {}).get(record, 0)

    def advance(self, lake: str, counters: Mapping[str, int]) -> None:
        """Store these counters of a lake, and that it was opened; a counter never decreases."""
        with self._held():
            known = self.counters(lake)
            newer = {name: max(count, (known or {}).get(name, 0)) for name, count in counters.items()}
            if known is None or not newer.items() <= known.items():
                content = json.dumps({**(known or {}), **newer}, sort_keys=True).encode()
                self._write(self.anchor_file(lake), content, _anchor_context(lake))

    def lake_at(self, address: str) -> str | None:
        """The identity of the lake that was last seen at an address; None where none was.

        Raises
        ------
        IntegrityError
            When the file does not verify.
        """
        content = self._read(self.place_file(address), _place_context(address))
        return None if content is None else content.decode()

    def place(self, address: str, lake: str) -> str:
        """Record which lake lies at an address, unless one is recorded there, and return the recorded one."""
        with self._held():
            known = self.lake_at(address)
            if known is None:
                self._write(self.place_file(address), lake.encode(), _place_context(address))
            return known or lake

    def anchor_file(self, lake: str) -> Path:
        """The path of the file with a lake's counters."""
        return self._beside(f"{lake}.anchor")

    def place_file(self, address: str) -> Path:
        """The path of the file that records the lake at an address; once it is removed, another lake may lie there."""
        return self._beside(f"{hashlib.sha256(address.encode()).hexdigest()[:32]}.place")

    def _beside(self, ending: str) -> Path:
        return self._key_file.with_name(f"{self._key_file.name}.{ending}")

    def _read(self, path: Path, context: Mapping[str, str]) -> bytes | None:
        try:
            sealed = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            return self._envelope.unseal(sealed, context)
        except IntegrityError as error:
            raise IntegrityError(
                f"{path} does not verify: restore it from the backup that holds the key beside it; without it nobody "
                "can tell the newest champion from an older one",
                place=str(path),
            ) from error

    def _write(self, path: Path, content: bytes, context: Mapping[str, str]) -> None:
        try:
            write_whole(path, self._envelope.seal(content, context))
        except OSError as error:
            raise _unusable(path, error) from error

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the lock of these files, so that concurrent writers don't lose each other's counters."""
        path = self._beside("anchors.lock")
        try:
            with file_lock.held(path):
                yield
        except OSError as error:
            raise _unusable(path, error) from error


def _anchor_context(lake: str) -> dict[str, str]:
    return {"purpose": "anchor", "lake": lake}


def _place_context(address: str) -> dict[str, str]:
    return {"purpose": "place", "address": address}


def _unusable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"{path} cannot be read or written: {error.strerror}; what a lake's newest champion is, is kept beside the "
        "key: set ADS_KEY_FILE to a place that the night's user owns",
        setting="key_file",
        place=str(path),
    )
