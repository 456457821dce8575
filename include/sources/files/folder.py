"""Reads a folder or object prefix: its entries, and the bytes of its files as long as nobody changes them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import fsspec

from include.aws.s3_refusals import PASSING_ERRNOS
from include.errors import (
    ObjectConflictError,
    ObjectStoreError,
    ObjectStoreUnavailableError,
    SettingsError,
    SourceChangedError,
    SourceError,
    SourceUnavailableError,
)
from include.sources.files import disk
from include.sources.files.entries import FILE, FOLDER, Entry, Stamp, shown
from include.sources.files.parts import require_bounded

# Ten years of daily partitions with twenty parts each.
_MOST_PARTS = 75_000


@dataclass(frozen=True)
class Folder:
    """The folder or object prefix of a source's files.

    Attributes
    ----------
    uri
        `file:/absolute/path` or `s3://bucket/prefix`, without a slash at the end.
    root
        The same as the file system takes it.
    filesystem
        Local, or S3 with what the standard AWS environment says (`AWS_ENDPOINT_URL`, credentials, region), see
        `include.aws.object_store`.
    """

    uri: str
    root: str
    filesystem: fsspec.AbstractFileSystem

    @classmethod
    def at(cls, uri: str) -> Folder:
        """The folder an address names; a plain path is a `file:` one.

        Raises
        ------
        SettingsError
            When the address is of another kind or carries credentials.
        """
        scheme, _, rest = uri.partition(":")
        if scheme == "s3" and rest.startswith("//"):
            return cls._on_s3(uri.rstrip("/"), rest[2:].strip("/"))
        if "://" in uri and scheme != "file":
            raise SettingsError(
                f"{scheme}: is no place for files: name a folder (file:/data/bank) or s3://bucket/prefix"
            )
        # Neither raises where a link leads to itself or a user has no home: what is not there is said when it is read.
        path = os.path.realpath(os.path.expanduser(rest.removeprefix("//") if scheme == "file" else uri))  # noqa: PTH111
        return cls(f"file:{path}", path, fsspec.filesystem("file"))

    @classmethod
    def _on_s3(cls, uri: str, root: str) -> Folder:
        if "@" in root.partition("/")[0]:
            raise SettingsError("an s3: address carries no credentials: set AWS_ACCESS_KEY_ID or a profile instead")
        from include.aws.object_store import object_store  # takes a second, which a folder does not need

        return cls(uri, root, object_store())

    def file_uri(self, name: str) -> str:
        """The address of one file."""
        return f"{self.uri}/{shown(name)}"

    def entries(self) -> dict[str, Entry]:
        """The entries of the folder itself, by name.

        Raises
        ------
        SourceError
            When there is no such folder, or it may not be read.
        SourceUnavailableError
            When the store does not answer.
        """
        with _reported(self.uri):
            if self.filesystem.isfile(self.root):
                raise SourceError(f"{self.uri} is a file: name the folder that holds the bank's files", place=self.uri)
            found = disk.entries(self.root) if self._is_local else self._objects()
            return {entry.name: entry for entry in found}

    def entries_below(self, name: str) -> list[Entry]:
        """All files in a folder of it and in that one's folders, named from there, in the order of their names.

        Raises
        ------
        SourceError
            When there are more than any bank has parts.
        """
        path = f"{self.root}/{name}"
        with _reported(self.file_uri(name)):
            found = disk.entries_below(path) if self._is_local else self._objects_below(path)
            entries = sorted(islice(found, _MOST_PARTS + 1))
        if len(entries) > _MOST_PARTS:
            raise SourceError(
                f"{self.file_uri(name)} holds more than {_MOST_PARTS:,} files: write the relation in fewer parts",
                place=self.file_uri(name),
            )
        return entries

    def read(self, name: str, stamp: Stamp) -> bytes:
        """A file's bytes.

        Raises
        ------
        SourceChangedError
            When the file is no longer, before or after the read, what `stamp` says.
        SourceError
            When it is larger than is read of a relation; it is not opened then.
        """
        path = f"{self.root}/{name}"
        with _reported(self.file_uri(name)):
            if not self._is_local:
                return self._object(name, path, stamp)
            self._require_unchanged(name, stamp, disk.entry_at(Path(path), path).stamp)
            require_bounded(stamp[0], self.file_uri(name))
            data, now = disk.read(path, stamp[0])
            self._require_unchanged(name, stamp, now)
        return data

    @property
    def _is_local(self) -> bool:
        return "file" in self.filesystem.protocol

    def _objects(self) -> Iterator[Entry]:
        for info in self.filesystem.ls(self.root, detail=True):
            name = info["name"].rstrip("/").rpartition("/")[2]
            is_file = info["type"] == "file"
            # An object that only marks the prefix has the prefix's own name.
            if info["name"].strip("/") != self.root.strip("/"):
                yield Entry(name, FILE if is_file else FOLDER, _object_stamp(info) if is_file else ())

    def _objects_below(self, path: str) -> Iterator[Entry]:
        for name, info in self.filesystem.find(path, detail=True).items():
            if not name.endswith("/"):
                yield Entry(name.removeprefix(f"{path}/"), FILE, _object_stamp(info))

    def _object(self, name: str, path: str, stamp: Stamp) -> bytes:
        """An object's bytes, if it still has the ETag that the listing gave: one request says both."""
        require_bounded(stamp[0], self.file_uri(name))
        try:
            found = self.filesystem.read_object(path, stamp[1])
        except ObjectConflictError as error:
            raise self._changed(name, stamp, _object_stamp(self.filesystem.info(path))) from error
        if found is None:
            raise self._changed(name, stamp, ())
        return bytes(found[0])

    def _require_unchanged(self, name: str, stamp: Stamp, now: Stamp) -> None:
        if now != stamp:
            raise self._changed(name, stamp, now)

    def _changed(self, name: str, stamp: Stamp, now: Stamp) -> SourceChangedError:
        return SourceChangedError(
            f"{self.file_uri(name)} changed while it was read (size, time or ETag {stamp} before, {now or 'gone'} "
            "now): nothing of it was kept, run again when the delivery is complete",
            place=self.file_uri(name),
        )


def _object_stamp(info: dict[str, Any]) -> Stamp:
    # An object's time is left out: some stores list it finer than they give it for one object.
    return (info["size"], info.get("ETag"))


@contextmanager
def _reported(uri: str) -> Iterator[None]:
    """Say which address failed, and whether trying again can help."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(
            f"there is nothing at {uri}: name the folder that holds the bank's files", place=uri
        ) from error
    except PermissionError as error:
        raise SourceError(f"{uri} may not be read ({error}): grant this user read access", place=uri) from error
    except ObjectStoreUnavailableError as error:
        raise SourceUnavailableError(f"{uri} could not be read: {error}", place=uri) from error
    except ObjectStoreError as error:
        raise SourceError(f"{uri} cannot be read: {error}", place=uri) from error
    except (OSError, ValueError) as error:
        if _may_pass(error):
            raise SourceUnavailableError(f"{uri} could not be read ({error}): try again", place=uri) from error
        raise SourceError(
            f"{uri} cannot be read ({type(error).__name__}: {error}): mend the address, the folder or the store's "
            "settings, trying again does not help",
            place=uri,
        ) from error


def _may_pass(error: Exception) -> bool:
    """Whether the same call may succeed later, as nothing but time has to mend it."""
    return isinstance(error, TimeoutError | ConnectionError) or getattr(error, "errno", None) in PASSING_ERRNOS
