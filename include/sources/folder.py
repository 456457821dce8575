"""A folder or object prefix: its files, their bytes, and the stamps that tell whether a file changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from botocore.exceptions import BotoCoreError, ClientError

from include.errors import SettingsError, SourceChangedError, SourceError, SourceUnavailableError

Stamp = tuple[Any, ...]
"""Size and ETag of an object, or size, time and inode of a file: differs once it is written again."""


@dataclass(frozen=True)
class Folder:
    """Where a source's files lie.

    Attributes
    ----------
    uri
        `file:/absolute/path` or `s3://bucket/prefix`, without a slash at the end.
    root
        The same as the file system takes it.
    filesystem
        Local, or S3 with what the standard AWS environment says (`AWS_ENDPOINT_URL`, credentials, region).
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
        path = str(Path(rest.removeprefix("//") if scheme == "file" else uri).expanduser().resolve())
        return cls(f"file:{path}", path, fsspec.filesystem("file"))

    @classmethod
    def _on_s3(cls, uri: str, root: str) -> Folder:
        if "@" in root.partition("/")[0]:
            raise SettingsError("an s3: address carries no credentials: set AWS_ACCESS_KEY_ID or a profile instead")
        return cls(uri, root, fsspec.filesystem("s3", use_listings_cache=False))

    def file_uri(self, name: str) -> str:
        """The address of one file."""
        return f"{self.uri}/{name}"

    def stamps(self) -> dict[str, Stamp]:
        """The folder's files by name, each with its stamp.

        Raises
        ------
        SourceError
            When there is no such folder, or it may not be read.
        SourceUnavailableError
            When the store does not answer.
        """
        with _reported(self.uri):
            if self.filesystem.isfile(self.root):
                raise SourceError(f"{self.uri} is a file: name the folder that holds the bank's files")
            entries = self.filesystem.ls(self.root, detail=True)
        return {Path(e["name"]).name: _stamp(e) for e in entries if e["type"] == "file"}

    def read(self, name: str, stamp: Stamp) -> bytes:
        """A file's bytes.

        Raises
        ------
        SourceChangedError
            When the file is no longer, before or after the read, what `stamp` says.
        """
        path = f"{self.root}/{name}"
        with _reported(self.file_uri(name)):
            self._require_unchanged(path, name, stamp)
            data: bytes = self.filesystem.cat_file(path)
            self._require_unchanged(path, name, stamp)
        return data

    def _require_unchanged(self, path: str, name: str, stamp: Stamp) -> None:
        try:
            now = _stamp(self.filesystem.info(path))
        except FileNotFoundError:
            now = ()
        if now != stamp:
            raise SourceChangedError(
                f"{self.file_uri(name)} changed while it was read (size, time or ETag {stamp} before, {now or 'gone'} "
                "now): nothing of it was kept, run again when the delivery is complete"
            )


def _stamp(info: dict[str, Any]) -> Stamp:
    # An object's time is left out: some stores list it finer than they give it for one object.
    return tuple(info[key] for key in (("size", "ETag") if "ETag" in info else ("size", "mtime", "ino")))


@contextmanager
def _reported(uri: str) -> Iterator[None]:
    """Say which address failed, and whether trying again can help."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"there is nothing at {uri}: name the folder that holds the bank's files") from error
    except PermissionError as error:
        raise SourceError(f"{uri} may not be read ({error}): grant this user read access") from error
    except (OSError, BotoCoreError, ClientError) as error:
        raise SourceUnavailableError(f"{uri} could not be read ({error}): try again") from error
