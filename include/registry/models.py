"""Stores model versions (skops bytes and a JSON card, each sealed for its version), and which version is champion."""

from __future__ import annotations

import json
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from upath import UPath

from include.errors import IntegrityError, SettingsError
from include.models.base import Detector
from include.models.detectors import detector_class, reader_class
from include.models.model import Model
from include.models.sequence_reader import SequenceReader
from include.paths import files_below, path_of
from include.registry.sealed_records import SealedRecords, file_content
from include.security import locks
from include.settings import Settings
from include.whole_file import write_whole

MODELS = "models"
"""Name of the lake's folder that holds the registry."""
CHAMPION = "champion"
UNNAMED = "not recorded"
"""Name of the person who made a champion, where none was given."""
ANY_CHAMPION = "whoever"
"""Value in place of a champion's version that stands for any champion."""
_SEALED_FILE = "champion.sealed"
_CHAMPION_FILE = "champion.json"
_BROKEN = ".broken"
_HISTORY = "history"
_VERSION = re.compile(r"[a-z0-9_]+-[0-9a-f]{16}")
_REFRESH = "refresh"
UPDATES = "updates"
"""Name of the part of an approved version that holds its log of updates; it is rewritten after every update."""
_POINTER_CONTEXT = {"purpose": "champion"}


@dataclass(frozen=True)
class ChampionRecord:
    """One entry in the history of champions.

    Attributes
    ----------
    version
        Version of the model.
    since
        Time at which it was made champion, UTC in ISO form; empty where that was before histories were kept.
    by, why
        Person who made it champion, and the reason given.
    is_rollback
        Whether it became champion by a rollback of the champion before it.
    decision
        Name of the approval that it rests on, which can be used once; empty where nobody was asked.
    run
        DAG run that made the change; one run makes only one. Empty for a command and for entries from before runs were
        recorded.
    """

    version: str
    since: str = ""
    by: str = UNNAMED
    why: str = ""
    is_rollback: bool = False
    decision: str = ""
    run: str = ""


