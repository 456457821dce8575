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
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

import aws_encryption_sdk
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import (
    AesWrappingAlg,
    CreateAwsKmsKeyringInput,
    CreateMultiKeyringInput,
    CreateRawAesKeyringInput,
)
from aws_cryptographic_material_providers.mpl.references import IKeyring
from aws_encryption_sdk import CommitmentPolicy
from aws_encryption_sdk.identifiers import AlgorithmSuite
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from include.errors import IntegrityError, SettingsError, SettlementError
from include.security.keys import KEY_BYTES, local_key
from include.settings import Settings

if TYPE_CHECKING:
    from include.security.kms import KeyService

LOCAL = "local"
"""Name of the local master key among keys, whose other names are ARNs."""


@dataclass(frozen=True)
class WrappingKey:
    """A key that wraps data keys.

    Attributes
    ----------
    name
        `LOCAL`, or the ARN of a KMS key.
    keyring
        The keyring that wraps and unwraps with it.
    """

    name: str
    keyring: IKeyring

    @property
    def is_local(self) -> bool:
        """Whether it is the local master key."""
        return self.name == LOCAL

    def has_wrapped(self, wrapped: Any) -> bool:  # noqa: ANN401 - the SDK has no types
        """Whether it wrapped a data key, by what a message says of that one."""
        by = wrapped.key_provider
        if self.is_local:
            return str(by.provider_id) == _KEY_NAMESPACE
        return (str(by.provider_id), bytes(by.key_info)) == (_KMS_PROVIDER, self.name.encode())


# The suite that commits to its key and has no signature: everyone who may open may also seal, so that a signature would
# prove nothing more, and it would cost a further millisecond and 200 bytes per message.
_SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
# Part of every message's header: other names would open nothing that was sealed under these.
_KEY_NAMESPACE, _KEY_NAME = "ads", "lake"
_KMS_PROVIDER = "aws-kms"
# As they stand in a message's header, which is some hundred bytes long.
_KMS_NAME = re.compile(rb"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+")
_LOCAL_NAME = b"\x00\x03ads\x00"
_HEADER_BYTES = 4096
# A reserved name, so that a sealed text key is never taken for a sealed model or the other way round.
_PURPOSE = {"ads:purpose": "text-key"}
_PROBE = {"purpose": "probe", "lake": "none", "name": "probe"}
_Opened = TypeVar("_Opened")
COUNTER = "counter"
"""Name of the context entry that counts how often a record was written."""
_NONCE_BYTES = 12
_LENGTH_BYTES = 2

# The SDK logs the trace of every message that does not verify; here each becomes an IntegrityError.
logging.getLogger("aws_encryption_sdk").setLevel(logging.CRITICAL)


def local_key_of(settings: Settings) -> WrappingKey:
    """The local master key: a raw AES keyring over the key file."""
    keyring = _providers().create_raw_aes_keyring(
        input=CreateRawAesKeyringInput(
            key_namespace=_KEY_NAMESPACE,
            key_name=_KEY_NAME,
            wrapping_key=local_key(settings.key_file),
            wrapping_alg=AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
        )
    )
    return WrappingKey(LOCAL, keyring)


def kms_key_of(settings: Settings) -> WrappingKey:
    """The KMS key that the installation names."""
    return _kms_key(settings.kms_key)


def sealing_key_of(settings: Settings) -> WrappingKey:
    """The key that an installation seals with: the KMS key that it names, else the local master key."""
    return kms_key_of(settings) if settings.kms_key else local_key_of(settings)


def former_key_of(settings: Settings) -> WrappingKey | None:
    """The key that still opens what it sealed before; None where the installation names none.

    Raises
    ------
    SettingsError
        When it is the local master key and there is no key file: a new one would open nothing.
    """
    if not settings.former_key:
        return None
    if settings.former_key != LOCAL:
        return _kms_key(settings.former_key)
    if not settings.key_file.exists():
        raise SettingsError(
            f"the former key is the local master key, and there is none at {settings.key_file}: restore it, or set "
            "ADS_KEY_FILE to where it lies",
            setting="key_file",
            place=str(settings.key_file),
        )
    return local_key_of(settings)


def _kms_key(name: str) -> WrappingKey:
    # Its client takes a moment, which an installation with a local key does not spend.
    from include.security.kms import key_arn, key_service

    return _kms_keyring(key_service(key_arn(name)))


def _kms_keyring(service: KeyService) -> WrappingKey:
    keyring = _providers().create_aws_kms_keyring(
        input=CreateAwsKmsKeyringInput(kms_key_id=service.key, kms_client=service)
    )
    return WrappingKey(service.key, keyring)


def _providers() -> AwsCryptographicMaterialProviders:
    return AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())


