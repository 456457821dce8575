"""Erased clients that come back with a later night, further clients, and files beside the tables."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from include.errors import TerminalError
from include.lake import Lake
from include.lake.work_folder import WorkFolder
from include.night import NightRequest, verify
from include.night.erased_clients import warnings_of
from include.privacy import erase, held_on
from include.registry.erasures import ErasureLog
from include.relations import FIN_CLIENT
from include.reviews.drop import put_away, read_inbox
from include.security.envelope import Envelope
from include.settings import Settings
from include.sources.base import Extract
from tests.privacy.lakes import (
    ACCOUNT,
    CLIENT,
    NIGHTS,
    OTHER,
    OTHERS_ACCOUNT,
    SHARED_ACCOUNT,
    TODAY,
    posting_of,
    publish_small,
    traces,
    uri_of,
)

Small = tuple[Path, Settings]
_HEADER = "trans_id,decision,reason,who,decided_at,known_at\n"


def test_a_night_that_is_played_again_brings_the_client_back_and_is_held_to_its_own_hash(small_erased: Small) -> None:
    """The newest relations no longer name the client: the log's digests tell what is theirs."""
    lake, settings = small_erased
    assert traces(lake) == []
    publish_small(Lake.open(uri_of(lake), settings), settings, attempt=2)
    assert verify(uri_of(lake))["nights"] == 1
    assert traces(lake)
    assert "came back" in str(held_on(uri_of(lake), CLIENT, settings, TODAY)["remarks"])
    assert erase(uri_of(lake), CLIENT, settings, TODAY)["is_erased"]
    assert traces(lake) == []
    assert verify(uri_of(lake))["nights"] == 1


def test_two_clients_are_erased_one_after_the_other(small_erased: Small) -> None:
    lake, settings = small_erased
    erase(uri_of(lake), OTHER, settings, TODAY)
    assert verify(uri_of(lake))["nights"] == 1
    assert Lake.open(uri_of(lake), settings).read("fin_transaction")["account_id"].to_pylist() == [SHARED_ACCOUNT]


def test_a_night_warns_of_erased_clients_in_its_source_and_names_none(small_erased: Small) -> None:
    lake, settings = small_erased
    request = NightRequest(date(1994, 1, 6), "file:/bank", uri_of(lake), "test", settings)
    (warning,) = warnings_of(request, _extract([CLIENT, OTHER]))
    assert ErasureLog.read(uri_of(lake), settings).erasures[0].request in warning
    assert str(CLIENT) not in warning
    assert warnings_of(request, _extract([OTHER])) == []
    assert warnings_of(request, None) == []


def _extract(clients: list[int]) -> Extract:
    rows = pa.table({"client_id": pa.array(clients, pa.int64())})
    return Extract(FIN_CLIENT, rows, pa.table({}), len(clients))


