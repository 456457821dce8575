"""TLS to real servers: what is refused before anything is sent, and which sentence each bad certificate gives."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

import pytest
from sqlalchemy.engine import make_url

from include.databases import tls
from include.databases.terms import STRICT, ServerTerms
from include.errors import SettingsError, SourceError
from include.sources import open_source
from tests.databases.certificates import Authority, Pair, self_signed
from tests.databases.servers import HOST, DebianPostgres, Server, encrypted
from tests.sources.stubborn_servers import asking_as_it_is, serving, silent_mysql


@pytest.fixture
def bank(server: Server) -> str:
    """The small bank in a database of its own, which `teller` may read."""
    return server.small_bank()


def test_a_server_elsewhere_is_read_over_tls_with_a_checked_certificate(server, bank, named, terms):
    with open_source(server.address(bank, host=named), terms=terms) as source:
        assert encrypted(source)
        assert source.span() is not None


def test_an_address_names_the_file_with_the_authorities_itself(server, bank, named, terms):
    parameter = "sslrootcert" if isinstance(server, DebianPostgres) else "ssl_ca"
    with open_source(f"{server.address(bank, host=named)}?{parameter}={terms.authorities}") as source:
        assert encrypted(source)


def test_the_systems_authorities_are_asked_where_no_others_are_named(server, bank, named, terms, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(terms.authorities))
    with open_source(server.address(bank, host=named)) as source:
        assert encrypted(source)


@pytest.fixture
def shown(server: Server, authority: Authority) -> Iterator[Server]:
    """A server that may show other certificates, and shows the good one again afterwards."""
    yield server
    server.show(authority.issue(HOST, "localhost", "127.0.0.1"))


def refusal(uri: str, terms: ServerTerms) -> str:
    with pytest.raises(SourceError) as refused, open_source(uri, terms=terms):
        pass
    told = "".join(traceback.format_exception(refused.value))
    assert "hunter2" not in told
    return str(refused.value)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("expired", "a certificate that has expired: have it renewed"),
        ("self-signed", "that nobody vouches for but itself"),
        ("of another host", "that is for another host: write the host as the certificate names it"),
        ("of a stranger", "that none of the known authorities has signed: name the file"),
    ],
)
def test_a_certificate_that_cannot_be_trusted_is_named_for_what_it_is(shown, named, terms, authority, kind, words):
    shown.show(bad_certificate(kind, authority))
    said = refusal(shown.address("bank", host=named), terms)
    assert words in said
    assert f"The authorities are {terms.authorities}; nothing was sent to it" in said


def bad_certificate(kind: str, authority: Authority) -> Pair:
    made = {
        "expired": lambda: authority.issue(HOST, ended_days_ago=1),
        "self-signed": lambda: self_signed(HOST),
        "of another host": lambda: authority.issue("other.bank.example"),
        "of a stranger": lambda: Authority().issue(HOST),
    }
    return made[kind]()


def test_kerberos_does_not_stand_in_for_tls(named, terms):
    """Where it is at hand libpq would encrypt with it, and check no certificate."""
    source = open_source(f"postgresql://u@{named}/b", terms=terms)
    asked = {"gssencmode": "disable", "sslmode": "verify-full", "sslrootcert": str(terms.authorities)}
    assert asked.items() <= source._way.reach.url.query.items()


def test_the_environment_takes_nothing_off_tls(server, bank, named, terms, monkeypatch, tmp_path):
    """What libpq reads there counts for what an address leaves open, and here it leaves nothing of it open."""
    (tmp_path / "services").write_text("[other]\nsslmode=disable\ngssencmode=prefer\n")
    given = {"PGSSLMODE": "disable", "PGSSLMINPROTOCOLVERSION": "TLSv1", "PGSSLROOTCERT": str(tmp_path / "none.pem")}
    services = {"PGSERVICEFILE": str(tmp_path / "services"), "PGSERVICE": "other", "PGGSSENCMODE": "prefer"}
    for name, value in {**given, **services}.items():
        monkeypatch.setenv(name, value)
    with open_source(server.address(bank, host=named), terms=terms) as source:
        assert encrypted(source)
        if isinstance(server, DebianPostgres):
            assert source._way.reach.url.query["ssl_min_protocol_version"] == "TLSv1.2"


@pytest.mark.parametrize(
    ("uri", "refused"),
    [
        ("postgresql+psycopg://u:hunter2@localhost/b?hostaddr=10.0.0.1", "hostaddr"),
        ("postgresql+psycopg://u:hunter2@localhost/b?host=db.bank", "host"),
        ("postgresql+psycopg://u:hunter2@/b?service=elsewhere", "service"),
        ("mysql+pymysql://u:hunter2@localhost/b?host=db.bank", "host"),
        ("mysql+pymysql://u:hunter2@db.bank/b?ssl_disabled=1", "ssl_disabled"),
    ],
)
def test_no_address_is_exempt_by_one_server_and_leads_to_another(uri, refused):
    """As a catalog's or a store's may; those of sources know these parameters in no case."""
    with pytest.raises(SettingsError, match=f"gives {refused}, by which") as raised:
        tls.guarded(make_url(uri), STRICT)
    assert "hunter2" not in str(raised.value)


def test_a_token_goes_over_no_broken_tls(terms):
    uri = "postgresql+psycopg://u@localhost/b?ssl_min_protocol_version=TLSv1"
    with pytest.raises(SettingsError, match="which are broken"):
        tls.guarded(make_url(uri), terms, always=True)


def test_a_server_without_tls_is_told_nothing(debian_postgres, named, terms):
    debian_postgres.set("ssl", "off")
    try:
        assert "offers no TLS, and verify-full is asked of it" in refusal(
            debian_postgres.address("bank", host=named), terms
        )
    finally:
        debian_postgres.set("ssl", "on")


def test_a_mysql_server_without_tls_is_told_nothing(named, terms):
    with serving(silent_mysql) as visits:
        said = refusal(f"mysql+pymysql://teller:hunter2@{named}:{visits.port}/bank", terms)
        assert "offers no TLS" in said
        assert visits.text == ""


@pytest.mark.parametrize(
    ("uri", "mend"),
    [
        ("postgresql://u:hunter2@db.bank/b?sslmode=disable", "sslmode=verify-full"),
        ("postgresql://u:hunter2@db.bank/b?sslmode=prefer", "sslmode=verify-full"),
        ("postgresql://u:hunter2@db.bank/b?sslmode=require", "sslmode=verify-full"),
        ("postgresql://u:hunter2@db.bank/b?sslmode=verify-ca", "sslmode=verify-full"),
        ("postgresql://u:hunter2@db.bank/b?sslmode=none", "disable, allow, prefer, require, verify-ca, verify-full"),
        ("postgresql://u:hunter2@db.bank/b?gssencmode=prefer", "gssencmode"),
        ("postgresql://u:hunter2@db.bank/b?ssl_min_protocol_version=TLSv1.1", "TLSv1.2 or TLSv1.3"),
        ("postgresql://u:hunter2@db.bank/b?sslrootcert=/nowhere.pem", "/nowhere.pem"),
        ("mysql://u:hunter2@db.bank/b?ssl_check_hostname=false", "ssl_verify_identity=true"),
        ("mysql://u:hunter2@db.bank/b?ssl_verify_cert=false&ssl_ca=/etc/ca.pem", "ssl_verify_identity=true"),
        ("mysql://u:hunter2@db.bank/b?ssl_ca=/nowhere.pem", "/nowhere.pem"),
    ],
)
def test_an_address_that_asks_for_less_is_refused_before_anybody_is_asked(uri, mend):
    with pytest.raises(SettingsError) as refused:
        open_source(uri)
    assert mend in str(refused.value)
    assert "hunter2" not in "".join(traceback.format_exception(refused.value))


def test_a_setting_allows_less(shown, bank, named, authority):
    shown.show(self_signed(HOST))
    less = "sslmode=require" if isinstance(shown, DebianPostgres) else "ssl_verify_cert=false"
    for address in (shown.address(bank, host=named), f"{shown.address(bank, host=named)}?{less}"):
        with open_source(address, terms=ServerTerms(tls="require")) as source:
            assert encrypted(source)
    with pytest.raises(SettingsError, match="asks for less than TLS: "):
        open_source(f"postgresql://u@{named}/b?sslmode=prefer", terms=ServerTerms(tls="require"))


def test_off_asks_for_nothing_that_the_address_does_not(named):
    allowed = open_source(f"postgresql://u@{named}/b?sslmode=disable", terms=ServerTerms(tls="off"))
    assert allowed._way.reach.url.query == {"sslmode": "disable"}


def test_this_machine_is_exempt_and_said_to_be_once(server, bank, caplog):
    tls._say_exempt.cache_clear()
    with caplog.at_level(logging.INFO, logger=tls.__name__):
        for _ in range(2):
            open_source(server.address(bank))
    assert [record.message for record in caplog.records] == [
        "The database at 127.0.0.1 is on this machine: no TLS is asked of it"
    ]


def test_what_the_address_asks_of_this_machine_is_kept(shown, bank, terms, authority):
    """A checked certificate is checked here, too."""
    strict = "sslmode=verify-full" if isinstance(shown, DebianPostgres) else "ssl_verify_identity=true"
    with open_source(f"{shown.address(bank)}?{strict}", terms=terms) as source:
        assert encrypted(source)
    shown.show(authority.issue(HOST))
    assert "is for another host" in refusal(f"{shown.address(bank)}?{strict}", terms)


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog"])
def test_a_password_goes_to_nobody_as_it_is(plugin):
    with serving(asking_as_it_is(plugin)) as visits:
        said = refusal(f"mysql+pymysql://teller:hunter2@127.0.0.1:{visits.port}/bank", STRICT)
        assert "asks for the password as it is" in said
        assert "hunter2" not in visits.text
