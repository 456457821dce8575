"""Two nights at once take each review once, with the lock of nights and without it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from include.errors import IntegrityError, TerminalError
from include.lake import TABLES, Lake
from include.lake.night_lock import LOCK_FILE, one_night_at_a_time
from include.masking.keys import NameKeyStore
from include.night import NightRequest, check_settlement, extract, publish, run_night, score, validate, verify
from include.settings import PROJECT_ROOT
from tests.lake.nights import manifest_row, stamp_of
from tests.sources.small_banks import TRANSACTION_NAMES, TRANSACTIONS, csv_text, write_canonical

EVE, NIGHT = date(2013, 1, 2), date(2013, 1, 3)
HEADER = "trans_id,decision,reason,who,decided_at,known_at\n"
UP_TO_PUBLISH = (extract, validate, check_settlement, score)


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    return write_canonical(tmp_path / "bank", csv_text(TRANSACTION_NAMES, TRANSACTIONS))


@pytest.fixture
def lake(tmp_path: Path, settings) -> Path:
    inbox = tmp_path / "lake" / "reviews" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "a.csv").write_text(f"{HEADER}3,confirmed,seen,ida,{EVE},{EVE}\nx,confirmed,no number,ida,{EVE},{EVE}\n")
    return tmp_path / "lake"


def _request(night: date, bank: Path, lake: Path) -> NightRequest:
    return NightRequest.of(night, f"file:{bank}", f"file:{lake}")


def _begun(night: date, bank: Path, lake: Path) -> NightRequest:
    request = _request(night, bank, lake)
    for step in UP_TO_PUBLISH:
        step(request)
    return request


def _held(lake: Path) -> list[date]:
    return Lake.open(f"file:{lake}").read("reviews")["settlement_date"].to_pylist()


@pytest.mark.parametrize(("first", "second"), [(EVE, NIGHT), (NIGHT, EVE)])
def test_without_the_lock_the_second_publishes_nothing_it_shares(bank, lake, first, second):
    requests = {night: _begun(night, bank, lake) for night in (first, second)}
    publish(requests[first])
    with pytest.raises(
        TerminalError, match=f"1 of the reviews|2 of the reviews.*{first}.*clear this run from its first"
    ):
        publish(requests[second])
    assert _held(lake) == [first]
    publish(_begun(second, bank, lake))
    assert _held(lake) == [first]
    assert verify(f"file:{lake}")["nights"] == 2


def test_nor_where_the_first_is_published_while_the_second_is(bank, lake, monkeypatch):
    """The other night's manifest row lands between this one's look at the reviews and its own commit."""
    requests = {night: _begun(night, bank, lake) for night in (EVE, NIGHT)}
    real, others = Lake._switch, iter([requests[NIGHT]])

    def overtaken(self, row, stamp, since, require_unclaimed=lambda: None):
        def looked_then_overtaken():
            require_unclaimed()
            for other in others:
                publish(other)

        real(self, row, stamp, since, looked_then_overtaken)

    monkeypatch.setattr(Lake, "_switch", overtaken)
    # As on an object store, which has no locks; on a disk the other night waits for the lock of the keys.
    monkeypatch.setattr(NameKeyStore, "held", lambda self: nullcontext())
    with pytest.raises(TerminalError, match="taken in meanwhile"):
        publish(requests[EVE])
    assert _held(lake) == [NIGHT]


def test_two_nights_at_once_wait_for_each_other(bank, lake):
    said: dict[date, list[str]] = {EVE: [], NIGHT: []}
    nights = [
        threading.Thread(target=run_night, args=(_request(night, bank, lake), said[night].append)) for night in said
    ]
    for thread in nights:
        thread.start()
    for thread in nights:
        thread.join()
    assert verify(f"file:{lake}")["nights"] == 2
    assert len(_held(lake)) == 1
    (waited,) = [line for lines in said.values() for line in lines if "waits until it is through" in line]
    assert "another night is being played" in waited


def test_a_lake_that_holds_a_review_twice_does_not_verify_and_is_mended_by_a_rerun(bank, lake):
    run_night(_request(EVE, bank, lake))
    run_night(_request(NIGHT, bank, lake))
    _double(lake)
    for night in (None, EVE, NIGHT):
        with pytest.raises(
            IntegrityError, match=f"1 reviews are held by {EVE} and {NIGHT}.*run the night {NIGHT} again"
        ):
            verify(f"file:{lake}", night)
    run_night(_request(NIGHT, bank, lake))
    assert verify(f"file:{lake}")["nights"] == 2
    assert _held(lake) == [EVE]


def _double(lake: Path) -> None:
    """As a night left it that took in what another one did."""
    opened = Lake.open(f"file:{lake}")
    row = opened.published(NIGHT)
    rows = opened.read("reviews", EVE, EVE, [name for name in TABLES["reviews"].schema.names if name != "run_key"])
    again = rows.set_column(0, "settlement_date", pa.array([NIGHT] * rows.num_rows, pa.date32()))
    stamp = type(stamp_of("a", NIGHT))(row["run_key"], "doubled", NIGHT)
    opened.replace(TABLES["reviews"], NIGHT, again, stamp)


HOLDER = """
import sys, time
from datetime import date
from include.lake.night_lock import one_night_at_a_time
with one_night_at_a_time(sys.argv[1], date(2024, 1, 1), print):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path):
    command = [sys.executable, "-c", HOLDER, f"file:{tmp_path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_killed_night_lets_the_next_one_go_on(holder, tmp_path):
    said: list[str] = []

    def kill(sentence: str) -> None:
        said.append(sentence)
        holder.kill()

    with one_night_at_a_time(str(tmp_path), NIGHT, kill):
        assert said == [f"another night is being played in {tmp_path}: {NIGHT} waits until it is through"]
        with one_night_at_a_time(f"file:{tmp_path}", NIGHT, said.append):
            assert len(said) == 1  # a step within the night does not wait for its own
    assert (tmp_path / LOCK_FILE).stat().st_mode & 0o777 == 0o600


def test_readers_and_writers_of_other_things_do_not_wait(holder, tmp_path):
    began = time.monotonic()
    opened = Lake.open(f"file:{tmp_path}")
    stamp = stamp_of("a", NIGHT)
    opened.publish_manifest(manifest_row(stamp), stamp)
    assert opened.published(NIGHT) is not None
    assert holder.poll() is None
    assert time.monotonic() - began < 120
