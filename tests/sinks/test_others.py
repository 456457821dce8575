"""Mail, Slack and SNS, each over a real server in this process."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from moto.server import ThreadedMotoServer

from include.settings import AlertSink
from include.sinks.email import send_email
from include.sinks.slack import send_to_slack
from include.sinks.sns import send_to_sns
from tests.alerting.letters import LETTER

MAIL = AlertSink(kind="email", connection="mail", to="desk@bank.example, fraud@bank.example")


class MailServer:
    """Takes mail down, and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[Envelope] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        self.got.append(envelope)
        return self.answer


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    handler = MailServer()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(handler, hostname="127.0.0.1", port=port)
    server.start()
    extra = {"from_email": "watch@bank.example", "disable_ssl": True, "disable_tls": True}
    told = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps(told))
    yield handler
    server.stop()


def test_a_mail_has_the_parcels_key_as_its_id_and_no_markup_of_the_bank(mail: MailServer) -> None:
    assert send_email(MAIL, LETTER).is_taken
    (envelope,) = mail.got
    assert envelope.rcpt_tos == ["desk@bank.example", "fraud@bank.example"]
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert message["Message-ID"] == f"<{LETTER.key}@bank.example>"
    assert message["Subject"] == LETTER.subject
    body = message.get_body(("html",))
    assert body is not None
    assert "Account … &lt;b&gt;is&lt;/b&gt; off." in body.get_content()


@pytest.mark.parametrize(("answer", "is_up"), [("451 later", False), ("554 never", True)])
def test_a_mail_that_is_refused_is_tried_once(mail: MailServer, answer: str, is_up: bool) -> None:
    mail.answer = answer
    said = send_email(MAIL, LETTER)
    assert (said.is_taken, said.is_up, said.text) == (False, is_up, f"{answer[:3]} by the mail server")
    assert len(mail.got) == 1


def test_a_mail_server_that_is_gone_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"conn_type": "smtp", "host": "127.0.0.1", "port": 9, "extra": {"disable_ssl": True, "disable_tls": True}}
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps(told))
    said = send_email(MAIL, LETTER)
    assert (said.is_taken, said.is_up, said.text) == (False, False, "no answer (ConnectionRefusedError)")


class _Slack(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        got = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, got))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Slack) as server:
        server.got, server.status = [], 200  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        host = f"http://127.0.0.1:{server.server_port}/services"
        told = {"conn_type": "slackwebhook", "host": host, "password": "T0/B0/secret"}
        monkeypatch.setenv("AIRFLOW_CONN_CHAT", json.dumps(told))
        yield server
        server.shutdown()


def test_slack_gets_text_without_markup_of_the_bank(slack: Any) -> None:
    sink = AlertSink(kind="slack", connection="chat")
    assert send_to_slack(sink, LETTER).is_taken
    ((path, got),) = slack.got
    assert path == "/services/T0/B0/secret"
    assert "Account … &lt;b&gt;is&lt;/b&gt; off." in got["text"]
    slack.status = 500
    said = send_to_slack(sink, LETTER)
    assert (said.is_taken, said.is_up) == (False, False)
    assert "secret" not in said.text
    assert len(slack.got) == 2


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD", "aws://")
    yield boto3.client("sns", region_name="eu-central-1").create_topic(Name="night")["TopicArn"]
    server.stop()


def test_a_topic_gets_the_parcel_with_its_key(topic: str) -> None:
    client = {"region_name": "eu-central-1"}
    queue = boto3.client("sqs", **client).create_queue(QueueName="heard")["QueueUrl"]
    arn = topic.replace(":sns:", ":sqs:").replace(":night", ":heard")
    boto3.client("sns", **client).subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    said = send_to_sns(AlertSink(kind="sns", connection="cloud", to=topic), LETTER)
    assert said.is_taken
    (got,) = boto3.client("sqs", **client).receive_message(QueueUrl=queue)["Messages"]
    body = json.loads(got["Body"])
    assert body["MessageAttributes"]["message_key"]["Value"] == LETTER.key
    assert (body["Subject"], body["Message"]) == (LETTER.subject, LETTER.text)
    gone = send_to_sns(AlertSink(kind="sns", connection="cloud", to=f"{topic}-gone"), LETTER)
    assert (gone.is_taken, gone.is_up, gone.text) == (False, True, "SNS refused it: NotFound")
