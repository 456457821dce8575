"""Recognises the dialect of a folder, the files and folders of each relation, and data that is not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from include.errors import SourceError
from include.relations import RELATIONS, Relation
from include.sources.dialects import CANONICAL, DIALECTS, Dialect
from include.sources.files.entries import FILE, FOLDER, Entry, shown
from include.sources.files.packing import PACKED_SUFFIXES

_UNREAD = {
    **dict.fromkeys((".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".lz4", ".z"), "an archive or packing"),
    **dict.fromkeys((".xlsx", ".xls", ".xlsb", ".xlsm", ".ods", ".numbers"), "a spreadsheet"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson", ".xml", ".html"), "JSON, XML or HTML"),
    **dict.fromkeys((".avro", ".orc", ".feather", ".arrow", ".hdf", ".h5", ".pkl", ".pickle"), "another binary format"),
    **dict.fromkeys((".sas7bdat", ".sav", ".dta", ".dbf", ".mdb", ".accdb", ".db", ".sqlite"), "a database's file"),
    **dict.fromkeys((".gpg", ".pgp", ".enc", ".age"), "encrypted"),
    **dict.fromkeys((".txt", ".dat"), "text without the suffix that says how it is delimited"),
}
"""Suffixes of data in a form that is not read, and what they are."""

_READ = (".csv", ".parquet", ".asc", ".tsv")
# As Spark and Hive write the value of a partition that has none.
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
# What stands beside part files without being one.
_SUMS = (".crc", ".md5", ".sha1", ".sha256")
_KEPT_BY = {
    "_delta_log": "a Delta table, whose log says which of its files count",
    ".hoodie": "a Hudi table, whose log says which of its files count",
    "_temporary": "still being written",
}
"""Folders that say that the files beside them are no relation by themselves."""
_SHOWN = 12


@dataclass(frozen=True)
class Recognised:
    """A folder's dialect and, by relation, the file or folder that holds it (as the folder spells it).

    Attributes
    ----------
    dialect
        Dialect of the folder.
    files
        Name of the file or folder, by relation.
    notes
        Sentences for people on data in the folder that is not read.
    """

    dialect: Dialect
    files: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """One file of a relation.

    Attributes
    ----------
    entry
        The file, named from the source's folder.
    values
        Column -> text, of columns that the names of its folders hold (`trans_date=2024-01-01`).
    """

    entry: Entry
    values: Mapping[str, str]


def recognise(entries: Mapping[str, Entry], folder: str) -> Recognised:
    """The dialect a folder is written in, by what is present; letter case and packing do not matter.

    Raises
    ------
    SourceError
        When no dialect or more than one is present, a relation is there twice or in a form that is not read, or a
        required one is missing.
    """
    present = sorted(entries.values())
    found = {dialect.name: _entries_of(dialect, present, folder) for dialect in DIALECTS}
    matching = [dialect for dialect in DIALECTS if found[dialect.name]]
    if len(matching) != 1:
        raise SourceError(_not_one_dialect(matching, found, present, folder))
    recognised = Recognised(matching[0], found[matching[0].name])
    _require_readable(recognised, entries, folder)
    _require_relations(recognised, present, folder)
    return Recognised(recognised.dialect, recognised.files, _left_out(recognised, present, folder))


def _entries_of(dialect: Dialect, present: list[Entry], folder: str) -> dict[str, str]:
    held: dict[str, str] = {}
    for relation in RELATIONS.values():
        hits = [entry.name for entry in present if _holds(entry, relation, dialect)]
        if len(hits) > 1:
            listed = ", ".join(map(shown, hits))
            raise SourceError(f"{folder} holds {relation.name} more than once ({listed}): keep one of them")
        if hits:
            held[relation.name] = hits[0]
    return held


def _holds(entry: Entry, relation: Relation, dialect: Dialect) -> bool:
    name = entry.name.lower()
    if entry.kind == FOLDER:
        return name in (*dialect.file_names(relation), *([relation.name] if dialect is CANONICAL else []))
    return unpacked_name(name) in dialect.file_names(relation)


def unpacked_name(name: str) -> str:
    """A file's name without the suffix of its packing.

    >>> unpacked_name("fin_order.csv.gz")
    'fin_order.csv'
    """
    return next((name.removesuffix(suffix) for suffix in PACKED_SUFFIXES if name.lower().endswith(suffix)), name)


def _require_readable(recognised: Recognised, entries: Mapping[str, Entry], folder: str) -> None:
    """A relation must not be left out because of the form it lies there in."""
    for relation in RELATIONS.values():
        name = recognised.files.get(relation.name)
        if name is not None and entries[name].kind not in (FILE, FOLDER):
            raise SourceError(
                f"{folder} holds {relation.name} as {shown(name)}, which is {entries[name].kind} and is not read: put "
                "the file itself there, or remove it"
            )
        if name is None:
            _refuse_other_forms(relation, recognised.dialect, entries, folder)


def _refuse_other_forms(relation: Relation, dialect: Dialect, entries: Mapping[str, Entry], folder: str) -> None:
    usual = dialect.file_names(relation)[0]
    stems = {name.partition(".")[0] for name in (relation.name, *dialect.file_names(relation))}
    for entry in entries.values():
        kind = _unread_kind(entry.name)
        if kind and entry.name.lower().partition(".")[0] in stems:
            raise SourceError(
                f"{folder} holds {relation.name} as {shown(entry.name)}, which is {kind} and is not read: deliver it "
                f"as {usual} (or {usual}.gz, {usual}.zst), or remove it"
            )


def _unread_kind(name: str) -> str:
    """Words for a file whose suffix is of a form that is not read; empty for other files."""
    stem, dot, suffix = name.lower().rpartition(".")
    return _UNREAD.get(dot + suffix, "") if stem else ""


def _left_out(recognised: Recognised, present: list[Entry], folder: str) -> tuple[str, ...]:
    taken = set(recognised.files.values())
    # JSON beside the relations is as often a description as data.
    left = [e for e in present if e.name not in taken and _is_data(e.name) and not e.name.lower().endswith(".json")]
    if not left:
        return ()
    return (f"{folder} holds data under names that no relation has, which is not read: {_listing(left)}",)


def _is_data(name: str) -> bool:
    return unpacked_name(name.lower()).endswith(_READ) or bool(_unread_kind(name))


def _not_one_dialect(
    matching: list[Dialect], found: Mapping[str, Mapping[str, str]], present: list[Entry], folder: str
) -> str:
    if matching:
        parts = "; ".join(f"{d.name}: {', '.join(map(shown, found[d.name].values()))}" for d in matching)
        return f"{folder} mixes dialects ({parts}): a source is written in one of them, move the others elsewhere"
    wanted = "; ".join(
        f"{d.name}: " + ", ".join("/".join(d.file_names(r)) for r in RELATIONS.values() if r.required) for d in DIALECTS
    )
    return (
        f"{folder} holds none of the bank's relations. Looked for, at least, {wanted}. Found {_listing(present)}. "
        f"{_mend(present)}Name the folder or prefix the files lie in"
    )


def _require_relations(recognised: Recognised, present: list[Entry], folder: str) -> None:
    missing = [r for r in RELATIONS.values() if r.required and r.name not in recognised.files]
    if missing:
        looked_for = ", ".join(f"{r.name} ({' or '.join(recognised.dialect.file_names(r))})" for r in missing)
        raise SourceError(
            f"{folder} lacks required relations of the {recognised.dialect.name} dialect: {looked_for}. "
            f"Found {_listing(present)}. {_mend(present)}Add the missing files"
        )


def _listing(present: list[Entry]) -> str:
    if not present:
        return "no files at all"
    more = f" and {len(present) - _SHOWN} more" if len(present) > _SHOWN else ""
    return ", ".join(map(_described, present[:_SHOWN])) + more


def _described(entry: Entry) -> str:
    kind = _unread_kind(entry.name) if entry.kind == FILE else entry.kind.replace(FOLDER, "")
    return f"{shown(entry.name)}{'/' if entry.kind == FOLDER else ''}" + (f" ({kind})" if kind else "")


def _mend(present: list[Entry]) -> str:
    """How to make what lies there readable, where it is data in another form or under another name."""
    if not any(_is_data(entry.name) for entry in present):
        return ""
    return (
        "Unpack archives, export spreadsheets and other formats as CSV or Parquet (.gz, .zst and folders of part files "
        "are read), and give each file its relation's name. "
    )


def parts_of(relation: Relation, name: str, below: list[Entry], folder: str) -> list[Part]:
    """The files of a relation that lies in a folder, as Spark, Hive and pandas write one; marks and sums are left out.

    Raises
    ------
    SourceError
        When there is none, one cannot be read, or they are in more than one format.
    """
    place = f"{folder}/{shown(name)} ({relation.name})"
    _refuse_tables(below, place)
    entries = [entry for entry in below if _is_part(entry.name)]
    for entry in entries:
        _require_part(entry, place)
    if not entries:
        raise SourceError(
            f"{place} is a folder that holds no part files: deliver it again, or remove it where the bank has none",
            place=place,
        )
    formats = sorted({"Parquet" if _is_parquet(entry.name) else "text" for entry in entries})
    if len(formats) > 1:
        raise SourceError(f"{place} holds parts both as {' and as '.join(formats)}: keep one of them", place=place)
    return [Part(entry._replace(name=f"{name}/{entry.name}"), dict(_values(entry.name))) for entry in entries]


def _refuse_tables(below: list[Entry], place: str) -> None:
    kept = [_KEPT_BY[step] for entry in below for step in entry.name.split("/")[:-1] if step in _KEPT_BY]
    if kept:
        raise SourceError(
            f"{place} is {kept[0]}: export the relation as Parquet or CSV when it is complete", place=place
        )


def _is_part(name: str) -> bool:
    marks = any(step.startswith(("_", ".")) for step in name.split("/"))
    return not marks and not name.lower().endswith(_SUMS)


def _require_part(entry: Entry, place: str) -> None:
    kind = entry.kind if entry.kind != FILE else _unread_kind(entry.name)
    if kind and not entry.name.lower().endswith((".txt", ".dat")):
        raise SourceError(
            f"{place} holds {shown(entry.name)}, which is {kind} and is not read: deliver its parts as CSV or Parquet",
            place=place,
        )


def _is_parquet(name: str) -> bool:
    return unpacked_name(name.lower()).endswith(".parquet")


def _values(name: str) -> Iterator[tuple[str, str]]:
    for step in name.split("/")[:-1]:
        column, equals, value = step.partition("=")
        if equals:
            yield column.lower(), "" if value == _NO_VALUE else unquote(value)
