"""Files of a lake as objects: written whole or not at all, over what was read and nothing else, and listed once."""

from __future__ import annotations

import base64
import io
import logging
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from include.aws.clients import client
from include.aws.endpoints import require_tls
from include.aws.object_store import ObjectStore, object_store
from include.aws.refusals import code_of
from include.errors import (
    ObjectConflictError,
    ObjectStoreError,
    ObjectStoreUnavailableError,
    SettingsError,
)
from include.lake.work_folder import WorkFolder, clear_abandoned
from include.paths import files_below, folders_in, names_in, path_of
from include.security.private import make_private
from include.whole_file import NEW, content_of, put_whole, read_whole, remove_whole, write_whole
from tests.aws.conftest import make_bucket
from tests.aws.fault_proxy import FaultProxy

NOWHERE = "s3://no-such-bucket-anywhere/lake"


@pytest.fixture(scope="module")
def bucket_name(aws_module):
    return make_bucket("objects")


@pytest.fixture
def folder(bucket_name, request):
    return path_of(f"s3://{bucket_name}/{request.node.name}")


@pytest.fixture
def asked(monkeypatch):
    """The requests that are made, by name."""
    made: list[str] = []
    real = ObjectStore._call_s3

    async def counted(self, method, *lists, **kwargs):
        made.append(method)
        return await real(self, method, *lists, **kwargs)

    monkeypatch.setattr(ObjectStore, "_call_s3", counted)
    return made


def test_an_object_is_replaced_only_as_it_was_read(folder):
    path = folder / "record"
    first = write_whole(path, b"one", over=NEW)
    with pytest.raises(ObjectConflictError, match="written by another process since it was read"):
        write_whole(path, b"two", over=NEW)
    second = write_whole(path, b"two", over=first)
    with pytest.raises(ObjectConflictError):
        write_whole(path, b"three", over=first)
    assert read_whole(path) == (b"two", second)
    with pytest.raises(ObjectConflictError):
        remove_whole(path, first)
    remove_whole(path, second)
    assert read_whole(path) is None
    with pytest.raises(ObjectConflictError, match="gone since it was read"):
        write_whole(path, b"three", over=second)
    with pytest.raises(FileNotFoundError):
        content_of(path)


def test_of_many_writers_at_once_one_wins(folder):
    path = folder / "record"
    read = write_whole(path, b"before")

    def write(number):
        try:
            write_whole(path, str(number).encode(), over=read)
        except ObjectConflictError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        won = [number for number in pool.map(write, range(8)) if number is not None]
    assert [str(number).encode() for number in won] == [path.read_bytes()]


def test_what_is_written_carries_a_checksum_that_the_store_holds_against_it(folder, bucket_name):
    write_whole(folder / "record", b"content")
    key = f"{folder.name}/record"
    told = client("s3").head_object(Bucket=bucket_name, Key=key, ChecksumMode="ENABLED")
    assert base64.b64decode(told["ChecksumCRC32"]) == zlib.crc32(b"content").to_bytes(4, "big")
    with pytest.raises(ClientError) as refused:
        client("s3").put_object(Bucket=bucket_name, Key=key, Body=b"other", ChecksumCRC32=told["ChecksumCRC32"])
    assert code_of(refused.value) == "BadDigest"
    assert (folder / "record").read_bytes() == b"content"


def test_a_finished_file_becomes_an_object_and_its_draft_goes(folder, tmp_path):
    draft = tmp_path / "draft"
    draft.write_bytes(b"x" * 100)
    put_whole(folder / "extract.hyper", draft)
    assert (folder / "extract.hyper").read_bytes() == b"x" * 100
    assert not draft.exists()


def test_an_upload_that_breaks_off_shows_no_object_and_leaves_no_parts(folder, bucket_name, tmp_path, monkeypatch):
    draft = tmp_path / "draft"
    draft.write_bytes(bytes(101 << 20))  # from a hundred MiB on s3fs uploads in parts
    real, parts = ObjectStore._call_s3, []

    async def breaking(self, method, *lists, **kwargs):
        if method == "upload_part":
            parts.append(kwargs["PartNumber"])
            if len(parts) > 1:
                raise ObjectStoreUnavailableError("the network is gone")
        return await real(self, method, *lists, **kwargs)

    monkeypatch.setattr(ObjectStore, "_call_s3", breaking)
    with pytest.raises(ObjectStoreUnavailableError):
        put_whole(folder / "extract.hyper", draft)
    assert not (folder / "extract.hyper").exists()
    assert "Uploads" not in client("s3").list_multipart_uploads(Bucket=bucket_name)
    assert draft.exists()


def test_a_table_that_breaks_off_in_a_work_folder_shows_no_object(folder, monkeypatch):
    work = WorkFolder(folder / "_work" / "nights" / "run")
    work.begin()
    work.note("figures", {"rows": 1})
    assert work.read_note("figures") == {"rows": 1}

    def torn(_, sink: io.BytesIO):
        sink.write(b"half")
        raise MemoryError

    monkeypatch.setattr("pyarrow.parquet.write_table", torn)
    with pytest.raises(MemoryError):
        work.put("postings", None)
    assert not work.has("postings")
    clear_abandoned(str(folder))
    work.clear()
    assert files_below(folder) == []


