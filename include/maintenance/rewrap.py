"""Wraps a lake anew: everything that is sealed with the local master key by a KMS key, or the other way round.

While it is at work one key opens, and another both opens and seals. Every file is replaced in one step, and the texts
of the quarantine in one commit, so that at each moment everything opens with one of the two. What is sealed anew
already is left as it is: a re-wrapping that ended anywhere is completed by another. What the nights say stays the same:
their hashes are taken over the texts in the clear, and pseudonyms are made with keys that are sealed here and not
derived.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Self

from upath import UPath

from include.errors import IntegrityError, SettingsError
from include.lake import Lake, RunStamp
from include.lake.erasing import rewrite_rows
from include.lake.night_lock import nothing_else_at_work
from include.masking.keys import KEYS_FOLDER, NameKeyStore
from include.paths import folders_in, names_in, path_of
from include.quality.sealed_quarantine import reseal_quarantine
from include.registry import erasures
from include.registry.models import CHAMPION, MODELS, ModelRegistry
from include.registry.sealed_records import LAKE, whole_of
from include.reviews.drop import inbox_of, kept_files, taken_of
from include.security.anchors import Anchors
from include.security.envelope import LOCAL, Envelope, require_key
from include.settings import Settings
from include.stages import stage, tell
from include.whole_file import write_whole

KMS = "kms"
ATTEMPT = "rewrap"
"""Name of this writer in the properties of the snapshots that it leaves."""
_SEALED = ".sealed"
# A line of progress each: a thousand small files take a key service some ten seconds.
_TOLD_EVERY = 1000


def rewrap(lake_uri: str, settings: Settings, to: str, former: str = "") -> dict[str, Any]:
    """Seal everything of a lake with another key, what that one sealed already excepted.

    Parameters
    ----------
    lake_uri
        Folder or object prefix of the lake.
    settings
        Settings of the installation.
    to
        `kms` for the KMS key that the settings name, `local` for the local master key.
    former
        Key that sealed the lake so far, `local` or the ARN of a KMS key; the other kind of key when empty.

    Returns
    -------
    dict
        `files`, `anchors` and `quarantine_files`, how many were sealed anew; `unchanged`, how many files were already;
        `unopened`, files that open with neither key, which stay as they are.

    Raises
    ------
    IntegrityError
        When the lake's keys, its counters or a text of the quarantine open with neither key.
    KeyRefusedError, KeyUnavailableError
        When the key service does not seal or open; what was wrapped anew stays so.
    LakeConflictError
        When a night or other upkeep is at work.
    SettingsError
        When a key is not named.
    """
    both = keys_for(settings, to, former)
    with nothing_else_at_work(lake_uri, "the re-wrapping"):
        require_key(both)
        return Rewrapping.open(lake_uri, both).run()


def keys_for(settings: Settings, to: str, former: str = "") -> Settings:
    """The settings of a re-wrapping: the key that seals, and the one that opens besides.

    Raises
    ------
    SettingsError
        When a key is not named.
    """
    sealing = settings.kms_key if to == KMS else ""
    opening = former or (LOCAL if to == KMS else settings.kms_key or settings.former_key)
    if to == KMS and not sealing:
        raise SettingsError("no KMS key is named: set ADS_KMS_KEY to the ARN of the new key", setting="kms_key")
    if opening in ("", sealing or LOCAL):
        raise SettingsError(
            f"the key that sealed the lake so far is {opening or 'not named'}, and must be another than the new one: "
            "name it with --from, `local` or the ARN of a KMS key",
            setting="former_key",
        )
    # Checked anew, as nobody may name a key in another form than the settings allow.
    return Settings(**{**settings.model_dump(), "kms_key": sealing, "former_key": opening})


@dataclass
class Rewrapping:
    """One re-wrapping of one lake.

    Attributes
    ----------
    lake_uri
        Folder or object prefix of the lake.
    lake
        The lake.
    settings
        Settings with both keys.
    envelope
        Envelope that seals with the new key and opens with either.
    counts
        How many were sealed anew, by kind, and how many were already.
    unopened
        Files that open with neither key.
    """

    lake_uri: str
    lake: Lake
    settings: Settings
    envelope: Envelope
    counts: Counter[str] = field(default_factory=Counter)
    unopened: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, lake_uri: str, settings: Settings) -> Self:
        """The re-wrapping of a lake, by settings that name both keys."""
        lake = Lake.open(lake_uri, settings)
        return cls(lake_uri, lake, settings, Envelope.open(settings, lake.identity))

    def run(self) -> dict[str, Any]:
        """Seal everything anew, and say how much that was."""
        with stage("re-wrapping of anchors"):
            self.counts["anchors"] = Anchors.open(self.settings, Envelope.open(self.settings)).reseal(
                self.lake.identity
            )
        with stage("re-wrapping of files"):
            self._wrap_files()
        with stage("re-wrapping of the quarantine"):
            self._wrap_quarantine()
        kinds = ("anchors", "files", "quarantine_files", "unchanged")
        return {**{kind: self.counts[kind] for kind in kinds}, "unopened": self.unopened}

    def _wrap_files(self) -> None:
        names = NameKeyStore.open(self.lake_uri, self.settings)
        registry = ModelRegistry.open(self.lake_uri, self.settings)
        names.find()  # raises where they open with neither key: nothing else is worth anything without them
        for number, (path, more) in enumerate(self._files(), 1):
            with self._lock_of(path, names, registry):
                self._wrap_file(path, more)
            if not number % _TOLD_EVERY:
                tell(f"{number} files were looked at, {self.counts['files']} of them sealed anew")

    def _files(self) -> Iterator[tuple[UPath, Mapping[str, str]]]:
        """Every sealed file of the lake, and what its context gets besides.

        Only files of reviews may have been sealed without naming their lake. Any other that does not is another lake's.
        """
        lake = path_of(self.lake_uri)
        for folder in (KEYS_FOLDER, MODELS, erasures.FOLDER):
            for each in (lake / folder, *folders_in(lake / folder)):
                yield from ((each / name, {}) for name in sorted(names_in(each)) if name.endswith(_SEALED))
        inbox = inbox_of(self.lake_uri, self.settings.reviews_uri)
        taken = kept_files(taken_of(inbox, self.settings.reviews_uri))
        yield from ((path, {LAKE: self.lake.identity}) for path in taken)

    def _lock_of(self, path: UPath, names: NameKeyStore, registry: ModelRegistry) -> AbstractContextManager[None]:
        """The lock that whoever rewrites a file holds; a file that is written once needs none."""
        if path.parent.name == KEYS_FOLDER:
            return names.held()
        if path.parent == registry.folder:
            return registry.held(CHAMPION)
        return registry.held(path.parent.name) if path.parent.parent == registry.folder else nullcontext()

    def _wrap_file(self, path: UPath, more: Mapping[str, str]) -> None:
        try:
            found = whole_of(path)
            resealed = None if found is None else self.envelope.resealed(found.content, more)
        except IntegrityError as error:
            tell(f"{path} opens with neither key and stays as it is: {error}")
            self.unopened.append(str(path))
            return
        if found is not None and resealed is not None:
            write_whole(path, resealed, over=found.version)
        self.counts["unchanged" if resealed is None else "files"] += 1

    def _wrap_quarantine(self) -> None:
        rows = self.lake.manifest().to_pylist()
        if rows:
            stamp = RunStamp(rows[-1]["run_key"], ATTEMPT, rows[-1]["settlement_date"])
            rewrite_rows(self.lake.catalog, "quarantine", self._resealed, stamp)

    def _resealed(self, quarantine: Any) -> Any:  # noqa: ANN401 - a table, as `rewrite_rows` hands it
        found = reseal_quarantine(quarantine, self.envelope)
        self.counts["quarantine_files"] += found is not None
        return found
