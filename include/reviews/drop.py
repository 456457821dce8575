"""Reads and writes files of reviews in a drop folder; people, other programs and the console put them there.

A writer must give a file its final name only when it is complete (write another name, then rename): a file that is
still being written may be put away between two of its rows. One line is one review; a last line without a line end
counts as torn.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from include.errors import (
    ObjectConflictError,
    ObjectStoreError,
    ObjectStoreUnavailableError,
    PublishError,
    SettingsError,
    SettlementError,
    SourceError,
)
from include.lake.tables import REVIEWS_SCHEMA
from include.paths import is_object, names_in, path_of
from include.relations import Column, Relation
from include.security.envelope import Envelope
from include.security.private import make_private
from include.sources.dialects import CANONICAL
from include.sources.files.regular import read_regular
from include.sources.files.source import read_relation
from include.whole_file import NEW, read_whole, remove_whole, write_whole

DECISIONS = ("confirmed", "dismissed", "unsure")
"""Possible decisions on a finding."""
LONGEST_TEXTS: Mapping[str, int] = {"reason": 1000, "who": 200, "check_code": 60}
"""Largest number of characters of each text. A decision: a reason is a paragraph, not a file."""
MOST_BYTES = 16 << 20
"""Largest size of one file in bytes: about 100,000 reviews, more than a large bank's analysts decide in a year."""
SUFFIXES = (".csv", ".parquet")
_SEALED = ".sealed"

REVIEWS = Relation(
    name="reviews",
    key="trans_id",
    grain="one decision of one person on one finding",
    pkdd="",
    teradata="",
    has_null_words=False,
    columns=(
        Column("trans_id", "identifier", "", "posting that was looked into", nullable=True),
        Column("decision", "code", "", "what was decided", {decision: decision for decision in DECISIONS}),
        Column("reason", "text", "", "why", nullable=True),
        Column("who", "text", "", "who decided"),
        Column("decided_at", "text", "", "when it was decided"),
        Column("known_at", "text", "", "when it became known"),
        Column("account_id", "identifier", "", "account of a break", nullable=True, optional=True),
        Column("check_code", "text", "", "check of a break", nullable=True, optional=True),
    ),
)
"""Columns of a file of reviews. Times are ISO 8601 (in UTC where they have no offset) or a date alone."""

TORN = "torn"
WRITTEN = pa.schema([REVIEWS_SCHEMA.field(column.name) for column in REVIEWS.columns])
"""Schema of the files that the console writes."""
_FROM_CONSOLE = re.compile(r"(\d{4})(\d{2})(\d{2})T\d{6}-[0-9a-f]{32}\.parquet", re.ASCII)
# A file name has at most 255 bytes; the names of files that are put away also hold a digest and a suffix.
_LONGEST_STEM = 180


@dataclass(frozen=True)
class ReviewFile:
    """The content of one file of the drop.

    Attributes
    ----------
    path
        Path of the file in the drop.
    kept_as
        Path to which it is put away, sealed, once all its rows are settled; it depends on the file's name and content.
    rows
        Valid reviews: `REVIEWS_SCHEMA` without `settlement_date`.
    refused
        Invalid rows: `source_uri`, `line`, `raw` and `reason_codes` of each.
    """

    path: UPath
    kept_as: UPath
    rows: pa.Table
    refused: list[dict[str, Any]]


def inbox_of(lake_uri: str, reviews_uri: str = "") -> UPath:
    """The drop folder of a lake: the installation's own where it has one, else one in the lake."""
    return path_of(reviews_uri or f"{lake_uri.rstrip('/')}/reviews/inbox")


def taken_of(inbox: UPath, reviews_uri: str = "") -> UPath:
    """The folder that settled files are put away to: within the installation's own drop, beside one in the lake."""
    return (inbox if reviews_uri else inbox.parent) / "taken"


