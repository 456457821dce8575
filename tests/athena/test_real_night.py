"""The tables that a night of a bank makes are those that views and grants are declared for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.athena.readable import DISPENSABLE, readable_tables
from include.lake import Lake
from include.lake.retired import RETIRED
from include.night import NightRequest, run_night
from include.settings import get_settings
from tests.sources.small_banks import STATICS, TRANSACTIONS, write_canonical


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path) -> Iterator[None]:
    """A master key for the test alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADS_KEY_FILE", str(tmp_path / "keys" / "lake.key"))
        patch.setenv("ADS_EXTRACTS", "off")
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


@pytest.mark.long
def test_a_bank_without_optional_relations_lacks_their_tables_and_no_others(tmp_path: Path) -> None:
    """Views of tables that are not there would fail, and the deployment with them."""
    bank = write_canonical(tmp_path / "bank")
    for name in DISPENSABLE & set(STATICS):
        (bank / f"{name}.csv").unlink()
    uri = f"file:{tmp_path / 'lake'}"
    run_night(NightRequest.of(TRANSACTIONS[0][2], f"file:{bank}", uri, "test"))
    catalog = Lake.open(uri)._catalog
    tables = readable_tables()
    assert set(tables) - set(catalog.names()) == DISPENSABLE
    for name in set(tables) - DISPENSABLE:
        columns = [field.name for field in catalog.load(name).schema().fields]
        assert columns == tables[name].schema.names, name
    assert RETIRED.name in DISPENSABLE
