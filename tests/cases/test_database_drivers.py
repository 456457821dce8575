"""What a database's address may not do with this account's rights: fetch files, hand passwords over, go elsewhere."""

from __future__ import annotations

import traceback
from pathlib import Path
from urllib.parse import quote

import pytest

from include.errors import SettingsError, SettlementError, SourceError
from include.sources import open_source
from include.sources.database.address import PARAMETERS, SESSION_SETTINGS, parse_url
from tests.sources.small_databases import make_bank
from tests.sources.stubborn_servers import asking_for, asking_for_password, serving

CANARY = "canary-of-a-file-that-only-the-owner-reads"


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text(CANARY)
    return file


def refusal(uri: str) -> str:
    with pytest.raises(SettingsError) as refused:
        parse_url(uri)
    assert "hunter2" not in "".join(traceback.format_exception(refused.value))
    return str(refused.value)


@pytest.mark.parametrize("parameters", ["", "?local_infile=1", "?client_flag=128", "?local_infile=true&charset=utf8"])
def test_a_mysql_server_that_asks_for_a_file_gets_none(canary, parameters):
    with serving(asking_for(str(canary))) as server:
        with pytest.raises(SettlementError), open_source(f"mysql+pymysql://u@127.0.0.1:{server.port}/x{parameters}"):
            pass
        assert CANARY not in server.text


def test_the_server_that_asked_is_named_as_what_it_is(canary):
    with serving(asking_for(str(canary))) as server:
        failed = pytest.raises(SourceError, match="asked for a file of this machine and got none")
        with failed as refused, open_source(f"mysql+pymysql://u@127.0.0.1:{server.port}/x"):
            pass
    assert str(canary) not in str(refused.value)


@pytest.mark.parametrize("parameters", ["hostaddr=127.0.0.1&sslmode=disable", "host=127.0.0.1", "service=elsewhere"])
def test_the_password_of_a_host_goes_to_no_other(tmp_path, monkeypatch, parameters):
    (tmp_path / "pgpass").touch(mode=0o600)
    (tmp_path / "pgpass").write_text("*:*:*:reader:hunter2\n")
    (tmp_path / "services").write_text("[elsewhere]\nhostaddr=127.0.0.1\n")
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    with serving(asking_for_password) as server:
        uri = f"postgresql+psycopg://reader@known-host.invalid:{server.port}/bank?{parameters}"
        with pytest.raises(SettlementError), open_source(uri):
            pass
        assert "hunter2" not in server.text


def test_the_database_name_is_a_name_and_no_way_elsewhere(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    with serving(asking_for_password) as server:
        name = f"hostaddr%3D127.0.0.1%20port%3D{server.port}"
        with pytest.raises(SettlementError), open_source(f"postgresql+psycopg://reader@known-host.invalid/{name}"):
            pass
        assert server.received == []


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("postgresql://u@h/b?hostaddr=hunter2", "'hostaddr'"),
        ("postgresql://u@h/b?service=hunter2&passfile=/hunter2", "'passfile', 'service'"),
        ("postgresql://u@h/b?sslkey=/hunter2&sslmode=require", "'sslkey'"),
        ("postgresql://u@h/b?plugin=hunter2", "'plugin'"),
        ("mysql://u@h/b?local_infile=1", "'local_infile'"),
        ("mysql://u@h/b?init_command=hunter2", "'init_command'"),
        ("mysql://u@h/b?read_default_file=/hunter2", "'read_default_file'"),
        ("mysql://u@h/b?host=hunter2", "'host'"),
        ("mysql://u@h/b?unix_socket=/hunter2", "'unix_socket'"),
        ("postgresql://u@h/b?host=/hunter2", "'host'"),
        ("postgresql://u@/b?host=hunter2.example", "'host'"),
        ("postgresql://u@/b?host=/tmp,hunter2.example", "'host'"),
        ("postgresql://u@/b?host=/tmp&host=hunter2", "host more than once"),
        ("postgresql://u@h,hunter2/b", "several hosts"),
        ("sqlite:////b.db?uri=true", "'uri'"),
        ("sqlite:////b.db?mode=rwc", "a mode other than ro"),
        ("postgresql+psycopg2cffi://u:hunter2@h/b", "'postgresql+psycopg2cffi'"),
        ("postgresql+asyncpg://u:hunter2@h/b", "'postgresql+asyncpg'"),
        ("mysql+mysqldb://u:hunter2@h/b", "'mysql+mysqldb'"),
        ("sqlite+pysqlcipher://:hunter2@/b.db", "'sqlite+pysqlcipher'"),
    ],
)
def test_what_is_not_on_the_list_is_refused_by_name_and_without_its_value(uri, named):
    assert named in refusal(uri)


