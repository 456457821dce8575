"""The lake's tables in the Glue catalog: whose database it is, what Glue shows, and what becomes of commits."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from types import SimpleNamespace

import pyarrow as pa
import pytest
from upath import UPath

from include.aws.clients import client
from include.errors import PublishError, SettingsError, TerminalError, TransientError
from include.lake import Table, glue_catalog
from include.lake import commit as commits
from include.lake.commit import metadata_commit
from include.lake.erasing import expire_at_once
from include.lake.identity import ID_FILE
from include.lake.location import LakeLocation
from tests.aws.conftest import make_bucket
from tests.aws.faults import answering, losing_the_answer, upon
from tests.lake.nights import STATE, night_number, open_lake, publish_night, rows_of, seen, stamp_of, whole

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def bucket(aws_module):
    return make_bucket("glue")


@pytest.fixture
def place(bucket):
    """Address of a new lake, and the settings by which it is in Glue under a name of its own."""
    name = f"lake_{next(_NUMBERS)}"
    return f"s3://{bucket}/{name}", {"catalog_uri": "glue:", "namespace": name}


@pytest.fixture(scope="module")
def shared(bucket):
    """A lake with one published night, which tests add nights of their own to."""
    settings = {"catalog_uri": "glue:", "namespace": "shared"}
    opened = partial(open_lake, f"s3://{bucket}/shared", **settings)
    publish_night(opened(), stamp_of("a", night_number(0)))
    return SimpleNamespace(open=opened, nights=count(1))


@pytest.fixture
def lake(shared):
    return shared.open()


@pytest.fixture
def night(shared):
    return night_number(next(shared.nights))


def glue_of(lake):
    """The client that a lake's commits go through."""
    return lake.catalog._catalog.glue


def rows_in(lake, night):
    return {(row["table"], row["run_key"][0]): row["row_count"] for row in lake.census(night).to_pylist()}


def write(lake, night, run):
    lake.replace(STATE, night, rows_of(STATE, night, run), stamp_of(run, night))


# --- Whose database it is -------------------------------------------------------------------------------------------


def test_a_night_published_twice_is_there_once_and_glue_shows_it(place):
    uri, settings = place
    night, name = night_number(0), settings["namespace"]
    for run in "ab":
        publish_night(open_lake(uri, **settings), stamp_of(run, night))
    lake = open_lake(uri, **settings)
    assert seen(lake, night) == whole("b")
    assert lake.stray(night).num_rows == 0
    glue = client("glue")
    assert glue.get_database(Name=name)["Database"]["Parameters"] == {"ads.lake": lake.identity, "ads.warehouse": uri}
    assert (UPath(uri) / ID_FILE).read_text().strip() == lake.identity
    found = glue.get_table(DatabaseName=name, Name="fin_transaction")["Table"]
    assert found["StorageDescriptor"]["Location"] == f"{uri}/{name}/fin_transaction"
    assert set(lake.catalog.names()) == {"fin_account", "fin_transaction", "night_manifest", "state_things"}


def test_of_two_new_lakes_at_once_one_wins_and_the_other_is_refused(place):
    uri, settings = place

    def opened(name):
        try:
            return open_lake(f"{uri}/{name}", **settings).identity
        except SettingsError as error:
            return str(error)

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(opened, ["one", "two"] * 3))
    (winner,) = [name for name in ("one", "two") if (UPath(uri) / name / ID_FILE).exists()]
    identities = {text for text in said if "ADS_NAMESPACE" not in text}
    assert identities == {(UPath(uri) / winner / ID_FILE).read_text().strip()}
    assert sum("belongs to the lake at" in text for text in said) == 3


def test_a_database_that_names_no_lake_is_not_taken(place):
    uri, settings = place
    client("glue").create_database(DatabaseInput={"Name": settings["namespace"], "Description": "somebody's"})
    with pytest.raises(SettingsError, match=f"names no lake.*set its location to {uri}"):
        open_lake(uri, **settings)
    assert not (UPath(uri) / ID_FILE).exists()
    assert not client("glue").get_database(Name=settings["namespace"])["Database"].get("Parameters")


def test_a_database_that_was_made_for_the_lake_is_taken_as_it_is(place, through):
    uri, settings = place
    made = {"Name": settings["namespace"], "Description": "the bank's", "LocationUri": f"{uri}/"}
    client("glue").create_database(DatabaseInput={**made, "Parameters": {"owner": "bank"}})
    asked, others = [], []

    def overtaken(request):
        """Another process takes the database between this one's look at it and its own update."""
        asked.append(json.loads(request.body)["DatabaseInput"])
        (UPath(uri) / ID_FILE).unlink(missing_ok=True)
        others.append(open_lake(uri, **settings).identity)

    upon(through, "UpdateDatabase", overtaken)
    lake = open_lake(uri, **settings)
    assert others == [lake.identity]
    # An update replaces a database, though the stand-in keeps what it is not given.
    assert asked == [{**made, "Parameters": {"owner": "bank", "ads.lake": lake.identity, "ads.warehouse": uri}}]
    with pytest.raises(SettingsError, match="belongs to the lake at"):
        open_lake(f"{uri}_2", **settings)


