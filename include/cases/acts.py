"""One act in the case book: a transaction with who acts and when, the case's history and the audit of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from include.cases.audit import AuditChain
from include.cases.refusals import CaseRefusedError, HeldByAnotherError, NoSuchCaseError
from include.cases.tables import CASES, EVENTS, ID_LENGTH, Row
from include.cases.terms import EventKind

LONGEST_NOTE = 4000
"""Characters of a note: two pages; what is longer is a document, and belongs where documents are kept. A decision."""


@dataclass
class Act:
    """What one person does in one transaction.

    Attributes
    ----------
    connection
        The transaction.
    who, now
        Who acts, and when.
    chain
        The audit log.
    audited
        Number of the last entry that the act wrote into the audit log; 0 for none.
    """

    connection: sa.Connection
    who: str
    now: datetime
    chain: AuditChain
    audited: int = field(default=0)

    def case(self, case_id: str) -> Row:
        """A case, which nobody else changes until the act ends: `include.cases.store.writing` lets one write at a time.

        Raises
        ------
        NoSuchCaseError
            When there is none.
        """
        query = sa.select(CASES).where(CASES.c.case_id == as_id(case_id))
        found = self.connection.execute(query).mappings().first()
        if found is None:
            raise no_such("case", case_id)
        return found

    def free_case(self, case_id: str) -> Row:
        """As `case`, where nobody else holds it.

        Raises
        ------
        HeldByAnotherError
            When somebody else does.
        """
        found = self.case(case_id)
        held = found["holder"] is not None and found["held_until"] > self.now
        if held and found["holder"] != self.who:
            raise HeldByAnotherError.of(found["holder"], found["held_until"])
        return found

    def change(self, case_id: str, **values: object) -> None:
        """Change columns of a case."""
        self.connection.execute(sa.update(CASES).where(CASES.c.case_id == case_id).values(**values))

    def tell(self, case_id: str, kind: EventKind, text: str, note: str = "") -> None:
        """Add to a case's history."""
        row = {"case_id": case_id, "at": self.now, "who": self.who, "kind": kind.value, "text": text, "note": note}
        self.connection.execute(sa.insert(EVENTS), row)

    def audit(self, action: str, case: Row, **detail: object) -> None:
        """Add to the audit log."""
        self.audited = self.chain.append(
            self.connection, self.who, action, case["case_id"], self.now, account=case["account_id"], detail=detail
        )


def no_such(what: str, given: str) -> NoSuchCaseError:
    """The refusal of an id that nothing has."""
    return NoSuchCaseError(f"there is no {what} {given[:64]!r}: it may have been erased; look it up in the queue again")


def as_id(given: str) -> str:
    r"""What somebody gives as an id, where it can be one; empty otherwise, which nothing has.

    A database server takes no text with a zero byte.

    >>> as_id("0f"), as_id("a\x00b"), as_id("x" * 65)
    ('0f', '', '')
    """
    return given if len(given) <= ID_LENGTH and given.isprintable() else ""


def checked_note(note: str) -> str:
    """A note without blanks around it.

    Raises
    ------
    CaseRefusedError
        When it is longer than `LONGEST_NOTE`.
    """
    said = note.replace("\0", "").strip()
    if len(said) > LONGEST_NOTE:
        raise CaseRefusedError(
            f"the note has {len(said):,} characters, {LONGEST_NOTE:,} are allowed: shorten it, or name the document "
            "that says the rest"
        )
    return said
