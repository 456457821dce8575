"""Servers that speak just enough of a database's protocol to do harm, or to say nothing."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread


@dataclass
class Visits:
    """What a server was sent, and where it listens."""

    port: int
    received: list[bytes] = field(default_factory=list)
    ended: Event = field(default_factory=Event)

    @property
    def text(self) -> str:
        return b"".join(self.received).decode(errors="replace")


Talk = Callable[[socket.socket, Visits], None]


@contextmanager
def serving(talk: Talk) -> Iterator[Visits]:
    """Listen on a port of this machine and talk with each client in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        visits = Visits(listening.getsockname()[1])
        Thread(target=_accept, args=(listening, talk, visits), daemon=True).start()
        try:
            yield visits
        finally:
            visits.ended.set()


def _accept(listening: socket.socket, talk: Talk, visits: Visits) -> None:
    with suppress(OSError):
        while True:
            client = listening.accept()[0]
            Thread(target=_talk, args=(client, talk, visits), daemon=True).start()


def _talk(client: socket.socket, talk: Talk, visits: Visits) -> None:
    with client, suppress(OSError, struct.error):
        talk(client, visits)


# MySQL's packets: three bytes of length, one of sequence.

# All capabilities but TLS, and TLS.
_CAPABILITIES, _TLS = 0xF7FF, 0x0800


def _greeting(*, with_tls: bool = False) -> bytes:
    return (
        b"\x0a8.0.36\x00"
        + struct.pack("<I", 1)
        + b"12345678\x00"
        + struct.pack("<HBHH", _CAPABILITIES | (_TLS if with_tls else 0), 45, 2, 0x000F)
        + bytes([21])
        + bytes(10)
        + b"123456789012\x00"
        + b"mysql_native_password\x00"
    )


_OK = b"\x00\x00\x00\x02\x00\x00\x00"


def _packet(content: bytes, sequence: int) -> bytes:
    return struct.pack("<I", len(content))[:3] + bytes([sequence]) + content


def _received(client: socket.socket) -> tuple[bytes, int]:
    head = _whole(client, 4)
    return _whole(client, struct.unpack("<I", head[:3] + b"\x00")[0]), head[3]


def _whole(client: socket.socket, size: int) -> bytes:
    """As many bytes, piece by piece: over TLS they are not waited for otherwise."""
    content = b""
    while len(content) < size and (piece := client.recv(size - len(content))):
        content += piece
    return content


def greet_as_mysql(client: socket.socket) -> None:
    """Let anybody in."""
    client.sendall(_packet(_greeting(), 0))
    _, sequence = _received(client)
    client.sendall(_packet(_OK, sequence + 1))


def asking_for(file: str) -> Talk:
    """A MySQL server that answers the first query by asking for a file of the client's."""

    def talk(client: socket.socket, visits: Visits) -> None:
        greet_as_mysql(client)
        # What every client sends to set its session up is granted.
        while b"SET " in (statement := _received(client))[0].upper():
            client.sendall(_packet(_OK, statement[1] + 1))
        sequence = statement[1]
        client.sendall(_packet(b"\xfb" + file.encode(), sequence + 1))
        while content := _received(client)[0]:
            visits.received.append(content)

    return talk


def asking_as_it_is(plugin: bytes, certificate: Path | None = None) -> Talk:
    """A MySQL server that wants the password as it is; with a file of certificate and key over TLS alone."""

    def talk(client: socket.socket, visits: Visits) -> None:
        client.sendall(_packet(_greeting(with_tls=certificate is not None), 0))
        sequence = _received(client)[1]
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            client = context.wrap_socket(client, server_side=True)
            sequence = _received(client)[1]
        # A wish for another plugin and, for `dialog`, its question.
        client.sendall(_packet(b"\xfe" + plugin + b"\x00" + b"\x02Password: ", sequence + 1))
        visits.received.append(client.recv(1024))

    return talk


def silent_mysql(client: socket.socket, visits: Visits) -> None:
    """A MySQL server that lets anybody in and answers no statement."""
    greet_as_mysql(client)
    while b"SET " in (statement := _received(client))[0].upper():
        client.sendall(_packet(_OK, statement[1] + 1))
    visits.ended.wait(60)


# PostgreSQL's messages: a letter, four bytes of length that count themselves.


def _message(letter: bytes, content: bytes = b"") -> bytes:
    return letter + struct.pack("!I", len(content) + 4) + content


def _startup(client: socket.socket) -> None:
    length = struct.unpack("!I", client.recv(4, socket.MSG_WAITALL))[0]
    client.recv(length - 4, socket.MSG_WAITALL)


def asking_for_password(client: socket.socket, visits: Visits) -> None:
    """A PostgreSQL server that wants the password as it is."""
    _startup(client)
    client.sendall(_message(b"R", struct.pack("!I", 3)))
    visits.received.append(client.recv(1024))


def silent_postgres(client: socket.socket, visits: Visits) -> None:
    """A PostgreSQL server that lets anybody in and answers no statement."""
    _startup(client)
    client.sendall(_message(b"R", struct.pack("!I", 0)))
    client.sendall(_message(b"K", struct.pack("!II", 1, 2)) + _message(b"Z", b"I"))
    visits.ended.wait(60)


def deaf(client: socket.socket, visits: Visits) -> None:
    """A server that takes a connection and not even a login."""
    visits.ended.wait(60)


@contextmanager
def stopping_after(bytes_let_through: int, socket_file: str) -> Iterator[Visits]:
    """A way to a real server's socket that goes quiet once so much has come back."""

    def talk(client: socket.socket, visits: Visits) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(socket_file)
            Thread(target=_pass, args=(client, server), daemon=True).start()
            left = bytes_let_through
            while left > 0 and (content := server.recv(min(left, 65_536))):
                client.sendall(content)
                left -= len(content)
            visits.ended.wait(60)

    with serving(talk) as visits:
        yield visits


def _pass(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while content := one.recv(65_536):
            other.sendall(content)
