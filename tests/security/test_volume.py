"""Whether a folder is seen to be encrypted, in made-up lists of mounts and devices as the kernel writes them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from include.security import volume
from include.security.volume import doubt_of, doubt_of_folder, warn_unless_encrypted
from include.settings import Settings

# proc_pid_mountinfo(5); the last one hides the one before.
MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/no-such-a rw
30 27 253:1 / {bank} rw,relatime shared:1 - xfs /dev/no-such-b rw
31 27 0:40 / {bank}/in\\040memory rw - tmpfs tmpfs rw
32 27 253:2 / {bank}/below rw - ext4 /dev/no-such-c rw
33 27 253:3 / {bank}/half rw - ext4 /dev/no-such-d rw
34 27 0:41 / {bank}/stacked rw - ecryptfs /home/.private rw
35 27 254:0 / {bank}/hidden rw - ext4 /dev/no-such-a rw
36 35 253:1 / {bank}/hidden rw - ext4 /dev/no-such-b rw
"""


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A folder, a list of mounts at and below it, and a folder of block devices."""
    bank, devices = tmp_path / "bank", tmp_path / "devices"
    for name in ("in memory", "below", "half", "stacked", "hidden", "plain"):
        (bank / name).mkdir(parents=True)
    (tmp_path / "mounts").write_text(MOUNTS.format(bank=bank))
    _device(devices, "254:0")
    _device(devices, "253:1", "CRYPT-LUKS2-0123456789abcdef-bank")
    _device(devices, "253:2", "LVM-0123456789abcdef", "253:1")
    _device(devices, "253:3", "LVM-fedcba9876543210", "253:1", "254:0")
    return bank, tmp_path / "mounts", devices


def _device(devices: Path, number: str, uuid: str = "", *below: str) -> None:
    (devices / number).mkdir(parents=True)
    if uuid:
        (devices / number / "dm").mkdir()
        (devices / number / "dm" / "uuid").write_text(f"{uuid}\n")
    for place, each in enumerate(below):
        (devices / number / "slaves" / f"dm-{place}").mkdir(parents=True)
        (devices / number / "slaves" / f"dm-{place}" / "dev").write_text(f"{each}\n")


@pytest.mark.parametrize("where", ["", "plain", "not/yet/there", "in memory", "below", "stacked", "hidden"])
def test_an_encrypted_folder_leaves_no_doubt(machine: tuple[Path, Path, Path], where: str) -> None:
    bank, mounts, devices = machine
    assert doubt_of_folder(bank / where, mounts, devices) == ""


def test_a_folder_that_may_not_be_opened_stops_no_night(
    machine: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of root's, which others may pass through and not list, above a lake that is not there yet."""

    def refused(*_: object) -> int:
        raise PermissionError

    bank, mounts, devices = machine
    monkeypatch.setattr(volume.os, "open", refused)
    assert doubt_of_folder(bank / "not/yet/there", mounts, devices) == ""
    assert "which this machine does not encrypt" in doubt_of_folder(bank.parent, mounts, devices)


@pytest.mark.parametrize("where", ["half", ".."])
def test_a_folder_on_a_disk_in_the_clear_is_doubted(machine: tuple[Path, Path, Path], where: str) -> None:
    bank, mounts, devices = machine
    assert "which this machine does not encrypt" in doubt_of_folder(bank / where, mounts, devices)


def test_a_link_is_judged_by_where_it_leads(machine: tuple[Path, Path, Path]) -> None:
    bank, mounts, devices = machine
    (bank / "plain" / "link").symlink_to(bank / "half")
    assert "no-such-d" in doubt_of_folder(bank / "plain" / "link", mounts, devices)


def test_a_system_without_such_a_list_is_doubted(tmp_path: Path) -> None:
    assert "does not say" in doubt_of_folder(tmp_path, tmp_path / "none")


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no /dev/shm here")  # noqa: S108 - a mount of Linux
def test_what_lies_in_memory_is_seen_so_on_this_machine() -> None:
    assert doubt_of("file:/dev/shm/lake") == ""


def test_it_is_said_once_unless_the_installation_knows_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(volume, "doubt_of", lambda _: "it is /dev/vda")
    caplog.set_level(logging.INFO, logger="include.stages")
    warn_unless_encrypted(f"file:{tmp_path}/known", Settings(encrypted_volume=True))
    assert caplog.messages == []
    for _ in range(2):
        warn_unless_encrypted(f"file:{tmp_path}/lake", Settings())
    (said,) = caplog.messages
    assert "it is /dev/vda" in said
    assert "ADS_ENCRYPTED_VOLUME=true" in said
