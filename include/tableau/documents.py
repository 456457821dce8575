"""The files for Tableau beside the extracts: the workbook, and the data sources of the live connection to Athena."""

from __future__ import annotations

from xml.etree.ElementTree import Element, indent, tostring

from include.settings import Settings
from include.tableau.contents import Schemas
from include.tableau.datasource import Place, data_source, extract_place
from include.tableau.folder import ROLLING
from include.tableau.references import check_references
from include.tableau.workbook import workbook

WORKBOOK = "settlement.twb"
"""Name of the workbook."""
ATHENA = "athena"
"""Folder of the live connection's files."""
PROPERTIES = f"{ATHENA}/athena.properties"
"""Name of the file that tells Athena's driver where answers go; Tableau reads it from its folder of data sources."""
_ANY_REGION, _ANY_RESULTS = "REGION", "s3://BUCKET/athena-results/"
"""What stands for a setting that is not given, for people to replace."""
# Athena's endpoint speaks HTTPS; the catalog is Glue's, under the name that Athena gives it.
_PORT, _CATALOG = "443", "AwsDataCatalog"


def documents(schemas: Schemas, settings: Settings, *, is_masked: bool) -> dict[str, bytes]:
    """The files beside the extracts, every reference in them checked.

    Parameters
    ----------
    schemas
        Columns of the extracts' tables, by their names.
    settings
        Settings of the installation, with region and results of Athena.
    is_masked
        Whether the extracts are for masked readers.

    Raises
    ------
    TerminalError
        When a document would refer to a column that is not there, or has another type.
    """
    book = workbook(schemas, extract_place(ROLLING))
    check_references(book, schemas)
    found = {WORKBOOK: _text(book)}
    return {**found, **_live(schemas, settings)} if is_masked else found


def _live(schemas: Schemas, settings: Settings) -> dict[str, bytes]:
    place = _athena(settings)
    views = {_view(table): schema for table, schema in schemas.items()}
    found: dict[str, bytes] = {}
    for table in schemas:
        source = data_source(_view(table), schemas[table], place)
        check_references(source, views)
        found[_source_file(table)] = _text(source)
    return {**found, PROPERTIES: _properties(settings).encode()}


def _properties(settings: Settings) -> str:
    """Where answers go: to the setting's place, or where the workgroup puts them unless somebody names one here."""
    given = settings.athena_output_uri
    return f"S3OutputLocation={given}\n" if given else f"# S3OutputLocation={_ANY_RESULTS}\n"


def _athena(settings: Settings) -> Place:
    server = f"athena.{settings.athena_region or _ANY_REGION}.amazonaws.com"
    attributes = {
        "class": "athena",
        "dbname": _CATALOG,
        "one-time-sql": "",
        "port": _PORT,
        "schema": settings.namespace,
        "server": server,
        "username": "",
    }
    return Place("athena.ads", server, attributes, settings.namespace)


def _view(table: str) -> str:
    """The view that readers have of a table in Athena: the rows of published runs."""
    return f"published_{table}"


def _source_file(table: str) -> str:
    return f"{ATHENA}/{table}.tds"


def _text(root: Element) -> bytes:
    indent(root)
    content: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return content
