"""The workbook and the data sources are valid for Tableau, and name what is there."""

from __future__ import annotations

import copy
from collections.abc import Callable
from xml.etree.ElementTree import Element, fromstring

import pyarrow as pa
import pytest
from lxml import etree

from include.errors import TerminalError
from include.settings import Settings
from include.tableau.contents import MARTS, table_names, table_of
from include.tableau.datasource import extract_place
from include.tableau.documents import PROPERTIES, WORKBOOK, documents
from include.tableau.references import check_references
from include.tableau.workbook import SHEETS, workbook

MASKED = table_names(is_masked=True)


def schemas(*, is_masked: bool = True) -> dict[str, pa.Schema]:
    tables = [table_of(mart, is_masked=is_masked) for mart in MARTS]
    hidden = ("run_key", "key_version")
    return {each.name: pa.schema([field for field in each.schema if field.name not in hidden]) for each in tables}


@pytest.fixture
def book() -> Element:
    return workbook(schemas(), extract_place("rolling.hyper"))


@pytest.mark.parametrize("is_masked", [True, False])
def test_the_workbook_is_valid_for_tableau(tableau_schema: etree.XMLSchema, is_masked: bool) -> None:
    content = documents(schemas(is_masked=is_masked), Settings(), is_masked=is_masked)[WORKBOOK]
    tableau_schema.assertValid(etree.fromstring(content))


@pytest.mark.parametrize("table", MASKED)
def test_each_data_source_is_valid_within_a_workbook(tableau_schema: etree.XMLSchema, table: str) -> None:
    found = documents(schemas(), Settings(), is_masked=True)
    source = etree.fromstring(found[f"athena/{table}.tds"])
    # Tableau publishes a schema of workbooks alone, in which a data source has the same form.
    held = etree.fromstring(found[WORKBOOK])
    held.find("datasources").append(source)
    tableau_schema.assertValid(held)


def test_an_invalid_workbook_is_noticed(tableau_schema: etree.XMLSchema) -> None:
    held = etree.fromstring(documents(schemas(), Settings(), is_masked=True)[WORKBOOK])
    held.remove(held.find("explain-data"))
    assert not tableau_schema.validate(held)


def test_the_live_connection_asks_for_masked_views_and_holds_no_credentials() -> None:
    settings = Settings(athena_region="eu-central-1", athena_output_uri="s3://results/tableau/")
    found = documents(schemas(), settings, is_masked=True)
    assert found.keys() == {WORKBOOK, PROPERTIES, *(f"athena/{table}.tds" for table in MASKED)}
    assert found[PROPERTIES] == b"S3OutputLocation=s3://results/tableau/\n"
    for table in MASKED:
        source = fromstring(found[f"athena/{table}.tds"])  # noqa: S314 - our own
        connection = source.find("connection/named-connections/named-connection/connection")
        assert connection.get("server") == "athena.eu-central-1.amazonaws.com"
        assert source.find("connection/relation").get("table") == f"[ads].[published_{table}]"
        assert not connection.get("username")
        assert not any("password" in name or "key" in name for name in connection.keys())  # noqa: SIM118


def test_full_rows_have_no_live_connection() -> None:
    found = documents(schemas(is_masked=False), Settings(), is_masked=False)
    assert found.keys() == {WORKBOOK}


def test_the_workbook_shows_a_scatter_a_time_series_a_map_and_a_dashboard(book: Element) -> None:
    scatter, series, districts = book.findall("worksheets/worksheet")
    assert ("score" in scatter.findtext("table/rows"), "amount" in scatter.findtext("table/cols")) == (True, True)
    assert "tdy:settlement_date" in series.findtext("table/cols")
    assert ("latitude" in districts.findtext("table/rows"), "longitude" in districts.findtext("table/cols")) == (
        True,
        True,
    )
    assert "findings_per_thousand" in districts.find("table/panes/pane/encodings/size").get("column")
    shown = {zone.get("name") for zone in book.iter("zone") if zone.get("name")}
    assert shown == {sheet.name for sheet in SHEETS}


def test_every_reference_of_what_is_written_leads_somewhere(book: Element) -> None:
    check_references(book, schemas())


def _renamed_column(book: Element) -> None:
    book.find("datasources/datasource/column[@name='[amount]']").set("name", "[amounts]")


def _other_type(book: Element) -> None:
    book.find("datasources/datasource/column[@name='[amount]']").set("datatype", "string")


def _other_table(book: Element) -> None:
    book.find("datasources/datasource/connection/relation").set("table", "[public].[mart_finding]")


def _other_connection(book: Element) -> None:
    book.find("datasources/datasource/connection/relation").set("connection", "nowhere")


def _formula(book: Element) -> None:
    book.find(".//calculation").set("formula", "[night] = {MAX([settlement_date])}")


def _shelf(book: Element) -> None:
    rows = book.find("worksheets/worksheet/table/rows")
    rows.text = rows.text.replace("score", "scores")


def _shelf_of_another_source(book: Element) -> None:
    rows = book.find("worksheets/worksheet/table/rows")
    rows.text = rows.text.replace("mart_findings_masked", "mart_nights_masked")


