"""Who asks for a page, and what they may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException

from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.rights import RESOURCES, Right, rights_of


@dataclass(frozen=True)
class Visitor:
    """Somebody who is logged in.

    Attributes
    ----------
    name
        Name that they log in with: no two users have the same one in any of Airflow's auth managers, colleagues know
        them by it, and the case book, reviews and the audit keep it.
    rights
        What they may see and do.
    """

    name: str
    rights: frozenset[Right]

    def may(self, *rights: Right) -> bool:
        """Whether they have one of these rights."""
        return bool(self.rights.intersection(rights))

    @property
    def sees_accounts(self) -> bool:
        """Whether they see whom a finding is about; others see the masked tables alone."""
        return self.may(Right.INVESTIGATOR)


def current_visitor(user: GetUserDep, settings: InstalledSettings) -> Visitor:
    """The visitor who sends a request; without a login Airflow answers 401 before."""
    return Visitor(str(user.get_name()), rights_of(user, settings))


CurrentVisitor = Annotated[Visitor, Depends(current_visitor)]
"""Parameter of a route: who asks."""


def requires(*rights: Right) -> Callable[[Visitor], None]:
    """A dependency that lets those pass who have one of these rights.

    Raises
    ------
    HTTPException
        403 for everybody else, with the rights that are missing and where they are given.
    """

    def allowed(visitor: CurrentVisitor) -> None:
        if not visitor.may(*rights):
            raise HTTPException(403, _refusal(rights))

    return allowed


def _refusal(rights: tuple[Right, ...]) -> str:
    names = " or ".join(rights)
    resources = " or ".join(f"“{RESOURCES[right]}”" for right in rights)
    return (
        f"this needs the right of {names}, which your login does not have: whoever administers Airflow gives it, by "
        f"ADS_SIMPLE_RIGHTS or with a role that may read {resources}"
    )