def read_inbox(
    inbox: UPath, night: date | None = None, taken: UPath | None = None
) -> tuple[list[ReviewFile], list[str]]:
    """All readable files of a drop, ordered by name, and sentences on the unreadable ones, which stay in the drop.

    Parameters
    ----------
    inbox
        The drop folder.
    night
        Night that reads: files that the console wrote after it are ignored. None reads all files.
    taken
        Folder that settled files are put away to; the one beside the drop when None.
    """
    files: list[ReviewFile] = []
    notes: list[str] = []
    try:
        paths = files_in(inbox, night)
    except (OSError, ObjectStoreError) as error:
        return [], [f"all reviews wait: {inbox} cannot be looked into ({error}); make it a folder the night may read"]
    for path in paths:
        try:
            data = _content(path)
            files.append(_read(path, data, (taken or taken_of(inbox)) / _kept_name(path, data)))
        except FileNotFoundError:
            continue  # another night put it away meanwhile
        # One file must not stop the night, and readers of file formats raise errors of many types.
        except Exception as error:
            notes.append(f"reviews in {_shown(path.name)} wait: {_why(error)}")
    return files, notes


def _why(error: Exception) -> str:
    if isinstance(error, SettlementError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or type(error).__name__}; make it a file that the night may read, or remove it"
    # A reader's own message may quote a record.
    return (
        f"the file cannot be read ({type(error).__name__}); write it again, as CSV or as Parquet with columns of text, "
        "whole numbers and times"
    )


def _shown(name: str) -> str:
    r"""A file's name in a form fit for a sentence: bytes that are not UTF-8 and control characters are escaped.

    >>> _shown("day\udcff.csv"), _shown("two\nlines.csv")
    ('day\\udcff.csv', 'two\\nlines.csv')
    """
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in name)


def drop_reviews(inbox: UPath, reviews: Sequence[Mapping[str, Any]]) -> str:
    """Write reviews into a drop as one new file, whole or not at all, and return its name.

    Parameters
    ----------
    inbox
        The drop folder; it is created where there is none.
    reviews
        Rows with the columns of `REVIEWS`, at least one; times are UTC datetimes.

    Raises
    ------
    PublishError
        When the folder cannot be written to.
    """
    # The name tells a night whether it may know the file, without opening it.
    name = f"{min(review['known_at'] for review in reviews):%Y%m%dT%H%M%S}-{uuid4().hex}.parquet"
    table = pa.Table.from_pylist([dict(review) for review in reviews], schema=WRITTEN)
    try:
        make_private(inbox)
        write_whole(inbox / name, as_parquet(table), over=NEW)
    except (OSError, SettingsError, ObjectStoreError, ObjectStoreUnavailableError) as error:
        raise PublishError(
            f"the drop of reviews at {inbox} could not be written to ({error}): nothing was taken; see that it has "
            "room and may be written to, and send the reviews again",
            place=str(inbox),
        ) from error
    return name


def as_parquet(table: pa.Table) -> bytes:
    """The table as a Parquet file with checksums, which show whether a value was altered."""
    sink = io.BytesIO()
    pq.write_table(table, sink, write_page_checksum=True)
    return sink.getvalue()


def put_away(files: Sequence[tuple[str, str]], envelope: Envelope) -> list[str]:
    """Move settled files out of the drop, sealed, and return a sentence on each file that could not be moved.

    The files are sealed because they hold what people wrote and refused rows, which the lake also keeps sealed. The
    next night reads a file that stayed again, but takes in no review twice.

    Parameters
    ----------
    files
        Pairs of `path` and `kept_as`. A file that was rewritten since it was read stays in the drop.
    envelope
        Envelope that seals the files.
    """
    notes: list[str] = []
    for path, kept_as in files:
        try:
            _put_away(path_of(path), path_of(kept_as), envelope)
        except FileNotFoundError:
            continue  # another night put it away meanwhile
        except (OSError, SourceError, ObjectStoreError, ObjectStoreUnavailableError) as error:
            notes.append(
                f"the reviews in {path} were taken in, but could not be put away as {kept_as} ({error}); let the "
                "night write there and remove files from the drop, and the next one will"
            )
    return notes


