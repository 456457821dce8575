"""What a source's address may declare of the bank, and the sentence for what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import SettingsError
from include.sources import open_source
from include.sources.address import parse_address
from tests.sources.small_banks import write_canonical
from tests.sources.small_databases import make_bank


def refusal(uri: str) -> str:
    with pytest.raises(SettingsError) as caught:
        parse_address(uri)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "cents"),
    [("0.01", 1), ("0.05", 5), (".5", 50), ("1", 100), ("1.000", 100), ("5.", 500), ("1000.00", 100_000)],
)
def test_a_rounding_is_an_amount_of_whole_cents(text, cents):
    assert parse_address(f"file:/bank?rounding={text}").declared.rounding_cents == cents


@pytest.mark.parametrize(
    "text",
    [
        "1e999999",
        "1e30",
        "nan",
        "snan",
        "inf",
        "-1",
        "0",
        "0.001",
        "1000.01",
        "9" * 400,
        "1_0",
        "٣",
        "much",
        "",
        "0.1,5",
    ],
)
def test_any_other_rounding_is_refused_with_the_range_that_is_allowed(text):
    message = refusal(f"file:/bank?rounding={text}")
    assert "from 0.01 to 1000.00, such as ?rounding=0.1" in message
    assert len(message) < 200


@pytest.mark.parametrize("name", ["Europe/Prague", "Asia/Tokyo", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+1"])
def test_a_zone_is_a_name_of_the_time_zone_database(name):
    zone = parse_address(f"file:/bank?zone={name}").declared.zone
    assert zone is not None
    assert zone.key == name
    assert parse_address(f"file:/bank?zone={name.replace('/', '%2F')}").declared.zone == zone


@pytest.mark.parametrize(
    "text",
    ["Europe", "europe/prague", "+02:00", "CEST", "localtime", "../../etc/passwd", "%00", "Praha", "", "x" * 900],
)
def test_any_other_zone_is_refused_with_an_example(text):
    message = refusal(f"s3://bucket/bank?zone={text}")
    assert "IANA time zone database" in message
    assert "?zone=Europe/Prague" in message
    assert len(message) < 250


def test_holidays_are_kept_as_they_are_declared():
    for code in ("CZ", "de", "DE-BY", "ECB"):
        assert parse_address(f"file:/bank?holidays={code}").declared.holidays == code
    for wrong in ("", "Č", "CZ;drop", "-", "C", "CZ/../x"):
        assert "such as ?holidays=CZ" in refusal(f"file:/bank?holidays={wrong}")


def test_what_is_declared_may_stand_anywhere_and_other_parameters_stay():
    uri = "postgresql://host/bank?zone=Asia/Tokyo&sslmode=require&rounding=1&connect_timeout=5&holidays=JP"
    address = parse_address(uri)
    assert address.uri == "postgresql://host/bank?sslmode=require&connect_timeout=5"
    assert (address.declared.rounding_cents, address.declared.holidays) == (100, "JP")
    assert parse_address("file:/data/my=bank?x").uri == "file:/data/my=bank?x"
    assert "twice" in refusal("file:/bank?rounding=0.1&rounding=1")


@given(st.sampled_from([*map(chr, (*range(32), 127, 0x85, 0x2028, 0x2029))]), st.integers(0, 20))
def test_control_characters_are_refused_without_quoting_the_address(character, position):
    uri = "postgresql://me:secret@host/bank"
    message = refusal(uri[:position] + character + uri[position:])
    assert "control character" in message
    assert "secret" not in message


def test_every_kind_of_source_hands_on_the_holidays(tmp_path: Path):
    bank = make_bank(f"sqlite:///{tmp_path / 'bank.db'}")
    for uri, joint in ((str(write_canonical(tmp_path / "files")), "?"), (bank, "?")):
        assert open_source(uri).holidays is None
        assert open_source(f"{uri}{joint}holidays=CZ&rounding=0.5").holidays == "CZ"