class ModelRegistry:
    """The models of one lake, under `<lake>/models/<version>/`.

    A version consists of `card.sealed`, `weights.sealed` (skops) and, where it reads sequences, `tensors.sealed`
    (safetensors). A version that refreshes another one has `refresh.sealed` (skops) beside its card instead, and is
    loaded together with that other one. Further parts may be stored with a version. `card.json` is a copy of the card
    for people and is never read back. Bytes that were changed, moved to another version's name, brought from another
    lake or written with another key are refused with IntegrityError, and nothing of them is loaded. No pickle is ever
    read or written.

    `<lake>/models/champion.sealed` holds the history of champions: who made each one champion, and why.
    `champion.json` is a copy of it for people and is never read back. This file and a version's log of updates carry a
    counter: a file that is gone or older than the newest one is refused.

    Parameters
    ----------
    folder
        Folder or object prefix of the versions, `file:` or `s3:`.
    records
        Records of the lake, which seal and open its files.
    """

    def __init__(self, folder: UPath, records: SealedRecords) -> None:
        self.folder = folder
        self.records = records
        if not records.is_known:
            with self.held("migration"):
                self._bind_to_the_lake()

    @classmethod
    def open(cls, lake_uri: str, settings: Settings) -> Self:
        """The registry of a lake."""
        records = SealedRecords.open(lake_uri, settings)  # raises where the address is not allowed
        return cls(path_of(lake_uri) / MODELS, records)

    def _bind_to_the_lake(self) -> None:
        """Bind files that were sealed before files named their lake, once; from then on unbound files are refused."""
        if self.records.is_known:
            return
        counted = [(self.folder / _SEALED_FILE, _POINTER_CONTEXT, CHAMPION)]
        for name in files_below(self.folder):
            path = self.folder / name
            version, part = path.parent.name, path.name.removesuffix(".sealed")
            if name.count("/") == 1 and name.endswith(".sealed") and _VERSION.fullmatch(version):
                if part == UPDATES:
                    counted.append((path, _context(version, part), _record_of(version)))
                else:
                    self.records.bind(path, _context(version, part))
        for path, context, _ in counted:
            if path.exists():
                self.records.bind_counted(path, context)
        self.records.know(counted)

    def save(self, model: Model) -> str:
        """Store a model; a version that is stored already is written again with the same content.

        Returns
        -------
        str
            The version's name.
        """
        folder = self._folder(model.version)
        folder.mkdir(parents=True, exist_ok=True)
        card = json.dumps(model.card(), indent=2, sort_keys=True).encode()
        learned = _learned_parts(model) if model.refresh is None else _refresh_part(model.refresh)
        for part, content in {"card": card, **learned}.items():
            self.keep(model.version, part, content)
        write_whole(folder / "card.json", card)
        return model.version

    def keep(self, version: str, part: str, content: bytes) -> None:
        """Seal one part of a stored version; it replaces an earlier one."""
        path, context = self._part(version, part), _context(version, part)
        if part == UPDATES:
            self.records.write_counted(path, content, context, _record_of(version))
        else:
            self.records.write(path, content, context)

    def kept(self, version: str, part: str) -> bytes | None:
        """The content of one part of a stored version; None where it has no part of that name.

        Raises
        ------
        IntegrityError
            When the bytes do not verify, or when a part with a counter is not the newest.
        """
        if part == UPDATES:
            return self._newest_log(version)
        return self._unsealed(version, part) if self._part(version, part).exists() else None

    def _newest_log(self, version: str) -> bytes | None:
        try:
            return self.records.read_counted(
                self._part(version, UPDATES), _context(version, UPDATES), _record_of(version)
            )
        except IntegrityError as error:
            raise IntegrityError(
                f"the log of what {version} learned cannot be trusted ({error}): restore it from a backup, or promote "
                "another version",
                version=version,
            ) from error

    def _part(self, version: str, part: str) -> UPath:
        return self._folder(version) / f"{part}.sealed"

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
                f"({type(error).__name__}): restore them or train again",
                version=version,
            ) from error
        if model.version != version:
            raise IntegrityError(
                f"model {version} holds the content of {model.version}: restore it or train again", version=version
            )
        return model

    def _restored(self, version: str) -> Model:
        card: dict[str, Any] = json.loads(self._unsealed(version, "card"))
        if "adapted_from" in card:
            base = self.load(card["adapted_from"])
            return base.refreshed(self._put_together(version, card["refresh"], _REFRESH, base.sequence))
        return self._put_together(version, card, "weights", None)

    def _put_together(self, version: str, card: dict[str, Any], part: str, reader: SequenceReader | None) -> Model:
        """The model that a card describes, from the skops part named; it has its own reader unless one is given."""
        classes = {member["detector"]: detector_class(member["detector"]) for member in card["members"]}
        trusted = frozenset[str]().union(*(kind.trusted_types for kind in classes.values()))
        stored = _read_weights(version, self._unsealed(version, part), trusted)
        sequence = reader or self._sequence(version, card)
        detectors: dict[str, Detector] = {} if sequence is None else {sequence.name: sequence}
        for member in card["members"]:
            name = member["detector"]
            if name not in detectors:
                detectors[name] = classes[name].restore(member["parameters"], stored["learned"][name])
        return Model.restore(card, stored["arrays"], detectors, sequence)

    def _sequence(self, version: str, card: Mapping[str, Any]) -> SequenceReader | None:
        if card["sequence"] is None:
            return None
        kind = reader_class([member["detector"] for member in card["members"]])
        if kind is None:
            raise IntegrityError(
                f"the model {version} has a reader of sequences, and none of its members is one that this version of "
                "the product knows: run the version that trained it, or train anew",
                version=version,
            )
        return kind.restore(card["sequence"], _read_tensors(version, self._unsealed(version, "tensors")))

    def versions(self) -> tuple[str, ...]:
        """Names of all trained versions, sorted; a version's refreshes are in its log of updates instead."""
        files = [name.split("/") for name in files_below(self.folder)]
        refreshes = {parts[0] for parts in files if parts[1:] == [f"{_REFRESH}.sealed"]}
        return tuple(sorted({parts[0] for parts in files if _VERSION.fullmatch(parts[0])} - refreshes))

    def promote(
        self,
        version: str,
        *,
        by: str = UNNAMED,
        why: str = "",
        champion: str | None = ANY_CHAMPION,
        decision: str = "",
        run: str = "",
    ) -> str | None:
        """Make `version` the champion; readers see either the old champion or the new one at all times.

        Promoting the current champion changes and writes nothing. Where `champion` does not name the one to depose, a
        pointer file that is gone or cannot be trusted is replaced: the old file is kept as `champion.broken.sealed`,
        and the history starts anew.

        Parameters
        ----------
        version
            Version of a stored model.
        by, why
            Person and reason, for the history.
        champion
            Version of the champion to depose, None when there must be none; when another one is champion by now,
            nothing is done.
        decision
            Name of the approval that the promotion rests on; it promotes once, even after a rollback.
        run
            Name of the DAG run that asks for it; it changes the champion once, however often it is cleared.

        Returns
        -------
        str or None
            Version of the champion before.

        Raises
        ------
        SettingsError, IntegrityError
            When the version cannot be loaded, `champion` is not the champion, or the approval or the run was used
            before; the champion then stays.
        """
        self.load(version)
        with self.held(CHAMPION):
            reigns = self._readable_reigns() if champion == ANY_CHAMPION else self._records_of_champions()
            current = reigns[-1].version if reigns else None
            if current != version:
                _require_champion(champion, current, version)
                _require_unused(decision, reigns)
                _require_first(run, reigns)
                self._write_champion_records(
                    (*reigns, ChampionRecord(version, _now(), by, why, decision=decision, run=run))
                )
            return current

    def roll_back(self, *, by: str = UNNAMED, why: str = "", champion: str | None = None, run: str = "") -> str:
        """Make the previous champion champion again; a second call goes one champion further back.

        Parameters
        ----------
        by, why
            Person and reason, for the history.
        champion
            Version of the champion to depose; when another one is champion by now, nothing is done, so that a call can
            be repeated.
        run
            Name of the DAG run, as for `promote`.

        Returns
        -------
        str
            Version of the champion after the rollback.

        Raises
        ------
        SettingsError
            When there is no previous champion, `champion` is not the champion, or the run changed the champion before.
        IntegrityError
            When the previous champion cannot be loaded; the current one then stays.
        """
        with self.held(CHAMPION):
            reigns = self._records_of_champions()
            _require_first(run, reigns)
            current, before = _line_of(reigns)
            if champion is not None and champion != current:
                raise SettingsError(
                    f"{champion} is not the champion, {current} is: nothing was rolled back", version=current
                )
            if before is None:
                raise SettingsError(
                    f"there is no champion before {current or 'the first one'} to roll back to: promote another version"
                )
            self.load(before)
            self._write_champion_records((*reigns, ChampionRecord(before, _now(), by, why, is_rollback=True, run=run)))
            return before

    def champion(self) -> str | None:
        """The version of the champion; None when no version was promoted yet.

        Raises
        ------
        IntegrityError
            When the pointer file is gone, older than the newest or another lake's, or does not name a version.
        """
        return reigns[-1].version if (reigns := self._records_of_champions()) else None

    def history(self) -> tuple[ChampionRecord, ...]:
        """The records of all champions, the newest first.

        Raises
        ------
        IntegrityError
            As `champion`.
        """
        return self._records_of_champions()[::-1]

    def approved(self) -> tuple[str, ...]:
        """The champion and the earlier champions that were not rolled back, the newest last.

        Raises
        ------
        IntegrityError
            As `champion`.
        """
        return _approved(self._records_of_champions())

    def last_night(self, version: str) -> date:
        """The last night that a stored version was trained on; only its card is read.

        Raises
        ------
        IntegrityError
            When the card does not verify, or is not what `save` writes.
        SettingsError
            When there is no such version.
        """
        try:
            return date.fromisoformat(json.loads(self._unsealed(version, "card"))["training"]["last_night"])
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError(
                f"the card of model {version} names no last night: restore it or train again", version=version
            ) from error

    def training_span(self, version: str) -> tuple[date, date]:
        """The first and the last day whose postings a stored version was trained on, the days of habit among them.

        Raises
        ------
        IntegrityError, SettingsError
            As for `last_night`.
        """
        last = self.last_night(version)
        training = json.loads(self._unsealed(version, "card"))["training"]
        return date.fromisoformat(training["first_night"]) - timedelta(days=int(training["habit_days"])), last

    def _records_of_champions(self) -> tuple[ChampionRecord, ...]:
        """The champion records, the oldest first; a file from before histories were kept holds only the champion."""
        pointer = self.folder / _SEALED_FILE
        try:
            content = self.records.read_counted(pointer, _POINTER_CONTEXT, CHAMPION)
            if content is None:
                self._check_never_had_one()
                return ()
            return self._reigns_in(content)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, SettingsError) as error:
            raise _distrust(f"{pointer} does not name a model version") from error
        except IntegrityError as error:
            raise _distrust(str(error)) from error

    def _reigns_in(self, content: bytes) -> tuple[ChampionRecord, ...]:
        found = json.loads(content)
        version = str(found[CHAMPION])
        reigns = tuple(ChampionRecord(**reign) for reign in found.get(_HISTORY, [{"version": version}]))
        for reign in reigns:
            self._folder(reign.version)
        if _line_of(reigns)[0] != version:
            raise ValueError("its history ends with another version")
        return reigns

    def _check_never_had_one(self) -> None:
        """Raise where the copy for people shows that there was a pointer file, although no counter is kept.

        The copy is not trusted to name the champion.
        """
        if (copy := self.folder / _CHAMPION_FILE).exists():
            raise IntegrityError(
                f"{self.folder / _SEALED_FILE} is gone, and {copy} is for people and no evidence",
                place=str(self.folder / _SEALED_FILE),
            )

    def _readable_reigns(self) -> tuple[ChampionRecord, ...]:
        try:
            return self._records_of_champions()
        except IntegrityError:
            with suppress(IntegrityError):
                broken = file_content(self.folder / _SEALED_FILE)
                write_whole(self.folder / f"{CHAMPION}{_BROKEN}.sealed", broken)
            return ()

    def _write_champion_records(self, reigns: tuple[ChampionRecord, ...]) -> None:
        """Write the records, the last one being the champion; the sealed file, which counts, is written first."""
        pointer = {CHAMPION: reigns[-1].version, _HISTORY: [vars(reign) for reign in reigns]}
        content = json.dumps(pointer, indent=2).encode()
        self.records.write_counted(self.folder / _SEALED_FILE, content, _POINTER_CONTEXT, CHAMPION)
        write_whole(self.folder / _CHAMPION_FILE, content)

    @contextmanager
    def held(self, what: str) -> Iterator[None]:
        """Lock a part of the registry: a second process waits, so that neither loses what the other one wrote.

        Parameters
        ----------
        what
            Name of what is locked: a version whose parts are read and rewritten, the champion, or the migration.
        """
        with locks.held(self.folder / f".{what}.lock"):
            yield

    def _folder(self, version: str) -> UPath:
        if not _VERSION.fullmatch(version):
            raise SettingsError(
                f"{version!r} is no model version; one is a detector's name, a dash, 16 hex digits", version=version
            )
        return self.folder / version

    def _unsealed(self, version: str, part: str) -> bytes:
        path = self._part(version, part)
        if not path.exists():
            known = ", ".join(self.versions()) or "none"
            raise SettingsError(
                f"there is no {part} of model {version} in {self.folder}; stored are: {known}",
                version=version,
                place=str(self.folder),
            )
        return self.records.read(path, _context(version, part))


