"""Webhooks over real HTTP: signed, once, within bounds of time, to no redirect and no private address."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from include.alerting.letter import Letter
from include.errors import SettingsError
from include.settings import AlertSink, Settings
from include.sinks import beat, open_sink, opening
from include.sinks import webhook as module
from include.sinks.webhook import send_to_webhook, signature

LETTER = Letter("0123456789abcdef" * 2, "Night 2026-03-02: breaks 1", "1. <b>off</b>", {"key": "k", "messages": []})
SINK = AlertSink(kind="webhook", connection="hook")
# The example of the Standard Webhooks specification's own libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105


class Host(ThreadingHTTPServer):
    """A host that takes down what it gets, and answers with a status and headers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.headers, self.hangs = 204, {}, threading.Event()
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.must_hang = self.drips = False


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        if self.server.must_hang:
            self.server.hangs.wait(10)
        while self.server.drips and not self.server.hangs.wait(0.05):
            self.wfile.write(b"H")
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    with Host() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        connect(monkeypatch, server.server_port)
        yield server
        server.hangs.set()
        server.shutdown()


def connect(monkeypatch: pytest.MonkeyPatch, port: int, host: str = "127.0.0.1", **values: Any) -> None:
    told = {"conn_type": "http", "host": host, "port": port, "password": SECRET, "extra": {"endpoint": "/in"}, **values}
    monkeypatch.setenv("AIRFLOW_CONN_HOOK", json.dumps(told))


def test_a_parcel_arrives_signed_under_its_key(host: Host) -> None:
    answer = send_to_webhook(SINK, LETTER, may_be_private=True)
    assert (answer.is_taken, answer.text) == (True, "204 No Content")
    ((path, headers, body),) = host.got
    assert (path, json.loads(body)) == ("/in", LETTER.data)
    assert headers["Idempotency-Key"] == headers["webhook-id"] == LETTER.key
    signed = signature(SECRET, LETTER.key, int(headers["webhook-timestamp"]), body)
    assert headers["webhook-signature"] == signed["webhook-signature"]


def test_the_signature_is_that_of_standard_webhooks() -> None:
    body = b'{"test": 2432232314}'
    signed = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(("status", "is_up"), [(500, False), (503, False), (429, False), (400, True), (413, True)])
def test_another_status_takes_nothing(host: Host, status: int, is_up: bool) -> None:
    host.status = status
    answer = send_to_webhook(SINK, LETTER, may_be_private=True)
    assert (answer.is_taken, answer.is_up) == (False, is_up)
    assert answer.text.startswith(str(status))


def test_a_redirect_is_not_followed(host: Host) -> None:
    host.status, host.headers = 307, {"Location": f"http://127.0.0.1:{host.server_port}/elsewhere"}
    answer = send_to_webhook(SINK, LETTER, may_be_private=True)
    assert not answer.is_taken
    assert "redirects are not followed" in answer.text
    assert [path for path, _, _ in host.got] == ["/in"]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_a_private_address_gets_nothing(host: Host, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    connect(monkeypatch, host.server_port, name)
    answer = send_to_webhook(SINK, LETTER, may_be_private=False)
    assert "leads to a private address" in answer.text
    assert host.got == []


def test_a_host_that_hangs_is_given_up(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.2)
    host.must_hang = True
    answer = send_to_webhook(SINK, LETTER, may_be_private=True)
    assert (answer.is_taken, answer.is_up, answer.text) == (False, False, "no answer (ReadTimeout)")


def test_a_host_that_is_gone_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        connect(monkeypatch, free.getsockname()[1])
    answer = send_to_webhook(SINK, LETTER, may_be_private=True)
    assert (answer.is_up, answer.text) == (False, "no answer (ConnectionError)")


def test_a_proxy_of_the_environment_is_not_asked(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert send_to_webhook(SINK, LETTER, may_be_private=True).is_taken


def test_a_host_that_drips_its_answer_is_given_up(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "LONGEST_SECONDS", 0.3)
    host.drips = True
    answer = open_sink("desk", Settings(alert_sinks={"desk": SINK}, alert_private_addresses=True))(LETTER)
    assert (answer.is_taken, answer.is_up, answer.text) == (False, False, "no answer within 0.3 seconds")
    assert len(host.got) == 1


def test_a_secret_that_is_no_secret_is_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, host.server_port, password="whsec_a")  # noqa: S106
    assert "no base64 after whsec_" in send_to_webhook(SINK, LETTER, may_be_private=True).text
    assert host.got == []


def test_nothing_is_sent_unsigned(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, host.server_port, password="")
    assert "no password to sign with" in send_to_webhook(SINK, LETTER, may_be_private=True).text
    assert host.got == []


def test_a_connection_that_there_is_not_is_named() -> None:
    answer = send_to_webhook(AlertSink(kind="webhook", connection="nowhere"), LETTER, may_be_private=True)
    assert "Airflow has no connection 'nowhere'" in answer.text


def test_the_heartbeat_is_a_call(host: Host) -> None:
    assert beat("hook", may_be_private=True).is_taken
    assert [path for path, _, _ in host.got] == ["/in"]
    assert "ADS_ALERT_HEARTBEAT" in beat("nowhere", may_be_private=True).text


def test_a_sink_that_there_is_not_is_refused() -> None:
    settings = Settings(alert_sinks={"desk": SINK})
    assert open_sink("desk", settings)
    with pytest.raises(SettingsError, match=r"there is no sink 'other' .* the installation has desk"):
        open_sink("other", settings)
