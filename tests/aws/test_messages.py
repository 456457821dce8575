"""Messages reach an SNS topic and SES's recipients once, with their key, and wait in the outbox otherwise."""

from __future__ import annotations

import email
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email import policy
from pathlib import Path
from typing import Any

import httpx
import pytest
from airflow.providers.amazon.aws.hooks.ses import SesHook
from airflow.providers.amazon.aws.hooks.sns import SnsHook
from botocore.stub import Stubber
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer
from moto.ses.models import ses_backends

from include.alerting.drain import AlertDrain
from include.alerting.store import AlertStore
from include.aws.clients import client
from include.lake import Lake
from include.settings import AlertSink
from include.sinks import open_sink
from include.sinks.ses import send_by_ses
from include.sinks.sns import send_to_sns
from local.stand_ins import ACCOUNT, REGION, StandIns
from tests.alerting.letters import LETTER
from tests.alerting.nights import NIGHT, NOW, finding, publish, settings_of
from tests.aws.fault_proxy import FaultProxy
from tests.aws.roles import act_as

SENDER = "watch@bank.example"
MAIL = AlertSink(kind="ses", connection="cloud", to="desk@bank.example, fraud@bank.example")


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without credentials of its own: those of the environment are taken."""
    told = {"conn_type": "aws", "extra": {"from_email": SENDER, "region_name": REGION}}
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD", json.dumps(told))


@pytest.fixture(scope="module")
def proxy(stand_ins: StandIns, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    with FaultProxy.before(stand_ins.address("ministack"), tmp_path_factory.mktemp("proxy")) as running:
        yield running


def topic_heard_by_a_queue(suffix: str = "") -> tuple[AlertSink, str]:
    """A sink of a new topic, and the address of a queue that is subscribed to it."""
    name = f"night-{uuid.uuid4().hex[:8]}{suffix}"
    kind = {"Attributes": {"FifoTopic": "true"}} if suffix else {}
    topic = client("sns").create_topic(Name=name, **kind)["TopicArn"]
    kind = {"Attributes": {"FifoQueue": "true"}} if suffix else {}
    queue = client("sqs").create_queue(QueueName=name, **kind)["QueueUrl"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=topic.replace(":sns:", ":sqs:"))
    return AlertSink(kind="sns", connection="cloud", to=topic), queue


def heard(queue: str) -> list[dict[str, Any]]:
    """What came to a queue, which is empty afterwards."""
    got = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    for message in got:
        client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in got]


def mails(stand_ins: StandIns) -> list[dict[str, Any]]:
    """What SES sent."""
    found = httpx.get(f"{stand_ins.address('ministack')}/_ministack/ses/messages").json()["messages"]
    return [mail for mail in found.get(ACCOUNT, []) if mail["Source"] == SENDER]


def test_a_topic_hands_a_parcel_on_once_with_its_key(aws: StandIns) -> None:
    sink, queue = topic_heard_by_a_queue()
    assert send_to_sns(sink, replace(LETTER, subject="s" * 200)).is_taken
    (got,) = heard(queue)
    assert got["MessageAttributes"] == {"message_key": {"Type": "String", "Value": LETTER.key}}
    assert (got["Subject"], got["Message"]) == ("s" * 99, LETTER.text)
    assert heard(queue) == []


def test_a_fifo_topic_drops_a_repetition(aws: StandIns) -> None:
    sink, queue = topic_heard_by_a_queue(".fifo")
    for key in (LETTER.key, LETTER.key, "f" * 32):
        assert send_to_sns(sink, replace(LETTER, key=key)).is_taken
    assert [each["MessageAttributes"]["message_key"]["Value"] for each in (*heard(queue), *heard(queue))] == [
        LETTER.key,
        "f" * 32,
    ]


def test_who_may_not_publish_or_send_is_told_so(guarded: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    sink, queue = topic_heard_by_a_queue()
    client("ses").verify_email_identity(EmailAddress=SENDER)
    with monkeypatch.context() as patch:
        act_as(patch, None)
        refused = send_to_sns(sink, LETTER), send_by_ses(MAIL, LETTER)
    assert [(each.is_taken, each.is_up, each.text) for each in refused] == [
        (False, True, "SNS refused it: AuthorizationError"),
        (False, True, "SES refused it: AccessDenied"),
    ]
    assert (heard(queue), mails(guarded)) == ([], [])


def test_a_connection_that_is_missing_is_not_replaced_by_the_processs_own_rights(aws: StandIns) -> None:
    sink, queue = topic_heard_by_a_queue()
    for send, given in ((send_to_sns, sink), (send_by_ses, MAIL)):
        answer = send(given.model_copy(update={"connection": "elsewhere"}), LETTER)
        assert (answer.is_taken, answer.is_up) == (False, False)
        assert answer.text.startswith("Airflow has no connection 'elsewhere'")
    assert heard(queue) == []


@pytest.mark.parametrize(
    ("hook", "send", "service", "operation", "code", "is_up"),
    [
        # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
        (SnsHook, send_to_sns, "sns", "publish", "Throttled", False),
        (SnsHook, send_to_sns, "sns", "publish", "KMSDisabled", True),
        (SnsHook, send_to_sns, "sns", "publish", "InternalError", False),
        # https://docs.aws.amazon.com/ses/latest/APIReference/API_SendRawEmail.html
        (SesHook, send_by_ses, "ses", "send_raw_email", "Throttling", False),
        (SesHook, send_by_ses, "ses", "send_raw_email", "AccountSendingPausedException", True),
    ],
)
def test_a_service_that_is_busy_holds_up_its_messages_and_one_that_refuses_only_the_one(
    aws: StandIns,
    monkeypatch: pytest.MonkeyPatch,
    hook: Any,
    send: Any,
    service: str,
    operation: str,
    code: str,
    is_up: bool,
) -> None:
    """No stand-in does any of this: a stub answers after AWS's documentation."""
    stubbed = client(service, attempts=1)
    monkeypatch.setattr(hook, "get_conn", lambda _: stubbed)
    monkeypatch.setattr(hook, "conn", stubbed)
    with Stubber(stubbed) as stub:
        stub.add_client_error(operation, code, "so it is")
        answer = send(AlertSink(kind=service, connection="cloud", to="arn:aws:sns:eu-central-1:1:night"), LETTER)
        stub.assert_no_pending_responses()
    assert (answer.is_taken, answer.is_up, answer.text) == (False, is_up, f"{service.upper()} refused it: {code}")


