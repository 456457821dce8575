"""The stand-ins for AWS, one pair per test process, and places in them that only one test uses."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.aws.clients import client
from local.stand_ins import REGION, StandIns, is_installed
from tests.conftest import require


@pytest.fixture(scope="session")
def stand_ins() -> Iterator[StandIns]:
    """Running stand-ins; tests take buckets, databases and keys with names of their own from them."""
    if not is_installed():
        require("stand-ins", "the stand-ins for AWS are not installed: `make stand-ins` does so")
    folder = Path(tempfile.mkdtemp(prefix="stand-ins-"))
    with StandIns.start(folder) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def aws(stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """The stand-ins, with the environment by which every client of this process finds them alone."""
    for name, value in stand_ins.environment().items():
        monkeypatch.setenv(name, value)
    return stand_ins


@pytest.fixture(scope="module")
def aws_module(stand_ins: StandIns) -> Iterator[StandIns]:
    """As `aws`, for what several tests of one module share."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stand_ins.environment().items():
            patch.setenv(name, value)
        yield stand_ins


def make_bucket(prefix: str = "ads") -> str:
    """A new bucket's name."""
    name = f"{prefix}-{uuid.uuid4().hex[:12]}"
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


@pytest.fixture
def bucket(aws: StandIns) -> str:
    """A new bucket."""
    return make_bucket()


@pytest.fixture
def kms_key(aws: StandIns) -> str:
    """ARN of a new key."""
    return str(client("kms").create_key(Description="lake")["KeyMetadata"]["Arn"])


@pytest.fixture(scope="session")
def guarding_stand_ins() -> Iterator[StandIns]:
    """Stand-ins of which ministack holds everybody to the policies of buckets and identities."""
    if not is_installed():
        require("stand-ins", "the stand-ins for AWS are not installed: `make stand-ins` does so")
    folder = Path(tempfile.mkdtemp(prefix="stand-ins-"))
    with StandIns.start(folder, is_authenticating=True) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def guarded(guarding_stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """Those stand-ins, with the environment of their administrator."""
    for name, value in guarding_stand_ins.environment().items():
        monkeypatch.setenv(name, value)
    return guarding_stand_ins