@pytest.fixture
def through(monkeypatch):
    """The client of the next catalog that is opened."""
    made = [client("glue")]
    monkeypatch.setattr(glue_catalog, "client", lambda name: made.pop() if made else client(name))
    return made[0]


def test_a_new_database_whose_answer_was_lost_is_the_lakes(place, through):
    uri, settings = place
    met = upon(through, "CreateDatabase", losing_the_answer)
    lake = open_lake(uri, **settings)
    assert met
    assert (
        client("glue").get_database(Name=settings["namespace"])["Database"]["Parameters"]["ads.lake"] == lake.identity
    )


@pytest.mark.parametrize("catalog_uri", ["glue:1", "glue:12345678901x", "glue:database"])
def test_what_follows_glue_is_an_account(catalog_uri):
    with pytest.raises(SettingsError, match=f"ADS_CATALOG_URI is '{catalog_uri}'.*12 digits"):
        LakeLocation.of("s3://bucket/lake", catalog_uri)


def test_a_folder_is_no_lake_of_glues(tmp_path):
    with pytest.raises(SettingsError, match="ADS_LAKE_URI"):
        LakeLocation.of(str(tmp_path / "lake"), "glue:")
    assert not (tmp_path / "lake").exists()


# --- What Glue shows of the tables ----------------------------------------------------------------------------------


def test_a_new_table_whose_answer_was_lost_is_the_lakes(lake, night):
    made = Table("made", STATE.schema, STATE.night_column, ())
    met = upon(glue_of(lake), "CreateTable", losing_the_answer)
    lake.replace(made, night, rows_of(STATE, night, "a"), stamp_of("a", night))
    assert met
    assert rows_in(lake, night) == {("made", "a"): 3}


_OLD = pa.schema([pa.field("settlement_date", pa.date32()), pa.field("run_key", pa.string())])
_SAID = pa.field("said", pa.string(), metadata={"doc": "what was said"})


def test_comments_and_new_columns_are_in_glue(lake):
    lake.catalog.ensure(Table("told", _OLD, "settlement_date", (), "one thing told"))
    lake.catalog.ensure(Table("told", _OLD.append(_SAID), "settlement_date", (), "one thing told"))
    found = client("glue").get_table(DatabaseName="shared", Name="told")["Table"]
    columns = {each["Name"]: (each["Type"], each.get("Comment")) for each in found["StorageDescriptor"]["Columns"]}
    bare = {"settlement_date": ("date", None), "run_key": ("string", None)}
    assert found["Description"] == found["Parameters"]["comment"] == "one thing told"
    assert columns == {**bare, "said": ("string", "what was said")}


def test_views_in_the_database_are_no_tables_of_the_lake(lake):
    view = {"Name": "published_told", "TableType": "VIRTUAL_VIEW", "Parameters": {"presto_view": "true"}}
    client("glue").create_table(DatabaseName="shared", TableInput=view)
    assert "published_told" not in lake.catalog.names()
    assert "night_manifest" in lake.catalog.names()


def test_each_metadata_file_is_read_once(lake, monkeypatch):
    from pyiceberg.catalog import glue

    read = []
    original = glue.FromInputFile.table_metadata
    monkeypatch.setattr(glue.FromInputFile, "table_metadata", lambda file: read.append(file.location) or original(file))
    for _ in range(3):
        lake.catalog.load("fin_account")
    assert len(read) == 1


# --- What becomes of commits ----------------------------------------------------------------------------------------


def test_a_commit_that_another_overtakes_is_planned_again(shared, lake, night):
    other = shared.open()
    met = upon(glue_of(lake), "UpdateTable", lambda _: write(other, night, "b"))
    write(lake, night, "a")
    assert met
    assert rows_in(lake, night) == {("state_things", "a"): 3, ("state_things", "b"): 3}


def test_a_commit_whose_answer_was_lost_and_whose_repetition_was_refused_stays(lake, night):
    before = len(lake.catalog.load(STATE.name).snapshots()) if lake.catalog.find(STATE.name) else 0
    met = upon(glue_of(lake), "UpdateTable", losing_the_answer)
    write(lake, night, "a")
    assert met
    assert rows_in(lake, night) == {("state_things", "a"): 3}
    table = lake.catalog.load(STATE.name)
    assert len(table.snapshots()) == before + 1
    assert all((UPath(each.manifest_path)).exists() for each in table.current_snapshot().manifests(table.io))


