"""Reviews: read whole, refused row by row, taken in once, and never before they were known."""

from __future__ import annotations

import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from include.errors import IntegrityError
from include.lake import TABLES, Lake
from include.lake.tables import QUARANTINE_SCHEMA, REVIEWS_SCHEMA, SCORES_SCHEMA
from include.relations import FIN_TRANSACTION
from include.reviews import effects_of
from include.reviews.drop import MOST_BYTES, drop_reviews, inbox_of, put_away, read_inbox, read_kept, taken_of
from include.reviews.intake import (
    Intake,
    confirmed_before,
    decisions_of,
    known_reviews,
    nights_before,
    take_in,
)
from include.reviews.risk import FINDINGS_SCHEMA, findings_of
from include.security.envelope import Envelope
from include.settings import get_settings
from tests.lake.nights import manifest_row, stamp_of

NIGHT = date(2024, 3, 3)
NOON = datetime(2024, 3, 3, 12, tzinfo=UTC)
HEADER = "trans_id,decision,reason,who,decided_at,known_at\n"


@pytest.fixture
def inbox(tmp_path: Path) -> UPath:
    folder = tmp_path / "reviews" / "inbox"
    folder.mkdir(parents=True)
    return UPath(folder)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(f"file:{tmp_path / 'lake'}")


def _drop(inbox: UPath, *lines: str, name: str = "a.csv") -> None:
    (inbox / name).write_text(HEADER + "".join(f"{line}\n" for line in lines))


def _line(trans_id: int, decision: str = "confirmed", known: str = "2024-03-03T10:00:00", decided: str = "") -> str:
    return f"{trans_id},{decision},seen,analyst,{decided or known},{known}"


def _publish(lake: Lake, night: date, intake: Intake) -> None:
    stamp = stamp_of("a", night)
    lake.replace(TABLES["reviews"], night, intake.taken, stamp)
    lake.replace(TABLES["quarantine"], night, intake.refused, stamp)
    lake.publish_manifest(manifest_row(stamp), stamp)


def _play(lake: Lake, inbox: UPath, night: date) -> Intake:
    intake = take_in(lake, inbox, night)
    _publish(lake, night, intake)
    return intake


def test_a_bad_row_costs_nobody_the_good_ones(lake, inbox):
    _drop(
        inbox,
        _line(1),
        _line(2, "maybe"),
        _line(3, known="yesterday"),
        _line(4, decided="2024-03-04T10:00:00"),
        "x,confirmed",
        f"x{_line(5)}",
        _line(6, "dismissed"),
        ",confirmed,no posting,analyst,2024-03-03,2024-03-03",
        f"7,confirmed,{'long ' * 300},analyst,2024-03-03,2024-03-03",
        "8,confirmed,far,analyst,0001-01-01T00:00+14:00,2024-03-03",
    )
    intake = take_in(lake, inbox, NIGHT)
    assert intake.taken["trans_id"].to_pylist() == [1, 6]
    assert intake.refused.schema == QUARANTINE_SCHEMA
    refused = {row["line"]: row["reason_codes"] for row in intake.refused.to_pylist()}
    assert refused == {
        3: ["decision_unknown_code"],
        4: ["decided_at_not_a_time", "known_at_not_a_time"],
        5: ["known_before_decided"],
        6: ["wrong_field_count"],
        7: ["trans_id_not_an_integer"],
        9: ["trans_id_missing"],
        10: ["reason_too_long"],
        11: ["decided_at_not_a_time"],
    }
    assert set(intake.refused["relation"].to_pylist()) == {"reviews"}


def test_a_line_that_is_cut_off_is_not_believed(lake, inbox):
    (inbox / "torn.csv").write_text(HEADER + _line(1) + "\n" + _line(2345)[:-9])
    intake = take_in(lake, inbox, NIGHT)
    assert intake.taken["trans_id"].to_pylist() == [1]
    assert [(row["line"], row["reason_codes"]) for row in intake.refused.to_pylist()] == [(3, ["torn"])]


