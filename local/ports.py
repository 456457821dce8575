"""Chooses the port of this machine on which a page is served."""

from __future__ import annotations

import socket

from include.errors import SettingsError


def choose_port(asked: str, default: int) -> int:
    """The port asked for, or the first free one from the default on.

    Raises
    ------
    SettingsError
        When the requested port is not a port number, or is taken.
    """
    if not asked:
        return next(port for port in range(default, default + 100) if _is_free(port))
    if not asked.isdigit() or not 1024 <= int(asked) <= 65535:
        raise SettingsError(f"PORT={asked} is not a port: give a number from 1024 to 65535", setting="port")
    if not _is_free(int(asked)):
        raise SettingsError(
            f"port {asked} is taken by another program: give another, PORT=9090, or none", setting="port"
        )
    return int(asked)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
