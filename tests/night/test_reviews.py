"""Reviews in nights: taken in once, of effect from then on, and a night played again keeps those it had."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from include.errors import PublishError, TerminalError
from include.lake import Lake, Table
from include.marts import MART_TABLES, MASKED_MARTS
from include.night import (
    NightRequest,
    check_settlement,
    extract,
    finish,
    publish,
    publishing,
    report,
    score,
    validate,
    verify,
)
from include.night.derived import DerivedTables, derived_digests
from include.night.handoffs import Scored
from include.night.workspace import Workspace
from include.settings import get_settings
from tests.night.conftest import play
from tests.registry.moving import move_models
from tests.sources.small_banks import TRANSACTION_NAMES, TRANSACTIONS, csv_text, write_canonical

FIRST, SECOND = date(1994, 1, 27), date(1994, 1, 28)
HEADER = "trans_id,decision,reason,who,decided_at,known_at\n"
BEFORE_SCORES = (extract, validate, check_settlement, score)


def _drop(lake: Path, name: str, known: date, decisions: dict[int, str]) -> Path:
    inbox = lake / "reviews" / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    said = f"known,analyst,{known}T09:00:00,{known}T09:00:00\n"
    (inbox / name).write_text(HEADER + "".join(f"{trans_id},{word},{said}" for trans_id, word in decisions.items()))
    return inbox / name


# Transfers that the real bank does not have. Five a day went to one payee and were confirmed later; one account pays
# another payee twice, and the first time was looked into.
STOLEN_BEFORE, STOLEN_ON_FIRST = range(9900001, 9900006), range(9900006, 9900011)
STOLEN_TONIGHT, DISMISSED, LIKE_DISMISSED = 9900011, 9900012, 9900013
VICTIMS = (2378, 576, 704, 3818, 1972, 1726, 485, 2177, 2357, 2881, 1276)
DISMISSED_ACCOUNT = 3487
"""Of the bank's oldest accounts, each with habits."""


def _transfers() -> list[str]:
    def transfer(trans_id: int, account: int, day: int, amount: int, payee: str) -> str:
        return f'{trans_id};{account};9401{day};"VYDAJ";"PREVOD NA UCET";{amount}.00;;"";"{payee}\r\n'

    stolen = [*((n, 21 + n % 5) for n in STOLEN_BEFORE), *((n, 27) for n in STOLEN_ON_FIRST), (STOLEN_TONIGHT, 28)]
    return [
        *(transfer(n, who, day, 1500, 'ZZ";88888888') for (n, day), who in zip(stolen, VICTIMS, strict=True)),
        transfer(DISMISSED, DISMISSED_ACCOUNT, 27, 987654, 'YZ";77777777'),
        transfer(LIKE_DISMISSED, DISMISSED_ACCOUNT, 28, 987654, 'YZ";77777777'),
    ]


@dataclass(frozen=True)
class Reviewed:
    """Two nights with reviews; of the second one what it would say without those it took in, and what it teaches."""

    bank: Path
    lake: Path
    first: dict[str, Any]
    second: dict[str, Any]
    plain: dict[int, dict[str, Any]]
    taught_plain: int
    taught: int

    def scores(self) -> dict[int, dict[str, Any]]:
        """The second night's, as published."""
        found = Lake.open(f"file:{self.lake}").read("anomaly_scores", SECOND, SECOND)
        return {row["trans_id"]: row for row in found.to_pylist()}


