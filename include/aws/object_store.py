"""The object store: S3 through s3fs, without caches of listings, with checksums, conditional writes and told errors."""

from __future__ import annotations

import io
import mimetypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4

from botocore import exceptions as boto
from fsspec.asyn import sync, sync_wrapper
from s3fs import S3FileSystem
from upath import UPath
from upath.implementations.cloud import S3Path
from upath.registry import register_implementation

from include.aws.endpoints import require_tls
from include.aws.leave import require_leave_to_write
from include.aws.s3_refusals import refusal_of
from include.errors import ObjectConflictError, ObjectStoreError, ObjectStoreUnavailableError, SettlementError

NEW = "*"
"""In place of a version: there must be no object yet."""
_TOKEN = "ads-write"  # noqa: S105 - a name in an object's metadata
_BYTES = "application/octet-stream"
# A request that takes longer has been lost; the SDK's own minute would add up to five with its attempts.
_CONNECT_SECONDS, _READ_SECONDS = 10, 30
# What S3 takes in one request to delete.
_AT_ONCE = 1_000
_WRITES = ("PutObject", "DeleteObject", "DeleteObjects", "CompleteMultipartUpload", "CopyObject")
# HEAD has no body to say why in; asking for the object says it.
_WITHOUT_REASON = ("head_object", ("400", "403", "301"))


@dataclass(frozen=True)
class Moments:
    """The times of an object by the store's own clock.

    Attributes
    ----------
    version
        Its version.
    written_at
        When it was written, in whole seconds.
    now
        The time at the store when it answered.
    """

    version: str
    written_at: datetime
    now: datetime