def test_a_file_that_cannot_be_read_is_told_and_stays(lake, inbox):
    (inbox / "torn.parquet").write_bytes(b"PAR1 and no more")
    (inbox / "columns.csv").write_text("trans_id,verdict\n1,confirmed\n")
    (inbox / "large.csv").write_bytes(b"x" * (MOST_BYTES + 1))
    (inbox / "unfinished.parquet.part").write_text("being written")
    _drop(inbox, _line(1))
    intake = take_in(lake, inbox, NIGHT)
    assert intake.taken.num_rows == 1
    told = sorted(note.split(":")[0] for note in intake.notes)
    assert told == [f"reviews in {name} wait" for name in ("columns.csv", "large.csv", "torn.parquet")]
    assert [Path(path).name for path, _ in intake.settled] == ["a.csv"]


def test_parquet_with_real_times_is_read_as_text_is(lake, inbox):
    rows = {"trans_id": [1], "decision": ["unsure"], "reason": ["?"], "who": ["x"]}
    pq.write_table(pa.table({**rows, "decided_at": [NOON], "known_at": [NOON]}), inbox / "a.parquet")
    assert take_in(lake, inbox, NIGHT).taken["known_at"].to_pylist() == [NOON]


def test_what_the_console_writes_is_read_back(lake, inbox):
    drop_reviews(inbox, [{"trans_id": 7, "decision": "confirmed", "who": "x", "decided_at": NOON, "known_at": NOON}])
    drop_reviews(
        inbox,
        [
            {"account_id": 3, "check_code": "fee_amount", "decision": "dismissed", "who": "x"}
            | {"decided_at": NOON, "known_at": NOON}
        ],
    )
    taken = take_in(lake, inbox, NIGHT).taken.sort_by("trans_id").to_pylist()
    assert [(row["trans_id"], row["account_id"], row["check_code"]) for row in taken] == [
        (7, None, None),
        (None, 3, "fee_amount"),
    ]


def test_texts_of_people_are_inert(lake, inbox):
    _drop(inbox, "1,unsure,<script>alert(1)</script>,=cmd(),2024-03-03,2024-03-03")
    (row,) = take_in(lake, inbox, NIGHT).taken.to_pylist()
    assert (row["reason"], row["who"]) == ("&lt;script&gt;alert(1)&lt;/script&gt;", "'=cmd()")


def test_an_absent_drop_is_no_review(lake, tmp_path):
    assert take_in(lake, UPath(tmp_path / "nowhere"), NIGHT) == Intake(
        REVIEWS_SCHEMA.empty_table(), QUARANTINE_SCHEMA.empty_table()
    )


def test_the_night_a_review_is_known_on_is_that_of_utc(lake, inbox):
    _drop(inbox, _line(1, known="2024-03-03T23:30:00-05:00"), _line(2, known="2024-03-03T23:30:00"))
    assert _play(lake, inbox, NIGHT).taken["trans_id"].to_pylist() == [2]
    assert _play(lake, inbox, NIGHT + timedelta(days=1)).taken["trans_id"].to_pylist() == [1]


def test_the_same_review_dropped_again_is_taken_in_once(lake, inbox):
    _drop(inbox, _line(1), "x", name="a.csv")
    _drop(inbox, _line(1), name="b.csv")
    first = _play(lake, inbox, NIGHT)
    assert (first.taken.num_rows, first.refused.num_rows) == (1, 1)
    second = _play(lake, inbox, NIGHT + timedelta(days=1))
    assert (second.taken.num_rows, second.refused.num_rows) == (0, 0)


@pytest.mark.usefixtures("settings")
def test_settled_files_are_put_away_under_their_content(lake, inbox):
    _drop(inbox, _line(1), name="settled.csv")
    _drop(inbox, _line(2), _line(3, known="2024-03-09"), name="waits.csv")
    intake = _play(lake, inbox, NIGHT)
    _drop(inbox, _line(4), name="rewritten.csv")
    rewritten = (str(inbox / "rewritten.csv"), str(inbox.parent / "taken" / "rewritten-0000.csv.sealed"))
    assert put_away([*intake.settled, rewritten], Envelope.open(get_settings())) == []
    assert sorted(path.name for path in inbox.iterdir()) == ["rewritten.csv", "waits.csv"]
    (kept,) = (inbox.parent / "taken").iterdir()
    assert kept.name.startswith("settled-")
    assert intake.taken["source_uri"].to_pylist()[0] == str(kept)
    # A file of the same name on another day is another file.
    _drop(inbox, "no review at all", _line(5), name="settled.csv")
    assert take_in(lake, inbox, NIGHT + timedelta(days=1)).refused.num_rows == 1


