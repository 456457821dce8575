"""The quarantine's raw texts, sealed for one night before they are written and unsealed after they are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from include.security.envelope import Envelope


def seal_quarantine(quarantine: pa.Table, night: date, envelope: Envelope) -> pa.Table:
    """A night's quarantine with its raw texts sealed, as the lake keeps it."""
    return _with_raw(quarantine, envelope.seal_texts(quarantine["raw"].to_pylist(), _context(night)))


def unseal_quarantine(quarantine: pa.Table, night: date, envelope: Envelope) -> pa.Table:
    """A published night's quarantine with its raw texts in the clear.

    Raises
    ------
    IntegrityError
        When a text was changed, or sealed for another night or with another key.
    """
    return _with_raw(quarantine, envelope.unseal_texts(quarantine["raw"].to_pylist(), _context(night)))


def reseal_quarantine(quarantine: pa.Table, envelope: Envelope) -> pa.Table | None:
    """Rows of the quarantine with their raw texts sealed anew; None where all are sealed with the key that seals now.

    Raises
    ------
    IntegrityError
        As for `unseal_quarantine`.
    """
    texts, nights = quarantine["raw"].to_pylist(), quarantine["night"].to_pylist()
    is_changed = False
    for night in sorted(set(nights)):
        places = [place for place, of in enumerate(nights) if of == night]
        resealed = envelope.resealed_texts([texts[place] for place in places], _context(night))
        is_changed |= resealed is not None
        for place, text in zip(places, resealed or (), strict=False):
            texts[place] = text
    return _with_raw(quarantine, texts) if is_changed else None


def _context(night: date) -> dict[str, str]:
    return {"table": "quarantine", "night": night.isoformat()}


def _with_raw(quarantine: pa.Table, texts: Sequence[str | None]) -> pa.Table:
    return quarantine.set_column(quarantine.schema.get_field_index("raw"), "raw", pa.array(texts, pa.string()))