def _distrust(why: str) -> IntegrityError:
    return IntegrityError(
        f"who is champion cannot be trusted: {why}. Restore champion.sealed from a backup, set ADS_KEY_FILE to the key "
        "it was sealed with, or name the champion again with `python -m include promote`, which begins a new history"
    )


def _record_of(version: str) -> str:
    """Name under which the counter of a version's log of updates is kept."""
    return f"{UPDATES}/{version}"


def _line_of(reigns: tuple[ChampionRecord, ...]) -> tuple[str | None, str | None]:
    """The champion and the version that a rollback returns to, which is never one that was rolled back.

    >>> _line_of((ChampionRecord("a"), ChampionRecord("b"), ChampionRecord("c"), ChampionRecord("b", is_rollback=True)))
    ('b', 'a')
    """
    line = _approved(reigns)
    return (line[-1] if line else None), (line[-2] if len(line) > 1 else None)


def _approved(reigns: tuple[ChampionRecord, ...]) -> tuple[str, ...]:
    """The versions that were made champion and not rolled back since, the champion last."""
    line: list[str] = []
    for reign in reigns:
        if reign.is_rollback:
            line.pop()
        else:
            line.append(reign.version)
    return tuple(line)


def _require_champion(expected: str | None, current: str | None, version: str) -> None:
    if expected not in (ANY_CHAMPION, current):
        raise SettingsError(
            f"{version} was to follow {expected or 'no champion'}, but by now the champion is {current or 'nobody'}: "
            "nothing was promoted; run the selection again, which compares with the champion there is",
            version=version,
        )


