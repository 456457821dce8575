"""Sources of a bank's relations: folders, object prefixes and databases."""

from __future__ import annotations

import re

from include.databases.terms import STRICT, ServerTerms
from include.errors import SettingsError
from include.sources.address import parse_address
from include.sources.base import Extract, Source

__all__ = ["Extract", "Source", "open_source"]

_DATABASE = re.compile(r"(postgresql|mysql|mariadb|sqlite)(\+\w+)?:", re.ASCII)


def open_source(uri: str, *, terms: ServerTerms = STRICT) -> Source:
    """The source an address names, to be used as a context manager.

    Parameters
    ----------
    uri
        A folder (`file:/data/bank`, or a plain path), an object prefix (`s3://bucket/prefix`) or a database
        (`postgresql+psycopg://`, `mysql+pymysql://`, `sqlite:///`). `?rounding=0.1` declares the source's own
        rounding where it is not the dialect's or, in canonical files and databases, not one unit of the last digit
        that any amount or balance has; `?zone=Europe/Prague` whose days the bank counts on, where it writes moments
        with a zone or an offset; `?holidays=CZ` the calendar of its bank holidays.
    terms
        What is asked of a database's server, and how long it may say nothing.

    Raises
    ------
    SettingsError
        When the address is of no known kind or declares something that is not allowed.
    SourceError
        When the place does not hold the bank's relations.
    """
    address = parse_address(uri)
    if not address.uri.strip():
        raise SettingsError(
            "the source's address is empty: name a folder, an object prefix or a database", setting="source_uri"
        )
    # Each kind of source is imported only when needed, as SQLAlchemy and the S3 client take a second each.
    if _DATABASE.match(address.uri):
        from include.sources.database.source import open_database

        return open_database(address.uri, address.declared, terms)
    from include.sources.files.folder import Folder
    from include.sources.files.source import FileSource

    return FileSource(Folder.at(address.uri), address.declared)
