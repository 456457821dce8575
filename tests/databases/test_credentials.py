"""Logins that an address does not hold: IAM tokens and connections of Airflow, asked for anew by each connection."""

from __future__ import annotations

import json
import subprocess
import traceback
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from include.connections import source_in
from include.databases.terms import STRICT
from include.errors import SettingsError, SettlementError, SourceError, SourceUnavailableError, TransientError
from include.sources import open_source
from include.sources.database import credentials
from include.sources.database.address import parse_url
from include.sources.database.link import Way
from tests.databases.servers import DebianPostgres, Server, encrypted
from tests.sources.stubborn_servers import asking_as_it_is, serving

AWS = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "aws-secret-of-a-test",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that sign tokens; nobody is asked for one."""
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)


def connection(monkeypatch: pytest.MonkeyPatch, server: Server, database: str, password: str, **extra: object) -> None:
    """Airflow's connection `ads_source_core`, as a secrets backend gives it now."""
    kind = "postgres" if isinstance(server, DebianPostgres) else "mysql"
    given = {
        "conn_type": kind,
        "host": "127.0.0.1",
        "port": server.port,
        "schema": database,
        "login": "teller",
        "password": password,
        "extra": extra,
    }
    monkeypatch.setenv("AIRFLOW_CONN_ADS_SOURCE_CORE", json.dumps(given))


@pytest.fixture
def secret(server: Server) -> Iterator[str]:
    """The password that a rotation gives `teller`, until the test is over."""
    yield "n3w-s3cret"
    server.run(server.password_of("teller", "hunter2"))


def test_a_rotated_secret_is_read_anew_by_the_next_connection(server, secret, monkeypatch):
    bank = server.small_bank()
    connection(monkeypatch, server, bank, "hunter2", rounding="0.1")
    source = open_source("connection:ads_source_core")
    with source:
        assert source.span()
    server.run(server.password_of("teller", secret))
    with pytest.raises(SourceUnavailableError, match="The next try comes with a new login") as refused, source:
        pass
    assert "hunter2" not in "".join(traceback.format_exception(refused.value))
    connection(monkeypatch, server, bank, secret, rounding="0.1")
    with source:
        assert source.span()


def test_the_address_of_a_connection_holds_no_login_and_keeps_what_it_declares(monkeypatch, server):
    connection(monkeypatch, server, "bank", "hunter2", rounding="0.1", iam=True, aws_conn_id="night", region="x")
    address = source_in("ads_source_core")
    asked = parse_qs(urlsplit(address).query)
    assert asked == {"connection": ["ads_source_core"], "iam": ["true"], "rounding": ["0.1"]}
    assert "teller" not in address
    assert "hunter2" not in address


def test_a_connection_that_is_gone_is_said_so():
    source = open_source("postgresql://127.0.0.1:1/bank?connection=ads_source_gone")
    with pytest.raises(SettingsError, match="no connection 'ads_source_gone' any more"), source:
        pass


def signed(token: str) -> dict[str, str]:
    """What a token says."""
    parts = urlsplit(f"//{token}")
    return {"host": parts.netloc, **{name: values[0] for name, values in parse_qs(parts.query).items()}}


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("postgresql://reader@core.rds.example/b?iam=true", "core.rds.example:5432"),
        ("mysql://reader@core.rds.example:3307/b?iam=true", "core.rds.example:3307"),
    ],
)
def test_a_token_is_signed_for_server_port_and_user_and_lasts_a_quarter_of_an_hour(aws_credentials, uri, host):
    way = Way.of(parse_url(uri), STRICT)
    said = signed(way.credentials.fresh(way.reach.url).password)
    assert (said["host"], said["DBUser"], said["Action"], said["X-Amz-Expires"]) == (host, "reader", "connect", "900")
    assert "eu-central-1/rds-db" in said["X-Amz-Credential"]


def test_a_region_of_the_address_is_the_tokens(aws_credentials):
    way = Way.of(parse_url("mysql://reader@core.rds.example/b?iam=true&region=eu-west-1"), STRICT)
    assert "eu-west-1/rds-db" in signed(way.credentials.fresh(way.reach.url).password)["X-Amz-Credential"]


def test_the_hook_of_the_provider_signs_the_token_of_a_connection(aws_credentials, monkeypatch, server):
    connection(monkeypatch, server, "bank", "", iam=True, region_name="eu-west-1", aws_conn_id=None)
    url = parse_url(source_in("ads_source_core"))
    way = Way.of(url, STRICT)
    fresh = way.credentials.fresh(way.reach.url)
    said = signed(fresh.password)
    assert (said["host"], fresh.username) == (f"127.0.0.1:{server.port}", "teller")
    assert "eu-west-1/rds-db" in said["X-Amz-Credential"]


def test_a_token_goes_over_tls_even_on_this_machine(server, terms, monkeypatch, aws_credentials):
    """A server takes it as it is; each connection comes with a token of its own."""
    bank, tokens = server.small_bank(), iter(["token-one", "token-two"])
    monkeypatch.setattr(credentials, "aws_token", lambda *_: next(tokens))
    source = open_source(f"{server.address(bank, login='teller')}?iam=true", terms=terms)
    try:
        for token in ("token-one", "token-two"):
            server.run(server.password_of("teller", token))
            with source:
                assert encrypted(source)
    finally:
        server.run(server.password_of("teller", "hunter2"))
    with pytest.raises(SettingsError, match="asks for less than TLS"):
        open_source(f"postgresql://teller@127.0.0.1/{bank}?iam=true&sslmode=disable")


def test_a_mysql_server_gets_the_token_as_it_is_over_tls_alone(authority, terms, tmp_path, aws_credentials):
    """As RDS asks for it: with `mysql_clear_password`, which no MariaDB does without PAM."""
    pair, file = authority.issue("127.0.0.1"), tmp_path / "server.pem"
    file.write_bytes(pair.certificate + pair.key)
    with serving(asking_as_it_is(b"mysql_clear_password", file)) as visits:
        hurried = replace(terms, timeout_seconds=5)
        source = open_source(f"mysql://teller@127.0.0.1:{visits.port}/bank?iam=true", terms=hurried)
        with pytest.raises(SettlementError), source:
            pass
        assert "Action=connect&DBUser=teller" in visits.text


def test_a_token_that_is_not_taken_says_what_it_needs(server, terms, aws_credentials):
    source = open_source(f"{server.address('bank', login='teller')}?iam=true", terms=terms)
    with pytest.raises(SourceUnavailableError, match="may do rds-db:connect as this user") as refused, source:
        pass
    assert "X-Amz" not in "".join(traceback.format_exception(refused.value))


def test_without_credentials_of_aws_it_is_said_so(monkeypatch, tmp_path):
    for name in AWS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    source = open_source("postgresql://reader@core.rds.example/b?iam=true&region=eu-west-1")
    with pytest.raises(TransientError, match="the token for the database's server: AWS could not be asked"), source:
        pass


def test_a_wrong_password_of_the_address_is_the_operators_to_mend(server):
    wrong = "wr0ng"
    source = open_source(server.address("bank", login=f"teller:{wrong}"))
    with pytest.raises(SourceError, match="mend the address, the password") as refused, source:
        pass
    assert wrong not in "".join(traceback.format_exception(refused.value))


def test_no_password_is_on_a_command_line_or_in_a_repr(server):
    bank = server.small_bank()
    with open_source(server.address(bank)) as source:
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert "hunter2" not in listed
        assert "hunter2" not in repr([vars(source), source._way, source._patience.__dict__])