def _require_unused(decision: str, reigns: tuple[ChampionRecord, ...]) -> None:
    used = next((reign for reign in reigns if decision and reign.decision == decision), None)
    if used is not None:
        raise SettingsError(
            f"this answer made {used.version} champion at {used.since} already, which was taken back since: nothing is "
            "promoted; run the selection again",
            version=used.version,
        )


def _require_first(run: str, reigns: tuple[ChampionRecord, ...]) -> None:
    """Raise when the run changed the champion before: a cleared run would act again in the name of its first user."""
    done = next((reign for reign in reigns if run and reign.run == run), None)
    if done is not None:
        raise SettingsError(
            f"this run made {done.version} champion at {done.since} already, and a run changes the champion once: "
            "nothing was changed; trigger a new run",
            version=done.version,
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _context(version: str, part: str) -> dict[str, str]:
    """The context that a seal is bound to: that it seals a model, the version and the part."""
    return {"purpose": "model", "model": version.rsplit("-", 1)[0], "version": version, "part": part}


def _learned_parts(model: Model) -> dict[str, bytes]:
    """The learned parts of a model: scikit-learn's objects as skops, the sequence reader's tensors as safetensors."""
    import safetensors.numpy

    parts = {"weights": _weights(model)}
    if model.sequence is not None:
        parts["tensors"] = safetensors.numpy.save(model.sequence.learned())
    return parts


def _refresh_part(refresh: Model) -> dict[str, bytes]:
    """The part that a refresh adds to the model that it refreshes; both share the sequence reader."""
    return {_REFRESH: _weights(refresh)}


def _weights(model: Model) -> bytes:
    """The skops bytes of the detectors and of all arrays that were learned outside them."""
    import skops.io

    learned = {m.name: m.detector.learned() for m in model.members if m.detector is not model.sequence}
    with _quiet():
        return bytes(skops.io.dumps({"arrays": model.arrays(), "learned": learned}))


def _read_tensors(version: str, content: bytes) -> dict[str, Any]:
    """Load tensors by name; the format holds numbers and nothing that could be run."""
    import safetensors.numpy
    from safetensors import SafetensorError

    try:
        tensors: dict[str, Any] = safetensors.numpy.load(content)
    except SafetensorError as error:
        raise IntegrityError(
            f"the tensors of model {version} are not what this registry writes: restore them or train again; "
            "nothing was loaded",
            version=version,
        ) from error
    return tensors


def _read_weights(version: str, content: bytes, trusted: frozenset[str]) -> Mapping[str, Any]:
    """Load what `_weights` wrote; only skops' own types and the detectors' pinned ones are constructed."""
    # skops imports torch, which takes seconds; importing it here spares the steps that read no weights.
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        with _quiet():
            stored: dict[str, Any] = skops.io.loads(content, trusted=sorted(trusted))
    except (UntrustedTypesFoundException, zipfile.BadZipFile, TypeError, KeyError, ValueError) as error:
        raise IntegrityError(
            f"the weights of model {version} are not what this registry writes ({type(error).__name__}): "
            "restore them or train again; nothing was loaded",
            version=version,
        ) from error
    return stored


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence warnings: skops inspects all loaded modules, and Airflow's warn of thousands of deprecated names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
