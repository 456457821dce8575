"""Lets requests reach public addresses alone: whoever writes a webhook's address must not read the house's own hosts.

The address is looked at once the connection stands and before anything is sent over it, so that a name that resolves
to another address the second time gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class PrivateAddressError(OSError):
    """Raised when a host has an address that is not public."""


class PublicHosts(HTTPAdapter):
    """Connects to public addresses only."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - requests' own arguments, passed on
        """Make the pools of connections, which look at each address."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet.

    Examples
    --------
    >>> [is_public(address) for address in ("93.184.216.34", "10.0.0.1", "::ffff:127.0.0.1", "169.254.169.254")]
    [True, False, False, False]
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    plain = mapped or found
    return plain.is_global and not plain.is_multicast


def _require_public(connected: socket.socket) -> socket.socket:
    address = str(connected.getpeername()[0])
    if is_public(address):
        return connected
    connected.close()
    raise PrivateAddressError(f"{address} is a private address")


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _require_public(super()._new_conn())


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _require_public(super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
