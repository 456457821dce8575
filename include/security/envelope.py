"""The authenticated envelope for models and raw customer texts.

The AWS Encryption SDK seals bytes with key commitment. One of its messages costs 0.6 ms and 300 bytes, which is too
much for each of a night's thousands of short texts. These share one data key: the SDK seals the key, bound to the
context, and AES-256-GCM seals each text under it. As the data key is fixed by a message that commits to its own key, no
text opens under two keys.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

import aws_encryption_sdk
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import AesWrappingAlg, CreateRawAesKeyringInput
from aws_cryptographic_material_providers.mpl.references import IKeyring
from aws_encryption_sdk import CommitmentPolicy
from aws_encryption_sdk.identifiers import AlgorithmSuite
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from include.errors import IntegrityError
from include.security.keys import KEY_BYTES, local_key
from include.settings import Settings

KeyringFactory = Callable[[Settings], IKeyring]
"""Function that makes the keyring for wrapping data keys; a key service can replace the local key here."""

# The suite that commits to its key and has no signature: everyone who may open may also seal, so that a signature would
# prove nothing more, and it would cost a further millisecond and 200 bytes per message.
_SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
# Part of every message's header: other names would open nothing that was sealed under these.
_KEY_NAMESPACE, _KEY_NAME = "ads", "lake"
# A reserved name, so that a sealed text key is never taken for a sealed model or the other way round.
_PURPOSE = {"ads:purpose": "text-key"}
COUNTER = "counter"
"""Name of the context entry that counts how often a record was written."""
_NONCE_BYTES = 12
_LENGTH_BYTES = 2

# The SDK logs the trace of every message that does not verify; here each becomes an IntegrityError.
logging.getLogger("aws_encryption_sdk").setLevel(logging.CRITICAL)


def local_keyring(settings: Settings) -> IKeyring:
    """A raw AES keyring over the local key file."""
    providers = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
    return providers.create_raw_aes_keyring(
        input=CreateRawAesKeyringInput(
            key_namespace=_KEY_NAMESPACE,
            key_name=_KEY_NAME,
            wrapping_key=local_key(settings.key_file),
            wrapping_alg=AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
        )
    )


class Envelope:
    """Seals and opens bytes and texts, each bound to a context that describes it.

    The context is not secret. Sealed bytes open only with the context that they were sealed with.
    """

    def __init__(self, keyring: IKeyring) -> None:
        self._client = aws_encryption_sdk.EncryptionSDKClient(
            commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
        )
        self._keyring = keyring

    @classmethod
    def open(cls, settings: Settings, keyring: KeyringFactory = local_keyring) -> Self:
        """The envelope of an installation.

        Raises
        ------
        SettingsError
            When the key cannot be used.
        """
        return cls(keyring(settings))

    def seal(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt bytes so that any change, another key or another context is detected."""
        sealed, _ = self._client.encrypt(
            source=plain, keyring=self._keyring, encryption_context=dict(context), algorithm=_SUITE
        )
        return bytes(sealed)

    def unseal(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        """The bytes that were sealed with this context.

        Raises
        ------
        IntegrityError
            When the bytes were changed, or sealed with another key or context.
        """
        plain, found = self._opened(sealed, context)
        with _verified(context):
            _check_bound(found, context)
        return plain

    def unseal_counted(self, sealed: bytes, context: Mapping[str, str]) -> tuple[bytes, int]:
        """The bytes that were sealed with this context and a counter, and the counter.

        Raises
        ------
        IntegrityError
            As for `unseal`, and when the bytes were sealed without a counter.
        """
        plain, found = self._opened(sealed, context)
        with _verified(context):
            counter = int(found[COUNTER])
            _check_bound(found, {**context, COUNTER: str(counter)})
        return plain, counter

    def _opened(self, sealed: bytes, context: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
        """The content of a message, and its whole context: these pairs and any others."""
        with _verified(context):
            source = io.BytesIO(sealed)
            keys = {"keyring": self._keyring, "encryption_context": dict(context)}
            with self._client.stream(mode="decrypt", source=source, **keys) as message:
                plain = message.read()
            if rest := source.read():
                raise ValueError(f"{len(rest)} bytes follow the message")
            return bytes(plain), dict(message.header.encryption_context)

    def seal_text(self, text: str, context: Mapping[str, str]) -> str:
        """`seal_texts` for one text."""
        return self.seal_texts([text], context)[0] or ""

    def unseal_text(self, sealed: str, context: Mapping[str, str]) -> str:
        """`unseal_texts` for one text."""
        return self.unseal_texts([sealed], context)[0] or ""

    def seal_texts(self, texts: Iterable[str | None], context: Mapping[str, str]) -> list[str | None]:
        """Encrypt texts under one fresh data key; each can be opened without the others.

        Returns
        -------
        list of str or None
            Base64 of the sealed data key, a nonce and the encrypted text; None stays None.
        """
        data_key = secrets.token_bytes(KEY_BYTES)
        sealed_key = self.seal(data_key, {**context, **_PURPOSE})
        head = len(sealed_key).to_bytes(_LENGTH_BYTES, "big") + sealed_key
        cipher, bound = AESGCM(data_key), _canonical(context)

        def one(text: str) -> str:
            # 96 random bits: below 2**32 texts a key the chance of a repeated nonce is under 2**-32 (NIST SP 800-38D).
            nonce = secrets.token_bytes(_NONCE_BYTES)
            return base64.b64encode(head + nonce + cipher.encrypt(nonce, text.encode(), bound)).decode()

        return [None if text is None else one(text) for text in texts]

    def unseal_texts(self, sealed: Iterable[str | None], context: Mapping[str, str]) -> list[str | None]:
        """The texts that were sealed with this context, in their order; None stays None.

        Raises
        ------
        IntegrityError
            When a text was changed, or sealed with another key or context.
        """
        bound = _canonical(context)
        data_key = functools.cache(lambda key: self.unseal(key, {**context, **_PURPOSE}))

        def one(text: str) -> str:
            with _verified(context):
                sealed_key, nonce, encrypted = _parts(_decoded(text))
                return AESGCM(data_key(sealed_key)).decrypt(nonce, encrypted, bound).decode()

        return [None if text is None else one(text) for text in sealed]


def _decoded(text: str) -> bytes:
    decoded = base64.b64decode(text, validate=True)
    if base64.b64encode(decoded) != text.encode():  # the last letter's spare bits would be free to change
        raise ValueError("not the one Base64 text of its bytes")
    return decoded


def _parts(sealed: bytes) -> tuple[bytes, bytes, bytes]:
    key_ends = _LENGTH_BYTES + int.from_bytes(sealed[:_LENGTH_BYTES], "big")
    nonce_ends = key_ends + _NONCE_BYTES
    return sealed[_LENGTH_BYTES:key_ends], sealed[key_ends:nonce_ends], sealed[nonce_ends:]


def _canonical(context: Mapping[str, str]) -> bytes:
    return json.dumps(dict(context), sort_keys=True).encode()


def _check_bound(found: Mapping[str, str], context: Mapping[str, str]) -> None:
    """Raise when the context has further pairs; the SDK itself checks only the pairs that it is given."""
    if dict(found) != dict(context):
        raise ValueError(f"the message is bound to {dict(found)}")


@contextmanager
def _verified(context: Mapping[str, str]) -> Iterator[None]:
    """Turn every way in which a message can fail to verify into one error."""
    try:
        yield
    except IntegrityError:
        raise
    except Exception as error:
        raise IntegrityError(
            f"what should be sealed as {dict(context)} does not verify ({type(error).__name__}): it was changed, "
            "sealed as something else, or with another key; restore it from its source, or set ADS_KEY_FILE to the "
            "key it was sealed with"
        ) from error
