"""Finds clients in a night's records who were erased from the lake on their request, since the source is the bank's."""

from __future__ import annotations

from include.night.request import NightRequest
from include.registry.erasures import ErasureLog
from include.sources.base import Extract


def warnings_of(request: NightRequest, clients: Extract | None) -> list[str]:
    """A sentence where the source holds erased clients again, by their requests; it names no client.

    The night takes their records in all the same: what is offered must be what is published, refused or deduplicated,
    and a check that misses an account would find breaks that are none.
    """
    log = ErasureLog.read(request.lake_uri, request.settings)
    again = [] if clients is None else log.erased_among(clients.rows["client_id"].drop_null().to_pylist())
    if not again:
        return []
    return [
        f"fin_client: {len(again)} clients who were erased on request ({', '.join(again)}) are in the source again, "
        "and this night takes their records in. Have them removed at the source, then erase them from the lake again "
        "(python -m include privacy)"
    ]
