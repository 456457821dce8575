"""An act on one case: what was sent, how it is tried, and what the answer to a refusal keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Form, HTTPException, Request
from fastapi.responses import Response

from plugins.settlement_console.pages import told_troubles
from plugins.settlement_console.queue.addresses import to_case
from plugins.settlement_console.queue.desk import CurrentDesk, Desk
from plugins.settlement_console.queue.filters import AskedQueue

if TYPE_CHECKING:
    from include.cases.refusals import CaseRefusedError, Change

Field = Annotated[str, Form()]
"""A field of a form; empty where it was not sent."""


@dataclass(frozen=True)
class Refusal:
    """Why an act was refused.

    Attributes
    ----------
    text
        Sentence with what to do.
    changes
        What changed since the case was shown.
    """

    text: str
    changes: tuple[Change, ...] = ()

    @classmethod
    def of(cls, error: CaseRefusedError) -> Refusal:
        """The refusal that the book gave."""
        return cls(str(error), tuple(getattr(error, "changes", ())))


@dataclass(frozen=True)
class Typed:
    """What somebody wrote into a form, which a refusal keeps."""

    verdict: str = ""
    note: str = ""


@dataclass(frozen=True)
class Acting:
    """Somebody's act on a case.

    Attributes
    ----------
    request, desk, case_id
        Who sent it, and on which case.
    asked
        The filter of the queue that they work through.
    typed
        What they wrote.
    """

    request: Request
    desk: Desk
    case_id: str
    asked: AskedQueue
    typed: Typed

    def tried(self, act: Callable[[], Any]) -> Any | Refusal:  # noqa: ANN401 - what the book gives
        """What the act gave, or why the book refused it; 404 where there is no such case, 503 without an answer."""
        from include.cases.refusals import CaseRefusedError, NoSuchCaseError

        with told_troubles():
            try:
                return act()
            except NoSuchCaseError as error:
                raise HTTPException(404, str(error)) from error
            except CaseRefusedError as error:
                return Refusal.of(error)

    def back(self, said: str = "", **told: str) -> Response:
        """Go on to the case's page, which says what was done."""
        return to_case(self.request, self.case_id, self.asked.query, said=said, **told)


def acting(
    request: Request, case_id: str, desk: CurrentDesk, view: Field = "", verdict: Field = "", note: Field = ""
) -> Acting:
    """The act that a form of a case's page sends."""
    return Acting(request, desk, case_id, desk.asked(view), Typed(verdict, note))


OnCase = Annotated[Acting, Depends(acting)]
"""Parameter of a route: an act on the case that the address names."""
