"""After an erasure no extract for Tableau holds the client, once it is written again."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.privacy import erase
from include.settings import Settings
from include.tableau.extracts import write_extracts
from tests.privacy import lakes
from tests.tableau.hyper import in_hyper


def _accounts(lake: Path, table: str) -> set[object]:
    """Accounts in the rolling extract, masked or in full."""
    folder = "extracts" if table.endswith("_masked") else "extracts_unmasked"
    found = in_hyper(lake / folder / "rolling.hyper", f"select account_id from {table}")  # noqa: S608 - our own
    return {row["account_id"] for row in found}


# An ordinary run finds the client in extracts before an erasure, and none of them after it (test_erase).
@pytest.mark.long
def test_extracts_are_written_again_without_the_client(lake: Path, settings: Settings) -> None:
    named, folder = lakes.pseudonyms(lake), lake / "lake"

    def write() -> None:
        for is_masked in (True, False):
            write_extracts(lakes.uri_of(lake), settings.model_copy(update={"extract_nights": 1}), is_masked=is_masked)

    write()
    assert named & _accounts(folder, "mart_findings_masked")
    assert lakes.ACCOUNT in _accounts(folder, "mart_findings")
    # The search finds what is there: pseudonyms in the masked extracts.
    assert {trace.split(":")[0] for trace in _traces(lake)} >= {"lake/extracts/rolling.hyper"}
    others = _accounts(folder, "mart_findings") - {lakes.ACCOUNT}

    erase(lakes.uri_of(lake), lakes.CLIENT, settings, lakes.TODAY)
    assert not list(folder.rglob("*.hyper"))
    write()
    assert len(list(folder.rglob("*.hyper"))) == 4
    assert _traces(lake) == []
    for mart in ("mart_findings", "mart_account_days"):
        assert not named & _accounts(folder, f"{mart}_masked")
        assert _accounts(folder, mart) == others


def _traces(lake: Path) -> list[str]:
    """Places of the client in extracts, searched byte for byte: numbers as texts and as Hyper keeps them."""
    numbers = [lakes.ACCOUNT, lakes.CLIENT]
    searched = {name.encode() for name in lakes.pseudonyms(lake) | {str(number) for number in numbers}}
    searched |= {number.to_bytes(4, "little") for number in numbers}
    files = sorted((lake / "lake").rglob("*.hyper"))
    return [f"{file.relative_to(lake)}: {each!r}" for file in files for each in searched if each in file.read_bytes()]