@pytest.mark.usefixtures("settings")
def test_what_is_put_away_is_sealed_and_whole(lake, inbox):
    _drop(inbox, "1,confirmed,the client is ill,ida,2024-03-03,2024-03-03", "a client's name and no review")
    written = (inbox / "a.csv").read_bytes()
    put_away(take_in(lake, inbox, NIGHT).settled, Envelope.open(get_settings()))
    (kept,) = (inbox.parent / "taken").iterdir()
    assert b"client" not in kept.read_bytes()
    assert read_kept(kept, Envelope.open(get_settings())) == written
    with pytest.raises(IntegrityError):
        read_kept(kept.rename(kept.with_name("other.csv.sealed")), Envelope.open(get_settings()))


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("scheme", ["", "file:"])
def test_only_the_nights_user_looks_into_the_folders_it_makes(lake, tmp_path, scheme):
    inbox = UPath(f"{scheme}{tmp_path / 'new' / 'inbox'}")
    drop_reviews(inbox, [{"trans_id": 7, "decision": "unsure", "who": "x", "decided_at": NOON, "known_at": NOON}])
    put_away(take_in(lake, inbox, NIGHT).settled, Envelope.open(get_settings()))
    made = [tmp_path / "new" / name for name in ("inbox", "taken")]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in made] == [0o700, 0o700]


def test_a_drop_of_its_own_keeps_what_was_taken_within_itself(lake, tmp_path, settings, monkeypatch):
    monkeypatch.setenv("ADS_REVIEWS_URI", f"file:{tmp_path / 'drop'}")
    get_settings.cache_clear()
    uri = get_settings().reviews_uri
    inbox = inbox_of("file:/anywhere", uri)
    inbox.mkdir()
    _drop(inbox, _line(1))
    assert put_away(take_in(lake, inbox, NIGHT, taken_of(inbox, uri)).settled, Envelope.open(get_settings())) == []
    assert [path.name for path in inbox.iterdir()] == ["taken"]
    assert len(list((inbox / "taken").iterdir())) == 1


def test_what_is_no_readable_file_costs_nobody_the_others(lake, inbox):
    (inbox / "folder.csv").mkdir()
    (inbox / "loop.csv").symlink_to(inbox / "loop.csv")
    _drop(inbox, _line(1))
    intake = take_in(lake, inbox, NIGHT)
    assert intake.taken["trans_id"].to_pylist() == [1]
    assert [note.split(":")[0] for note in intake.notes] == [f"reviews in {n}.csv wait" for n in ("folder", "loop")]


def test_a_drop_that_cannot_be_looked_into_is_told(lake, tmp_path):
    (tmp_path / "inbox").write_text("a file where the folder should be")
    (note,) = take_in(lake, UPath(tmp_path / "inbox"), NIGHT).notes
    assert note.startswith("all reviews wait")


@pytest.mark.usefixtures("settings")
def test_a_file_that_cannot_be_put_away_is_told_and_taken_in_once(lake, inbox):
    _drop(inbox, _line(1), "x")
    (inbox.parent / "taken").write_text("a file where the folder should be")
    (note,) = put_away(_play(lake, inbox, NIGHT).settled, Envelope.open(get_settings()))
    assert "a.csv were taken in, but could not be put away" in note
    assert (inbox / "a.csv").exists()
    again = _play(lake, inbox, NIGHT + timedelta(days=1))
    assert (again.taken.num_rows, again.refused.num_rows) == (0, 0)


