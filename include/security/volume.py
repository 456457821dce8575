"""Says whether what a lake keeps outside its envelopes, above all the tables, is encrypted where it lies.

On Linux a folder is where its mount says: on a device that dm-crypt encrypts, on a file system that encrypts by itself,
or in memory. A disk that is encrypted below the machine, as one of a hypervisor's or EBS, cannot be told from one that
is not; an installation that knows says so by a setting.
"""

from __future__ import annotations

import fcntl
import functools
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from upath import UPath

from include.errors import ObjectStoreError, ObjectStoreUnavailableError
from include.paths import is_object, path_of
from include.settings import Settings
from include.stages import tell

_MOUNTS = Path("/proc/self/mountinfo")
_DEVICES = Path("/sys/dev/block")
# The kernel's own prefix of dm-crypt's devices, of every format that cryptsetup writes (cryptsetup(8), dmsetup(8)).
_CRYPT = "CRYPT-"
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_ENCRYPTING = frozenset({"ecryptfs", "fuse.gocryptfs", "fuse.encfs", "fuse.cryfs"})
# FS_IOC_GET_ENCRYPTION_POLICY_EX of the kernel's fscrypt (linux/fscrypt.h): it succeeds in a folder that has a policy.
_GET_POLICY = 0xC0096616
_POLICY_BYTES = 24
# S3 encrypts everything, with AES256 where nothing else is said; whoever may read an object needs no leave to use that
# key.
_KMS_ALGORITHMS = frozenset({"aws:kms", "aws:kms:dsse"})
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One line of the kernel's list of mounts.

    Attributes
    ----------
    point
        Folder that it is mounted at.
    kind
        Kind of the file system.
    source
        Device or name that is mounted.
    device
        Major and minor number, as `254:1`.
    """

    point: str
    kind: str
    source: str
    device: str


def warn_unless_encrypted(lake_uri: str, settings: Settings) -> None:
    """Say once in a process that a lake is not seen to be encrypted where it lies, and what that leaves readable."""
    if not settings.encrypted_volume:
        _warn(lake_uri)


@functools.cache
def _warn(lake_uri: str) -> None:
    if why := doubt_of(lake_uri):
        tell(
            f"the tables of {lake_uri} lie in the clear to whoever reads the disk itself: {why}. Put the lake on an "
            "encrypted volume; where it is on one that this machine cannot see, say so with ADS_ENCRYPTED_VOLUME=true"
        )


def doubt_of(lake_uri: str) -> str:
    """Why a lake is not seen to be encrypted where it lies; empty where it is."""
    lake = path_of(lake_uri)
    return _doubt_of_bucket(lake) if is_object(lake) else doubt_of_folder(Path(lake.path))


def doubt_of_folder(folder: Path, mounts: Path = _MOUNTS, devices: Path = _DEVICES) -> str:
    """Why a folder is not seen to be encrypted; empty where it is.

    Parameters
    ----------
    folder
        The folder; where it is not there yet, the first one above that is.
    mounts
        The kernel's list of mounts.
    devices
        The kernel's folder of block devices, by their numbers.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists()).resolve()
    if not mounts.exists():
        return "this system does not say what it is mounted on"
    mount = _mount_of(there, mounts)
    if mount.kind in _IN_MEMORY | _ENCRYPTING or _has_policy(there):
        return ""
    if _is_encrypted(_number_of(mount), devices):
        return ""
    return f"{mount.point} is {mount.source} ({mount.kind}), which this machine does not encrypt"


def _mount_of(path: Path, mounts: Path) -> Mount:
    """The mount that a path lies in: the innermost, and of several at one point the last."""
    found = [mount for mount in _listed(mounts) if path.is_relative_to(mount.point)]
    return max(reversed(found), key=lambda mount: len(mount.point))


def _listed(mounts: Path) -> Iterator[Mount]:
    for line in mounts.read_text(errors="surrogateescape").splitlines():
        placed, _, mounted = line.partition(" - ")
        _, _, device, _, point, *_ = placed.split(" ")
        kind, source, *_ = mounted.split(" ")
        yield Mount(_plain(point), kind, _plain(source), device)


def _plain(text: str) -> str:
    r"""A name of the list, in which blanks are escaped.

    >>> _plain(r"/mnt/the\040bank")
    '/mnt/the bank'
    """
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)


def _number_of(mount: Mount) -> str:
    """The numbers of the device below a mount; btrfs and others give their mounts numbers of their own."""
    try:
        found = Path(mount.source).stat().st_rdev
    except OSError:
        return mount.device
    return f"{os.major(found)}:{os.minor(found)}" if found else mount.device


def _is_encrypted(device: str, devices: Path) -> bool:
    """Whether dm-crypt encrypts a device, or everything that it is built on."""
    folder = devices / device
    uuid = folder / "dm" / "uuid"
    if uuid.exists() and uuid.read_text().startswith(_CRYPT):
        return True
    below = [(each / "dev").read_text().strip() for each in sorted((folder / "slaves").glob("*"))]
    return bool(below) and all(_is_encrypted(each, devices) for each in below)


def _has_policy(folder: Path) -> bool:
    """Whether the file system encrypts a folder by itself; one that this user may not open does not say so."""
    given = bytearray(_POLICY_BYTES.to_bytes(8, sys.byteorder) + bytes(_POLICY_BYTES))
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.ioctl(descriptor, _GET_POLICY, given)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _doubt_of_bucket(lake: UPath) -> str:
    """Why what is written into a bucket is not seen to be encrypted there with a key that somebody must be allowed."""
    bucket = lake.path.split("/")[0]
    try:
        found = _algorithms_of(bucket)
    except (ObjectStoreError, ObjectStoreUnavailableError) as error:
        return str(error)
    if found and found <= _KMS_ALGORITHMS:
        return ""
    own = ", ".join(sorted(found)) or "none"
    return f"the bucket {bucket} encrypts by default with S3's own keys ({own}), and not with SSE-KMS"


def _algorithms_of(bucket: str) -> set[str]:
    from include.aws.clients import client
    from include.aws.refusals import told

    with told(
        f"the default encryption of the bucket {bucket} (s3:GetEncryptionConfiguration)",
        "Allow the role of the night to read it",
        terminal=ObjectStoreError,
        passing=ObjectStoreUnavailableError,
    ):
        found = client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    rules = (rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in found["Rules"])
    return {str(rule.get("SSEAlgorithm", "none")) for rule in rules}
