"""What leaves the outbox: once to each sink, kept while a sink is down, the same key at each try, and no identifier."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from include.alerting.drain import AlertDrain
from include.alerting.letter import Letter, nights_told
from include.alerting.messages import Message, MessageKind, Severity
from include.alerting.store import MOST_TOGETHER, AlertStore, Answer
from include.lake import Lake
from include.settings import Settings
from local.postgres import LocalPostgres
from tests.alerting.nights import CANARY, NIGHT, NOW, finding, publish, settings_of

TAKEN = Answer(is_taken=True, is_up=True, text="200 OK")
DOWN = Answer(is_taken=False, is_up=False, text="no answer (ConnectTimeout)")
REFUSED = Answer(is_taken=False, is_up=True, text="400 Bad Request")
DAY = timedelta(days=1)


class Sink:
    """A sink that takes down what it was sent and answers as it is told."""

    def __init__(self, *answers: Answer) -> None:
        self.letters: list[Letter] = []
        self._answers = [*answers]

    def __call__(self, letter: Letter) -> Answer:
        self.letters.append(letter)
        return self._answers.pop(0) if self._answers else TAKEN

    @property
    def keys(self) -> list[str]:
        return [letter.key for letter in self.letters]

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(each["night"], each["kind"]) for letter in self.letters for each in letter.data["messages"]]


@pytest.fixture(scope="module")
def lake_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of three nights, of which the second was quiet."""
    folder = tmp_path_factory.mktemp("nights")
    lake = Lake.open(f"file:{folder}", settings_of(folder))
    for days, queue in enumerate(([finding(1), finding(2, code="fee")], [], [finding(1)])):
        publish(lake, NIGHT + days * DAY, queue)
    return folder


@pytest.fixture
def settings(lake_folder: Path) -> Settings:
    return settings_of(lake_folder, alert_finding_link="https://bank.example/findings/{finding_id}")


@pytest.fixture
def drain(lake_folder: Path, settings: Settings, tmp_path: Path) -> Iterator[AlertDrain]:
    """The lake with a store of the test's own."""
    lake = Lake.open(settings.lake_uri, settings)
    yield AlertDrain(lake, AlertStore.open(f"file:{tmp_path}", lake.identity, settings), settings)


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def send(drain: AlertDrain, moment: datetime, **sinks: Sink) -> None:
    """One run: take in what is new, and send it to the sinks for which something is due."""
    for name in drain.collect(moment, failed=()):
        if name in sinks:
            drain.deliver(name, sinks[name], at(moment))


def test_each_sink_gets_a_night_once(drain: AlertDrain) -> None:
    desk, ops = Sink(), Sink()
    later = NOW + 3 * DAY
    for minutes in (0, 5, 10):
        send(drain, later + timedelta(minutes=minutes), desk=desk, ops=ops)
    assert desk.told == ops.told
    assert sorted(desk.told) == [((NIGHT + days * DAY).isoformat(), "night") for days in range(3)]
    assert {*desk.keys}.isdisjoint(ops.keys)


def test_a_sink_that_was_down_for_three_nights_gets_all_of_them_once_and_holds_up_nobody(drain: AlertDrain) -> None:
    desk, ops = Sink(*[DOWN] * 5), Sink()
    for hours in range(0, 72, 12):
        moment = NOW + timedelta(hours=hours)
        with pytest.MonkeyPatch.context() as patched:
            # Nights that are published later than the moment are not there yet.
            patched.setattr("include.alerting.drain.nights_told", until(moment))
            send(drain, moment, desk=desk, ops=ops)
    while_down, desk.letters = desk.letters[:5], desk.letters[5:]
    assert {letter.key for letter in while_down} == {desk.keys[0]}
    assert sorted(desk.told) == sorted(ops.told) == [((NIGHT + days * DAY).isoformat(), "night") for days in range(3)]
    assert len(desk.letters) == 2  # what failed first, and what waited meanwhile as one
    assert [row["attempts"] for row in drain.store.told(NIGHT) if row["sink"] == "desk"] == [6]


def until(moment: datetime) -> Callable[[Lake, date], list[Message]]:
    """`nights_told` of nights that have ended by a moment."""

    def known(lake: Lake, first: date) -> list[Message]:
        return [message for message in nights_told(lake, first) if message.night < moment.date()]

    return known


def test_many_messages_are_several_parcels(drain: AlertDrain) -> None:
    drain.store.take([(missed(days), {"desk": NOW}) for days in range(12)], NOW)
    desk = Sink()
    assert drain.deliver("desk", desk, at(NOW)) == {"sent": 2, "kept": 0, "answer": TAKEN.text}
    assert [len(letter.data["messages"]) for letter in desk.letters] == [MOST_TOGETHER, 2]
    assert desk.letters[0].subject.endswith(" (and 9 more)")


def test_a_failure_is_tried_again_after_a_pause_that_grows(drain: AlertDrain) -> None:
    desk, later, tried = Sink(*[DOWN] * 20), NOW + 3 * DAY, []
    drain.collect(later, failed=())
    for minutes in range(0, 180, 5):
        if drain.deliver("desk", desk, at(later + timedelta(minutes=minutes)))["kept"]:
            tried.append(minutes)
    assert tried == [0, 5, 15, 35, 75, 135]


def missed(days: int) -> Message:
    return Message.of(NIGHT - days * DAY, MessageKind.MISSED, Severity.CRITICAL, (), {})