def test_a_night_that_fills_a_hole_takes_in_nothing_that_a_later_one_did(lake, inbox):
    eve = NIGHT - timedelta(days=1)
    _drop(inbox, _line(1, known=f"{eve}T10:00:00"), _line(2, known="2024-03-09"), "x")
    assert _play(lake, inbox, NIGHT).taken["trans_id"].to_pylist() == [1]
    filling = _play(lake, inbox, eve)
    assert (filling.taken.num_rows, filling.refused.num_rows) == (0, 0)


def test_a_night_knows_reviews_and_findings_of_the_nights_it_is_told_of(lake, inbox):
    eve = NIGHT - timedelta(days=1)
    _drop(inbox, _line(7, known=f"{eve}T10:00:00"))
    stamp, taken = stamp_of("a", eve), take_in(lake, inbox, eve).taken
    row = dict.fromkeys(SCORES_SCHEMA.names) | {"trans_id": 7, "account_id": 1, "settlement_date": eve, "score": 0.5}
    lake.replace(TABLES["reviews"], eve, taken, stamp)
    lake.replace(TABLES["anomaly_scores"], eve, pa.Table.from_pylist([row], schema=SCORES_SCHEMA), stamp)
    lake.publish_manifest(manifest_row(stamp), stamp)
    assert nights_before(lake, NIGHT) == [eve]
    for nights, count in (([eve], 1), ([], 0)):
        assert known_reviews(lake, NIGHT, REVIEWS_SCHEMA.empty_table(), nights).num_rows == count
        found = findings_of(lake, taken, NIGHT, nights)
        assert (found.num_rows, found.schema) == (count, FINDINGS_SCHEMA)
    assert findings_of(lake, taken.slice(0, 0), NIGHT, [eve]) == FINDINGS_SCHEMA.empty_table()


def test_the_later_decision_counts_however_it_came(lake, inbox):
    early, late = "2024-03-01T10:00:00", "2024-03-02T10:00:00"
    _drop(inbox, _line(1, "dismissed", decided=late), _line(1, "confirmed", decided=early))
    _drop(inbox, _line(2, "dismissed", decided=early), _line(2, "confirmed", decided=early), name="b.csv")
    decisions = decisions_of(take_in(lake, inbox, NIGHT).taken, NIGHT)
    assert dict(zip(decisions["trans_id"].to_pylist(), decisions["decision"].to_pylist(), strict=True)) == {
        1: "dismissed",
        2: "confirmed",
    }


def test_a_backdated_review_acts_from_the_night_that_took_it_in(lake, inbox):
    eve = NIGHT - timedelta(days=1)
    _play(lake, inbox, eve)
    _drop(inbox, _line(1, known="2024-01-01"))
    _play(lake, inbox, NIGHT)
    assert known_reviews(lake, eve, REVIEWS_SCHEMA.empty_table(), nights_before(lake, eve)).num_rows == 0
    assert confirmed_before(lake, NIGHT) == frozenset()
    assert confirmed_before(lake, NIGHT + timedelta(days=1)) == {1}


def _under_review(reviews: pa.Table, postings: pa.Table) -> frozenset[int]:
    return effects_of(reviews, FINDINGS_SCHEMA.empty_table(), postings, NIGHT).under_review


def test_accounts_with_open_or_confirmed_cases_are_under_review(lake, inbox):
    _drop(inbox, _line(1), _line(2, "unsure"), _line(3, "dismissed"))
    drop_reviews(
        inbox,
        [
            {"account_id": account, "check_code": "fee_amount", "decision": decision, "who": "x"}
            | {"decided_at": NOON, "known_at": NOON}
            for account, decision in ((40, "unsure"), (50, "dismissed"))
        ],
    )
    rows = [{"trans_id": n, "account_id": 10 * n, "trans_date": NIGHT} for n in (1, 2, 3, 4)]
    postings = pa.Table.from_pylist(rows, schema=FIN_TRANSACTION.schema)
    assert _under_review(take_in(lake, inbox, NIGHT).taken, postings) == {10, 20, 40}