def _shelf_without_source(book: Element) -> None:
    book.find("worksheets/worksheet/table/rows").text = "[none:score:qk]"


def _encoding(book: Element) -> None:
    book.find(".//encodings/color").set("column", "[federated.mart_findings_masked].[none:state:nk]")


def _instance_of_no_column(book: Element) -> None:
    book.find(".//column-instance[@column='[score]']").set("column", "[marks]")


def _instance_called_otherwise(book: Element) -> None:
    book.find(".//column-instance[@derivation='Sum']").set("derivation", "Avg")


def _sum_of_a_dimension(book: Element) -> None:
    needed = book.find(".//datasource-dependencies")
    needed.append(
        Element("column-instance", column="[code]", derivation="Sum", name="[sum:code:qk]", type="quantitative")
    )


def _day_of_a_measure(book: Element) -> None:
    needed = book.find(".//datasource-dependencies")
    instance = Element("column-instance", column="[score]", derivation="Day-Trunc", name="[tdy:score:qk]")
    instance.set("type", "quantitative")
    needed.append(instance)


def _dependency_of_another_type(book: Element) -> None:
    book.find(".//datasource-dependencies/column[@name='[score]']").set("datatype", "integer")


def _unknown_source(book: Element) -> None:
    book.find(".//datasource-dependencies").set("datasource", "federated.nowhere")


def _listed_source(book: Element) -> None:
    book.find(".//worksheet/table/view/datasources/datasource").set("name", "federated.mart_nights_masked")


def _filter_column(book: Element) -> None:
    book.find(".//filter").set("column", "[federated.mart_district_months_masked].[none:is_newest:nk]")


def _filter_level(book: Element) -> None:
    book.find(".//groupfilter").set("level", "[none:is_newest:nk]")


def _slice(book: Element) -> None:
    book.find(".//slices/column").text = "[federated.mart_district_months_masked].[none:is_newest:nk]"


def _zone(book: Element) -> None:
    book.find(".//zone[@name]").set("name", "No such sheet")


def _window(book: Element) -> None:
    book.find("windows/window").set("name", "No such sheet")


def _two_sheets_of_a_name(book: Element) -> None:
    sheets = book.find("worksheets")
    sheets.append(copy.deepcopy(sheets[0]))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_renamed_column, "there is no column amounts"),
        (_other_type, "amount is declared as string and is real"),
        (_other_table, "there is no table [public].[mart_finding]"),
        (_other_connection, "there is no connection nowhere"),
        (_formula, "the formula of is_latest_night names night"),
        (_shelf, "[none:scores:qk] is used and not declared"),
        (_shelf_of_another_source, "[federated.mart_nights_masked].[none:score:qk] is used and not declared"),
        (_shelf_without_source, "[none:score:qk] is used and not declared"),
        (_encoding, "[none:state:nk] is used and not declared"),
        (_instance_of_no_column, "is of marks, which is not declared"),
        (_instance_called_otherwise, "is the quantitative Avg of findings"),
        (_sum_of_a_dimension, "brings together values of code, which is no measure"),
        (_day_of_a_measure, "is a day of score, which is no time"),
        (_dependency_of_another_type, "the data source declares no integer measure score"),
        (_unknown_source, "there is no data source federated.nowhere"),
        (_listed_source, "it lists the data sources"),
        (_filter_column, "[none:is_newest:nk] is used and not declared"),
        (_filter_level, "names [none:is_newest:nk]"),
        (_slice, "[none:is_newest:nk] is used and not declared"),
        (_zone, "there is no sheet No such sheet, which a dashboard shows"),
        (_window, "there is no sheet No such sheet, which has a window"),
        (_two_sheets_of_a_name, "is the name of two sheets"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(
    book: Element, damage: Callable[[Element], None], words: str
) -> None:
    damage(book)
    with pytest.raises(TerminalError) as refused:
        check_references(book, schemas())
    assert words in str(refused.value)


@pytest.mark.parametrize(("mart", "column"), [("mart_findings_masked", "score"), ("mart_nights_masked", "findings")])
def test_a_mart_that_loses_a_column_of_a_sheet_is_noticed_before_anything_is_written(mart: str, column: str) -> None:
    changed = schemas()
    changed[mart] = pa.schema([field for field in changed[mart] if field.name != column])
    with pytest.raises((TerminalError, KeyError)):
        documents(changed, Settings(), is_masked=True)


def test_a_mart_that_gains_a_column_shows_it() -> None:
    changed = schemas()
    nights = changed["mart_nights_masked"]
    changed["mart_nights_masked"] = nights.append(pa.field("warnings", pa.int64(), metadata={"doc": "what was told"}))
    content = documents(changed, Settings(), is_masked=True)
    for name in (WORKBOOK, "athena/mart_nights_masked.tds"):
        column = fromstring(content[name]).find(".//column[@name='[warnings]']")  # noqa: S314 - our own
        assert (column.get("datatype"), column.get("role")) == ("integer", "measure")
        assert column.findtext("desc/formatted-text/run") == "what was told"
