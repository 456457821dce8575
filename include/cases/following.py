"""Follows the lake: takes published nights into the case book, and tells what a restated night changed.

A finding is known by its id, which a restatement keeps. All findings of one account are one case; a finding on the bank
as a whole is a case of its own.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from include.cases.clearing import clear_breaks, postings_for
from include.cases.lake_findings import changed_fields, findings_of, is_other
from include.cases.reviewed import reviewed_since, take_reviews
from include.cases.snoozes import lapse, sleep_or_wake, with_snoozes
from include.cases.store import mark_of, set_mark, writing
from include.cases.summaries import sum_up, summary_of
from include.cases.tables import CASES, ERASED, EVENTS, FINDINGS, FOLLOWED, NIGHTS, VERSIONS, Row
from include.cases.terms import EventKind
from include.cases.views import Followed
from include.lake import Lake
from include.lake.sql_store import SqlStore
from include.marts import MART_TABLES
from include.masking.keys import Namer
from include.reviews.intake import KNOWN_DAYS

AT_A_LOOK = 5_000
"""Findings that somebody's look at a page takes in at most, beyond a night that has more: one to three seconds, as
60,000 took 14 to 33 with a SQLite file on a busy machine with two cores."""
_TOGETHER = AT_A_LOOK
"""Findings that are taken in with one transaction, for which others who write wait; those who write to a SQLite file
give up after five seconds."""
_WATCHED = ("night_manifest", MART_TABLES["mart_findings"].name)
_OPEN = {"snooze_id": None, "decision_id": None, "is_settled": False, "review_state": "open", "lake_state": "open"}


def follow(store: SqlStore, lake: Lake, namer: Callable[[], Namer], now: datetime, most: int | None = None) -> Followed:
    """Take in what was published since the book looked last, the newest nights first.

    Parameters
    ----------
    store
        Database of the book.
    lake
        The lake.
    namer
        Function that gives the namer of cases, whose key is opened only where there is something to take in.
    now
        The present time.
    most
        Findings to take in at most, though one night at least; all where None. Reviews are taken in once no night is
        left.
    """
    lapse(store, now)
    state = _state(lake)
    with store.read() as connection:
        before = mark_of(connection, FOLLOWED)
        if before == state:
            return Followed()
        known = _known(connection)
    batches = _batches(lake, known, most or _TOGETHER)
    now_due, left = (batches, []) if most is None else (batches[:1], batches[1:])
    total = Followed(nights_left=sum(map(len, left)))
    for nights in now_due:
        total = _sum(total, _take(store, lake, namer(), nights, known, now))
    if not left:
        _finish(store, lake, before, state, now)
    return total


def _finish(store: SqlStore, lake: Lake, before: str, state: str, now: datetime) -> None:
    """Take in reviews, and mark that all was seen, unless somebody else did both since: theirs may be newer."""
    reviewed = reviewed_since(store, lake)
    with writing(store) as connection:
        if mark_of(connection, FOLLOWED) == before:
            take_reviews(connection, reviewed, now)
            set_mark(connection, FOLLOWED, state)


def _state(lake: Lake) -> str:
    """What changes with every publication: where the metadata of the tables lies that the book follows."""
    tables = (lake.catalog.find(name) for name in _WATCHED)
    return "\n".join("" if table is None else table.metadata_location for table in tables)


def _known(connection: sa.Connection) -> dict[date, str]:
    return {row.settlement_date: row.run_key for row in connection.execute(sa.select(NIGHTS))}


def _batches(lake: Lake, known: Mapping[date, str], most: int) -> list[list[tuple[date, str]]]:
    """The nights to take in with the key of their run, the newest first: `most` findings, or one night, at a time."""
    rows = lake.read("night_manifest", columns=["settlement_date", "run_key"]).to_pylist()
    published = {row["settlement_date"]: row["run_key"] for row in rows}
    first = max(published, default=date.min)
    first = max(first, date.min + timedelta(KNOWN_DAYS)) - timedelta(KNOWN_DAYS)
    wanted = [(night, key) for night, key in sorted(published.items()) if night in known or night >= first]
    fresh = [(night, key) for night, key in wanted if known.get(night) != key]
    counted = lake.listing(MART_TABLES["mart_findings"], fresh[0][0], fresh[-1][0]).nights if fresh else {}
    batches, size = list[list[tuple[date, str]]](), 0
    for night, run_key in reversed(fresh):
        rows = counted[night].row_count if night in counted else 0
        size += rows
        if not batches or size > most:
            batches.append([])
            size = rows
        batches[-1].append((night, run_key))
    return batches


def _take(
    store: SqlStore,
    lake: Lake,
    namer: Namer,
    nights: Sequence[tuple[date, str]],
    before: Mapping[date, str],
    now: datetime,
) -> Followed:
    """Take in some nights; the lake is read before the transaction, and again where a client was erased meanwhile.

    A night that somebody else has taken in since `before` is left alone: theirs may be the newer run of it.
    """
    while True:
        with store.read() as connection:
            erased = mark_of(connection, ERASED)
        found = findings_of(lake, dict(nights))
        postings = postings_for(store, lake, found)
        with writing(store) as connection:
            if mark_of(connection, ERASED) != erased:
                continue
            known = _known(connection)
            intake = _Intake(connection, namer, now)
            for night, run_key in sorted(nights):
                if known.get(night) == before.get(night):
                    intake.take(night, run_key, found[night])
            taken = intake.finish()
            if taken.nights:
                clear_breaks(connection, postings, now)
            return taken


def _sum(one: Followed, other: Followed) -> Followed:
    return Followed(
        nights=one.nights + other.nights,
        nights_left=one.nights_left + other.nights_left,
        opened=one.opened + other.opened,
        joined=one.joined + other.joined,
        changed=one.changed + other.changed,
        gone=one.gone + other.gone,
    )


@dataclass
class _Intake:
    """The intake of some nights in one transaction."""

    connection: sa.Connection
    namer: Namer
    now: datetime
    nights: list[date] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("opened", "joined", "changed", "gone"), 0))

    def take(self, night: date, run_key: str, rows: Sequence[dict[str, Any]]) -> None:
        """Take in one night."""
        before = {row["finding_id"]: row for row in self._held(night)}
        found = {row["finding_id"]: row for row in rows}
        self._add([row for name, row in found.items() if name not in before])
        for name, row in found.items():
            if name in before and _differs(before[name], row):
                self._keep(before[name], row)
        self._remove(night, [row for name, row in before.items() if name not in found and row["gone_at"] is None])
        self._sign(night, run_key)

    def _held(self, night: date) -> Sequence[Row]:
        query = sa.select(FINDINGS).where(FINDINGS.c.settlement_date == night)
        return self.connection.execute(query).mappings().all()

    def _sign(self, night: date, run_key: str) -> None:
        of_night = FINDINGS.c.settlement_date == night
        self.connection.execute(
            sa.update(FINDINGS).where(of_night, FINDINGS.c.gone_at.is_(None)).values(run_key=run_key)
        )
        self.connection.execute(sa.delete(NIGHTS).where(NIGHTS.c.settlement_date == night))
        row = {"settlement_date": night, "run_key": run_key, "taken_at": self.now}
        self.connection.execute(sa.insert(NIGHTS), row)
        self.nights.append(night)

    def _add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Let new findings join their cases, which are opened where there are none."""
        by_case: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            by_case[self._case_of(row)].append({**row, **_OPEN, "gone_at": None, "cleared_by": None})
        cases = self._cases(by_case)
        self._open([(name, found) for name, found in by_case.items() if name not in cases])
        self._insert(by_case)
        snoozed = with_snoozes(self.connection, self.now) if cases else frozenset()
        joined = [self._join(case, by_case[name], may_sleep=name in snoozed) for name, case in cases.items()]
        if joined:
            self.connection.execute(_JOINED, joined)
        self.counts["joined"] += len(rows)

    def _case_of(self, row: Mapping[str, Any]) -> str:
        if row["account_id"] is None:
            return self.namer.name(f"finding {row['finding_id']}")
        return self.namer.name(f"account {row['account_id']}")

    def _cases(self, case_ids: Iterable[str]) -> dict[str, Row]:
        wanted = sorted(case_ids)
        found: dict[str, Row] = {}
        for start in range(0, len(wanted), 400):
            query = sa.select(CASES).where(CASES.c.case_id.in_(wanted[start : start + 400]))
            found |= {row["case_id"]: row for row in self.connection.execute(query).mappings()}
        return found

    def _open(self, new: Sequence[tuple[str, list[dict[str, Any]]]]) -> None:
        rows = [
            {
                **summary_of([{**row, "case_id": name} for row in found]),
                **dict.fromkeys(("waits_until", "holder", "held_until", "decided")),
                "case_id": name,
                "account_id": found[0]["account_id"],
                "district": found[-1]["district"],
                "is_closed": False,
            }
            for name, found in new
        ]
        if rows:
            self.connection.execute(sa.insert(CASES), rows)
        for name, found in new:
            self._tell(name, EventKind.OPENED, f"Opened by {_listed(found)}.")
        self.counts["opened"] += len(rows)

    def _insert(self, by_case: Mapping[str, Sequence[dict[str, Any]]]) -> None:
        names = {column.name for column in FINDINGS.columns}
        rows = [
            {name: value for name, value in {**row, "case_id": case}.items() if name in names}
            for case, found in by_case.items()
            for row in found
        ]
        if rows:
            self.connection.execute(sa.insert(FINDINGS), rows)
        self.touched |= by_case.keys()

    def _join(self, case: Row, rows: Sequence[dict[str, Any]], *, may_sleep: bool) -> dict[str, Any]:
        """Tell what new findings do to a case that there was, and give its new values.

        They open it unless each of them is snoozed.
        """
        awake = sleep_or_wake(self.connection, case, rows, self.now) if may_sleep else rows
        is_reopened = case["is_closed"] and awake
        kind = EventKind.REOPENED if is_reopened else EventKind.JOINED
        said = f"{'Reopened by' if is_reopened else 'Joined by'} {_listed(rows)}"
        self._tell(case["case_id"], kind, f"{said}.{'' if awake else ' They are snoozed.'}")
        waits = None if awake else case["waits_until"]
        newest = rows[-1] if rows[-1]["settlement_date"] >= case["newest"] else case
        return {"of_case": case["case_id"], "new_district": newest["district"], "new_waits": waits}

    def _keep(self, before: Row, row: Mapping[str, Any]) -> None:
        """Bring a finding up to date that a restated night finds again."""
        values = {name: row[name] for name in _RESTATED}
        if before["gone_at"] is not None:
            self._tell(before["case_id"], EventKind.JOINED, f"Found again: {_listed([row])}.")
            values |= {"gone_at": None}
            self.touched.add(before["case_id"])
        if before["digest"] != row["digest"]:
            values |= self._changed(before, row)
        self.connection.execute(
            sa.update(FINDINGS).where(FINDINGS.c.finding_id == before["finding_id"]).values(**values)
        )

    def _changed(self, before: Row, row: Mapping[str, Any]) -> dict[str, Any]:
        fields = changed_fields(before, row)
        self.connection.execute(sa.insert(VERSIONS), _version(before, row, fields, self.now))
        said = f"The night of {_day(before['settlement_date'])} was played again: {row['code']} says otherwise"
        is_opened = before["is_settled"] and is_other(before, row)
        told = f"{said} ({', '.join(map(_spoken, fields))}).{' It is open again.' if is_opened else ''}"
        self._tell(before["case_id"], EventKind.CHANGED, told)
        if before["snooze_id"] is not None:
            sleep_or_wake(self.connection, before, [row], self.now)
        self.touched.add(before["case_id"])
        self.counts["changed"] += 1
        return {"is_settled": False, "decision_id": None, "review_state": "open"} if is_opened else {}

    def _remove(self, night: date, rows: Sequence[Row]) -> None:
        """Mark findings that a restated night no longer has."""
        by_case: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_case[row["case_id"]].append(row)
        for name, found in by_case.items():
            ids = [row["finding_id"] for row in found]
            gone = sa.update(FINDINGS).where(FINDINGS.c.finding_id.in_(ids)).values(gone_at=self.now)
            self.connection.execute(gone)
            self._tell(name, EventKind.GONE, f"The night was played again and no longer finds {_listed(found)}.")
        self.touched |= by_case.keys()
        self.counts["gone"] += len(rows)

    def _tell(self, case_id: str, kind: EventKind, text: str) -> None:
        row = {"case_id": case_id, "at": self.now, "who": "", "kind": kind.value, "text": text, "note": ""}
        self.events.append(row)

    def finish(self) -> Followed:
        """Write the events, and bring the cases up to date."""
        if self.events:
            self.connection.execute(sa.insert(EVENTS), self.events)
        sum_up(self.connection, self.touched)
        return Followed(nights=tuple(self.nights), **self.counts)


