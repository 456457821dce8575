"""Reversals: what takes a posting back is linked to it, and netted in chain, checks and features."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.features import FeatureState, advance_state, build_features, state_from_history
from include.lake.tables import QUARANTINE_SCHEMA, REVERSES
from include.quality import admit, record_admission
from include.quality.reversals import find_reversals
from include.relations import FIN_TRANSACTION, RELATIONS, STATIC_RELATIONS
from include.settlement import SettlementState, check_night
from include.settlement import state_from_history as checks_from_history
from include.sources import open_source
from include.sources.base import LINEAGE

MAY = [date(1994, 5, day) for day in range(1, 32)]
TRANSFER = {"operation": "ROB", "category": "HH", "other_bank_id": "YZ", "other_account_id": 42}
OTHER = {**TRANSFER, "other_account_id": 43}
ORDER = {"order_id": 7, "account_id": 1, "bank_to": "YZ", "account_to": 42, "amount": 300, "category": "HH"}
MONTHS = [date(1994, 3, 10), date(1994, 4, 10)]


@dataclass
class Nights:
    """A bank played night by night through gate and checks."""

    statics: dict[str, pa.Table]
    rounding_cents: int = 1
    accepted: list[pa.Table] = field(default_factory=list)
    quarantined: list[pa.Table] = field(default_factory=list)
    breaks: list[dict[str, Any]] = field(default_factory=list)
    state: SettlementState = field(default_factory=SettlementState)

    def play(self, rows: pa.Table, night: date, quarantined: pa.Table | None = None) -> None:
        """One night: what the gate makes of its reversals, and the checks."""
        past = pa.concat_tables(self.accepted) if self.accepted else None
        tonight, refused = let_in(rows, past)
        self.quarantined.append(refused)
        recent = tonight.slice(0, 0) if past is None else _since(past, night - timedelta(92))
        unknown = refused if quarantined is None else quarantined
        found = check_night(night, tonight, recent, self.statics, self.state, self.rounding_cents, quarantined=unknown)
        self.state, self.breaks = found.state, [*self.breaks, *found.breaks.to_pylist()]
        self.accepted.append(tonight)

    @property
    def links(self) -> dict[int, int]:
        """Reversal -> the posting it takes back."""
        rows = pa.concat_tables(self.accepted).select(["trans_id", "reverses"]).to_pylist()
        return {row["trans_id"]: row["reverses"] for row in rows if row["reverses"] is not None}

    @property
    def refused(self) -> list[list[str]]:
        """Reason codes of what lies in quarantine."""
        return [codes for table in self.quarantined for codes in table["reason_codes"].to_pylist()]

    def codes(self) -> list[tuple[str, str]]:
        """What was found, in order."""
        return [(row["check_code"], row["severity"]) for row in self.breaks]


def posting(trans_id: int, day: date, amount: str, balance: str | None = None, **columns: Any) -> dict[str, Any]:
    """A debit of account 1 as its source writes it, unless the columns say otherwise."""
    money = {"amount": Decimal(amount), "balance": None if balance is None else Decimal(balance)}
    plain = {"trans_id": trans_id, "account_id": 1, "trans_date": day, "trans_type": "D", "operation": "WIC"}
    origin = {"night": day, "source_uri": "file:/bank/t.csv", "source_line": trans_id + 1, "raw": f"raw {trans_id}"}
    return {**plain, **money, **origin, **columns}


def statics(**rows: list[dict[str, Any]]) -> dict[str, pa.Table]:
    account = {"account_id": 1, "district_id": 1, "create_date": date(1990, 1, 1), "frequency": "M"}
    given = {"fin_account": [account], "fin_client": [], "fin_disposition": [], **rows}
    return {name: pa.Table.from_pylist(found, RELATIONS[name].schema) for name, found in given.items()}


def let_in(rows: pa.Table, past: pa.Table | None) -> tuple[pa.Table, pa.Table]:
    """What of the rows is let in, with what it takes back, and the quarantine of the rest."""
    found = find_reversals(rows, past)
    linked = rows.append_column(REVERSES, found.reverses)
    reasons = {position: [code] for position, code in found.refused.items()}
    passed, refused = record_admission.parted(linked, reasons)
    return passed, record_admission.quarantined(FIN_TRANSACTION, refused, reasons, None)


def table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), pa.schema([*FIN_TRANSACTION.schema, *LINEAGE]))


def played(rows: list[dict[str, Any]], until: date | None = None, **tables: list[dict[str, Any]]) -> Nights:
    """The bank of these postings, played night by night; links and state equal those built in one pass."""
    nights = sorted({row["trans_date"] for row in rows} | ({until} if until else set()))
    bank = Nights(statics(**tables))
    for night in nights:
        bank.play(table(row for row in rows if row["trans_date"] == night), night)
    history, refused = let_in(table(rows), None)
    nightly = pa.concat_tables(bank.accepted)
    assert dict(zip(*_columns(history), strict=True)) == dict(zip(*_columns(nightly), strict=True))
    whole = checks_from_history(history, bank.statics, nights[-1] + timedelta(1), 1, quarantined=refused)
    assert whole == bank.state
    return bank


def _since(rows: pa.Table, first: date) -> pa.Table:
    return rows.filter(pc.greater_equal(rows["trans_date"], pa.scalar(first)))


def _columns(table: pa.Table) -> tuple[list[int], list[int | None]]:
    return table["trans_id"].to_pylist(), table["reverses"].to_pylist()


CASH = posting(2, MAY[2], "500", "1500")
BACK = {
    "the same day": posting(3, MAY[2], "-500", "2000"),
    "days later": posting(3, MAY[9], "-500", "2000"),
    "saying less": posting(3, MAY[9], "-500", "2000", operation=None),
    "a credit": posting(3, MAY[9], "-500", "1000", trans_type="C", operation="CIC"),
}


@pytest.mark.parametrize("form", BACK)
def test_a_negative_amount_is_linked_and_chains(form: str) -> None:
    original = CASH if form != "a credit" else CASH | {"trans_type": "C", "operation": "CIC", "balance": Decimal(2500)}
    after = "2000"
    if form == "a credit":
        after = "2000"
        BACK[form]["balance"] = Decimal(2000)
    opening = posting(1, MAY[0], "100", "2000")
    bank = played([opening, original, BACK[form], posting(4, MAY[20], "50", str(Decimal(after) - 50))])
    assert (bank.links, bank.refused, bank.codes()) == ({3: 2}, [], [])


def test_of_equal_postings_the_newest_that_stands_is_taken_back() -> None:
    rows = [posting(n, MAY[n], "500") for n in (1, 2, 3)]
    bank = played([*rows, posting(8, MAY[4], "-500"), posting(9, MAY[5], "-500"), posting(10, MAY[5], "-500")])
    assert bank.links == {8: 3, 9: 2, 10: 1}


def test_one_that_could_take_back_different_postings_is_refused_and_nothing_blamed_on_it() -> None:
    rows = [posting(1, MAY[0], "10", "1000"), posting(2, MAY[1], "120", "880", **TRANSFER)]
    rows += [posting(3, MAY[1], "120", "760", **OTHER)]
    unsaid = posting(4, MAY[2], "-120", "880", operation="ROB")
    bank = played([*rows, unsaid, posting(5, MAY[3], "80", "800")])
    assert (bank.links, bank.refused) == ({}, [["reversal_ambiguous"]])
    ((found),) = bank.breaks
    assert (found["check_code"], found["severity"], found["correction"]) == ("balance_chain", "warn", None)
    assert found["text"].endswith(
        "Account 1 has 1 quarantined record since 1994-05-02: what is missing here may be it, so look there first."
    )
    assert "not among the postings" not in found["text"]


def test_one_that_names_the_counterparty_is_not_ambiguous() -> None:
    rows = [posting(2, MAY[1], "120", **TRANSFER), posting(3, MAY[1], "120", **OTHER)]
    assert played([*rows, posting(4, MAY[2], "-120", **TRANSFER)]).links == {4: 2}


@pytest.mark.parametrize(
    "other", [{}, {"amount": Decimal(501)}, {"operation": "CCW"}, {"account_id": 2}, {"trans_type": "C"}]
)
def test_one_that_takes_nothing_back_is_let_in_and_warns(other: dict[str, Any]) -> None:
    usual = [posting(n, MAY[0], str(n), account_id=n) for n in (91, 92)]
    rows = [*usual, posting(1, MAY[2] - timedelta(60), "500", "1000")]
    rows += [posting(2, MAY[1], "500") | other] if other else []
    bank = played([*rows, posting(3, MAY[2], "-500")])
    assert (bank.links, bank.refused) == ({}, [])
    found = [row for row in bank.breaks if row["check_code"] == "unmatched_reversal"]
    assert [(row["severity"], row["actual"], row["correction"]) for row in found] == [("warn", Decimal(-500), None)]
    assert found[0]["text"].startswith("Posting 3 of -500.00 on account 1 takes a posting back, but the account has")


def test_debits_written_with_a_sign_are_no_reversals() -> None:
    many = [posting(n, MAY[1], "-700" if n % 3 else "300") for n in range(100, 200)]
    kept, refused = let_in(table(many), None)
    assert (kept.num_rows, refused["reason_codes"].to_pylist()) == (34 - 1, [["amount_negative"]] * 67)


@pytest.mark.parametrize("debits", [1, 3, 19])
def test_a_small_banks_debits_with_a_sign_are_told_by_the_days_before(debits: int) -> None:
    signed = [posting(20 * n + k, MAY[n], f"-{k}.50") for n in range(5) for k in range(1, debits + 1)]
    paid_in = [posting(900 + n, MAY[n], "700", trans_type="C", operation="CIC") for n in range(5)]
    bank = played([*signed, *paid_in])
    assert (bank.refused, bank.links) == ([["amount_negative"]] * len(signed), {})
    assert "unmatched_reversal" not in {code for code, _ in bank.codes()}


def test_a_night_of_slips_is_no_convention_where_the_days_before_have_none() -> None:
    usual = [posting(20 * n + k, MAY[n], f"{k}.50") for n in range(5) for k in range(1, 4)]
    bank = played([*usual, posting(201, MAY[9], "-77"), posting(202, MAY[9], "-78")])
    assert (bank.refused, {code for code, _ in bank.codes()}) == ([], {"unmatched_reversal"})


SPELLINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"counterparty": "CZ65 0800 0000 1920 0014 5399"}, {"counterparty": "CZ6508000000192000145399"}),
    ({"counterparty": "19-2000145399", "other_bank_id": "0800"}, {"counterparty": "19-2000145399/0800"}),
    ({"counterparty": "000019-2000145399"}, {"counterparty": "19-2000145399"}),
    ({"counterparty": "cz65"}, {"counterparty": "CZ65"}),
]


@pytest.mark.parametrize("is_contra", [False, True])
@pytest.mark.parametrize(("there", "back"), SPELLINGS)
def test_a_counterparty_is_known_in_any_spelling(
    there: dict[str, Any], back: dict[str, Any], *, is_contra: bool
) -> None:
    way = {"operation": "COB", "trans_type": "C"} if is_contra else {"operation": "ROB"}
    rows = [posting(1, MAY[0], "100", operation="ROB", **there)]
    assert played([*rows, posting(2, MAY[1], "100" if is_contra else "-100", **way, **back)]).links == {2: 1}


def test_two_spellings_of_one_counterparty_are_not_ambiguous() -> None:
    rows = [posting(n, MAY[n], "100", operation="ROB", counterparty=text) for n, text in ((1, "cz 65"), (2, "CZ65"))]
    assert played([*rows, posting(3, MAY[4], "-100", operation="ROB")]).links == {3: 2}


def test_a_busy_account_costs_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    way = {"trans_type": "C", "operation": "COB"}
    rows = [
        posting(n, MAY[0], f"{100 * (n % 3 + 1)}", **{**TRANSFER, **(way if n % 10 else {})}) for n in range(1, 1001)
    ]
    small = {"memory_limit": "150MB", "max_temp_directory_size": "0KB"}
    monkeypatch.setattr("include.sql_engine.duckdb.connect", partial(duckdb.connect, config=small))
    tracemalloc.start()
    found = find_reversals(table(rows))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.reverses.null_count, peak < 3_000_000) == (900, True)


CONTRAS = {
    "a returned transfer": (TRANSFER, {**TRANSFER, "operation": "COB", "trans_type": "C"}, 3),
    "the same code the other way": ({"operation": "CCW"}, {"operation": "CCW", "trans_type": "C"}, 2),
    "a fee given back": ({"category": "ST"}, {"category": "ST", "operation": None, "trans_type": "C"}, 5),
    "cash at once": ({}, {"operation": "CIC", "trans_type": "C"}, 0),
}


@pytest.mark.parametrize("form", CONTRAS)
def test_a_posting_the_other_way_is_linked_where_it_is_evident(form: str) -> None:
    there, back, later = CONTRAS[form]
    rows = [posting(1, MAY[0], "10", "1000"), posting(2, MAY[3], "500", "500", **there)]
    bank = played([*rows, posting(3, MAY[3 + later], "500", "1000", **back), posting(4, MAY[20], "50", "950")])
    assert (bank.links, bank.refused) == ({3: 2}, [])
    assert "balance_chain" not in {code for code, _ in bank.codes()}


@pytest.mark.parametrize(
    ("there", "back", "later"),
    [
        (TRANSFER, {**OTHER, "operation": "COB", "trans_type": "C"}, 1),
        (TRANSFER, {**TRANSFER, "operation": "COB", "category": None, "trans_type": "C"}, 1),
        (TRANSFER, {**TRANSFER, "operation": "COB", "trans_type": "C"}, 8),
        (TRANSFER, {**TRANSFER, "operation": "COB", "trans_type": "C", "amount": Decimal(499)}, 1),
        ({}, {"operation": "CIC", "trans_type": "C"}, 1),
        ({}, {"operation": "CIC", "trans_type": "C", "balance": None}, 0),
    ],
)
def test_a_refund_a_salary_or_cash_paid_in_is_none(there: dict[str, Any], back: dict[str, Any], later: int) -> None:
    rows = [posting(1, MAY[0], "10", "1000"), posting(2, MAY[3], "500", "500", **there)]
    assert played([*rows, posting(3, MAY[3 + later], "500", "1000") | back]).links == {}


def paid(*more: dict[str, Any], order: dict[str, Any] = ORDER, until: date = MAY[20]) -> list[dict[str, Any]]:
    """Breaks about an order paid in March and April, with further postings."""
    rows = [posting(n, day, "300", **TRANSFER) for n, day in enumerate(MONTHS, 1)]
    bank = played([*rows, *more], until, fin_order=[order])
    return [row for row in bank.breaks if row["check_code"] != "unmatched_reversal"]


MAYS = posting(5, MAY[9], "300", **TRANSFER)


@pytest.mark.parametrize(
    "back",
    [
        posting(6, MAY[9], "-300", **TRANSFER),
        posting(6, MAY[10], "-300", **TRANSFER),
        posting(6, MAY[15], "-300", **TRANSFER),
        posting(6, MAY[15], "300", **{**TRANSFER, "operation": "COB", "trans_type": "C"}),
    ],
)
def test_a_payment_taken_back_is_not_paid(back: dict[str, Any]) -> None:
    ((found),) = paid(MAYS, back)
    assert (found["check_code"], found["expected"], found["actual"]) == ("missed_standing_order", 300, 0)
    assert "300.00 was due on 1994-05-10" in found["text"]
    if back["trans_date"] > MAY[9]:
        assert (
            f"It had been paid on 1994-05-10 (posting 5), which posting 6 took back on {back['trans_date']}."
            in (found["text"])
        )


@pytest.mark.parametrize("again", [MAY[10], MAY[11], MAY[15]])
def test_one_that_is_booked_again_is_paid(again: date) -> None:
    back = posting(6, min(again, MAY[15]), "-300", **TRANSFER)
    assert paid(MAYS, back, posting(7, again, "300", **TRANSFER)) == []


@pytest.mark.parametrize("day", [MAY[9], MAY[12]])
def test_a_double_taken_back_leaves_the_order_paid_and_no_duplicate(day: date) -> None:
    double = posting(6, MAY[9], "300", **TRANSFER)
    found = paid(MAYS, double, posting(7, day, "-300", **TRANSFER))
    # On its own night the double is one; taken back the same day it is none.
    assert [row["check_code"] for row in found] == (["duplicate_posting"] if day > MAY[9] else [])


@pytest.mark.parametrize("day", [MAY[9], MAY[13]])
@pytest.mark.parametrize(("amount", "severity"), [("300", "warn"), ("-300", "error")])
def test_what_may_be_money_sent_back_only_warns(day: date, amount: str, severity: str) -> None:
    transfer = {**TRANSFER, "category": None}
    way = {"operation": "COB", "trans_type": "C"} if severity == "warn" else {}
    rows = [posting(n, on, "300", **transfer) for n, on in enumerate([*MONTHS, MAY[9]], 1)]
    back = posting(6, day, amount, **{**transfer, **way})
    bank = played([*rows, back], MAY[20], fin_order=[{**ORDER, "category": None}])
    assert bank.links == {6: 3}
    assert bank.codes() == [("missed_standing_order", severity)]
    doubt = "Posting 6 states no purpose and may be money of its own."
    assert (doubt in bank.breaks[0]["text"]) == (severity == "warn")


def test_an_instalment_taken_back_is_not_paid() -> None:
    loan = {"loan_id": 9, "account_id": 1, "granted_date": date(1994, 2, 20), "amount": 3600, "duration": 12}
    rows = [posting(n, day, "300", **{**TRANSFER, "category": "LO"}) for n, day in enumerate([*MONTHS, MAY[9]], 1)]
    back = posting(6, MAY[11], "-300", **{**TRANSFER, "category": "LO"})
    bank = played([*rows, back], MAY[20], fin_loan=[{**loan, "payments": 300, "status": "A"}])
    ((found),) = bank.breaks
    assert (found["check_code"], found["account_id"]) == ("missed_loan_payment", 1)
    assert found["text"].endswith("(posting 3), which posting 6 took back on 1994-05-12.")


def test_a_missing_payment_that_may_lie_in_quarantine_is_said_so() -> None:
    bank = Nights(statics(fin_order=[ORDER]))
    for n, day in enumerate(MONTHS, 1):
        bank.play(table([posting(n, day, "300", **TRANSFER)]), day)
    torn = {"night": MAY[9], "relation": FIN_TRANSACTION.name, "source_uri": "file:/bank/t.csv", "line": 9}
    bank.play(table([]), MAY[9], pa.Table.from_pylist([torn], QUARANTINE_SCHEMA))
    bank.play(table([]), MAY[12])
    ((found),) = bank.breaks
    assert (found["check_code"], found["severity"]) == ("missed_standing_order", "error")
    assert found["text"].endswith(
        "Of 1 quarantined record since 1994-04-12 the account could not be read: what is missing here may be it, so "
        "look there first."
    )


def test_what_was_taken_back_is_no_habit_and_the_reversal_nobodys() -> None:
    days = [MAY[0] - timedelta(n) for n in range(100, 0, -2)]
    usual = [posting(n, day, "100", "9000", **TRANSFER) for n, day in enumerate(days, 1)]
    slip = posting(900, MAY[0], "90000", "100", **OTHER)
    back = posting(901, MAY[1], "-90000", "9000", **OTHER)
    again = posting(902, MAY[2], "100", "9000", **TRANSFER)
    rows, _ = let_in(table([*usual, slip, back, again]), None)
    plain = rows.filter(pc.invert(pc.is_in(rows["trans_id"], value_set=pa.array([900, 901]))))
    (known,), (never,) = (described(table, MAY[2]) for table in (rows, plain))
    told = (
        "amount_z",
        "usual_day_paid",
        "most_day_paid",
        "habit_postings",
        "kind_postings",
        "month_paid",
        "high_amount",
    )
    assert {name: known[name] for name in told} == {name: never[name] for name in told}
    (reversal,) = described(rows, MAY[1])
    assert (reversal["is_reversal"], reversal["new_kind"], reversal["day_spend"]) == (True, 0, 0)
    (before,) = described(rows, MAY[0])
    assert before["amount_z"] > 10


def described(rows: pa.Table, night: date) -> list[dict[str, Any]]:
    """Features of one night over what lies before it; the state moved over the night equals one pass."""
    past = rows.filter(pc.less(rows["trans_date"], pa.scalar(night)))
    tonight = rows.filter(pc.equal(rows["trans_date"], pa.scalar(night)))
    state = state_from_history(past)
    both = state_from_history(pa.concat_tables([past, tonight])).tables()
    moved: FeatureState = advance_state(state, tonight)
    assert all(moved.tables()[name].equals(both[name]) for name in both)
    found: list[dict[str, Any]] = build_features(tonight, past, statics(), state).to_pylist()
    return found


def test_the_case(case_bank: Callable[[str], Path]) -> None:
    with open_source(f"file:{case_bank('storno')}?rounding=0.1") as source:
        known = {name: found.rows for name in STATIC_RELATIONS if (found := source.static(name)) is not None}
        bank, first = Nights(known, source.rounding_cents), date(1993, 10, 6)
        before, _ = let_in(source.history(first).rows, None)
        bank.accepted = [before]
        bank.state = checks_from_history(before, known, first, source.rounding_cents)
        for night in (first + timedelta(n) for n in range(3)):
            admission = admit({FIN_TRANSACTION.name: source.night(night)}, night, before)
            admission.counts.check(FIN_TRANSACTION.name)
            assert admission.quarantined.num_rows == 0
            bank.play(source.night(night).rows, night)
    assert (bank.links, bank.refused) == ({9000002: 9000001, 9000004: 9000003}, [])
    assert not [row for row in bank.breaks if row["account_id"] in (2378, 576)]
    pairs = [row for row in bank.breaks if row["check_code"] == "duplicate_posting"]
    assert [(row["trans_id"], row["severity"], row["correction"]) for row in pairs] == [
        (9000006, "warn", None),
        (9000008, "warn", None),
    ]


def test_thirteen_real_months_hold_no_reversal(pkdd: Path) -> None:
    with open_source(f"file:{pkdd}") as source:
        history, _ = let_in(source.history(date.max).rows, None)
    assert history.num_rows > 37_000
    assert history["reverses"].null_count == history.num_rows