def test_the_refusal_lists_what_is_allowed():
    said = refusal("mysql://u:hunter2@h/b?local_infile=1")
    assert all(name in said for name in PARAMETERS["mysql"])
    assert "rounding, zone and holidays" in said


@pytest.mark.parametrize(
    "options",
    [
        "-cwork_mem=1",
        "-cdynamic_library_path=/tmp",
        "-c search_path=a -cwork_mem=1",
        "--search_path=a",
        "-csearch_path=a\\ -cwork_mem=1",
        "-F",
        "search_path=a",
        "-csearch_path",
    ],
)
def test_options_set_what_is_listed_and_nothing_else(options):
    assert all(name in refusal(f"postgresql://u@h/b?options={quote(options)}") for name in SESSION_SETTINGS)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql+psycopg://u:p@h:5432/b?sslmode=verify-full&sslrootcert=/etc/ca.pem&application_name=night",
        "postgresql://u@/b?host=/run/postgresql&options=-csearch_path%3Dbank%20-c%20statement_timeout%3D5s",
        "postgresql+psycopg2://u@h/b?target_session_attrs=read-only&channel_binding=require",
        "mysql://u:p@h/b?charset=utf8mb4&ssl_ca=/etc/ca.pem&read_timeout=10",
        "mariadb://u@/b?unix_socket=/run/mysqld.sock",
        "sqlite:////b.db?timeout=5&mode=ro",
    ],
)
def test_what_a_bank_needs_is_allowed(uri):
    assert parse_url(uri).drivername in ("postgresql+psycopg", "mysql+pymysql", "sqlite")


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://u@h/b%00c",
        "postgresql://u%00@h/b",
        "postgresql://u:p%0A@h/b",
        "sqlite:////b\x00.db",
        "mysql://u@h/b?charset=utf8%00",
        "postgresql://u@h/b?application_name=a%0Db",
    ],
)
def test_a_control_character_is_refused_also_percent_encoded(uri):
    assert "control character" in refusal(uri)


@pytest.mark.parametrize("port", ["0", "65536", "99999999999"])
def test_a_port_out_of_range_is_refused(port):
    assert "from 1 to 65535" in refusal(f"postgresql://u@h:{port}/b")


@pytest.mark.parametrize("host", ["a..b", "x" * 70, ".", "ž" * 64])
@pytest.mark.parametrize("driver", ["mysql+pymysql", "postgresql+psycopg"])
def test_a_host_that_cannot_be_one_ends_in_a_sentence(driver, host):
    with pytest.raises(SettlementError, match=r"is no host|not available"), open_source(f"{driver}://u@{host}/b"):
        pass


def test_a_sqlite_file_is_opened_for_reading_only(tmp_path):
    uri = make_bank(f"sqlite:///{tmp_path / 'b 100%?#.db'}".replace("%?#", "%25"))
    file = next(tmp_path.glob("*.db"))
    before = file.read_bytes()
    with open_source(uri) as source:
        with pytest.raises(Exception, match=r"readonly|read-only|query_only"):
            source._open.connection.connection.driver_connection.execute("pragma user_version = 7")
        with pytest.raises(Exception, match=r"readonly|read-only|query_only"):
            source._open.connection.connection.driver_connection.executescript(
                "pragma query_only = off; pragma user_version = 7"
            )
    assert file.read_bytes() == before