@pytest.mark.parametrize(("suffix", "told"), [("", 2), (".fifo", 1)])
def test_a_lost_answer_brings_a_repetition_with_the_same_key(
    aws: StandIns, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, suffix: str, told: int
) -> None:
    sink, queue = topic_heard_by_a_queue(suffix)
    with monkeypatch.context() as patch, proxy.failing(response={"abort_bytes": 0}):
        patch.setenv("AWS_ENDPOINT_URL_SNS", proxy.address)
        lost = send_to_sns(sink, LETTER)
    assert (lost.is_taken, lost.is_up, lost.text[:9]) == (False, False, "no answer")
    assert send_to_sns(sink, LETTER).is_taken
    keys = [each["MessageAttributes"]["message_key"]["Value"] for each in (*heard(queue), *heard(queue))]
    assert keys == [LETTER.key] * told


@pytest.mark.parametrize(("send", "service"), [(send_to_sns, "SNS"), (send_by_ses, "SES")])
def test_no_message_goes_over_the_network_in_the_clear(
    aws: StandIns, monkeypatch: pytest.MonkeyPatch, send: Any, service: str
) -> None:
    monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", "http://10.0.0.1:9")
    answer = send(AlertSink(kind="sns", connection="cloud", to="arn:aws:sns:eu-central-1:1:night"), LETTER)
    assert (answer.is_taken, answer.is_up) == (False, False)
    assert f"the endpoint of {service.lower()} is http://10.0.0.1:9" in answer.text