class ObjectStore(S3FileSystem):  # type: ignore[misc]
    """S3 as the lake and the sources use it.

    Errors are the project's own: `ObjectStoreError` and `ObjectStoreUnavailableError` say which bucket and permission
    it was, and `ObjectConflictError` that a condition did not hold; FileNotFoundError is an object that is not there. A
    missing bucket is an error.
    """

    cachable = True
    # botocore tries again as it is set up to (AWS_MAX_ATTEMPTS); s3fs on top of that only once, for a broken answer.
    retries = 2

    def __init__(self, environment: int = 0, *, seconds: int = _READ_SECONDS) -> None:
        """Settings of AWS are taken from the environment; a changed one has a store of its own."""
        super().__init__(
            use_listings_cache=False,
            config_kwargs={
                "connect_timeout": min(seconds, _CONNECT_SECONDS),
                "read_timeout": seconds,
                "retries": {"mode": "standard"},
                "request_checksum_calculation": "when_supported",
                "response_checksum_validation": "when_supported",
            },
        )
        self.environment = environment

    async def set_session(self, refresh: bool = False, kwargs: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """As s3fs does, and see that the endpoint has TLS and that each write has leave, the repeated ones too."""
        session = await super().set_session(refresh, kwargs or {})
        require_tls("s3", session.meta.endpoint_url)
        for request in _WRITES:
            session.meta.events.register(f"before-send.s3.{request}", _ask_for_leave, unique_id=f"leave of {request}")
        return session

    async def _call_s3(self, method: str, *lists: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        try:
            return await super()._call_s3(method, *lists, **kwargs)
        except (OSError, boto.BotoCoreError, boto.ClientError, ValueError, TypeError) as error:
            found = refusal_of(error, method, kwargs.get("Bucket", ""), kwargs.get("Key", ""))
            if method == _WITHOUT_REASON[0] and found.code in _WITHOUT_REASON[1]:
                await self._call_s3("get_object", Bucket=kwargs["Bucket"], Key=kwargs["Key"], Range="bytes=0-0")
            raise found.as_error() from error

    def _ask(self, method: str, **kwargs: Any) -> Any:  # noqa: ANN401 - botocore's dictionary
        return sync(self.loop, self._call_s3, method, **kwargs)

    async def _rm(self, path: str, recursive: bool = False, **_: Any) -> None:  # noqa: ANN401
        """Remove an object, or all below a prefix; fsspec itself takes `[` in a name for the beginning of a pattern."""
        names = await self._find(path) if recursive else [self._strip_protocol(path)]
        for first in range(0, len(names), _AT_ONCE):
            await self._bulk_delete(names[first : first + _AT_ONCE])

    async def _bulk_delete(self, pathlist: list[str], **kwargs: Any) -> list[str]:  # noqa: ANN401
        """Remove objects; s3fs itself passes over those that were refused."""
        if not pathlist:
            return []
        bucket = self.split_path(pathlist[0])[0]
        keys = [{"Key": self.split_path(path)[1]} for path in pathlist]
        out = await self._call_s3("delete_objects", Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        for refused in out.get("Errors", []):
            raise refusal_of(_as_answer(refused), "delete_object", bucket, refused.get("Key", "")).as_error()
        return pathlist

    async def _mkdir(self, path: str, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """A prefix needs no folder, and a missing bucket is nobody's here to create."""

    async def _isfile(self, path: str) -> bool:
        """Whether there is an object; fsspec itself takes a failure for none."""
        try:
            return bool((await self._info(path))["type"] == "file")
        except FileNotFoundError:
            return False

    async def _exists(self, path: str) -> bool:
        """Whether there is a bucket, an object, or anything below a prefix; s3fs takes a bucket that fails for none."""
        bucket, key, _ = self.split_path(self._strip_protocol(path))
        if key:
            return bool(await super()._exists(path))
        await self._call_s3("list_objects_v2", Bucket=bucket, MaxKeys=1)
        return True

    async def _isdir(self, path: str) -> bool:
        """Whether anything lies below a prefix; s3fs itself lists all of it."""
        bucket, key, _ = self.split_path(self._strip_protocol(path))
        prefix = f"{key.rstrip('/')}/" if key else ""
        found = await self._call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)
        return bool(found.get("KeyCount") or found.get("Contents"))

    def _open(self, path: str, mode: str = "rb", **of: Any) -> Any:  # noqa: ANN401
        """Open an object, read at once; s3fs itself lets through what the network raises while a body is read."""
        if mode != "rb":
            return super()._open(path, mode, **of)
        found = self.read_object(path)
        if found is None:
            raise FileNotFoundError(f"there is no object s3://{path}")
        return io.BytesIO(found[0])

    # Where s3fs makes these of its own coroutines, fsspec does not make them of ours.
    exists, isdir = sync_wrapper(_exists), sync_wrapper(_isdir)

    def names_below(self, path: str, *, folders: bool) -> list[str]:
        """The names of the objects, or of the folders, directly below a prefix, sorted; none where there is nothing."""
        try:
            found = self.ls(path, detail=True)
        except FileNotFoundError:
            return []
        own = path.strip("/")
        kind = "directory" if folders else "file"
        names = (each["name"].strip("/").removeprefix(own).strip("/") for each in found if each["type"] == kind)
        return sorted(filter(None, names))

    def all_below(self, path: str) -> list[str]:
        """The objects below a prefix, by their names from there, sorted; a page of a thousand costs one request."""
        own = f"{path.strip('/')}/"
        return [name.removeprefix(own) for name in sorted(self.find(path)) if name != own and name.startswith(own)]

    def write_object(self, path: str, content: bytes, over: str | None = None) -> str:
        """Write an object whole, with its checksum, and return its version.

        Parameters
        ----------
        over
            Version that it may replace, `NEW` where there must be none yet; None replaces whatever lies there.

        Raises
        ------
        ObjectConflictError
            When something else lies there.
        ObjectStoreError, ObjectStoreUnavailableError
            When the store refuses it, or fails. An answer that was lost after the write landed is none of these.
        """
        return str(sync(self.loop, self._put_marked, path, content, over))

    async def _put_marked(self, path: str, content: bytes, over: str | None) -> str:
        bucket, key, _ = self.split_path(path)
        place, mark = {"Bucket": bucket, "Key": key}, uuid4().hex
        try:
            said = {"ContentType": mimetypes.guess_type(key)[0] or _BYTES, "Metadata": {_TOKEN: mark}}
            found = await self._call_s3("put_object", **place, Body=content, **said, **_condition(over))
            return str(found["ETag"])
        except (ObjectConflictError, ObjectStoreUnavailableError, FileNotFoundError) as error:
            # A retry of the SDK meets what the first attempt wrote, where only the answer to it was lost.
            if (own := await self._version_with(place, mark)) is not None:
                return own
            if isinstance(error, FileNotFoundError):
                raise ObjectConflictError(f"s3://{bucket}/{key} is gone since it was read: try again") from error
            raise

    async def _version_with(self, place: dict[str, str], mark: str) -> str | None:
        """The version of an object if a write with this mark made it."""
        try:
            found = await self._call_s3("head_object", **place)
        except (FileNotFoundError, ObjectStoreError, ObjectStoreUnavailableError):
            return None
        return str(found["ETag"]) if found.get("Metadata", {}).get(_TOKEN) == mark else None

    def read_object(
        self, path: str, version: str | None = None, *, most_bytes: int | None = None
    ) -> tuple[bytes, str] | None:
        """An object's bytes and its version, in one request; None where there is none.

        Parameters
        ----------
        version
            Version that it must be.
        most_bytes
            Size above which no more than one byte beyond is read; all of it when None.

        Raises
        ------
        ObjectConflictError
            When it is another version.
        """
        found: tuple[bytes, str] | None = sync(self.loop, self._read, path, version, most_bytes)
        return found

    async def _read(self, path: str, version: str | None, most_bytes: int | None) -> tuple[bytes, str] | None:
        bucket, key, _ = self.split_path(path)
        try:
            found = await self._call_s3("get_object", Bucket=bucket, Key=key, **_condition(version))
            async with found["Body"] as body:
                content = await (body.read() if most_bytes is None else body.read(most_bytes + 1))
            return bytes(content), str(found["ETag"])
        except FileNotFoundError:
            return None
        except SettlementError:
            raise
        except Exception as error:  # the body is read outside of what s3fs translates
            raise refusal_of(error, "get_object", bucket, key).as_error() from error

    def moments_of(self, path: str) -> Moments | None:
        """When an object was written, and what time it is at the store; None where there is no object."""
        bucket, key, _ = self.split_path(path)
        try:
            found = self._ask("head_object", Bucket=bucket, Key=key)
        except FileNotFoundError:
            return None
        now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
        return Moments(str(found["ETag"]), found["LastModified"], now)

    def remove_object(self, path: str, version: str) -> None:
        """Remove an object if it is still this version; one that is gone already needs nothing.

        Raises
        ------
        ObjectConflictError
            When it is another version.
        """
        bucket, key, _ = self.split_path(path)
        try:
            self._ask("delete_object", Bucket=bucket, Key=key, IfMatch=version)
        except FileNotFoundError:
            return


class ObjectPath(S3Path):
    """A path in the object store; whatever asks for a listing asks once."""

    __slots__ = ()

    @classmethod
    def _fs_factory(cls, *_: Any) -> ObjectStore:  # noqa: ANN401
        return object_store()

    def mkdir(self, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """A prefix needs no folder."""

    def iterdir(self) -> Iterator[ObjectPath]:
        """Yield what lies directly below, folders too; nothing where nothing does."""
        try:
            found = self.fs.ls(self.path, detail=False)
        except FileNotFoundError:
            return
        for name in found:
            if own := name.rstrip("/").removeprefix(self.path).strip("/"):
                yield self / own

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object; S3 does not say whether there was one."""
        self.fs.rm_file(self.path)


# Stores that a forked process has of its parent. If it collected them, they would close the parent's connections in the
# kernel's list that both share, and the parent would wait in vain for answers on them.
_inherited: list[ObjectStore] = []


def _keep_for_the_child() -> None:
    _inherited.extend(ObjectStore._cache.values())


os.register_at_fork(before=_keep_for_the_child, after_in_parent=_inherited.clear)


def object_store(seconds: int = _READ_SECONDS) -> ObjectStore:
    """The store that the environment of this process names.

    Parameters
    ----------
    seconds
        Longest wait for an answer.
    """
    environment = hash(tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_"))))
    return ObjectStore(environment, seconds=seconds)


def object_path(uri: str) -> UPath:
    """The path of an object or a prefix, `s3://bucket/key`."""
    register_implementation("s3", ObjectPath, clobber=True)
    return UPath(f"s3:{uri.partition(':')[2]}")


def _ask_for_leave(**_: object) -> None:
    require_leave_to_write()


def _condition(version: str | None) -> dict[str, str]:
    if version is None:
        return {}
    return {"IfNoneMatch": NEW} if version == NEW else {"IfMatch": version}


def _as_answer(said: dict[str, Any]) -> boto.ClientError:
    return boto.ClientError({"Error": said}, "DeleteObjects")