@pytest.fixture(scope="module")
def reviewed(pkdd: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Reviewed:
    folder = tmp_path_factory.mktemp("reviewed")
    bank, lake = Path(shutil.copytree(pkdd, folder / "bank")), folder / "lake"
    move_models(f"file:{trained}", f"file:{lake}", get_settings())
    (bank / "trans.asc").chmod(0o644)
    with (bank / "trans.asc").open("a", newline="") as file:
        file.writelines(_transfers())
    _drop(lake, "before.csv", FIRST, dict.fromkeys(STOLEN_BEFORE, "confirmed"))
    first = play(FIRST.isoformat(), bank, lake)
    plain, taught_plain = _scored(bank, lake, "without")
    said = dict.fromkeys(STOLEN_ON_FIRST, "confirmed") | {DISMISSED: "dismissed", 1: "perhaps"}
    ordinary = [trans_id for trans_id, row in plain.items() if not row["is_flagged"]]
    _drop(lake, "day.csv", SECOND, said | dict.fromkeys(ordinary, "unsure"))
    _, taught = _scored(bank, lake, "with")
    return Reviewed(bank, lake, first, play(SECOND.isoformat(), bank, lake), plain, taught_plain, taught)


def _scored(bank: Path, lake: Path, attempt: str) -> tuple[dict[int, dict[str, Any]], int]:
    """Of a run of the second night, ended before it publishes, the scores and how many postings teach."""
    request = NightRequest.of(SECOND, f"file:{bank}", f"file:{lake}", attempt)
    for step in BEFORE_SCORES:
        step(request)
    workspace = Workspace.of(request)
    scored = Scored.load(workspace)
    workspace.clear()
    return {row["trans_id"]: row for row in scored.scores.to_pylist()}, scored.refresh_rows.num_rows


def test_a_night_takes_in_what_is_known_and_refuses_the_rest(reviewed: Reviewed) -> None:
    lake = Lake.open(f"file:{reviewed.lake}")
    assert "reviews: 1 rows were not let in; the quarantine says which and why" in reviewed.second["warnings"]
    taken = lake.read("reviews", SECOND, SECOND)
    assert {*STOLEN_ON_FIRST, DISMISSED} <= set(taken["trans_id"].to_pylist())
    quarantine = lake.read("quarantine", SECOND, SECOND)
    refused = quarantine.filter(pc.equal(quarantine["relation"], "reviews")).to_pylist()
    assert [(row["line"], row["reason_codes"]) for row in refused] == [(8, ["decision_unknown_code"])]
    kept = sorted(path.name for path in (reviewed.lake / "reviews" / "taken").iterdir())
    assert [name.split("-")[0] for name in kept] == ["before", "day"]
    assert refused[0]["source_uri"].endswith(kept[1])


def test_what_resembles_a_confirmed_case_scores_higher_and_says_why(reviewed: Reviewed) -> None:
    plain, scored = reviewed.plain[STOLEN_TONIGHT], reviewed.scores()[STOLEN_TONIGHT]
    assert scored["score"] > plain["score"] + 0.05
    assert "payments with account 88888888 at bank ZZ were confirmed as fraud" in str(scored["reasons"])
    assert "confirmed" not in str(plain["reasons"])


def test_what_resembles_a_dismissed_finding_scores_lower_and_says_why(reviewed: Reviewed) -> None:
    plain, scored = reviewed.plain[LIKE_DISMISSED], reviewed.scores()[LIKE_DISMISSED]
    assert scored["score"] < plain["score"] - 0.01
    assert "was looked into and dismissed on 28 January" in str(scored["reasons"])


def test_what_nothing_is_said_of_keeps_its_score(reviewed: Reviewed) -> None:
    spoken_of = {STOLEN_TONIGHT, LIKE_DISMISSED}
    found = {trans_id: row["score"] for trans_id, row in reviewed.scores().items() if trans_id not in spoken_of}
    assert found == {trans_id: reviewed.plain[trans_id]["score"] for trans_id in found}


def test_whose_posting_of_this_very_night_is_under_review_teaches_nothing(reviewed: Reviewed) -> None:
    assert reviewed.taught_plain > 100
    assert reviewed.taught == 0


def _states(lake: Lake, table: Table) -> dict[str, tuple[str, date | None]]:
    """State of review of the first night's findings, by finding."""
    rows = lake.read(table, FIRST, FIRST).to_pylist()
    return {row["finding_id"]: (row["review_state"], row["reviewed_on"]) for row in rows}


def _said_of(lake: Lake) -> dict[int, tuple[str, date | None]]:
    """State of review of the first night's flagged postings."""
    rows = lake.read(MART_TABLES["mart_findings"], FIRST, FIRST).to_pylist()
    return {row["trans_id"]: (row["review_state"], row["reviewed_on"]) for row in rows if row["kind"] == "score"}


def test_the_findings_of_the_night_before_have_the_state_that_analysts_gave_them(reviewed: Reviewed) -> None:
    lake = Lake.open(f"file:{reviewed.lake}")
    states = _said_of(lake)
    confirmed = {trans_id: ("confirmed", SECOND) for trans_id in STOLEN_ON_FIRST if trans_id in states}
    assert confirmed
    assert states | {**confirmed, DISMISSED: ("dismissed", SECOND)} == states
    assert _states(lake, MASKED_MARTS["mart_findings"]) == _states(lake, MART_TABLES["mart_findings"])


def test_marts_add_up_to_what_the_nights_published(reviewed: Reviewed) -> None:
    lake = Lake.open(f"file:{reviewed.lake}")
    postings = lake.read("fin_transaction", SECOND, SECOND)
    money = {row["trans_id"]: row["amount"] for row in postings.to_pylist()}
    features = lake.read(MART_TABLES["transaction_features"], SECOND, SECOND)
    assert dict(zip(features["trans_id"].to_pylist(), features["amount"].to_pylist(), strict=True)) == money
    assert features["amount_z"].null_count == features["sequence_amount"].null_count == 0
    days = lake.read(MART_TABLES["mart_account_days"], FIRST, SECOND)
    (night,) = lake.read(MART_TABLES["mart_money_days"], SECOND, SECOND).to_pylist()
    assert night["is_reconciled"]
    assert night["credits"] + night["debits"] == night["published_money"] == sum(money.values())
    for tables in (MART_TABLES, MASKED_MARTS):
        months = lake.read(tables["mart_district_months"], SECOND, SECOND)
        for column in ("postings", "credits", "debits", "flagged"):
            assert pc.sum(months[column]) == pc.sum(days[column])


def test_the_digests_of_the_manifest_hold_whatever_was_reviewed_since(reviewed: Reviewed) -> None:
    lake = Lake.open(f"file:{reviewed.lake}")
    for night in (FIRST, SECOND):
        kept = DerivedTables.kept(lake.published(night) or {})
        assert kept is not None
        for table in MART_TABLES.values():
            rows = lake.read(table, night, night).drop_columns(["run_key"])
            assert kept.digests[table.name] == derived_digests({table.name: rows})[table.name]


def test_a_night_played_again_keeps_the_reviews_it_had(reviewed: Reviewed) -> None:
    lake = Lake.open(f"file:{reviewed.lake}")
    # It says that it was known long before, and waits for a night that is played for the first time.
    late = _drop(reviewed.lake, "late.csv", FIRST, {DISMISSED: "confirmed"})
    before, states = lake.read("reviews").num_rows, _said_of(lake)
    for night, published in ((FIRST, reviewed.first), (SECOND, reviewed.second)):
        again = play(night.isoformat(), reviewed.bank, reviewed.lake, "again")
        assert (again["output_hash"], again["run_key"]) == (published["output_hash"], published["run_key"])
    assert late.exists()
    assert lake.read("reviews").num_rows == before
    assert _said_of(lake) == states
    assert verify(f"file:{reviewed.lake}")["nights"] == 2


HOLE, NEXT = date(2013, 1, 2), date(2013, 1, 3)
TWICE = [
    ["5", "1", "2013-01-03", "100.00", "785.40", "C", "CIC", "", "", ""],
    ["6", "1", "2013-01-03", "100.00", "885.40", "C", "CIC", "", "", ""],
]
"""Two equal deposits that chain: a warning."""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_canonical(tmp_path / "bank", csv_text(TRANSACTION_NAMES, [*TRANSACTIONS, *TWICE]))


def _dismiss_the_warning(lake: Path, name: str = "break.csv") -> None:
    columns = "trans_id,decision,reason,who,decided_at,known_at,account_id,check_code\n"
    path = _drop(lake, name, HOLE, {})
    path.write_text(f"{columns},dismissed,two buyers,ida,{HOLE},{HOLE},1,duplicate_posting\n")


def _warning(lake: Path) -> str:
    alerts = Lake.open(f"file:{lake}").read("alerts", NEXT, NEXT).to_pylist()
    (text,) = [row["text"] for row in alerts if row["code"] == "duplicate_posting"]
    return str(text)


def test_a_warning_like_a_dismissed_one_says_so_in_the_queue(small: Path, tmp_path: Path) -> None:
    _dismiss_the_warning(tmp_path)
    play(str(HOLE), small, tmp_path)
    play(str(NEXT), small, tmp_path)
    assert "was looked into and dismissed on 2 January" in _warning(tmp_path)
    breaks = Lake.open(f"file:{tmp_path}").read("settlement_breaks", NEXT, NEXT)
    assert "dismissed" not in str(breaks["text"].to_pylist())


def test_a_night_played_again_after_a_hole_was_filled_knows_what_it_knew(small: Path, tmp_path: Path) -> None:
    first = play(str(NEXT), small, tmp_path)
    _dismiss_the_warning(tmp_path)
    play(str(HOLE), small, tmp_path)
    assert Lake.open(f"file:{tmp_path}").read("reviews", HOLE, HOLE).num_rows == 1
    again = play(str(NEXT), small, tmp_path, "again")
    assert (again["output_hash"], again["run_key"]) == (first["output_hash"], first["run_key"])
    assert "dismissed" not in _warning(tmp_path)


def _begun(bank: Path, lake: Path, attempt: str) -> NightRequest:
    """A run of the small bank's night that is ready to publish."""
    request = NightRequest.of(HOLE, f"file:{bank}", f"file:{lake}", attempt)
    for step in BEFORE_SCORES:
        step(request)
    return request


def _review_reached_the_lake(lake: Path) -> bool:
    return Lake.open(f"file:{lake}").read("reviews")["trans_id"].to_pylist() == [3]


def test_a_run_that_began_before_another_published_replaces_nothing(small: Path, tmp_path: Path) -> None:
    older = _begun(small, tmp_path, "older")
    file = _drop(tmp_path, "late.csv", HOLE, {3: "confirmed"})
    newer = play(str(HOLE), small, tmp_path, "newer")
    assert not file.exists()
    for _ in range(2):
        with pytest.raises(TerminalError, match="clear this run from its first task on"):
            publish(older)
    assert Lake.open(f"file:{tmp_path}").stray(HOLE).num_rows == 0
    assert _review_reached_the_lake(tmp_path)

    _begun(small, tmp_path, "older")
    assert publish(older)["output_hash"] == newer["output_hash"]
    publish(older)  # tried again, as after a lost connection
    report(older)
    assert _review_reached_the_lake(tmp_path)
    assert verify(f"file:{tmp_path}")["nights"] == 1


def test_nor_does_one_that_is_overtaken_while_it_publishes(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = _begun(small, tmp_path, "older")
    _drop(tmp_path, "late.csv", HOLE, {3: "confirmed"})
    real = publishing.write_night

    def overtaken(*arguments: Any) -> None:
        monkeypatch.setattr(finish, "write_night", real)
        play(str(HOLE), small, tmp_path, "newer")
        real(*arguments)

    monkeypatch.setattr(finish, "write_night", overtaken)
    with pytest.raises(TerminalError, match="clear this run from its first task on"):
        publish(older)
    assert _review_reached_the_lake(tmp_path)


def test_a_drop_that_nothing_can_be_moved_from_fails_no_report(small: Path, tmp_path: Path) -> None:
    file = _drop(tmp_path, "late.csv", HOLE, {3: "confirmed"})
    (tmp_path / "reviews" / "taken").write_text("a file where the folder should be")
    told = play(str(HOLE), small, tmp_path)
    assert any("could not be put away" in warning for warning in told["warnings"])
    assert file.exists()
    assert _review_reached_the_lake(tmp_path)


def test_what_a_night_took_in_does_not_wait_for_its_report(small: Path, tmp_path: Path) -> None:
    file = _drop(tmp_path, "late.csv", HOLE, {3: "confirmed"})
    publish(_begun(small, tmp_path, "killed in its report"))
    assert not file.exists()


def test_a_run_killed_before_it_put_reviews_away_does_so_when_it_is_run_again(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_in = _drop(tmp_path, "late.csv", HOLE, {3: "confirmed", 4: "perhaps"})
    with monkeypatch.context() as killed:
        killed.setattr(finish, "put_reviews_away", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            play(str(HOLE), small, tmp_path)
    assert taken_in.exists()
    since = _drop(tmp_path, "since.csv", HOLE, {5: "confirmed"})
    play(str(HOLE), small, tmp_path, "again")
    assert (taken_in.exists(), since.exists()) == (False, True)
    assert _review_reached_the_lake(tmp_path)
    assert verify(f"file:{tmp_path}")["nights"] == 1


def test_a_sheet_is_seen_whole_or_as_it_was(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(str(HOLE), small, tmp_path)
    sheet = tmp_path / "alerts" / f"{HOLE}.csv"
    before = sheet.read_bytes()
    replaced = []

    def full_disk(draft: Path, target: Path) -> None:
        replaced.append((draft.read_bytes(), Path(target).read_bytes()))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "replace", full_disk)
        with pytest.raises(PublishError, match="run the report again"):
            report(NightRequest.of(HOLE, f"file:{small}", f"file:{tmp_path}", "again"))
    assert replaced[0][1] == before == sheet.read_bytes()
    assert [file.name for file in sheet.parent.iterdir()] == [sheet.name]