def read_kept(kept_as: UPath, envelope: Envelope) -> bytes:
    """The original content of a file that was put away.

    Raises
    ------
    IntegrityError
        When the file was changed, renamed, or sealed with another key.
    """
    return envelope.unseal(kept_as.read_bytes(), _sealed_as(kept_as))


def reviews_kept(kept_as: UPath, envelope: Envelope) -> ReviewFile:
    """The reviews of a file that was put away.

    Raises
    ------
    IntegrityError
        As for `read_kept`.
    """
    # It is read as what it was before it was sealed: its name says whether that was CSV or Parquet.
    return _read(kept_as.with_name(kept_as.name.removesuffix(_SEALED)), read_kept(kept_as, envelope), kept_as)


def kept_files(taken: UPath) -> list[UPath]:
    """The files that were put away, ordered by name."""
    return [taken / name for name in sorted(names_in(taken)) if name.endswith(_SEALED)]


def _put_away(source: UPath, target: UPath, envelope: Envelope) -> None:
    data, version = _content_and_version(source)
    if _kept_name(source, data) != target.name:
        return
    make_private(target.parent)
    write_whole(target, envelope.seal(data, _sealed_as(target)))
    # Somebody may write the file anew just now; what they wrote is not put away, and stays.
    with suppress(ObjectConflictError):
        remove_whole(source, version)


def _sealed_as(kept_as: UPath) -> dict[str, str]:
    return {"table": REVIEWS.name, "file": kept_as.name}


def files_in(inbox: UPath, night: date | None = None) -> list[UPath]:
    """The files of a drop that may hold reviews, ordered by name, without those the console wrote after `night`."""
    if not inbox.exists():
        return []
    return sorted((path for path in inbox.iterdir() if _may_hold(path, night)), key=lambda path: path.name)


def _may_hold(path: UPath, night: date | None) -> bool:
    if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
        return False
    written = written_on(path)
    return night is None or written is None or written <= night


def written_on(path: UPath) -> date | None:
    """The earliest date (UTC) in a file of the console, read from its name; None for other files."""
    found = _FROM_CONSOLE.fullmatch(path.name)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def content_of(path: UPath) -> bytes:
    """The bytes of a file of the drop.

    Raises
    ------
    SourceError
        When the file is no regular file, or too large.
    """
    return _content_and_version(path)[0]


def _content_and_version(path: UPath) -> tuple[bytes, str]:
    if not is_object(path):
        return read_regular(Path(path.path), MOST_BYTES), ""
    found = read_whole(path, MOST_BYTES)
    if found is None:
        raise FileNotFoundError(str(path))
    if len(found.content) > MOST_BYTES:
        raise SourceError(
            f"it has more than the {MOST_BYTES:,} bytes that are read: cut it into several files", place=str(path)
        )
    return found.content, found.version


def _kept_name(path: UPath, data: bytes) -> str:
    """The name that a file is put away under.

    The content is part of the name, so that two files of the same name do not replace each other.
    """
    name = PurePosixPath(path.name)
    stem = name.stem.encode()[:_LONGEST_STEM].decode(errors="ignore")
    return f"{stem}-{hashlib.sha256(data).hexdigest()[:16]}{name.suffix}{_SEALED}"


def read_review_file(path: UPath) -> ReviewFile:
    """One file of reviews, which stays where it is: its rows name it as their source.

    Raises
    ------
    SourceError, OSError
        When it cannot be read.
    """
    return _read(path, _content(path), path)


def _content(path: UPath) -> bytes:
    if not _is_utf8(path.name):
        raise SourceError("its name is not UTF-8: give it another name", place=str(path))
    return content_of(path)


