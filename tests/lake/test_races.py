"""Runs that write the same night at once, and readers that look meanwhile."""

import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from include.errors import LakeConflictError, PublishError
from include.lake.iceberg_catalog import LakeCatalog
from tests.lake.nights import KEYED, STATE, night_number, open_lake, publish_night, rows_of, seen, stamp_of, whole

SCRIPT = """
import sys
from datetime import date
sys.path.insert(0, sys.argv[1])
from tests.lake.nights import night_number, open_lake, publish_night, stamp_of
from include.errors import LakeConflictError
lake = open_lake(sys.argv[2])
for number in range(int(sys.argv[4])):
    sys.stdin.readline()
    stamp = stamp_of(sys.argv[3], night_number(number))
    try:
        publish_night(lake, stamp)
    except LakeConflictError:
        publish_night(lake, stamp)
    print("done", flush=True)
"""


def at_once(*actions):
    """Run the actions in threads that start together; what each raised."""
    barrier, raised = threading.Barrier(len(actions)), [None] * len(actions)

    def run(number):
        barrier.wait()
        try:
            actions[number]()
        except Exception as error:
            raised[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def rows_in(lake, night):
    return {(row["table"], row["run_key"][0]): row["row_count"] for row in lake.census(night).to_pylist()}


def test_the_same_rows_replaced_twice_at_once_are_there_once(tmp_path):
    """Nothing is there to be removed at first, so both plan a mere addition: the second must see the first one's."""
    lakes = [open_lake(tmp_path) for _ in range(2)]
    for number in range(40):
        night = night_number(number)
        rows, stamp = rows_of(STATE, night, "a"), stamp_of("a", night)
        actions = [partial(lake.replace, STATE, night, rows, stamp) for lake in lakes]
        assert at_once(*actions) == [None, None]
        assert rows_in(lakes[0], night) == {("state_things", "a"): 3}


@pytest.mark.slow
@pytest.mark.parametrize(("runs", "old"), [("aa", ""), ("ab", ""), ("ab", "a")])
def test_a_night_published_twice_at_once(tmp_path, runs, old):
    lakes = [open_lake(tmp_path) for _ in runs]
    for number in range(6):
        night = night_number(number)
        if old:
            publish_night(lakes[0], stamp_of(old, night))
        stamps = [stamp_of(run, night, str(turn)) for turn, run in enumerate(runs)]
        raised = at_once(*[partial(publish_night, lake, stamp) for lake, stamp in zip(lakes, stamps, strict=True)])
        # The run that lost says so, and readers see the other one, whole.
        assert {type(error) for error in raised} <= {type(None), LakeConflictError}
        assert None in raised
        winner = lakes[0].published(night)["run_key"][0]
        assert seen(lakes[0], night) == whole(winner)
        lost = [(lake, stamp) for lake, stamp, error in zip(lakes, stamps, raised, strict=True) if error]
        for lake, stamp in lost:
            publish_night(lake, stamp)
            assert seen(lake, night) == whole(stamp.run_key[0])
        last = lakes[0].published(night)["run_key"][0]
        assert rows_in(lakes[0], night) == {(table.name, last): 3 for table in KEYED}


def test_two_processes_on_a_new_lake(tmp_path):
    root, nights = Path(__file__).parents[2], 4
    command = [sys.executable, "-c", SCRIPT, str(root), str(tmp_path)]
    runs = [
        subprocess.Popen([*command, run, str(nights)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for run in "ab"
    ]
    for _ in range(nights):
        for run in runs:
            run.stdin.write("\n")
            run.stdin.flush()
        assert [run.stdout.readline() for run in runs] == ["done\n"] * 2
    for run in runs:
        run.communicate()
        assert run.returncode == 0
    lake = open_lake(tmp_path)
    for number in range(nights):
        winner = lake.published(night_number(number))["run_key"][0]
        assert rows_in(lake, night_number(number)) == {(table.name, winner): 3 for table in KEYED}


def test_readers_always_see_one_run_whole(tmp_path):
    night, done, looks = night_number(0), threading.Event(), []
    publish_night(open_lake(tmp_path), stamp_of("a", night))

    def write():
        lake = open_lake(tmp_path)
        for run in "bababa":
            publish_night(lake, stamp_of(run, night))
        done.set()

    def look():
        lake = open_lake(tmp_path)
        while not done.is_set():
            looks.append(lake.read(STATE, night, night)["run"].to_pylist())

    assert at_once(write, look) == [None, None]
    assert len(looks) > 10
    assert all(found in (["a"] * 3, ["b"] * 3) for found in looks)


def test_a_reader_that_a_publication_overtakes_looks_again(tmp_path, monkeypatch):
    """Between its looks at the manifest and at the table, the run it is about to read is replaced and removed."""
    night, lake, other = night_number(0), open_lake(tmp_path), open_lake(tmp_path)
    publish_night(other, stamp_of("a", night))
    overtaking, original = iter([stamp_of("b", night)]), lake._catalog.find

    def find(name):
        if name == STATE.name:
            for stamp in overtaking:
                publish_night(other, stamp)
        return original(name)

    monkeypatch.setattr(lake._catalog, "find", find)
    assert lake.read(STATE, night, night)["run"].to_pylist() == ["b"] * 3


class LostAnswerError(Exception):
    """Stands for a timeout of the catalog."""


def faulty(monkeypatch, lake, before=None, after=None):
    """Make the catalog fail once, before or after it took the next commit."""
    catalog = lake._catalog._catalog
    original = catalog.commit_table

    def commit(*args, **kwargs):
        monkeypatch.setattr(catalog, "commit_table", original)
        if before:
            raise before
        original(*args, **kwargs)
        raise after

    monkeypatch.setattr(catalog, "commit_table", commit)


@pytest.mark.parametrize("error", [LostAnswerError(), OSError(110, "timed out")])
def test_a_commit_whose_answer_was_lost_is_not_made_again(tmp_path, monkeypatch, error):
    lake, night = open_lake(tmp_path), night_number(0)
    stamp = stamp_of("a", night)
    publish_night(lake, stamp_of("b", night))
    faulty(monkeypatch, lake, after=error)
    lake.replace(STATE, night, rows_of(STATE, night, "a"), stamp)
    table = lake._catalog.load("state_things")
    assert len(table.snapshots()) == 2
    assert table.current_snapshot().summary["ads.run-key"] == stamp.run_key
    assert table.current_snapshot().summary["ads.attempt"] == "first"
    assert rows_in(lake, night)["state_things", "a"] == 3


def test_a_commit_that_failed_leaves_things_as_they_were(tmp_path, monkeypatch):
    lake, night = open_lake(tmp_path), night_number(0)
    publish_night(lake, stamp_of("a", night))
    faulty(monkeypatch, lake, before=LostAnswerError("no answer"))
    with pytest.raises(
        PublishError, match=r"table state_things could not take the night 2020-01-01: no answer.*run the night again"
    ):
        lake.replace(STATE, night, rows_of(STATE, night, "b"), stamp_of("b", night))
    assert seen(lake, night) == whole("a")
    assert lake.stray(night).num_rows == 0


def test_a_catalog_that_stays_away_is_no_success(tmp_path, monkeypatch):
    lake, night = open_lake(tmp_path), night_number(0)
    publish_night(lake, stamp_of("a", night))

    def gone(*_):
        raise OSError(111, "connection refused")

    faulty(monkeypatch, lake, after=LostAnswerError("no answer"))
    original = LakeCatalog.load
    calls = iter(range(100))
    monkeypatch.setattr(LakeCatalog, "load", lambda self, name: original(self, name) if next(calls) < 2 else gone())
    with pytest.raises(PublishError, match="run the night again"):
        lake.replace(STATE, night, rows_of(STATE, night, "b"), stamp_of("b", night))
    monkeypatch.undo()
    publish_night(lake, stamp_of("b", night))
    assert seen(lake, night) == whole("b")
    assert rows_in(lake, night) == {(table.name, "b"): 3 for table in KEYED}


def test_writers_of_other_nights_do_not_stop_each_other(tmp_path):
    lakes = [open_lake(tmp_path) for _ in range(4)]
    stamps = [stamp_of("a", night_number(number)) for number in range(4)]
    assert (
        at_once(*[partial(publish_night, lake, stamp) for lake, stamp in zip(lakes, stamps, strict=True)]) == [None] * 4
    )
    assert all(seen(lakes[0], stamp.night) == whole("a") for stamp in stamps)
