"""What the case book holds on a client: cases of the client's accounts, and findings that name the client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from include.cases.erasing import HeldCases
from include.privacy.selecting import Selection
from include.settings import Settings

_SENTENCES = "alerts"
"""Table whose rule tells whose a finding's sentence is."""


@dataclass(frozen=True)
class ClientCases:
    """A client's part of the case book.

    Attributes
    ----------
    held
        The book; None where there is none.
    cases
        Number of cases of accounts that are the client's alone.
    findings
        Ids of findings that are the client's, in any case.
    """

    held: HeldCases | None
    cases: int
    findings: frozenset[str]

    @classmethod
    def find(cls, lake_uri: str, selection: Selection, settings: Settings) -> Self:
        """Look through the book."""
        held = HeldCases.find(lake_uri, settings)
        if held is None:
            return cls(None, 0, frozenset())
        found: set[str] = set()
        for rows in held.sentences():
            found |= {*rows.filter(selection.mask(_SENTENCES, rows))["finding_id"].to_pylist()}
        return cls(held, held.cases_of(selection.subject.accounts), frozenset(found))

    def erase(self, selection: Selection) -> None:
        """Take the client out of the book."""
        if self.held is None:
            return
        subject = selection.subject
        numbers = subject.numbers["account_id"] | subject.numbers["trans_id"]
        self.held.erase(subject.accounts, self.findings, described=subject.left, numbers=numbers)

    def as_dict(self) -> dict[str, Any]:
        """The figures for people."""
        return {"cases": self.cases, "findings": len(self.findings)}