def _of_break(check: str, decision: str, day: int, **values) -> dict:
    at = datetime(2024, 3, day, tzinfo=UTC)
    row = {"account_id": 40, "check_code": check, "decision": decision, "who": "x", "settlement_date": at.date()}
    return row | {"decided_at": at, "known_at": at, "review_key": f"{check} {decision} {day}"} | values


@pytest.mark.parametrize(
    ("rows", "is_under_review"),
    [
        ([_of_break("fee_amount", "unsure", 1)], True),
        ([_of_break("fee_amount", "unsure", 1), _of_break("fee_amount", "dismissed", 2)], False),
        ([_of_break("fee_amount", "dismissed", 1), _of_break("fee_amount", "confirmed", 2)], True),
        ([_of_break("fee_amount", "unsure", 1), _of_break("interest_amount", "dismissed", 2)], True),
        ([_of_break("fee_amount", "unsure", 1), _of_break("fee_amount", "dismissed", 9)], True),
        ([_of_break("fee_amount", "unsure", 1, trans_id=7), {"trans_id": 7} | _of_break("", "dismissed", 2)], False),
    ],
    ids=["open", "closed", "opened again", "another check", "closed by a later night", "closed with its posting"],
)
def test_a_break_is_under_review_until_its_latest_decision_dismisses_it(rows, is_under_review):
    reviews = pa.Table.from_pylist(rows, schema=REVIEWS_SCHEMA)
    found = _under_review(reviews, FIN_TRANSACTION.schema.empty_table())
    assert found == (frozenset([40]) if is_under_review else frozenset())


reviews = st.lists(
    st.fixed_dictionaries(
        {
            "trans_id": st.integers(1, 4),
            "decision": st.sampled_from(["confirmed", "dismissed", "unsure"]),
            "who": st.sampled_from(["one", "two"]),
            "decided_at": st.integers(-72, 72).map(lambda hours: NOON + timedelta(hours=hours)),
            "delay": st.integers(0, 72),
        }
    ).map(
        lambda row: {
            **{name: value for name, value in row.items() if name != "delay"},
            "known_at": row["decided_at"] + timedelta(hours=row["delay"]),
        }
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def empty_lake(tmp_path_factory) -> Lake:
    return Lake.open(f"file:{tmp_path_factory.mktemp('empty')}")


@settings(max_examples=30)
@given(reviews, st.integers(-2, 3))
def test_no_night_takes_in_what_became_known_after_it(tmp_path_factory, empty_lake, rows, offset):
    """Whatever becomes known after a night may be altered or missing: the night takes in the same."""
    night = NIGHT + timedelta(days=offset)
    end = datetime.combine(night + timedelta(days=1), datetime.min.time(), UTC)
    folder = tmp_path_factory.mktemp("drops")
    altered = [row if row["known_at"] < end else {**row, "decision": "unsure", "who": "another"} for row in rows]
    taken = []
    for name, offered in (
        ("all", rows),
        ("altered", altered),
        ("missing", [row for row in rows if row["known_at"] < end]),
    ):
        inbox = UPath(folder / name)
        if offered:
            drop_reviews(inbox, offered)
        taken.append(take_in(empty_lake, inbox, night).taken.drop_columns(["source_uri", "source_line"]))
    assert taken[0].to_pylist() == taken[1].to_pylist() == taken[2].to_pylist()
    assert all(known < end for known in taken[0]["known_at"].to_pylist())


def test_every_review_is_taken_in_by_exactly_one_night(lake, inbox):
    days = [NIGHT + timedelta(days=n) for n in range(4)]
    _drop(inbox, *(_line(n, known=f"{day}T{n:02d}:00:00") for n, day in enumerate([*days, *days])))
    files, notes = read_inbox(inbox)
    assert (len(files), notes) == (1, [])
    for night in days:
        _play(lake, inbox, night)
    kept = lake.read("reviews")
    assert sorted(kept["trans_id"].to_pylist()) == list(range(8))
    assert pc.all(
        pc.equal(kept["known_at"].cast(pa.timestamp("us")).cast(pa.date32(), safe=False), kept["settlement_date"])
    ).as_py()
