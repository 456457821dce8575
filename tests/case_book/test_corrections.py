"""Corrections: endorsed by one, approved by others, and void where the night says otherwise meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from include.cases import CaseRefusedError, ChangedMeanwhileError, CorrectionState, NotAllowedTwiceError
from include.cases.views import CorrectionRow
from tests.case_book.nights import INSERT, MINUTE, NOW, OTHER, Desk, broken, settings_of

Names = Callable[[str], str]


def test_whoever_proposed_cannot_approve(shared_desk: Desk, names: Names, account: int) -> None:
    book = shared_desk.book
    made = book.propose_correction(names("gap"), "ann", NOW, "The order stands.")
    assert (made.state, made.amount, made.needed, made.value) == (CorrectionState.PROPOSED, Decimal(540), 1, "-540.00")
    with pytest.raises(NotAllowedTwiceError, match="you proposed this correction"):
        book.approve_correction(made.correction_id, "ann", NOW)
    approved = book.approve_correction(made.correction_id, "bob", NOW + MINUTE)
    assert (approved.state, approved.approved_by, approved.closed_at) == (
        CorrectionState.APPROVED,
        ("bob",),
        NOW + MINUTE,
    )
    (row,) = book.corrections(CorrectionState.APPROVED, sees_accounts=True, finding_id=names("gap"))
    assert (row.account, row.action) == (str(account), "insert")
    (masked,) = book.corrections(sees_accounts=False, finding_id=names("gap"))
    assert (masked.note, masked.account == str(account), "ann" in repr(masked)) == (None, False, False)
    assert shared_desk.kinds(names("gap")) == ["opened", "proposed", "approved"]
    with pytest.raises(CaseRefusedError, match="was approved at 2026-03-02 09:01 UTC already"):
        book.refuse_correction(made.correction_id, "cat", NOW, "")


def test_one_that_was_refused_may_be_proposed_again(shared_desk: Desk, names: Names) -> None:
    book = shared_desk.book
    made = book.propose_correction(names("gap"), "ann", NOW)
    with pytest.raises(CaseRefusedError, match="ann proposed this correction already; it is proposed: approve"):
        book.propose_correction(names("gap"), "bob", NOW)
    assert book.refuse_correction(made.correction_id, "bob", NOW, "Paid in cash.").refused_by == "bob"
    assert book.propose_correction(names("gap"), "cat", NOW).correction_id != made.correction_id


def test_a_finding_without_a_correction_has_nothing_to_endorse(shared_desk: Desk, names: Names) -> None:
    with pytest.raises(CaseRefusedError, match="the night proposes no correction"):
        shared_desk.book.propose_correction(names("one"), "ann", NOW)


def test_a_large_one_needs_two_different_people(tmp_path: Path) -> None:
    desk = Desk(settings_of(tmp_path, two_approvals_amount=539.99))
    desk.publish([broken("gap")], corrections={"gap": INSERT})
    made = desk.book.propose_correction("gap", "ann", NOW)
    assert made.needed == 2
    assert desk.book.approve_correction(made.correction_id, "bob", NOW).state is CorrectionState.PROPOSED
    with pytest.raises(NotAllowedTwiceError, match="you approved this correction already"):
        desk.book.approve_correction(made.correction_id, "bob", NOW)
    approved = desk.book.approve_correction(made.correction_id, "cat", NOW + MINUTE)
    assert (approved.state, approved.approved_by) == (CorrectionState.APPROVED, ("bob", "cat"))


def test_one_of_a_break_that_changed_is_not_approved(tmp_path: Path) -> None:
    desk = Desk(settings_of(tmp_path))
    desk.publish([broken("gap")], corrections={"gap": INSERT})
    made = desk.book.propose_correction("gap", "ann", NOW)
    desk.publish([broken("gap")], corrections={"gap": {**INSERT, "value": "-999.00"}}, run="b")
    with pytest.raises(ChangedMeanwhileError) as refused:
        desk.book.approve_correction(made.correction_id, "bob", NOW)
    (change,) = refused.value.changes
    assert (change.before, change.after) == ("insert amount -540.00", "insert amount -999.00")
    assert change.field == "correction"
    (proposed,) = desk.book.corrections(sees_accounts=True)
    assert proposed.outdated == (change,)
    again = desk.book.propose_correction("gap", "ann", NOW + MINUTE)
    assert (again.value, again.outdated) == ("-999.00", ())
    (replaced,) = desk.book.corrections(CorrectionState.REPLACED, sees_accounts=True)
    assert (replaced.correction_id, replaced.outdated) == (made.correction_id, ())


def test_an_approved_one_of_a_break_that_is_gone_says_so(tmp_path: Path) -> None:
    desk = Desk(settings_of(tmp_path, masked_amount_step=1000))
    desk.publish([broken("gap"), broken("told", OTHER)], corrections={"gap": INSERT, "told": INSERT})
    for name in ("gap", "told"):
        made = desk.book.propose_correction(name, "ann", NOW)
        desk.book.approve_correction(made.correction_id, "bob", NOW)
    desk.publish([broken("told", OTHER, text="The same in other words.")], corrections={"told": INSERT}, run="b")
    outdated = {row.finding_id: [change.field for change in row.outdated] for row in _all(desk)}
    assert outdated == {"gap": ["gone"], "told": []}
    desk.publish([broken("told", OTHER)], corrections={"told": {**INSERT, "value": "-1.00"}}, run="c", now=NOW + MINUTE)
    told = [each for sees in (True, False) for each in _all(desk, sees_accounts=sees) if each.finding_id == "told"]
    assert [(change.before, change.after) for each in told for change in each.outdated] == [
        ("insert amount -540.00", "insert amount -1.00"),
        ("", ""),
    ]


def _all(desk: Desk, *, sees_accounts: bool = True) -> list[CorrectionRow]:
    return desk.book.corrections(CorrectionState.APPROVED, sees_accounts=sees_accounts)
