"""The bank's eight relations: columns, types, keys, references, code lists, grain, units and both file dialects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

IDENTIFIER = pa.int64()
DATE = pa.date32()
MONEY = pa.decimal128(12, 2)
TEXT = pa.string()
NUMBER = pa.float64()
TIME = pa.time64("us")

Kind = Literal["identifier", "account", "date", "money", "code", "text", "number", "time"]
_ARROW: dict[Kind, pa.DataType] = {
    "identifier": IDENTIFIER,
    # An account elsewhere: null where its text is no number that fits, which is no fault.
    "account": IDENTIFIER,
    "date": DATE,
    "money": MONEY,
    "code": TEXT,
    "text": TEXT,
    "number": NUMBER,
    "time": TIME,
}


@dataclass(frozen=True)
class Column:
    """One column of a relation.

    Parameters
    ----------
    name
        Canonical name (that of the Teradata dialect).
    kind
        What the values are; fixes the Arrow type and how text is read into it.
    pkdd
        The column's name in the `.asc` header; empty where that dialect has none.
    doc
        Meaning and unit.
    codes
        For `kind="code"`: canonical code -> the PKDD code it stands for. Blank is null.
    nullable
        Whether a null is an ordinary value.
    optional
        Whether a source may lack the whole column (an older bank has no time of day).
    read_from
        The column whose text is kept here as it stands; no source has this one itself. Empty for all others.
    """

    name: str
    kind: Kind
    pkdd: str
    doc: str
    codes: dict[str, str] = field(default_factory=dict)
    nullable: bool = False
    optional: bool = False
    read_from: str = ""

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of the canonical column."""
        return _ARROW[self.kind]