def test_a_commit_whose_every_answer_is_lost_stays(lake, night):
    met = upon(glue_of(lake), "UpdateTable", losing_the_answer, times=3)
    write(lake, night, "a")
    assert len(met) == 3
    assert rows_in(lake, night) == {("state_things", "a"): 3}


def test_a_commit_whose_answer_was_lost_and_that_another_followed_stays(shared, lake, night):
    other = shared.open()

    def overtaken(request):
        try:
            return losing_the_answer(request)
        finally:
            write(other, night, "b")

    upon(glue_of(lake), "UpdateTable", overtaken)
    write(lake, night, "a")
    assert rows_in(lake, night) == {("state_things", "a"): 3, ("state_things", "b"): 3}


def test_a_commit_that_was_repeated_in_vain_and_overtaken_is_planned_again(shared, lake, night):
    """The first request got nowhere, and another writer was faster than the second."""
    other = shared.open()

    def busy(request):
        write(other, night, "b")
        return answering("InternalServiceException", 500)(request)

    upon(glue_of(lake), "UpdateTable", busy)
    write(lake, night, "a")
    assert rows_in(lake, night) == {("state_things", "a"): 3, ("state_things", "b"): 3}


# With each code, its status and how often the client itself asks.
@pytest.mark.parametrize(
    ("code", "status", "times"),
    [
        ("ThrottlingException", 400, 3),
        ("OperationTimeoutException", 400, 1),
    ],
)
def test_a_commit_that_glue_cannot_do_now_changes_nothing(lake, night, code, status, times, monkeypatch):
    monkeypatch.setattr(commits, "_ATTEMPTS_TO_ASK", 1)
    publish_night(lake, stamp_of("a", night))
    met = upon(glue_of(lake), "UpdateTable", answering(code, status), times)
    with pytest.raises(PublishError, match=f"state_things could not take the night {night}.*{code}.*Nothing changed"):
        write(lake, night, "b")
    assert seen(lake, night) == whole("a")
    assert lake.stray(night).num_rows == 0
    assert len(met) == times
    publish_night(lake, stamp_of("b", night))
    assert seen(lake, night) == whole("b")


def test_a_commit_that_the_role_may_not_make_says_which_permission_lacks(lake, night):
    upon(glue_of(lake), "UpdateTable", answering("AccessDeniedException", message="not authorized"))
    with pytest.raises(TerminalError, match=r"shared\.state_things in Glue: AWS refused it.*glue:UpdateTable"):
        write(lake, night, "a")
    assert rows_in(lake, night) == {}


def test_a_table_that_the_role_may_not_read_says_which_permission_lacks(lake):
    upon(glue_of(lake), "GetTable", answering("AccessDeniedException", message="not authorized"))
    with pytest.raises(TerminalError, match=r"shared\.state_things in Glue: AWS refused it.*glue:GetTable"):
        lake.catalog.load(STATE.name)


def test_a_table_that_somebody_drops_meanwhile_is_told_and_made_anew(place):
    uri, settings = place
    lake, night = open_lake(uri, **settings), night_number(0)
    write(lake, night, "a")
    drop = partial(client("glue").delete_table, DatabaseName=settings["namespace"], Name=STATE.name)
    upon(glue_of(lake), "UpdateTable", lambda _: drop() and None)
    with pytest.raises(PublishError, match=r"state_things could not take the night.*does not exist"):
        write(lake, night, "b")
    write(open_lake(uri, **settings), night, "b")
    assert rows_in(open_lake(uri, **settings), night) == {("state_things", "b"): 3}


def test_a_change_of_metadata_whose_answer_was_lost_is_made_once(lake, night):
    for run in "ab":
        write(lake, night, run)
    met = upon(glue_of(lake), "UpdateTable", losing_the_answer)
    assert expire_at_once(lake.catalog, STATE.name) > 0
    assert met
    assert len(lake.catalog.load(STATE.name).snapshots()) == 1
    assert rows_in(lake, night) == {("state_things", "a"): 3, ("state_things", "b"): 3}


def test_a_change_of_metadata_that_the_role_may_not_make_is_refused_for_good(lake, night):
    write(lake, night, "a")
    upon(glue_of(lake), "UpdateTable", answering("AccessDeniedException"))
    with pytest.raises(TerminalError, match="glue:UpdateTable"):
        metadata_commit(lake.catalog, STATE.name, lambda table, at: at.set_properties(noted="once"))


def test_without_a_region_the_message_says_so(monkeypatch, tmp_path):
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(TransientError, match=r"the Glue catalog.*specify a region"):
        open_lake("s3://bucket/lake", catalog_uri="glue:")