_JOINED = (
    sa.update(CASES)
    .where(CASES.c.case_id == sa.bindparam("of_case"))
    .values(district=sa.bindparam("new_district"), waits_until=sa.bindparam("new_waits"))
)
_RESTATED = (
    *("kind", "code", "severity", "account_id", "trans_id", "amount_cents", "masked_amount_cents"),
    *("score", "feature", "text", "masked_text", "correction", "digest"),
)


def _differs(before: Row, row: Mapping[str, Any]) -> bool:
    """Whether a restated night says anything else of a finding, or finds it again."""
    return before["gone_at"] is not None or any(before[name] != row[name] for name in _RESTATED)


def _version(before: Row, row: Mapping[str, Any], fields: Sequence[str], now: datetime) -> dict[str, Any]:
    masked = {"text": "masked_text", "amount_cents": "masked_amount_cents"}
    return {
        "finding_id": before["finding_id"],
        "replaced_at": now,
        "digest": before["digest"],
        "changes": json.dumps([[name, before[name], row[name]] for name in fields], default=str),
        "masked_changes": json.dumps(
            [[name, before[masked.get(name, name)], row[masked.get(name, name)]] for name in fields if _is_shown(name)],
            default=str,
        ),
    }


def _is_shown(name: str) -> bool:
    """Whether masked readers see a field's change; of others they see that there is one."""
    return name not in ("trans_id", "correction")


def _spoken(name: str) -> str:
    return {"amount_cents": "amount", "trans_id": "posting", "text": "sentence"}.get(name, name)


def _listed(rows: Sequence[Mapping[Any, Any]]) -> str:
    """Findings in words, without identifiers: how many, of which codes, of which nights."""
    codes, nights = sorted({row["code"] for row in rows}), sorted({row["settlement_date"] for row in rows})
    count = "1 finding" if len(rows) == 1 else f"{len(rows)} findings"
    span = _day(nights[0]) if len(nights) == 1 else f"{_day(nights[0])} to {_day(nights[-1])}"
    return f"{count} of {span}: {', '.join(code.replace('_', ' ') for code in codes)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
