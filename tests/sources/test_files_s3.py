"""The same source under an object prefix, against a real S3 protocol over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.request import urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer

from include.aws.object_store import ObjectStore
from include.errors import SourceChangedError, SourceError, SourceUnavailableError
from include.sources import open_source
from include.sources.files import parts
from include.sources.files.folder import Folder
from tests.sources.small_banks import transactions_with, write_canonical


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[object]:
    """A bucket with the small bank under `bank/`, found through the standard AWS environment alone."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    s3 = boto3.resource("s3")
    created = s3.create_bucket(
        Bucket="settlement-bank", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    for file in write_canonical(tmp_path).iterdir():
        created.put_object(Key=f"bank/{file.name}", Body=file.read_bytes())
    yield created
    urlopen(f"http://{host}:{port}/moto-api/reset", data=b"")  # the stand-in keeps its buckets between servers
    server.stop()


def test_a_prefix_is_read_as_a_folder_is(bucket, tmp_path):
    with open_source("s3://settlement-bank/bank/") as there, open_source(str(tmp_path)) as here:
        night = date(2013, 1, 2)
        without = ["source_uri"]
        assert there.night(night).rows.drop_columns(without).equals(here.night(night).rows.drop_columns(without))
        uris = there.night(night).rows["source_uri"].to_pylist()
        assert uris[0] == "s3://settlement-bank/bank/fin_transaction.csv"
        account = there.static("fin_account")
        assert account is not None
        assert account.offered == 2


def test_an_object_written_again_is_noticed(bucket):
    with open_source("s3://settlement-bank/bank") as source:
        bucket.put_object(Key="bank/fin_transaction.csv", Body=transactions_with((0, "amount", "701.00")).encode())
        with pytest.raises(SourceChangedError, match="ETag"):
            source.night(date(2013, 1, 1))
    with open_source("s3://settlement-bank/bank") as source:
        assert source.night(date(2013, 1, 1)).offered == 1


def test_an_object_that_is_gone_since_it_was_listed_is_noticed(bucket):
    with open_source("s3://settlement-bank/bank") as source:
        bucket.Object("bank/fin_transaction.csv").delete()
        with pytest.raises(SourceChangedError, match="gone"):
            source.night(date(2013, 1, 1))


def test_an_object_costs_one_request(bucket, monkeypatch):
    asked = []
    real = ObjectStore._call_s3

    async def counted(self, method, *lists, **kwargs):
        asked.append(method)
        return await real(self, method, *lists, **kwargs)

    folder = Folder.at("s3://settlement-bank/bank")
    stamp = folder.entries()["fin_account.csv"].stamp
    monkeypatch.setattr(ObjectStore, "_call_s3", counted)
    assert folder.read("fin_account.csv", stamp)
    assert asked == ["get_object"]


def test_an_object_that_is_larger_than_a_relation_is_not_opened(bucket, monkeypatch):
    monkeypatch.setattr(parts, "LARGEST_BYTES", 10)
    monkeypatch.setattr(ObjectStore, "read_object", lambda *_, **__: pytest.fail("it was opened"))
    with open_source("s3://settlement-bank/bank") as source, pytest.raises(SourceError, match="more than 10 bytes"):
        source.static("fin_account")


def test_a_prefix_with_nothing_under_it_says_so(bucket):
    with pytest.raises(SourceError, match="nothing at s3://settlement-bank/elsewhere"):
        open_source("s3://settlement-bank/elsewhere")


def test_a_store_that_does_not_answer_may_be_tried_again(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SourceUnavailableError, match="s3://settlement-bank/bank could not be read"):
        open_source("s3://settlement-bank/bank")
