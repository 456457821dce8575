"""Whole nights on S3 and the Glue catalog: the same as in a folder, and upkeep does there what it does in one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from upath import UPath

from include.athena.readable import DISPENSABLE, readable_tables
from include.aws.clients import client
from include.lake import Lake
from include.maintenance.maintain import maintain
from include.night import NightRequest, run_night
from include.night.verify import verify
from include.privacy import erase
from include.settings import Settings, get_settings
from local.stand_ins import StandIns
from tests.aws.conftest import make_bucket

NIGHT, NEXT_NIGHTS = "1993-04-30", ("1993-05-01", "1993-05-02", "1993-05-03")
"""Nights with postings, before which too little was booked to train on; the first ends a month."""
CLIENT = 12


@dataclass(frozen=True)
class Place:
    """An installation: the address of its lake, and its settings by variable."""

    uri: str
    variables: dict[str, str]

    @contextmanager
    def chosen(self) -> Iterator[Settings]:
        """The process's settings are this installation's."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {"ADS_LAKE_URI": self.uri, **self.variables}.items():
                patch.setenv(name, value)
            get_settings.cache_clear()
            yield get_settings()
        get_settings.cache_clear()

    def play(self, bank: Path, *nights: str) -> list[dict[str, Any]]:
        """What nights tell of a bank, played in a row."""
        source = f"file:{bank}?rounding=0.1"
        with self.chosen():
            return [dict(run_night(NightRequest.of(night, source, self.uri, "test"))) for night in nights]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nights")


@pytest.fixture(scope="module")
def glue(aws_module: StandIns, folder: Path) -> Place:
    """A lake in a bucket and in Glue."""
    variables = {
        "ADS_CATALOG_URI": "glue:",
        "ADS_STORE_URI": f"sqlite:///{folder / 'clicks.db'}",
        "ADS_NAMESPACE": "nights",
        "ADS_KEY_FILE": str(folder / "keys" / "glue.key"),
        "ADS_EXTRACTS": "on",
    }
    return Place(f"s3://{make_bucket('nights')}/bank", variables)


@pytest.fixture(scope="module")
def local(folder: Path) -> Place:
    """A lake in a folder."""
    return Place(f"file:{folder / 'lake'}", {"ADS_KEY_FILE": str(folder / "keys" / "local.key"), "ADS_EXTRACTS": "on"})


@pytest.fixture(scope="module")
def told(local: Place, glue: Place, cases: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What one night tells in the folder, and in Glue."""
    return local.play(cases / "base", NIGHT)[0], glue.play(cases / "base", NIGHT)[0]


def test_a_night_on_s3_and_glue_has_the_output_of_one_in_a_folder(told):
    in_folder, in_glue = told
    of_places = {"run_key", "data_docs", "alerts_sheet"}
    assert {name: in_glue[name] for name in in_glue if name not in of_places} == {
        name: in_folder[name] for name in in_folder if name not in of_places
    }
    assert in_glue["rows_in"] > 0


def test_what_people_open_lies_beside_the_tables(told, local, glue):
    for address in (told[1]["data_docs"], f"{glue.uri}/data_docs/index.html"):
        assert NIGHT in UPath(address).read_text()
    assert files_beside_tables(glue.uri) == files_beside_tables(local.uri) - {"catalog.db"}
    assert UPath(told[1]["alerts_sheet"]).read_bytes() == UPath(told[0]["alerts_sheet"]).read_bytes()


def test_athena_finds_the_tables_with_names_types_and_comments(told, glue):
    namespace = glue.variables["ADS_NAMESPACE"]
    pages = client("glue").get_paginator("get_tables").paginate(DatabaseName=namespace)
    found = {table["Name"]: table for page in pages for table in page["TableList"]}
    wanted = readable_tables()
    assert set(wanted) - set(found) <= DISPENSABLE
    for name in set(wanted) & set(found):
        table, columns = wanted[name], found[name]["StorageDescriptor"]["Columns"]
        assert found[name]["Description"] == table.comment
        assert found[name]["Parameters"]["table_type"] == "ICEBERG"
        assert found[name]["StorageDescriptor"]["Location"] == f"{glue.uri}/{namespace}/{name}"
        assert [(column["Name"], column.get("Comment")) for column in columns] == [
            (field.name, field.metadata[b"doc"].decode()) for field in table.schema
        ]
        types = dict(zip(table.schema.names, (column["Type"] for column in columns), strict=True))
        assert all(types[field.name] == GLUE_TYPES.get(field.type, types[field.name]) for field in table.schema)


GLUE_TYPES = {pa.int64(): "bigint", pa.string(): "string", pa.date32(): "date", pa.float64(): "double"}
GLUE_TYPES |= {pa.decimal128(12, 2): "decimal(12,2)", pa.bool_(): "boolean", pa.int32(): "int"}


def files_beside_tables(uri: str) -> set[str]:
    """The paths of a lake's files in it, without those of tables and locks."""
    lake = UPath(uri)
    found = {path.path.removeprefix(lake.path).lstrip("/") for path in lake.glob("**/*") if path.is_file()}
    return {path for path in found if not path.startswith(("ads/", "nights/")) and not path.endswith(".lock")}


@pytest.mark.long
def test_nights_that_follow_verify_are_maintained_and_forget_a_client(told, local, glue, cases):
    for in_folder, in_glue in zip(
        local.play(cases / "base", *NEXT_NIGHTS), glue.play(cases / "base", *NEXT_NIGHTS), strict=True
    ):
        assert in_glue["output_hash"] == in_folder["output_hash"]
    with glue.chosen() as settings:
        before = verify(glue.uri)
        done = maintain(glue.uri, settings, datetime.now(UTC) + timedelta(days=3))["done"]
        assert done["expired_snapshots"] > 0
        assert done["removed_files"] > 0
        assert verify(glue.uri) == before
        versioning = {"Status": "Enabled"}
        client("s3").put_bucket_versioning(Bucket=glue.uri.split("/")[2], VersioningConfiguration=versioning)
        said = erase(glue.uri, CLIENT, settings, date(2030, 1, 1))
        assert said["is_erased"] is True
        assert "The lake's bucket keeps older versions" in str(said["remarks"])
        assert CLIENT not in Lake.open(glue.uri, settings).read("fin_client")["client_id"].to_pylist()
        assert verify(glue.uri) == before
