"""The envelope opens what was sealed, and nothing else."""

import base64
import os
import threading

import pytest

from include.errors import IntegrityError, SettingsError
from include.security.envelope import Envelope, former_key_of
from include.security.keys import local_key
from include.settings import Settings

CONTEXT = {"table": "quarantine", "night": "1994-01-31"}
RAW = '695247;"2378";930101;"PRIJEM";<script>=cmd()'


@pytest.fixture
def settings(tmp_path):
    return Settings(key_file=tmp_path / "keys" / "lake.key")


@pytest.fixture
def envelope(settings):
    return Envelope.open(settings)


def test_bytes_come_back(envelope, settings):
    for plain in (b"", b"x", os.urandom(200_000)):
        sealed = envelope.seal(plain, CONTEXT)
        assert plain[:16] not in sealed or len(plain) < 16
        assert Envelope.open(settings).unseal(sealed, CONTEXT) == plain


def test_every_changed_bit_is_found_out(envelope):
    sealed = envelope.seal(b"model", {})
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError):
            envelope.unseal(bytes(changed), {})


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b[: len(b) // 2], lambda b: b""])
def test_a_cut_or_longer_message_is_found_out(envelope, damage):
    with pytest.raises(IntegrityError):
        envelope.unseal(damage(envelope.seal(b"model", CONTEXT)), CONTEXT)


@pytest.mark.parametrize(
    "other", [{}, {"table": "quarantine"}, {**CONTEXT, "night": "1994-02-01"}, {**CONTEXT, "more": "x"}]
)
def test_another_context_opens_nothing(envelope, other):
    with pytest.raises(IntegrityError, match="sealed as something else"):
        envelope.unseal(envelope.seal(b"model", CONTEXT), other)
    with pytest.raises(IntegrityError):
        envelope.unseal_text(envelope.seal_text(RAW, CONTEXT), other)


def test_another_key_opens_nothing(envelope, tmp_path):
    other = Envelope.open(Settings(key_file=tmp_path / "other.key"))
    with pytest.raises(IntegrityError):
        other.unseal(envelope.seal(b"model", CONTEXT), CONTEXT)
    with pytest.raises(IntegrityError, match="ADS_KEY_FILE"):
        other.unseal_text(envelope.seal_text(RAW, CONTEXT), CONTEXT)


def test_texts_come_back_in_order_and_blank_stays_blank(envelope, settings):
    texts = [RAW, None, "", "Žižkov", RAW]
    sealed = envelope.seal_texts(texts, CONTEXT)
    assert Envelope.open(settings).unseal_texts(sealed, CONTEXT) == texts
    assert sealed[0] != sealed[4]
    assert envelope.unseal_text(sealed[3], CONTEXT) == "Žižkov"
    assert envelope.seal_texts([], CONTEXT) == []


def test_every_changed_letter_of_a_text_is_found_out(envelope):
    sealed = envelope.seal_text(RAW, CONTEXT)
    for position, letter in enumerate(sealed):
        for other in {"A", "B", "!", chr(ord(letter) ^ 1)} - {letter}:
            with pytest.raises(IntegrityError):
                envelope.unseal_text(sealed[:position] + other + sealed[position + 1 :], CONTEXT)


def test_parts_of_two_texts_cannot_be_joined(envelope):
    first, second = (base64.b64decode(envelope.seal_text(text, CONTEXT)) for text in ("first", "other"))
    with pytest.raises(IntegrityError):
        envelope.unseal_text(base64.b64encode(first[:-21] + second[-21:]).decode(), CONTEXT)


def test_a_text_key_is_no_sealed_model(envelope):
    sealed = base64.b64decode(envelope.seal_text(RAW, CONTEXT))
    key_message = sealed[2 : 2 + int.from_bytes(sealed[:2], "big")]
    with pytest.raises(IntegrityError):
        envelope.unseal(key_message, CONTEXT)


def test_thousands_of_texts_take_one_message_of_the_sdk(envelope, monkeypatch):
    """Measured on 20,000: 0.4 s with one; a message for each would take 24 s."""
    messages = []
    for name in ("seal", "_opened"):
        plain = getattr(Envelope, name)
        monkeypatch.setattr(Envelope, name, lambda *given, plain=plain: messages.append(plain) or plain(*given))
    texts = [RAW] * 2_000
    assert envelope.unseal_texts(envelope.seal_texts(texts, CONTEXT), CONTEXT) == texts
    assert len(messages) == 2


def test_the_key_is_made_for_its_owner_alone(settings):
    key = local_key(settings.key_file)
    assert len(key) == 32
    assert settings.key_file.stat().st_mode & 0o777 == 0o600
    assert local_key(settings.key_file) == key
    assert [file.name for file in settings.key_file.parent.iterdir()] == ["lake.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_key_that_others_may_read_is_refused(settings, mode):
    local_key(settings.key_file)
    settings.key_file.chmod(mode)
    with pytest.raises(SettingsError, match=f"mode {mode:04o}.*chmod 600 {settings.key_file}"):
        Envelope.open(settings)


def test_a_key_of_another_length_is_refused(settings):
    local_key(settings.key_file)
    settings.key_file.write_bytes(b"short")
    with pytest.raises(SettingsError, match="holds 5 bytes, a key has 32"):
        local_key(settings.key_file)


def test_a_key_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="ADS_KEY_FILE"):
        local_key(tmp_path / "file" / "lake.key")


def test_two_first_nights_at_once_share_one_key(tmp_path):
    for turn in range(20):
        path = tmp_path / str(turn) / "lake.key"
        barrier, found = threading.Barrier(4), []

        def read(path=path, barrier=barrier, found=found):
            barrier.wait()
            found.append(local_key(path))

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4
        assert len(set(found)) == 1


def test_what_names_no_lake_opens_still_and_another_lakes_does_not(envelope, settings):
    own, other = Envelope.open(settings, "0" * 32), Envelope.open(settings, "1" * 32)
    assert own.unseal(envelope.seal(b"model", CONTEXT), CONTEXT) == b"model"
    assert own.unseal_texts(envelope.seal_texts([RAW, None], CONTEXT), CONTEXT) == [RAW, None]
    for opened in (other, envelope):
        with pytest.raises(IntegrityError):
            opened.unseal(own.seal(b"model", CONTEXT), CONTEXT)
        with pytest.raises(IntegrityError):
            opened.unseal_text(own.seal_text(RAW, CONTEXT), CONTEXT)


def test_texts_are_sealed_anew_where_their_context_names_no_lake(envelope, settings):
    own = Envelope.open(settings, "0" * 32)
    again = own.resealed_texts(envelope.seal_texts([RAW, None, RAW], CONTEXT), CONTEXT)
    assert own.unseal_texts(again, CONTEXT) == [RAW, None, RAW]
    assert own.resealed_texts(again, CONTEXT) is None
    assert own.resealed_texts([None], CONTEXT) is None


def test_a_former_local_key_that_is_gone_is_not_made_anew(tmp_path):
    key = "arn:aws:kms:eu-central-1:000000000000:key/0"
    settings = Settings(kms_key=key, former_key="local", key_file=tmp_path / "lake.key")
    with pytest.raises(SettingsError, match="restore it, or set ADS_KEY_FILE"):
        former_key_of(settings)
    assert not settings.key_file.exists()


@pytest.mark.parametrize("name", ["key/0", "arn:aws:s3:::bucket", "arn:aws:kms:eu-central-1:1:key/0", "local"])
def test_a_key_that_is_none_of_kms_is_refused(name):
    with pytest.raises(ValueError, match="kms_key"):
        Settings(kms_key=name)