def test_while_a_sink_does_not_answer_what_is_new_waits(drain: AlertDrain) -> None:
    desk = Sink(DOWN)
    for days in range(3):
        moment = NOW + days * timedelta(minutes=1)
        drain.store.take([(missed(days), {"desk": moment})], moment)
        drain.deliver("desk", desk, at(moment))
    assert len(desk.letters) == 1
    drain.deliver("desk", desk, at(NOW + timedelta(minutes=5)))
    assert [len(letter.data["messages"]) for letter in desk.letters] == [1, 1, 2]


def test_what_a_sink_refuses_does_not_hold_up_the_rest(drain: AlertDrain) -> None:
    desk = Sink(REFUSED, REFUSED)
    for days in range(2):
        moment = NOW + days * timedelta(minutes=5)
        drain.store.take([(missed(days), {"desk": moment})], moment)
        drain.deliver("desk", desk, at(moment))
    assert desk.keys[0] == desk.keys[1] != desk.keys[2]


def test_an_answer_that_is_lost_repeats_the_same_key(drain: AlertDrain) -> None:
    desk, later = Sink(), NOW + 3 * DAY
    drain.collect(later, failed=())
    # The sink takes it, and the process ends before it can write that down.
    taken = drain.store.next_parcel("desk", later)
    send(drain, later + timedelta(minutes=5), desk=desk)
    assert taken is not None
    assert desk.keys == [taken.key]


def test_no_message_names_an_account(drain: AlertDrain) -> None:
    desk = Sink()
    send(drain, NOW + 3 * DAY, desk=desk)
    (letter,) = desk.letters
    for said in (letter.subject, letter.text, letter.html, json.dumps(letter.data)):
        assert str(CANARY) not in said
    assert "Account … is off by 1." in letter.text
    assert f"https://bank.example/findings/{1:032x}" in letter.text


def test_where_amounts_are_rounded_no_sentence_goes_out(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    publish(Lake.open(settings.lake_uri, settings), NIGHT, [finding(1)], step=1000)
    drain, desk = AlertDrain.open(settings.lake_uri, settings), Sink()
    send(drain, NOW, desk=desk)
    (letter,) = desk.letters
    assert "is off by" not in letter.text + json.dumps(letter.data)
    assert "Money offered: 1,000.00." in letter.text
    assert letter.data["messages"][0]["counts"]["offered_cents"] == 100_000


def test_a_restated_night_is_told_once_where_nothing_changed_and_anew_where_something_did(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    lake, desk, ops = Lake.open(settings.lake_uri, settings), Sink(), Sink(DOWN)
    publish(lake, NIGHT, [finding(1)])
    drain = AlertDrain.open(settings.lake_uri, settings)
    send(drain, NOW, desk=desk)
    publish(lake, NIGHT, [finding(1)], run_key="again")
    send(drain, NOW + timedelta(minutes=5), desk=desk)
    assert len(desk.letters) == 1
    publish(lake, NIGHT, [finding(1), finding(2)], run_key="otherwise")
    send(drain, NOW + timedelta(minutes=10), desk=desk, ops=ops)
    assert "breaks 2," in desk.letters[1].subject
    # Nothing had been sent there yet: the night is told as it is now, and not as it was.
    assert len(ops.told) == 1
    assert "breaks 2," in ops.letters[0].subject


def test_a_night_that_is_played_to_what_it_said_first_is_told_so(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    lake, desk = Lake.open(settings.lake_uri, settings), Sink()
    drain = AlertDrain.open(settings.lake_uri, settings)
    for run_key, queue in (("first", [finding(1)]), ("second", []), ("third", [finding(1)])):
        publish(lake, NIGHT, queue, run_key=run_key)
        drain.collect(NOW, failed=())
    send(drain, NOW, desk=desk)
    assert [letter.subject for letter in desk.letters] == [f"Night {NIGHT}: breaks 1, flagged 0, not let in 0"]


def test_the_past_is_not_told_when_messages_are_first_sent(drain: AlertDrain) -> None:
    desk = Sink()
    send(drain, NOW + 30 * DAY, desk=desk)
    assert desk.told == []


def test_a_missed_night_is_told_once(drain: AlertDrain) -> None:
    desk = Sink()
    for minutes in (0, 30, 35, 90):
        send(drain, NOW + 4 * DAY + timedelta(hours=2, minutes=30 + minutes), desk=desk)
    assert [told for told in desk.told if told[1] == "missed"] == [((NIGHT + 4 * DAY).isoformat(), "missed")]
    assert "start the night with its date" in desk.letters[-1].text


def test_what_became_of_a_nights_messages_is_kept(drain: AlertDrain) -> None:
    moment = NOW + 3 * DAY
    send(drain, moment, desk=Sink(), ops=Sink(DOWN))
    desk, ops = drain.store.told(NIGHT)
    assert (desk["sink"], desk["answer"], desk["sent_at"]) == ("desk", "200 OK", moment)
    assert (ops["sink"], ops["answer"], ops["sent_at"], ops["answered_at"]) == ("ops", DOWN.text, None, moment)


def test_beside_a_catalog_in_postgresql_the_store_is_a_schema_of_its_own(
    drain: AlertDrain, tmp_path: Path, postgres_server: LocalPostgres
) -> None:
    settings = settings_of(tmp_path, catalog_uri=postgres_server.uri("postgres"), namespace="told")
    desk = Sink(DOWN)
    for days in (3, 4):
        store = AlertStore.open(f"file:{tmp_path}", "lake", settings)
        send(AlertDrain(drain.lake, store, settings), NOW + days * DAY, desk=desk)
    assert desk.keys[0] == desk.keys[1]
    engine = sa.create_engine(settings.catalog_uri)
    assert {"messages", "parcels", "deliveries"} <= {*sa.inspect(engine).get_table_names("told_alerting")}
    engine.dispose()