def test_files_made_from_what_was_erased_go_or_are_written_again(small: Small) -> None:
    lake, settings = small
    root = lake / "lake"
    sheet = root / "alerts" / f"{NIGHTS[0]}.csv"
    assert str(ACCOUNT) in sheet.read_text()
    # The night of February is not in the lake any more: nothing there tells whose rows its extract holds.
    names = (f"{NIGHTS[0]}.hyper", "1994-02-01.hyper", "rolling.hyper", ".draft-killed/rolling.hyper", "extracts.json")
    gone = [root / folder / name for folder in ("extracts", "extracts_unmasked") for name in names]
    # Drafts of processes that were killed; nobody can tell what they hold.
    (root / "reviews" / "inbox").mkdir(parents=True)
    old = root / "reviews" / "inbox" / ".old.part"
    stays = [root / "extracts" / "nights.twb", root / "reviews" / "inbox" / ".being_written.part"]
    gone = [*gone, root / "alerts" / f".{NIGHTS[0]}.csv.x.part", old]
    for file in (*gone, *stays):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"made")
    os.utime(old, (0, 0))
    # Written when the client still had a finding on that night, which was played again since.
    earlier = root / "alerts" / "1994-01-02.csv"
    earlier.write_text(sheet.read_text())
    _work_folder(lake, "holds", ACCOUNT)
    torn = _work_folder(lake, "torn", OTHERS_ACCOUNT)
    torn.write_bytes(torn.read_bytes()[:-20])
    _work_folder(lake, "holds not", OTHERS_ACCOUNT)
    kept = [_review_put_away(lake, settings, account) for account in (ACCOUNT, OTHERS_ACCOUNT)]
    told = erase(uri_of(lake), CLIENT, settings, TODAY)
    assert told["files"]["work_folders"] == ["1994-01-06/holds", "1994-01-06/torn"]
    assert str(ACCOUNT) not in sheet.read_text() + earlier.read_text()
    assert str(OTHERS_ACCOUNT) in sheet.read_text()
    assert not any(file.exists() for file in gone)
    assert [file.exists() for file in (*stays, *kept)] == [True, True, False, True]
    assert f"extracts_unmasked/{NIGHTS[0]}.hyper" in told["files"]["extracts"]
    assert "deletes all extracts" in str(told["remarks"])
    assert not (root / "_work" / "1994-01-06" / "holds").exists()
    assert (root / "_work" / "1994-01-06" / "holds not").exists()


def _work_folder(lake: Path, name: str, account: int) -> Path:
    folder = WorkFolder.at(uri_of(lake), "1994-01-06", name)
    folder.begin()
    folder.put("accepted.fin_account", pa.table({"account_id": [account]}))
    return Path(folder.folder.path, "accepted.fin_account.parquet")


def _review_put_away(lake: Path, settings: Settings, account: int) -> Path:
    inbox = _drop(lake, account)
    (file,), _ = read_inbox(UPath(inbox.parent))
    assert put_away([(str(file.path), str(file.kept_as))], Envelope.open(settings)) == []
    return Path(file.kept_as.path)


def _drop(lake: Path, account: int) -> Path:
    inbox = lake / "lake" / "reviews" / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    row = f"{posting_of(NIGHTS[0], account)},dismissed,known,analyst,1994-01-05,1994-01-05\n"
    (inbox / "reviews.csv").write_text(_HEADER + row)
    return inbox / "reviews.csv"


def test_a_review_that_waits_in_the_drop_stops_the_erasure(small: Small) -> None:
    lake, settings = small
    _drop(lake, ACCOUNT)
    assert held_on(uri_of(lake), CLIENT, settings, TODAY)["files"]["reviews_waiting"] == ["reviews.csv"]
    with pytest.raises(TerminalError, match="nothing was erased: 1 files in the drop"):
        erase(uri_of(lake), CLIENT, settings, TODAY)
    _drop(lake, OTHERS_ACCOUNT)
    assert held_on(uri_of(lake), CLIENT, settings, TODAY)["files"]["reviews_waiting"] == []


def test_postings_of_others_that_name_the_account_stay(small: Small) -> None:
    lake, settings = small
    found = held_on(uri_of(lake), CLIENT, settings, TODAY)
    assert found["postings_of_others_that_name_the_accounts"] == 0
    _name_as_counterparty(lake)
    found = held_on(uri_of(lake), CLIENT, settings, TODAY)
    assert found["postings_of_others_that_name_the_accounts"] == 1
    assert "those clients' data and stay" in found["remarks"][0]


def _name_as_counterparty(lake: Path) -> None:
    """Change the other client's posting in its file, so that it is paid to the client's account."""
    (file,) = (lake / "lake" / "ads" / "fin_transaction" / "data").rglob("*.parquet")
    rows = pq.read_table(file, partitioning=None)
    paid = [ACCOUNT if account == OTHERS_ACCOUNT else None for account in rows["account_id"].to_pylist()]
    place = rows.schema.get_field_index("other_account_id")
    pq.write_table(rows.set_column(place, rows.schema.field(place), pa.array(paid, pa.int64())), file)