@dataclass(frozen=True)
class Relation:
    """One relation of the bank.

    Parameters
    ----------
    name
        Canonical name, also the table's name in the lake (`fin_transaction`).
    columns
        In Teradata order; optional columns last.
    key
        The identifier column; each row has its own.
    grain
        What one row is.
    references
        Column -> (relation, column) it should be found in.
    valid_from
        The date a row counts from; empty for relations without one.
    required
        Whether a night without it stops.
    pkdd, teradata
        File names of the two dialects.
    has_null_words
        Whether it comes from exports, which write `NULL` or `nan` for nothing, and not from people, who mean it.
    """

    name: str
    columns: tuple[Column, ...]
    key: str
    grain: str
    pkdd: str
    teradata: str
    references: dict[str, tuple[str, str]] = field(default_factory=dict)
    valid_from: str = ""
    required: bool = False
    has_null_words: bool = True

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the canonical relation, every column nullable (a quarantined value is null)."""
        return pa.schema([pa.field(c.name, c.arrow) for c in self.columns])

    @property
    def source_columns(self) -> tuple[Column, ...]:
        """The columns that a source holds itself."""
        return tuple(c for c in self.columns if not c.read_from)

    @property
    def source_schema(self) -> pa.Schema:
        """Arrow schema of the columns that a source holds itself."""
        return pa.schema([pa.field(c.name, c.arrow) for c in self.source_columns])

    def column(self, name: str) -> Column:
        """The column called `name`.

        Raises
        ------
        KeyError
            When the relation has no such column.
        """
        return {c.name: c for c in self.columns}[name]


TRANSACTION_TYPES = {"C": "PRIJEM", "D": "VYDAJ", "P": "VYBER"}
"""Credit, debit, cash withdrawal. The sign of an amount is minus for everything but C."""

OPERATIONS = {
    "CIC": "VKLAD",
    "WIC": "VYBER",
    "CCW": "VYBER KARTOU",
    "COB": "PREVOD Z UCTU",
    "ROB": "PREVOD NA UCET",
}
"""Cash in, cash withdrawal, card withdrawal, collection from and remittance to another bank."""

CATEGORIES = {
    "HH": "SIPO",
    "IC": "UROK",
    "IN": "POJISTNE",
    "IO": "SANKC. UROK",
    "LE": "LEASING",
    "LO": "UVER",
    "PE": "DUCHOD",
    "ST": "SLUZBY",
}
"""Household, interest credited, insurance, interest on overdraft, leasing, loan, pension, statement fee."""

BANK_BOOKED = ("IC", "IO", "ST")
"""Categories of the postings that the bank books by itself: interest and fees, which no client decides."""


def is_bank_booked(kind: str) -> bool:
    """Whether the bank itself books the postings of a kind, `direction:operation:category`.

    >>> is_bank_booked("out:-:ST"), is_bank_booked("out:ROB:HH")
    (True, False)
    """
    return kind.rpartition(":")[2] in BANK_BOOKED


FREQUENCIES = {"M": "POPLATEK MESICNE", "W": "POPLATEK TYDNE", "T": "POPLATEK PO OBRATU"}
"""How often a statement is issued: monthly, weekly, after each transaction."""


def _id(name: str, pkdd: str, doc: str, *, nullable: bool = False, optional: bool = False) -> Column:
    return Column(name, "identifier", pkdd, doc, nullable=nullable, optional=optional)


def _counterparty(name: str, read_from: str, doc: str) -> Column:
    return Column(name, "text", "", doc, nullable=True, read_from=read_from)


FIN_ACCOUNT = Relation(
    name="fin_account",
    key="account_id",
    grain="one account",
    pkdd="account.asc",
    teradata="fin_account.tsv",
    references={"district_id": ("fin_district", "district_id")},
    valid_from="create_date",
    required=True,
    columns=(
        _id("account_id", "account_id", "account number"),
        _id("district_id", "district_id", "district of the branch"),
        Column("create_date", "date", "date", "day the account was opened"),
        Column("frequency", "code", "frequency", "statement frequency", FREQUENCIES),
    ),
)

FIN_CLIENT = Relation(
    name="fin_client",
    key="client_id",
    grain="one client",
    pkdd="client.asc",
    teradata="fin_client.tsv",
    references={"district_id": ("fin_district", "district_id")},
    required=True,
    columns=(
        _id("client_id", "client_id", "client number"),
        Column("birth_date", "date", "birth_number", "date of birth"),
        # In the .asc dialect the gender is inside birth_number: 50 is added to a woman's month.
        Column("gender", "code", "", "F or M", {"F": "F", "M": "M"}),
        _id("district_id", "district_id", "district of the client's home"),
    ),
)

FIN_DISPOSITION = Relation(
    name="fin_disposition",
    key="disp_id",
    grain="one client's right over one account",
    pkdd="disp.asc",
    teradata="fin_disp.tsv",
    references={"client_id": ("fin_client", "client_id"), "account_id": ("fin_account", "account_id")},
    required=True,
    columns=(
        _id("disp_id", "disp_id", "disposition number"),
        _id("client_id", "client_id", "client"),
        _id("account_id", "account_id", "account"),
        Column("disp_type", "code", "type", "owner or disponent", {"O": "OWNER", "D": "DISPONENT"}),
    ),
)

FIN_ORDER = Relation(
    name="fin_order",
    key="order_id",
    grain="one standing order",
    pkdd="order.asc",
    teradata="fin_order.tsv",
    references={"account_id": ("fin_account", "account_id")},
    columns=(
        _id("order_id", "order_id", "standing order number"),
        _id("account_id", "account_id", "account that pays"),
        Column("bank_to", "text", "bank_to", "bank of the recipient"),
        Column("account_to", "account", "account_to", "account of the recipient, where it is a number"),
        _counterparty("counterparty_to", "account_to", "account of the recipient in any form"),
        Column("amount", "money", "amount", "monthly amount"),
        Column("category", "code", "k_symbol", "what it pays", CATEGORIES, nullable=True),
    ),
)

FIN_TRANSACTION = Relation(
    name="fin_transaction",
    key="trans_id",
    grain="one posting on one account",
    pkdd="trans.asc",
    teradata="fin_trans.tsv",
    references={"account_id": ("fin_account", "account_id")},
    valid_from="trans_date",
    required=True,
    columns=(
        _id("trans_id", "trans_id", "posting number"),
        _id("account_id", "account_id", "account posted to"),
        Column("trans_date", "date", "date", "settlement date"),
        Column(
            "amount",
            "money",
            "amount",
            "what trans_type says was added or taken; negative where it takes a posting back",
        ),
        Column(
            "balance",
            "money",
            "balance",
            "balance after the posting; null where the bank does not record it",
            nullable=True,
        ),
        Column("trans_type", "code", "type", "credit, debit, cash withdrawal", TRANSACTION_TYPES),
        Column("operation", "code", "operation", "how the money moved", OPERATIONS, nullable=True),
        Column("category", "code", "k_symbol", "what the money was for", CATEGORIES, nullable=True),
        Column("other_bank_id", "text", "bank", "bank of the counterparty", nullable=True),
        Column("other_account_id", "account", "account", "account of the counterparty, if a number", nullable=True),
        _counterparty("counterparty", "other_account_id", "account of the counterparty in any form"),
        Column("trans_time", "time", "", "time of day", nullable=True, optional=True),
        _id("district_id", "", "district where it happened", nullable=True, optional=True),
    ),
)

FIN_LOAN = Relation(
    name="fin_loan",
    key="loan_id",
    grain="one loan",
    pkdd="loan.asc",
    teradata="fin_loan.tsv",
    references={"account_id": ("fin_account", "account_id")},
    valid_from="granted_date",
    columns=(
        _id("loan_id", "loan_id", "loan number"),
        _id("account_id", "account_id", "account that repays"),
        Column("granted_date", "date", "date", "day the loan was granted"),
        Column("amount", "money", "amount", "sum lent"),
        Column("duration", "number", "duration", "months"),
        Column("payments", "money", "payments", "monthly payment, rounded to five roundings of the source"),
        Column("status", "code", "status", "tells the future: never used", {c: c for c in "ABCD"}),
    ),
)

FIN_CARD = Relation(
    name="fin_card",
    key="card_id",
    grain="one card",
    pkdd="card.asc",
    teradata="fin_card.tsv",
    references={"disp_id": ("fin_disposition", "disp_id")},
    valid_from="issued_date",
    columns=(
        _id("card_id", "card_id", "card number"),
        _id("disp_id", "disp_id", "disposition the card belongs to"),
        Column("card_type", "code", "type", "junior, classic, gold", {"J": "junior", "C": "classic", "G": "gold"}),
        Column("issued_date", "date", "issued", "day of issue"),
    ),
)


def _figure(name: str, pkdd: str, doc: str, *, optional: bool = False) -> Column:
    return Column(name, "number", pkdd, doc, nullable=True, optional=optional)


FIN_DISTRICT = Relation(
    name="fin_district",
    key="district_id",
    grain="one district",
    pkdd="district.asc",
    teradata="fin_district.tsv",
    columns=(
        _id("district_id", "A1", "district number"),
        Column("district_name", "text", "A2", "name"),
        Column("region", "text", "A3", "region"),
        _figure("num_inhabitants", "A4", "inhabitants"),
        _figure("num_municipalities_gt499", "A5", "municipalities below 500 inhabitants"),
        _figure("num_municipalities_500to1999", "A6", "municipalities of 500 to 1999"),
        _figure("num_municipalities_2000to9999", "A7", "municipalities of 2000 to 9999"),
        _figure("num_municipalities_gt10000", "A8", "municipalities above 10000"),
        _figure("num_cities", "A9", "cities"),
        _figure("ratio_urban", "A10", "urban inhabitants, percent"),
        _figure("average_salary", "A11", "average monthly salary, in the source's money"),
        _figure("unemployment_rate95", "A12", "unemployment 1995, percent"),
        _figure("unemployment_rate96", "A13", "unemployment 1996, percent"),
        _figure("num_entrep_per1000", "A14", "entrepreneurs per 1000 inhabitants"),
        _figure("num_crimes95", "A15", "crimes committed in 1995"),
        _figure("num_crimes96", "A16", "crimes committed in 1996"),
        _figure("latitude", "", "decimal degrees north, of the district's town", optional=True),
        _figure("longitude", "", "decimal degrees east, of the district's town", optional=True),
    ),
)

RELATIONS: dict[str, Relation] = {
    r.name: r
    for r in (
        FIN_ACCOUNT,
        FIN_CLIENT,
        FIN_DISPOSITION,
        FIN_ORDER,
        FIN_TRANSACTION,
        FIN_LOAN,
        FIN_CARD,
        FIN_DISTRICT,
    )
}
"""Every relation by its canonical name."""

STATIC_RELATIONS: tuple[str, ...] = tuple(name for name in RELATIONS if name != FIN_TRANSACTION.name)
"""The relations taken as snapshots; only `fin_transaction` comes by settlement date."""


def conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table in the columns and types of a schema: columns that it lacks are null, further ones are left out."""
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
