"""The console's four rights, and who has them under each of Airflow's auth managers.

Auth managers that know permissions are asked whether the user may read the resource of a right (`RESOURCES`). Airflow's
simple auth manager lets everybody read every resource, so that there a right follows from the role.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow.api_fastapi import app as server

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser

    from include.settings import Settings


class Right(StrEnum):
    """What somebody may see and do in the console."""

    VIEWER = "viewer"
    INVESTIGATOR = "investigator"
    APPROVER = "approver"
    ENGINEER = "engineer"


RESOURCES: Mapping[Right, str] = {
    Right.VIEWER: "Settlement Console",
    Right.INVESTIGATOR: "Settlement Accounts",
    Right.APPROVER: "Settlement Approvals",
    Right.ENGINEER: "Settlement Engineering",
}
"""Resource of each right, as a role of FAB or a policy of Keycloak names it; who may read it has the right."""

SIMPLE_ROLES: Mapping[str, frozenset[Right]] = {
    "VIEWER": frozenset({Right.VIEWER}),
    "USER": frozenset({Right.VIEWER, Right.INVESTIGATOR}),
    "OP": frozenset({Right.VIEWER, Right.ENGINEER}),
    "ADMIN": frozenset(Right),
}
"""Rights of each role of the simple auth manager. Administrators alone approve; `ADS_SIMPLE_RIGHTS` names others."""


def rights_of(user: BaseUser, settings: Settings) -> frozenset[Right]:
    """The rights of a user who is logged in."""
    manager = server.get_auth_manager()
    if _is_simple(manager):
        return _simple_rights(user, settings)
    return frozenset(right for right in Right if _may_read(manager, RESOURCES[right], user))


def _is_simple(manager: BaseAuthManager[BaseUser]) -> bool:
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    return isinstance(manager, SimpleAuthManager)


def _simple_rights(user: BaseUser, settings: Settings) -> frozenset[Right]:
    given = settings.simple_rights.get(str(user.get_id()))
    if given is not None:
        return frozenset(Right(right) for right in given)
    return SIMPLE_ROLES.get(str(getattr(user, "role", None) or "").upper(), frozenset())


def _may_read(manager: BaseAuthManager[BaseUser], resource: str, user: BaseUser) -> bool:
    return bool(manager.is_authorized_custom_view(method="GET", resource_name=resource, user=user))
