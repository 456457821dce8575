"""What a route of the console declares: its address, who may ask for it, and its place in the navigation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI
from fastapi.params import Depends as Dependency
from fastapi.responses import HTMLResponse, Response

from include.dag_ids import NIGHTLY_SETTLEMENT
from plugins.settlement_console.rights import Right
from plugins.settlement_console.same_origin import from_our_own_pages
from plugins.settlement_console.visitors import requires


@dataclass(frozen=True)
class Page:
    """One route.

    Attributes
    ----------
    path
        Address below the console's own.
    endpoint
        Function that answers.
    rights
        Rights of which a visitor needs one.
    method
        How it is asked for; what changes something is a POST, and is taken from the console's own pages alone.
    title
        Name in the navigation; empty for a route that does not stand there.
    status
        Status of an answer that succeeds.
    response_class
        Kind of the answer.
    """

    path: str
    endpoint: Callable[..., Any]
    rights: tuple[Right, ...]
    method: Literal["GET", "POST"] = "GET"
    title: str = ""
    status: int = 200
    response_class: type[Response] = HTMLResponse

    def add_to(self, app: FastAPI) -> None:
        """Add the route, behind the UI's login and its rights."""
        app.add_api_route(
            self.path,
            self.endpoint,
            methods=[self.method],
            status_code=self.status,
            response_class=self.response_class,
            response_model=None,
            dependencies=self._guards(),
        )

    def _guards(self) -> list[Dependency]:
        reads_runs = requires_access_dag("GET", DagAccessEntity.RUN, NIGHTLY_SETTLEMENT)
        changing = [Depends(from_our_own_pages)] if self.method == "POST" else []
        return [Depends(reads_runs), Depends(requires(*self.rights)), *changing]


def get(path: str, endpoint: Callable[..., Any], *rights: Right, title: str = "") -> Page:
    """A page that is read; `rights` are those of which a visitor needs one."""
    return Page(path, endpoint, rights, title=title)


def post(path: str, endpoint: Callable[..., Any], *rights: Right) -> Page:
    """A form that is sent; `rights` are those of which a visitor needs one."""
    return Page(path, endpoint, rights, method="POST", status=303)