@pytest.mark.parametrize("count", [20, pytest.param(10_000, marks=pytest.mark.long)])
def test_a_listing_costs_a_request_for_each_thousand_objects(folder, bucket_name, asked, count):
    pages = -(-count // 1_000)
    s3, inbox = client("s3"), folder / "inbox"

    def put(number):
        s3.put_object(Bucket=bucket_name, Key=f"{folder.name}/inbox/{number:05}.csv", Body=b"")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(count)))
    assert len(names_in(inbox)) == len(list(inbox.iterdir())) == len(files_below(folder)) == count
    assert folders_in(folder) == [inbox]
    before = len(asked)
    assert inbox.is_dir()
    assert len(asked) == before + 1
    # The stand-in also counts what it lays together as folders; AWS's pages hold a thousand of these.
    assert set(asked) == {"list_objects_v2"}
    assert len(asked) <= 4 * pages + 1
    folder.fs.rm(folder.path, recursive=True)
    assert files_below(folder) == []


def test_what_another_process_writes_is_seen_at_once(folder, bucket_name):
    assert folder.parent.exists()
    assert names_in(folder) == []
    assert not (folder / "record").exists()
    client("s3").put_object(Bucket=bucket_name, Key=f"{folder.name}/record", Body=b"1")
    assert names_in(folder) == ["record"]
    assert (folder / "record").is_file()
    client("s3").delete_object(Bucket=bucket_name, Key=f"{folder.name}/record")
    assert not (folder / "record").exists()
    assert names_in(folder) == []


_FORK = """
    import os, sys
    path = sys.argv[1]
    from include.paths import path_of
    from include.whole_file import write_whole
    write_whole(path_of(path), b"parent")
    child = os.fork()
    if not child:
        write_whole(path_of(path), b"child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert path_of(path).read_bytes() == b"child"
"""


def test_a_forked_process_has_a_session_of_its_own(folder):
    program = "\n".join(line[4:] for line in _FORK.splitlines())
    done = subprocess.run([sys.executable, "-c", program, str(folder / "record")], timeout=20, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    "use",
    [
        lambda path: path.exists(),
        lambda path: path.is_file(),
        lambda path: path.read_bytes(),
        lambda path: read_whole(path),
        lambda path: write_whole(path, b""),
        lambda path: names_in(path),
        lambda path: files_below(path),
        lambda path: list(path.iterdir()),
        lambda path: path.unlink(),
    ],
)
def test_a_missing_bucket_is_said_whatever_is_asked_and_never_created(aws_module, use):
    make_private(path_of(NOWHERE))
    with pytest.raises(ObjectStoreError, match="there is no bucket no-such-bucket-anywhere"):
        use(path_of(f"{NOWHERE}/record"))
    with pytest.raises(ObjectStoreError, match="there is no bucket no-such-bucket-anywhere"):
        path_of(NOWHERE).parent.exists()


def test_what_is_refused_of_many_deletions_is_said(folder, monkeypatch):
    write_whole(folder / "record", b"")
    real = ObjectStore._call_s3

    async def refusing(self, method, *lists, **kwargs):
        if method == "delete_objects":
            # As S3 answers in its documentation of DeleteObjects; no stand-in denies one key among many.
            return {"Errors": [{"Key": "a/record", "Code": "AccessDenied", "Message": "Access Denied"}]}
        return await real(self, method, *lists, **kwargs)

    monkeypatch.setattr(ObjectStore, "_call_s3", refusing)
    with pytest.raises(ObjectStoreError, match=r"a/record may not be used .*s3:DeleteObject"):
        folder.fs.rm(folder.path, recursive=True)


def test_only_this_machine_may_do_without_tls(caplog):
    require_tls("s3", "https://s3.eu-central-1.amazonaws.com")
    for there in ("http://s3.example.com", "http://10.0.0.1:9000", "http://localhost.example.com"):
        with pytest.raises(SettingsError, match="without TLS"):
            require_tls("s3", there)
    with caplog.at_level(logging.WARNING):
        for here in ("http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "http://localhost:1"):
            require_tls("s3", here)
    assert len(caplog.messages) == 3


def test_a_store_without_tls_is_not_asked(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1:9000")
    with pytest.raises(SettingsError, match="without TLS"):
        path_of("s3://bucket/record").exists()
    with pytest.raises(SettingsError, match="without TLS"):
        client("s3")


@pytest.fixture(scope="module")
def proxy(aws_module, tmp_path_factory):
    with FaultProxy.before(aws_module.address("ministack"), tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture
def through(proxy, monkeypatch, folder):
    """The folder through the proxy, with answers awaited for two seconds."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
    monkeypatch.setattr("include.aws.object_store._READ_SECONDS", 2)
    path = path_of(str(folder))
    path._fs_cached = object_store(2)
    return path


LOST_ANSWER = {"response": {"set_headers": {"Content-Length": "10"}}}


def test_a_write_whose_answer_was_lost_is_known_as_its_own(through, proxy):
    path = through / "record"
    first = write_whole(path, b"one")
    with proxy.failing(operation="PutObject", times=1, **LOST_ANSWER):
        second = write_whole(path, b"two", over=first)
    assert read_whole(path) == (b"two", second)


def test_a_busy_store_is_asked_again_and_then_said(through, proxy):
    path = through / "record"
    write_whole(path, b"one")
    with proxy.failing(times=1, error={"code": "SlowDown", "status": 503}):
        assert path.read_bytes() == b"one"
    with (
        proxy.failing(error={"code": "SlowDown", "status": 503}),
        pytest.raises(ObjectStoreUnavailableError, match=f"{path.name}: S3 is busy"),
    ):
        write_whole(path, b"two")
    assert path.read_bytes() == b"one"