def _read(path: UPath, data: bytes, kept_as: UPath) -> ReviewFile:
    whole, torn = (data, b"") if path.suffix.lower() == ".parquet" else _without_torn_line(data)
    extract = read_relation(whole, REVIEWS, CANONICAL, str(path))
    found = [_judged(row) for row in _lines(extract.rows, kept_as)]
    rows = [row for row in found if not row["reason_codes"]]
    refused = [_as_refused(row) for row in found if row["reason_codes"]]
    unreadable = [
        {**_as_refused(row), "reason_codes": row["reason_codes"].split(",")}
        for row in _lines(extract.unreadable, kept_as)
    ]
    schema = REVIEWS_SCHEMA.remove(REVIEWS_SCHEMA.get_field_index("settlement_date"))
    return ReviewFile(
        path, kept_as, pa.Table.from_pylist(rows, schema=schema), [*refused, *unreadable, *_torn(torn, whole, kept_as)]
    )


def _lines(read: pa.Table, kept_as: UPath) -> list[dict[str, Any]]:
    """The rows of a file, with the path that it is put away to as their source, as it will have left the drop."""
    return [{**row, "source_uri": str(kept_as)} for row in read.to_pylist()]


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_torn_line(data: bytes) -> tuple[bytes, bytes]:
    """The complete lines of a text file, and the rest; a line that was cut off may still look like a valid one."""
    if data.endswith(b"\n"):
        return data, b""
    end = data.rfind(b"\n") + 1
    return data[:end], data[end:]


def _torn(torn: bytes, whole: bytes, kept_as: UPath) -> Iterator[dict[str, Any]]:
    if torn.strip(b" \r\x1a\x00"):
        raw = torn.decode("utf-8", errors="replace")
        yield {"source_uri": str(kept_as), "line": whole.count(b"\n") + 1, "raw": raw, "reason_codes": [TORN]}


def _as_refused(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "source_uri": row["source_uri"],
        "line": row["source_line"],
        "raw": row["raw"],
        "reason_codes": row["reason_codes"],
    }


def _judged(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its times parsed and its key, and the reason codes of everything that is wrong with it."""
    codes = (row["reader_codes"] or "").split(",") if row["reader_codes"] else []
    times = {"decided_at": _moment(row["decided_at"], time.min), "known_at": _moment(row["known_at"], time.max)}
    codes += [f"{name}_not_a_time" for name, found in times.items() if found is None and row[name]]
    codes += [f"{name}_too_long" for name, most in LONGEST_TEXTS.items() if len(row[name] or "") > most]
    if times["decided_at"] and times["known_at"] and times["decided_at"] > times["known_at"]:
        codes.append("known_before_decided")
    if _names_nothing(row, codes):
        codes.append("trans_id_missing")
    return {**row, **times, "reason_codes": sorted(set(codes)), "review_key": _key({**row, **times})}


def _names_nothing(row: Mapping[str, Any], codes: Sequence[str]) -> bool:
    """Whether the row names neither a posting nor a break; an unreadable posting number has a reason of its own."""
    is_unreadable = any(code.startswith("trans_id_") for code in codes)
    is_of_a_break = row["account_id"] is not None and bool(row["check_code"])
    return row["trans_id"] is None and not is_unreadable and not is_of_a_break


def _moment(text: str | None, of_day: time) -> datetime | None:
    """A time in UTC; a date alone stands for the time `of_day` on it.

    Where a date says when something was known, `of_day` is its end, so that nothing acts before it was known.

    >>> _moment("2024-03-01T10:00+02:00", time.min)
    datetime.datetime(2024, 3, 1, 8, 0, tzinfo=datetime.timezone.utc)
    >>> _moment("2024-03-01", time.max).hour, _moment("yesterday", time.min)
    (23, None)
    """
    try:
        found = datetime.fromisoformat(text or "")
        if len(text or "") <= len("2024-03-01"):
            found = datetime.combine(found, of_day)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _key(row: Mapping[str, Any]) -> str:
    said = [str(row[column.name]) for column in REVIEWS.columns]
    return hashlib.sha256("\x1f".join(said).encode("utf-8", errors="replace")).hexdigest()