def require_key(settings: Settings) -> None:
    """See that the key service seals and opens with the installation's key now; a local key needs no such look.

    Raises
    ------
    KeyRefusedError, KeyUnavailableError
        When it does not.
    """
    if not settings.kms_key:
        return
    from include.security.kms import KeyService, key_arn

    envelope = Envelope(_kms_keyring(KeyService(key_arn(settings.kms_key), remembered_seconds=0)))
    envelope.unseal(envelope.seal(b"", _PROBE), _PROBE)


class Envelope:
    """Seals and opens bytes and texts, each bound to a context that describes it.

    The context is not secret. Sealed bytes open only with the context that they were sealed with.

    Parameters
    ----------
    key
        Key that seals, and opens what it sealed.
    former
        A further key that opens what it sealed.
    lake
        Identity of the lake that every context names besides; none when empty.
    """

    def __init__(self, key: WrappingKey, former: WrappingKey | None = None, lake: str = "") -> None:
        self._client = aws_encryption_sdk.EncryptionSDKClient(
            commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
        )
        self._key, self._former = key, former
        self._opening = key.keyring if former is None else _both(key, former)
        self._lake = {"lake": lake} if lake else {}

    @classmethod
    def open(cls, settings: Settings, lake: str = "") -> Self:
        """The envelope of an installation, or of one lake of it.

        What the local key sealed before contexts named their lake still opens where that key may open.

        Parameters
        ----------
        lake
            Identity of the lake that every context names besides; none when empty.

        Raises
        ------
        KeyRefusedError, KeyUnavailableError
            When the key service does not say which key an alias leads to.
        SettingsError
            When the key cannot be used.
        """
        return cls(sealing_key_of(settings), former_key_of(settings), lake)

    def seal(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt bytes so that any change, another key or another context is detected."""
        return self._sealed(plain, {**context, **self._lake})

    def _sealed(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        sealed, _ = self._client.encrypt(
            source=plain, keyring=self._key.keyring, encryption_context=dict(context), algorithm=_SUITE
        )
        return bytes(sealed)

    def unseal(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        """The bytes that were sealed with this context.

        Raises
        ------
        IntegrityError
            When the bytes were changed, or sealed with another key or context.
        """
        return self._as_bound(context, functools.partial(self._unsealed, sealed))

    def _as_bound(self, context: Mapping[str, str], opened: Callable[[Mapping[str, str]], _Opened]) -> _Opened:
        """What opens with a context and the lake; or, of what was sealed before contexts named it, without the lake."""
        if self._lake and (self._key.is_local or (self._former is not None and self._former.is_local)):
            with suppress(IntegrityError):
                return opened({**context, **self._lake})
            return opened(context)
        return opened({**context, **self._lake})

    def _unsealed(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
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
        plain, counter = self.unseal_naming(sealed, context, COUNTER)
        with _verified(context):
            return plain, int(counter)

    def unseal_naming(self, sealed: bytes, context: Mapping[str, str], entry: str) -> tuple[bytes, str]:
        """The bytes that were sealed with this context and one further entry, and the value of that.

        Raises
        ------
        IntegrityError
            As for `unseal`, and when the bytes were sealed without the entry.
        """
        plain, found = self._opened(sealed, context)
        with _verified(context):
            _check_bound(found, {**context, entry: found[entry]})
            return plain, found[entry]

    def _opened(self, sealed: bytes, context: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
        """The content of a message, and its whole context: these pairs and any others."""
        plain, header = self._message(sealed, context)
        return plain, _own_context(header)

    def _message(self, sealed: bytes, context: Mapping[str, str]) -> tuple[bytes, Any]:
        """The content of a message whose context has these pairs, and its header."""
        try:
            return self._verified_message(sealed, context)
        except IntegrityError as error:
            if not (other := _named_key(sealed)) or other in self._names:
                raise
            own = " and ".join(map(_key_in_words, self._names))
            raise IntegrityError(
                f"{error}. It says that it was sealed with {_key_in_words(other)}, and this installation opens with "
                f"{own}: name its key (ADS_KMS_KEY, ADS_FORMER_KEY), or wrap the lake anew with `python -m include "
                "rewrap`"
            ) from error

    @property
    def _names(self) -> list[str]:
        """Names of the keys that open."""
        return [key.name for key in (self._key, self._former) if key is not None]

    def _verified_message(self, sealed: bytes, context: Mapping[str, str]) -> tuple[bytes, Any]:
        with _verified(context):
            source = io.BytesIO(sealed)
            keys = {"keyring": self._opening, "encryption_context": dict(context)}
            with self._client.stream(mode="decrypt", source=source, **keys) as message:
                plain = message.read()
            if rest := source.read():
                raise ValueError(f"{len(rest)} bytes follow the message")
            return bytes(plain), message.header

    def content_of(self, sealed: bytes) -> bytes | None:
        """The content of a message, whatever its context; None where it does not verify."""
        try:
            return self._message(sealed, {})[0]
        except IntegrityError:
            return None

    def resealed(self, sealed: bytes, more: Mapping[str, str]) -> bytes | None:
        """A message sealed anew under its own context; None where the key that seals now sealed it, and alone.

        Parameters
        ----------
        more
            Entries that its context gets where it lacks them.

        Raises
        ------
        IntegrityError
            When the message does not verify.
        """
        plain, header = self._message(sealed, {})
        context = {**more, **_own_context(header)}
        return None if self._is_current(header, context) else self._sealed(plain, context)

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
        cipher, bound = AESGCM(data_key), _canonical({**context, **self._lake})

        def one(text: str) -> str:
            # 96 random bits: below 2**32 texts a key the chance of a repeated nonce is under 2**-32 (NIST SP 800-38D).
            nonce = secrets.token_bytes(_NONCE_BYTES)
            return base64.b64encode(head + nonce + cipher.encrypt(nonce, text.encode(), bound)).decode()

        return [None if text is None else one(text) for text in texts]

    def resealed_texts(self, sealed: Sequence[str | None], context: Mapping[str, str]) -> list[str | None] | None:
        """Texts sealed anew; None where the key that seals now sealed them all, with their whole context.

        Raises
        ------
        IntegrityError
            As for `unseal_texts`.
        """
        texts = self.unseal_texts(sealed, context)
        bound = {**context, **self._lake, **_PURPOSE}
        data_keys = {_parts(_decoded(text))[0] for text in sealed if text is not None}
        is_current = all(self._is_current(self._message(each, {})[1], bound) for each in data_keys)
        return None if is_current else self.seal_texts(texts, context)

    def _is_current(self, header: Any, context: Mapping[str, str]) -> bool:  # noqa: ANN401 - the SDK has no types
        """Whether a message has a context, and the key that seals now wrapped all its data keys."""
        wrapped = header.encrypted_data_keys
        return _own_context(header) == dict(context) and all(map(self._key.has_wrapped, wrapped))

    def unseal_texts(self, sealed: Iterable[str | None], context: Mapping[str, str]) -> list[str | None]:
        """The texts that were sealed with this context, in their order; None stays None.

        Raises
        ------
        IntegrityError
            When a text was changed, or sealed with another key or context.
        """

        @functools.cache
        def key_of(sealed_key: bytes) -> tuple[AESGCM, bytes]:
            """A data key, and what the texts under it are bound to."""
            return self._as_bound(
                context,
                lambda bound: (AESGCM(self._unsealed(sealed_key, {**bound, **_PURPOSE})), _canonical(bound)),
            )

        def one(text: str) -> str:
            with _verified(context):
                sealed_key, nonce, encrypted = _parts(_decoded(text))
                cipher, bound = key_of(sealed_key)
                return cipher.decrypt(nonce, encrypted, bound).decode()

        return [None if text is None else one(text) for text in sealed]


def _both(key: WrappingKey, former: WrappingKey) -> IKeyring:
    given = CreateMultiKeyringInput(generator=key.keyring, child_keyrings=[former.keyring])
    return _providers().create_multi_keyring(input=given)


def _named_key(sealed: bytes) -> str:
    """The key that a message says it was sealed with, which nobody has verified; empty where it says none."""
    if found := _KMS_NAME.search(sealed[:_HEADER_BYTES]):
        return found[0].decode()
    return LOCAL if _LOCAL_NAME in sealed[:_HEADER_BYTES] else ""


def _key_in_words(key: str) -> str:
    return "the local master key" if key == LOCAL else f"the KMS key {key}"


def _own_context(header: Any) -> dict[str, str]:  # noqa: ANN401 - the SDK has no types
    return dict(header.encryption_context)


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
    except SettlementError:
        raise
    except Exception as error:
        raise IntegrityError(
            f"what should be sealed as {_spoken(context)} does not verify: it was changed, sealed as something else, "
            "or with another key; restore it from its source, or set ADS_KEY_FILE or ADS_KMS_KEY to the key it was "
            "sealed with"
        ) from error


def _spoken(context: Mapping[str, str]) -> str:
    """A context in words.

    >>> _spoken({"purpose": "name keys", "lake": "31e4f92d"})
    'name keys (lake 31e4f92d)'
    """
    rest = ", ".join(f"{name} {value}" for name, value in context.items() if name != "purpose")
    return " ".join(filter(None, [context.get("purpose", "something"), f"({rest})" if rest else ""]))