@pytest.mark.parametrize("send", [send_to_sns, send_by_ses])
def test_no_message_goes_to_whoever_answers_as_aws(monkeypatch: pytest.MonkeyPatch, send: Any) -> None:
    told = {"conn_type": "aws", "extra": {"from_email": SENDER, "region_name": REGION, "verify": False}}
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD", json.dumps(told))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:1")
    answer = send(AlertSink(kind="sns", connection="cloud", to="arn:aws:sns:eu-central-1:1:night"), LETTER)
    assert (answer.is_taken, answer.is_up) == (False, False)
    assert "checks no certificate" in answer.text


def test_ses_sends_one_mail_to_all_recipients_from_a_verified_address(aws: StandIns) -> None:
    before = len(mails(aws))
    refused = send_by_ses(MAIL, LETTER)
    assert (refused.is_taken, refused.is_up, refused.text) == (False, True, "SES refused it: MessageRejected")
    client("ses").verify_email_identity(EmailAddress=SENDER)
    assert send_by_ses(MAIL, LETTER).is_taken
    (mail,) = mails(aws)[before:]
    assert (mail["To"], mail["Subject"]) == (["desk@bank.example", "fraud@bank.example"], LETTER.subject)
    assert "Account … &lt;b&gt;is&lt;/b&gt; off." in mail["BodyHtml"]


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stand-in that keeps mails as they were sent, headers among them."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    yield
    server.stop()


def test_a_mail_through_ses_has_the_parcels_key_in_a_header_that_ses_leaves(moto: None) -> None:
    client("ses").verify_email_identity(EmailAddress=SENDER)
    assert send_by_ses(MAIL, LETTER).is_taken
    (sent,) = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    message = email.message_from_string(sent.raw_data, policy=policy.default)
    assert (message["X-Message-Key"], message["Auto-Submitted"]) == (LETTER.key, "auto-generated")
    assert (message["From"], message["To"], message["Message-ID"]) == (
        SENDER,
        "desk@bank.example, fraud@bank.example",
        None,
    )


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def test_what_finds_both_services_gone_waits_in_the_outbox_and_is_told_once_they_are_back(
    aws: StandIns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sink, queue = topic_heard_by_a_queue()
    client("ses").verify_email_identity(EmailAddress=SENDER)
    before = len(mails(aws))
    sinks = {"topic": sink.model_dump(), "mail": MAIL.model_dump()}
    settings = settings_of(tmp_path / "lake", alert_sinks=sinks)
    lake = Lake.open(settings.lake_uri, settings)
    publish(lake, NIGHT, [finding(1)])
    drain = AlertDrain(lake, AlertStore.open(settings.lake_uri, lake.identity, settings), settings)

    def drained(moment: datetime) -> list[tuple[int, int]]:
        due = drain.collect(moment, failed=())
        done = [drain.deliver(name, open_sink(name, settings), at(moment)) for name in due]
        return [(each["sent"], each["kept"]) for each in done]

    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        assert drained(NOW) == [(0, 1), (0, 1)]
    assert {row["answer"] for row in drain.store.told(NIGHT)} == {"no answer (EndpointConnectionError)"}
    assert (heard(queue), len(mails(aws))) == ([], before)
    assert drained(NOW + timedelta(hours=1)) == [(1, 0), (1, 0)]
    assert drained(NOW + timedelta(hours=2)) == []
    (got,) = heard(queue)
    (parcel,) = {row["parcel_key"] for row in drain.store.told(NIGHT) if row["sink"] == "topic"}
    assert got["MessageAttributes"]["message_key"]["Value"] == parcel
    assert len(mails(aws)) == before + 1
