"""The generated bank as Arrow tables: the eight relations, as a source would deliver them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo.calendar import Span
from demo.commitments import BANKS, Loans, Orders
from demo.districts import Districts
from demo.ledger import Ledger, shown
from demo.people import Accounts, Cards, Clients
from demo.postings import NONE, WRITTEN, Kind, Postings
from demo.random_streams import Bools, Codes, Ints, RandomStreams, spaced_ids
from include.relations import (
    DATE,
    FIN_ACCOUNT,
    FIN_CARD,
    FIN_CLIENT,
    FIN_DISPOSITION,
    FIN_LOAN,
    FIN_ORDER,
    FIN_TRANSACTION,
    IDENTIFIER,
    MONEY,
    TEXT,
    TIME,
)


def account_table(accounts: Accounts, districts: Districts) -> pa.Table:
    """The relation `fin_account`."""
    columns = {
        "account_id": accounts.account_id,
        "district_id": districts.district_id[accounts.branch],
        "create_date": dates(accounts.opened),
        "frequency": accounts.frequency,
    }
    return pa.table(columns, schema=FIN_ACCOUNT.schema)


def client_table(clients: Clients, districts: Districts) -> pa.Table:
    """The relation `fin_client`, in the order of the identifiers."""
    columns = {
        "client_id": clients.client_id,
        "birth_date": dates(clients.born),
        "gender": np.where(clients.is_woman, "F", "M"),
        "district_id": districts.district_id[clients.home],
    }
    return pa.table(columns, schema=FIN_CLIENT.schema)


def disposition_ids(clients: Clients, streams: RandomStreams) -> Ints:
    """Identifiers of the dispositions, one for every client."""
    return spaced_ids(streams.of("dispositions"), 1, len(clients), 4)


def disposition_table(clients: Clients, accounts: Accounts, disp_id: Ints) -> pa.Table:
    """The relation `fin_disposition`: an owner for every account, a disponent for some."""
    columns = {
        "disp_id": disp_id,
        "client_id": clients.client_id,
        "account_id": accounts.account_id[clients.account],
        "disp_type": np.where(np.arange(len(clients)) < len(accounts), "O", "D"),
    }
    return pa.table(columns, schema=FIN_DISPOSITION.schema)


def order_table(orders: Orders, accounts: Accounts) -> pa.Table:
    """The relation `fin_order`."""
    columns = {
        "order_id": orders.order_id,
        "account_id": accounts.account_id[orders.account],
        "bank_to": BANKS[orders.bank],
        "account_to": orders.payee,
        "amount": money(orders.cents),
        "category": _text_or_null(orders.category),
        "counterparty_to": pa.array(orders.payee, IDENTIFIER).cast(TEXT),
    }
    return pa.table(columns, schema=FIN_ORDER.schema)


def loan_table(loans: Loans, accounts: Accounts, closing_cents: Ints, span: Span) -> pa.Table:
    """The relation `fin_loan`, with the status at the end of the span: over or running, in debt or not."""
    over = loans.granted + loans.months * 31 < span.last
    in_debt = closing_cents[loans.account] < 0
    status = np.where(over, np.where(in_debt, "B", "A"), np.where(in_debt, "D", "C"))
    columns = {
        "loan_id": loans.loan_id,
        "account_id": accounts.account_id[loans.account],
        "granted_date": dates(loans.granted),
        "amount": money(loans.payments_cents * loans.months),
        "duration": loans.months.astype(float),
        "payments": money(loans.payments_cents),
        "status": status,
    }
    return pa.table(columns, schema=FIN_LOAN.schema)


def card_table(cards: Cards, disp_id: Ints) -> pa.Table:
    """The relation `fin_card`, which refers to the owner's disposition instead of the account."""
    columns = {
        "card_id": cards.card_id,
        "disp_id": disp_id[cards.account],
        "card_type": cards.card_type,
        "issued_date": dates(cards.issued),
    }
    return pa.table(columns, schema=FIN_CARD.schema)


def transaction_table(
    ledger: Ledger, trans_id: Ints, accounts: Accounts, times: Ints, places: Ints, districts: Districts
) -> pa.Table:
    """The relation `fin_transaction` in the true order of booking, with amounts as the source writes them."""
    postings = ledger.postings
    payee = pa.array(postings.payee, IDENTIFIER, mask=postings.payee == NONE)
    columns = {
        "trans_id": trans_id,
        "account_id": accounts.account_id[postings.account],
        "trans_date": dates(postings.day),
        "amount": money(shown(postings.cents)),
        "balance": money(shown(ledger.balance_cents)),
        "trans_type": _code(postings.kind, "trans_type"),
        "operation": _code(postings.kind, "operation"),
        "category": _code(postings.kind, "category"),
        "other_bank_id": pa.array([*BANKS.tolist(), None], TEXT).take(pa.array(postings.bank % (len(BANKS) + 1))),
        "other_account_id": payee,
        "trans_time": pa.array(times, pa.int64()).cast(TIME),
        "district_id": pa.array(districts.district_id[places], IDENTIFIER, mask=places == NONE),
        "counterparty": payee.cast(TEXT),
    }
    return pa.table(columns, schema=FIN_TRANSACTION.schema)


def number(postings: Postings, streams: RandomStreams) -> Ints:
    """Identifiers of postings: runs by account and habit with gaps; interest has a range of its own above all others.

    They are as in PKDD'99, where neither booking order nor date can be read from them.
    """
    from_interest = postings.kind >= Kind.INTEREST
    order = np.lexsort((postings.day, postings.item, postings.kind, postings.account, from_interest))
    trans_id = np.empty(len(postings), dtype=np.int64)
    trans_id[order] = spaced_ids(streams.of("posting numbers"), 1, len(postings), 6)
    return trans_id


def dates(days: Ints) -> pa.Array:
    """Day numbers as dates."""
    return pa.array(days.astype(np.int32)).cast(DATE)


def money(cents: Ints) -> pa.Array:
    """Cents as exact money: the two halves of a 128-bit decimal, laid out as Arrow keeps them.

    Examples
    --------
    >>> money(np.array([1460, -5])).to_pylist()
    [Decimal('14.60'), Decimal('-0.05')]
    """
    halves = np.stack([cents, cents >> 63], axis=1).astype("<i8")
    return pa.Array.from_buffers(MONEY, len(cents), [None, pa.py_buffer(halves.tobytes())])


def _code(kind: Ints, field: str) -> pa.Array:
    codes = [getattr(WRITTEN[k], field) or None for k in Kind]
    return pa.array(codes, TEXT).take(pa.array(kind))


def _text_or_null(codes: Codes) -> pa.Array:
    blank: Bools = codes == ""
    return pa.array(codes, TEXT, mask=blank)
