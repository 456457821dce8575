"""The log of erasures: what was taken out of which night on a client's request, sealed, without saying whose it was.

One sealed file of the lake with a counter, so that neither an older one nor none can be put in its place. It is written
before anything is taken out, and again when everything is. While an erasure is unfinished the log also holds the
client's numbers, sealed like the rest: a run that ended early could not find them again, as the rows that say which
accounts are the client's may be gone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Self

from upath import UPath

from include.paths import path_of
from include.registry.sealed_records import SealedRecords
from include.security.private import make_private
from include.settings import Settings

FOLDER = "erasures"
"""Name of the lake's folder that holds the log."""
_FILE = "erasures.sealed"
_RECORD = "erasures"
_CONTEXT = {"purpose": "erasures"}
_KEY_BYTES = 32


@dataclass(frozen=True)
class NightErasure:
    """The part of an erasure that concerns one published night.

    Attributes
    ----------
    night
        Settlement date.
    run_key, attempt
        The publication that the rows were taken out of; a night that is published again is no longer held to it.
    hash_before, hash_after
        Hash of what the night had published, and of what remains of it (`include.publish.digest.output_hash`).
    rows
        Number of rows taken, by table.
    transactions, cents
        Number of postings taken, and the sum of their amounts in cents.
    derived
        Digest of what remains of each table outside the night's hash, by table.
    """

    night: date
    run_key: str
    attempt: int
    hash_before: str
    hash_after: str
    rows: Mapping[str, int]
    transactions: int
    cents: int
    derived: Mapping[str, str] = field(default_factory=dict)

    @property
    def publication(self) -> tuple[date, str, int]:
        """Night, run and attempt."""
        return self.night, self.run_key, self.attempt

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """Rebuild the record from JSON."""
        return cls(**{**found, "night": date.fromisoformat(found["night"])})


@dataclass(frozen=True)
class Erasure:
    """One erasure on a client's request.

    Attributes
    ----------
    request
        Random name of the request.
    client
        Digest of the client's number under the log's own key.
    numbers
        Digests of the numbers of what was the client's alone, by column: by these is found what an older night brings
        back when it is played again.
    planned_at, completed_at
        Times in UTC, ISO form; `completed_at` is empty while the erasure is unfinished.
    nights
        What was taken out of which night.
    rows
        Number of rows taken from tables that are not by night, by table.
    models
        Versions that may have learned from the client's postings.
    train_by
        Date by which these are to be trained anew.
    """

    request: str
    client: str
    planned_at: str
    completed_at: str = ""
    nights: tuple[NightErasure, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    train_by: str = ""
    numbers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """Rebuild the record from JSON."""
        nights = tuple(NightErasure.from_dict(night) for night in found["nights"])
        numbers = {column: tuple(digests) for column, digests in found["numbers"].items()}
        return cls(**{**found, "nights": nights, "models": tuple(found["models"]), "numbers": numbers})


@dataclass(frozen=True)
class Remainder:
    """What a published night is to hold after every erasure.

    Attributes
    ----------
    output_hash
        Hash of what remains.
    transactions, cents
        Number and amount of the postings that were taken.
    faults
        What is wrong with the log itself, as ends of sentences.
    derived
        Digests of the tables outside the hash, by table; empty for a night that nothing was taken out of.
    """

    output_hash: str
    transactions: int = 0
    cents: int = 0
    faults: tuple[str, ...] = ()
    derived: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ErasureLog:
    """All erasures of a lake.

    Attributes
    ----------
    key
        Random key, in hex, of the digests of clients.
    erasures
        The erasures, the oldest first.
    pending
        Numbers of the client whose erasure is unfinished; None where all are finished.
    """

    key: str = field(default_factory=lambda: secrets.token_hex(_KEY_BYTES), repr=False)
    erasures: tuple[Erasure, ...] = ()
    pending: Mapping[str, Sequence[Any]] | None = field(default=None, repr=False)

    @classmethod
    def read(cls, lake_uri: str, settings: Settings) -> Self:
        """The log of a lake; an empty one where nothing was ever erased.

        Raises
        ------
        IntegrityError
            When the log was changed, is gone or is not the newest.
        """
        content = SealedRecords.open(lake_uri, settings).read_counted(_path(lake_uri), _CONTEXT, _RECORD)
        if content is None:
            return cls()
        found = json.loads(content)
        return cls(found["key"], tuple(map(Erasure.from_dict, found["erasures"])), found["pending"])

    def write(self, lake_uri: str, settings: Settings) -> None:
        """Seal the log as the newest."""
        content = json.dumps(asdict(self), default=str, sort_keys=True).encode()
        make_private(_path(lake_uri).parent)
        SealedRecords.open(lake_uri, settings).write_counted(_path(lake_uri), content, _CONTEXT, _RECORD)

    def digest(self, column: str, number: int) -> str:
        """The digest that stands for a number of a column, HMAC-SHA256 under the log's key."""
        return hmac.new(bytes.fromhex(self.key), f"{column} {number}".encode(), hashlib.sha256).hexdigest()

    def digests(self, column: str, numbers: Iterable[int]) -> tuple[str, ...]:
        """The digests of several numbers, sorted, so that their order tells nothing."""
        return tuple(sorted(self.digest(column, number) for number in numbers))

    def erased_with(self, client: int, column: str, numbers: Iterable[int]) -> frozenset[int]:
        """Those of a column's numbers that were erased with a client."""
        own = self.digest("client_id", client)
        known = {digest for each in self.erasures if each.client == own for digest in each.numbers.get(column, ())}
        return frozenset(number for number in set(numbers) if known and self.digest(column, number) in known)

    def erased_among(self, clients: Iterable[int]) -> list[str]:
        """The requests by which clients were erased who are among these."""
        if not self.erasures:
            return []
        present = {self.digest("client_id", client) for client in clients}
        return [each.request for each in self.erasures if each.client in present and each.completed_at]

    @property
    def unfinished(self) -> Erasure | None:
        """The erasure that was begun and not finished."""
        return next((each for each in self.erasures if not each.completed_at), None)

    def is_pending(self, client: int) -> bool:
        """Whether the unfinished erasure is this client's."""
        return self.unfinished is not None and self.unfinished.client == self.digest("client_id", client)

    def having(self, erasure: Erasure, pending: Mapping[str, Sequence[Any]] | None) -> Self:
        """The log with one erasure added, or replaced by its newer form."""
        others = tuple(each for each in self.erasures if each.request != erasure.request)
        return replace(self, erasures=(*others, erasure), pending=pending)

    def remainder(self, night: Mapping[str, Any]) -> Remainder:
        """What a night is to hold, given its row of the manifest."""
        publication = (night["settlement_date"], night["run_key"], night["attempt"])
        taken = [part for each in self.erasures for part in each.nights if part.publication == publication]
        expected, faults = night["output_hash"], []
        for part in taken:
            if part.hash_before != expected:
                faults.append(f"hash before an erasure is {expected}, expected {part.hash_before}")
            expected = part.hash_after
        return Remainder(
            output_hash=expected,
            transactions=sum(part.transactions for part in taken),
            cents=sum(part.cents for part in taken),
            faults=tuple(faults),
            derived=taken[-1].derived if taken else {},
        )


def _path(lake_uri: str) -> UPath:
    return path_of(lake_uri) / FOLDER / _FILE
