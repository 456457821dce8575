"""The envelope under a KMS key: what opens, what each refusal is told as, and how often the key service is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import SSLError
from botocore.stub import Stubber

from include.aws.clients import client
from include.aws.refusals import told
from include.errors import IntegrityError, KeyRefusedError, KeyUnavailableError, SettlementError
from include.security import kms
from include.security.anchors import Anchors
from include.security.envelope import Envelope, WrappingKey, kms_key_of, require_key
from include.security.kms import KeyService, forget, key_service
from include.settings import Settings
from local.stand_ins import ACCOUNT, REGION, StandIns
from tests.aws.roles import act_as

CONTEXT = {"table": "quarantine", "night": "1994-01-31"}
LAKE = "0" * 32
TEXT = "Novák, 930101/1234"


@pytest.fixture
def settings(kms_key: str, tmp_path: Path) -> Settings:
    return Settings(kms_key=kms_key, key_file=tmp_path / "none" / "lake.key")


@pytest.fixture
def envelope(settings: Settings) -> Envelope:
    return Envelope.open(settings, LAKE)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, str]]]]:
    """What KMS is asked from now on: the operation, and the context that it is asked with."""
    asked: list[tuple[str, dict[str, str]]] = []
    made = KeyService.__init__

    def listening(self: KeyService, key: str, remembered_seconds: float = kms.REMEMBERED_SECONDS) -> None:
        made(self, key, remembered_seconds)
        events = self._client.meta.events
        events.register(
            "provide-client-params.kms",
            lambda params, model, **_: asked.append((model.name, params["EncryptionContext"])),
        )

    monkeypatch.setattr(KeyService, "__init__", listening)
    forget()
    yield asked
    forget()


def test_what_a_kms_key_sealed_opens_with_it_and_no_local_key_is_made(envelope: Envelope, settings: Settings) -> None:
    sealed, text = envelope.seal(b"model", CONTEXT), envelope.seal_text(TEXT, CONTEXT)
    forget()  # as another process would
    again = Envelope.open(settings, LAKE)
    assert again.unseal(sealed, CONTEXT) == b"model"
    assert again.unseal_text(text, CONTEXT) == TEXT
    assert not settings.key_file.parent.exists()


@pytest.mark.parametrize("change", [{"night": "1994-02-01"}, {"more": "x"}])
def test_another_context_opens_nothing(envelope: Envelope, change: dict[str, str]) -> None:
    sealed = envelope.seal(b"model", CONTEXT)
    forget()
    with pytest.raises(IntegrityError):
        envelope.unseal(sealed, {**CONTEXT, **change})


def test_another_lake_and_no_lake_open_nothing(envelope: Envelope, settings: Settings) -> None:
    sealed, text = envelope.seal(b"model", CONTEXT), envelope.seal_text(TEXT, CONTEXT)
    plain = Envelope.open(settings)
    for other in (plain, Envelope.open(settings, "1" * 32)):
        with pytest.raises(IntegrityError):
            other.unseal(sealed, CONTEXT)
        with pytest.raises(IntegrityError):
            other.unseal_text(text, CONTEXT)
    with pytest.raises(IntegrityError):  # nor does a lake's envelope open what names none, which local keys do
        envelope.unseal(plain.seal(b"model", CONTEXT), CONTEXT)


def test_an_altered_data_key_is_an_altered_message_and_no_refusal(envelope: Envelope) -> None:
    sealed = bytearray(envelope.seal(b"model", CONTEXT))
    sealed[sealed.index(b"arn:aws:kms") + 150] ^= 1
    with pytest.raises(IntegrityError):
        envelope.unseal(bytes(sealed), CONTEXT)


def test_what_another_key_sealed_does_not_open(envelope: Envelope, settings: Settings, aws: StandIns) -> None:
    other = client("kms").create_key()["KeyMetadata"]["Arn"]
    stranger = Envelope.open(settings.model_copy(update={"kms_key": other}), LAKE)
    with pytest.raises(IntegrityError):
        envelope.unseal(stranger.seal(b"model", CONTEXT), CONTEXT)


def test_an_alias_names_its_key(envelope: Envelope, settings: Settings) -> None:
    alias = f"alias/lake-{settings.kms_key[-12:]}"
    client("kms").create_alias(AliasName=alias, TargetKeyId=settings.kms_key)
    named = settings.model_copy(update={"kms_key": f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias}"})
    assert Envelope.open(named, LAKE).unseal(envelope.seal(b"model", CONTEXT), CONTEXT) == b"model"
    missing = settings.model_copy(update={"kms_key": f"{named.kms_key}-none"})
    with pytest.raises(KeyRefusedError, match=r"kms:DescribeKey.*NotFoundException"):
        Envelope.open(missing)


def _disabled(key: str) -> None:
    client("kms").disable_key(KeyId=key)


def _pending(key: str) -> None:
    client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


@pytest.mark.parametrize("refuse", [_disabled, _pending])
def test_a_refused_key_seals_and_opens_nothing_and_the_message_names_it(
    settings: Settings, envelope: Envelope, refuse: Callable[[str], None]
) -> None:
    sealed = envelope.seal(b"model", CONTEXT)
    refuse(settings.kms_key)
    forget()
    refused = Envelope.open(settings, LAKE)
    with pytest.raises(KeyRefusedError, match=f"{settings.kms_key} .kms:GenerateDataKey.*ADS_KMS_KEY"):
        refused.seal(b"model", CONTEXT)
    with pytest.raises(KeyRefusedError, match=f"{settings.kms_key} .kms:Decrypt.*ADS_KMS_KEY"):
        refused.unseal(sealed, CONTEXT)
    with pytest.raises(KeyRefusedError, match=r"kms:GenerateDataKey"):
        require_key(settings)


def test_a_key_that_is_enabled_again_opens_again(settings: Settings, envelope: Envelope) -> None:
    sealed = envelope.seal(b"model", CONTEXT)
    _disabled(settings.kms_key)
    client("kms").enable_key(KeyId=settings.kms_key)
    forget()
    require_key(settings)
    assert envelope.unseal(sealed, CONTEXT) == b"model"


def test_a_missing_key_is_told(settings: Settings) -> None:
    missing = settings.model_copy(update={"kms_key": f"{settings.kms_key[:-4]}0000"})
    with pytest.raises(KeyRefusedError, match=r"0000 .kms:GenerateDataKey.*NotFoundException"):
        require_key(missing)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("certificate verify failed: unable to get local issuer certificate", KeyRefusedError),
        ("EOF occurred in violation of protocol", KeyUnavailableError),
    ],
)
def test_a_certificate_that_is_not_trusted_is_no_network_that_fails(words: str, kind: type[SettlementError]) -> None:
    refused = SSLError(endpoint_url="https://kms.bank.example", error=words)
    with pytest.raises(kind, match=words), told("the key", "", terminal=KeyRefusedError, passing=KeyUnavailableError):
        raise refused


def test_a_key_service_out_of_reach_may_be_tried_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
    with pytest.raises(KeyUnavailableError, match=f"{settings.kms_key}.*could not be asked"):
        require_key(settings)


# No stand-in has key policies, throttles or fails: its answers are those of AWS's reference of the KMS API.
@pytest.mark.parametrize(
    ("operation", "code", "status", "kind"),
    [
        ("generate_data_key", "AccessDeniedException", 400, KeyRefusedError),
        ("decrypt", "AccessDeniedException", 400, KeyRefusedError),
        ("decrypt", "KMSInvalidStateException", 400, KeyRefusedError),
        ("decrypt", "ThrottlingException", 400, KeyUnavailableError),
        ("decrypt", "KMSInternalException", 500, KeyUnavailableError),
        ("decrypt", "KeyUnavailableException", 500, KeyUnavailableError),
        ("generate_data_key", "DependencyTimeoutException", 503, KeyUnavailableError),
        ("decrypt", "ExpiredTokenException", 400, KeyUnavailableError),
        ("decrypt", "InvalidCiphertextException", 400, IntegrityError),
        ("decrypt", "IncorrectKeyException", 400, IntegrityError),
    ],
)
def test_each_answer_is_terminal_or_passing(
    envelope: Envelope, settings: Settings, operation: str, code: str, status: int, kind: type[SettlementError]
) -> None:
    sealed = envelope.seal(b"model", CONTEXT)
    forget()
    with Stubber(key_service(settings.kms_key)._client) as stubber:
        stubber.add_client_error(operation, code, "words", http_status_code=status)
        again = Envelope.open(settings, LAKE)
        with pytest.raises(kind) as told:
            again.seal(b"model", CONTEXT) if operation == "generate_data_key" else again.unseal(sealed, CONTEXT)
    assert kind is IntegrityError or (code in str(told.value) and settings.kms_key in str(told.value))


def test_texts_of_one_batch_cost_one_call_and_one_reading_none(
    settings: Settings, calls: list[tuple[str, dict[str, str]]]
) -> None:
    sealing = Envelope.open(settings, LAKE)
    sealed = sealing.seal_texts([TEXT] * 300, CONTEXT)
    assert [name for name, _ in calls] == ["GenerateDataKey"]
    forget()
    for _ in range(3):
        assert Envelope.open(settings, LAKE).unseal_texts(sealed, CONTEXT) == [TEXT] * 300
    assert [name for name, _ in calls] == ["GenerateDataKey", "Decrypt"]
    assert all(context["lake"] == LAKE for _, context in calls)


def test_a_data_key_is_remembered_for_a_moment_alone(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    envelope = Envelope.open(settings)
    sealed = envelope.seal(b"model", CONTEXT)
    _disabled(settings.kms_key)
    assert envelope.unseal(sealed, CONTEXT) == b"model"
    now = kms.time.monotonic()
    monkeypatch.setattr(kms.time, "monotonic", lambda: now + kms.REMEMBERED_SECONDS + 1)
    with pytest.raises(KeyRefusedError):
        envelope.unseal(sealed, CONTEXT)


def test_ciphertext_from_before_a_rotation_opens(settings: Settings, envelope: Envelope) -> None:
    sealed = envelope.seal(b"model", CONTEXT)
    client("kms").enable_key_rotation(KeyId=settings.kms_key)
    assert client("kms").get_key_rotation_status(KeyId=settings.kms_key)["KeyRotationEnabled"]
    forget()
    assert envelope.unseal(sealed, CONTEXT) == b"model"


def test_the_former_key_opens_and_does_not_seal(settings: Settings, envelope: Envelope, tmp_path: Path) -> None:
    local = Settings(key_file=tmp_path / "keys" / "lake.key")
    sealed = Envelope.open(local).seal(b"model", CONTEXT)
    both = Envelope.open(local.model_copy(update={"kms_key": settings.kms_key, "former_key": "local"}))
    assert both.unseal(sealed, CONTEXT) == b"model"
    again = both.resealed(sealed, {"lake": LAKE})
    assert again is not None
    assert envelope.unseal(again, CONTEXT) == b"model"
    assert both.resealed(again, {"lake": "another"}) is None
    with pytest.raises(IntegrityError):
        Envelope.open(local).unseal(again, {**CONTEXT, "lake": LAKE})


def test_the_key_is_the_one_that_the_settings_name(settings: Settings) -> None:
    key = kms_key_of(settings)
    assert isinstance(key, WrappingKey)
    assert key.name == settings.kms_key


def test_who_changed_the_setting_alone_is_told_which_key_sealed_it(settings: Settings, tmp_path: Path) -> None:
    local = settings.model_copy(update={"kms_key": "", "key_file": tmp_path / "keys" / "lake.key"})
    Anchors.open(local).place("/data/lake", LAKE)
    moved = settings.model_copy(update={"key_file": local.key_file})
    said = f"sealed with the local master key, and this installation opens with the KMS key {settings.kms_key}"
    with pytest.raises(IntegrityError, match=rf"{said}.*ADS_FORMER_KEY.*rewrap"):
        Anchors.open(moved).lake_at("/data/lake")
    Anchors.open(moved).advance(LAKE, {"champion": 1})
    with pytest.raises(IntegrityError, match=rf"sealed with the KMS key {settings.kms_key}, and this .* local master"):
        Anchors.open(local).counters(LAKE)


@pytest.mark.parametrize(
    ("allowed", "denied"), [("kms:Decrypt", "GenerateDataKey"), ("kms:GenerateDataKey", "Decrypt")]
)
def test_a_role_that_may_do_one_half_alone_is_told_the_other(
    guarded: StandIns, monkeypatch: pytest.MonkeyPatch, allowed: str, denied: str
) -> None:
    # Of the stand-ins only ministack holds anybody to a policy; its KMS is asked here for that alone.
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", guarded.address("ministack"))
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    statement = {"Sid": "Key", "Effect": "Allow", "Action": [allowed], "Resource": [key]}
    act_as(monkeypatch, {"Version": "2012-10-17", "Statement": [statement]})
    with pytest.raises(KeyRefusedError, match=rf"{key} \(kms:{denied}\).*AccessDenied.*allow kms:{denied}"):
        require_key(Settings(kms_key=key))
