"""The keys by which a lake names things to people who may not see whom: findings, and the pseudonyms of each version.

The keys are random and lie sealed in the lake, under the master key or a key service, whichever the envelope uses. So
the master key can be replaced without a new name for anything, and a version's pseudonyms cannot be made again once its
key is destroyed. Each purpose (account, client, transaction ...) has a key of its own, derived from its version's key.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from upath import UPath

from include.errors import IntegrityError, TerminalError
from include.paths import path_of
from include.registry.sealed_records import SealedRecords
from include.security import locks
from include.security.keys import KEY_BYTES
from include.security.private import make_private
from include.settings import Settings

KEYS_FOLDER = "keys"
"""Folder of the lake that holds the sealed keys."""
_FILE, _LOCK = "names.sealed", ".names.lock"
_CONTEXT = {"purpose": "name keys"}
_RECORD = "name-keys"
NAME_BYTES = 16
"""Length of a name: of a hundred million identifiers two share a name by chance with a probability of 1 in 10**23."""


@dataclass(frozen=True)
class NameKeys:
    """The keys of one lake.

    Attributes
    ----------
    finding
        Key of finding ids, which never changes: decisions, links and messages name findings.
    versions
        Keys of pseudonyms by version.
    current
        Version that masked readers see.
    coming
        Version that a rotation is bringing in; None when none is under way.
    """

    finding: bytes = field(repr=False)
    versions: Mapping[int, bytes] = field(repr=False)
    current: int
    coming: int | None = None

    @classmethod
    def fresh(cls) -> Self:
        """New keys, at version 1."""
        return cls(secrets.token_bytes(KEY_BYTES), {1: secrets.token_bytes(KEY_BYTES)}, 1)

    @property
    def written(self) -> tuple[int, ...]:
        """Versions in which a night writes its masked rows: the current one, and the one that is coming."""
        return (self.current,) if self.coming is None else (self.current, self.coming)

    def namer(self, purpose: str, version: int) -> Namer:
        """The namer of one kind of identifier in one version."""
        return Namer(_derived(self.versions[version], purpose))

    @property
    def finding_namer(self) -> Namer:
        """The namer of findings."""
        return Namer(self.lasting_key("finding"))

    def lasting_key(self, purpose: str) -> bytes:
        """A key for a purpose of its own that, as that of finding ids, no rotation changes."""
        return _derived(self.finding, purpose)

    def with_coming(self) -> NameKeys:
        """The keys with a new version that is coming; the same where one is on its way already."""
        if self.coming is not None:
            return self
        new = max(self.versions) + 1
        return replace(self, versions={**self.versions, new: secrets.token_bytes(KEY_BYTES)}, coming=new)

    def with_coming_as_current(self) -> NameKeys:
        """The keys once masked readers are to see the coming version; the old ones stay until their rows are gone."""
        return self if self.coming is None else replace(self, current=self.coming, coming=None)

    def with_current_alone(self) -> NameKeys:
        """The keys after a rotation: those of all other versions are destroyed."""
        return NameKeys(self.finding, {self.current: self.versions[self.current]}, self.current)

    @property
    def is_rotating(self) -> bool:
        """Whether a rotation was begun and not finished."""
        return len(self.versions) > 1


class Namer:
    """Gives identifiers of one kind their names.

    Equal identifiers get equal names, and nobody without the key can find an identifier by trying.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def name(self, identifier: str) -> str:
        """The name of an identifier: 32 hex digits of HMAC-SHA256."""
        return hmac.digest(self._key, identifier.encode(), "sha256")[:NAME_BYTES].hex()


def _derived(key: bytes, purpose: str) -> bytes:
    return HKDFExpand(SHA256(), KEY_BYTES, f"ads name {purpose}".encode()).derive(key)


class NameKeyStore:
    """The sealed keys of one lake.

    Parameters
    ----------
    lake_uri
        Address of the lake.
    records
        The lake's sealed records.
    """

    def __init__(self, lake_uri: str, records: SealedRecords) -> None:
        self._folder = path_of(lake_uri) / KEYS_FOLDER
        self._records = records

    @classmethod
    def open(cls, lake_uri: str, settings: Settings) -> Self:
        """The keys of a lake."""
        return cls(lake_uri, SealedRecords.open(lake_uri, settings))

    def find(self) -> NameKeys | None:
        """The lake's keys; None where it never had any.

        Raises
        ------
        IntegrityError
            When they are gone, older than the newest, or do not open.
        """
        try:
            content = self._records.read_counted(self._file, _CONTEXT, _RECORD)
        except IntegrityError as error:
            raise IntegrityError(
                f"the key of the lake's pseudonyms and finding ids cannot be used: {error}. Nothing was published: "
                f"restore {self._file} from the lake's backup, and the master key it was sealed with. With another key "
                "every masked row and every link to a finding would change its name",
                place=str(self._file),
            ) from error
        return None if content is None else _parsed(content, self._file)

    def get(self, *, has_nights: bool) -> NameKeys:
        """The lake's keys, which are made where there are none.

        Parameters
        ----------
        has_nights
            Whether the lake holds rows that were named with a key; new keys would then contradict them.

        Raises
        ------
        IntegrityError
            As for `find`, and when there are none though rows were named with some.
        """
        found = self.find()
        if found is not None:
            return found
        if has_nights:
            raise IntegrityError(
                f"the key of the lake's pseudonyms and finding ids, {self._file}, is missing, and the lake holds rows "
                "that were named with it. Nothing was published: restore the file from the lake's backup",
                place=str(self._file),
            )
        with self.held():
            return self.find() or self.put(NameKeys.fresh())

    def put(self, keys: NameKeys) -> NameKeys:
        """Store the keys, and return them; who changes them holds `held`."""
        make_private(self._folder)
        content = {
            "finding": keys.finding.hex(),
            "versions": {str(version): key.hex() for version, key in keys.versions.items()},
            "current": keys.current,
            "coming": keys.coming,
        }
        self._records.write_counted(self._file, json.dumps(content).encode(), _CONTEXT, _RECORD)
        return keys

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the keys: a second process waits, so that two do not make different ones."""
        with locks.held(self._folder / _LOCK):
            yield

    @property
    def _file(self) -> UPath:
        return self._folder / _FILE


def _parsed(content: bytes, place: UPath) -> NameKeys:
    try:
        found = json.loads(content)
        versions = {int(version): bytes.fromhex(key) for version, key in found["versions"].items()}
        return NameKeys(bytes.fromhex(found["finding"]), versions, found["current"], found["coming"])
    except (ValueError, KeyError, TypeError) as error:
        raise TerminalError(
            f"{place} holds keys in a form that this version does not know: open the lake with a later one",
            place=str(place),
        ) from error
