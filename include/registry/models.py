"""Model versions at rest: skops bytes and a JSON card, each sealed for its version; and which one is champion."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from upath import UPath

from include.errors import IntegrityError, SettingsError
from include.models.base import Detector
from include.models.detectors import detector_class
from include.models.lstm import Lstm
from include.models.model import Model
from include.security.envelope import Envelope
from include.settings import Settings

CHAMPION = "champion"
_CHAMPION_FILE = "champion.json"
_VERSION = re.compile(r"[a-z0-9_]+-[0-9a-f]{16}")


class ModelRegistry:
    """The models of one lake, under `<lake>/models/<version>/`.

    A version consists of `card.sealed`, `weights.sealed` (skops) and, where it reads sequences, `tensors.sealed`
    (safetensors); `card.json` is a copy of the card for people and is never read back. Bytes that were changed, moved
    to another version's name or written with another key are refused with IntegrityError, and nothing of them is
    loaded. No pickle is ever read or written.

    Parameters
    ----------
    folder
        Where the versions lie, `file:` or `s3:`.
    envelope
        Seals and unseals.
    """

    def __init__(self, folder: UPath, envelope: Envelope) -> None:
        self.folder = folder
        self.envelope = envelope

    @classmethod
    def open(cls, lake_uri: str, settings: Settings) -> Self:
        """The registry of a lake."""
        return cls(UPath(lake_uri) / "models", Envelope.open(settings))

    def save(self, model: Model) -> str:
        """Store a model; a version that is already there is written again with the same content.

        Returns
        -------
        str
            The version's name.
        """
        folder = self._folder(model.version)
        folder.mkdir(parents=True, exist_ok=True)
        card = json.dumps(model.card(), indent=2, sort_keys=True).encode()
        for part, content in {"card": card, **_learned_parts(model)}.items():
            _replace(folder / f"{part}.sealed", self.envelope.seal(content, _context(model.version, part)))
        _replace(folder / "card.json", card)
        return model.version

    def load(self, version: str) -> Model:
        """The model stored as `version`; its scores are those it had when saved, bit for bit.

        Raises
        ------
        IntegrityError
            When the bytes do not verify, or are not what `save` writes.
        SettingsError
            When there is no such version.
        """
        try:
            model = self._restored(version)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise IntegrityError(
                f"the parts of model {version} verify, but are not what this registry writes "
                f"({type(error).__name__}): restore them or train again"
            ) from error
        if model.version != version:
            raise IntegrityError(f"model {version} holds the content of {model.version}: restore it or train again")
        return model

    def _restored(self, version: str) -> Model:
        card: dict[str, Any] = json.loads(self._unsealed(version, "card"))
        classes = {member["detector"]: detector_class(member["detector"]) for member in card["members"]}
        trusted = frozenset[str]().union(*(kind.trusted_types for kind in classes.values()))
        stored = _read_weights(version, self._unsealed(version, "weights"), trusted)
        sequence = self._sequence(version, card)
        detectors: dict[str, Detector] = {} if sequence is None else {sequence.name: sequence}
        for member in card["members"]:
            name = member["detector"]
            if name not in detectors:
                detectors[name] = classes[name].restore(member["parameters"], stored["learned"][name])
        return Model.restore(card, stored["arrays"], detectors, sequence)

    def _sequence(self, version: str, card: Mapping[str, Any]) -> Lstm | None:
        if card["sequence"] is None:
            return None
        return Lstm.restore(card["sequence"], _read_tensors(version, self._unsealed(version, "tensors")))

    def versions(self) -> tuple[str, ...]:
        """Every stored version, by name."""
        if not self.folder.exists():
            return ()
        return tuple(sorted(path.name for path in self.folder.iterdir() if _VERSION.fullmatch(path.name)))

    def promote(self, version: str) -> None:
        """Make `version` the champion; readers see the old one or the new one, never neither.

        Raises
        ------
        SettingsError, IntegrityError
            When it cannot be loaded; the champion then stays.
        """
        self.load(version)
        _replace(self.folder / _CHAMPION_FILE, json.dumps({CHAMPION: version}).encode())

    def champion(self) -> str | None:
        """The champion's version, or None when none was promoted.

        Raises
        ------
        IntegrityError
            When the pointer cannot be read or does not name a version.
        """
        pointer = self.folder / _CHAMPION_FILE
        if not pointer.exists():
            return None
        try:
            version = str(json.loads(pointer.read_bytes())[CHAMPION])
            self._folder(version)
        except (ValueError, KeyError, TypeError, SettingsError) as error:
            raise IntegrityError(f"{pointer} does not name a model version: promote one again") from error
        return version

    def _folder(self, version: str) -> UPath:
        if not _VERSION.fullmatch(version):
            raise SettingsError(f"{version!r} is no model version; one is a detector's name, a dash, 16 hex digits")
        return self.folder / version

    def _unsealed(self, version: str, part: str) -> bytes:
        path = self._folder(version) / f"{part}.sealed"
        if not path.exists():
            known = ", ".join(self.versions()) or "none"
            raise SettingsError(f"there is no {part} of model {version} in {self.folder}; stored are: {known}")
        content: bytes = self.envelope.unseal(path.read_bytes(), _context(version, part))
        return content


def _context(version: str, part: str) -> dict[str, str]:
    """What the seal is bound to: a model's name, its version, and which of its parts this is."""
    return {"purpose": "model", "model": version.rsplit("-", 1)[0], "version": version, "part": part}


def _learned_parts(model: Model) -> dict[str, bytes]:
    """Everything learned: skops for what scikit-learn made, safetensors for the sequence reader's tensors."""
    import safetensors.numpy
    import skops.io

    learned = {m.name: m.detector.learned() for m in model.members if m.detector is not model.sequence}
    parts: dict[str, bytes] = {"weights": skops.io.dumps({"arrays": model.arrays(), "learned": learned})}
    if model.sequence is not None:
        parts["tensors"] = safetensors.numpy.save(model.sequence.learned())
    return parts


def _read_tensors(version: str, content: bytes) -> dict[str, Any]:
    """Load tensors by name; the format holds numbers and nothing that could be run."""
    import safetensors.numpy
    from safetensors import SafetensorError

    try:
        tensors: dict[str, Any] = safetensors.numpy.load(content)
    except SafetensorError as error:
        raise IntegrityError(
            f"the tensors of model {version} are not what this registry writes: restore them or train again; "
            "nothing was loaded"
        ) from error
    return tensors


def _read_weights(version: str, content: bytes, trusted: frozenset[str]) -> Mapping[str, Any]:
    """Load what `_learned_parts` wrote; only skops' own types and the detector's pinned ones are constructed."""
    # skops loads torch, which takes seconds: only what reads or writes weights pays for it, not every step of a night.
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        stored: dict[str, Any] = skops.io.loads(content, trusted=sorted(trusted))
    except (UntrustedTypesFoundException, zipfile.BadZipFile, TypeError, KeyError, ValueError) as error:
        raise IntegrityError(
            f"the weights of model {version} are not what this registry writes ({type(error).__name__}): "
            "restore them or train again; nothing was loaded"
        ) from error
    return stored


def _replace(path: UPath, content: bytes) -> None:
    """Write a file so that readers see all of it or what was there before."""
    if path.protocol not in ("", "file"):
        path.write_bytes(content)  # an object store shows an object when it is whole
        return
    target = Path(path.path)
    draft = target.with_name(f".{target.name}.{uuid4().hex}")
    draft.write_bytes(content)
    draft.replace(target)
