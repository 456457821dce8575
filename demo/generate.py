"""Generates a bank of any size from one seed: draws people, habits and postings, and books them as eight relations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from demo.calendar import Span
from demo.commitments import Loans, Orders, draw_loans, draw_orders
from demo.districts import Districts, district_table, draw_districts
from demo.generated_tables import (
    account_table,
    card_table,
    client_table,
    disposition_ids,
    disposition_table,
    loan_table,
    number,
    order_table,
    transaction_table,
)
from demo.habits import Habits, Hours, draw_habits, draw_hours
from demo.injected_incidents import Incident, Planting, numbered, plant, spoil
from demo.ledger import Ledger, book, closing_balances, walk
from demo.people import Accounts, Cards, Clients, draw_accounts, draw_cards, draw_clients
from demo.postings import Postings, draw_postings, joined
from demo.random_streams import Ints, RandomStreams
from demo.time_and_place import draw_actors, draw_places, draw_times
from demo.write import Format, check_format, source_uri, write_bank
from include.errors import SettingsError


@dataclass(frozen=True)
class Bank:
    """A generated bank in memory.

    Attributes
    ----------
    tables
        The eight relations by name, as the files hold them.
    booked
        All postings in the true order of booking, which the files do not show: account by account, and within an
        account in the order in which money moved. Every balance is the one before it plus the amount, except for the
        rounding.
    incidents
        Planted incidents.
    """

    tables: dict[str, pa.Table]
    booked: pa.Table
    incidents: tuple[Incident, ...]


@dataclass(frozen=True)
class BankSummary:
    """The summary of a written bank.

    Attributes
    ----------
    folder
        Folder of the bank.
    source_uri
        URI that reads the bank, with the source's rounding.
    first, last
        First and last date of the span.
    seed
        Seed from which the bank can be generated again.
    rows
        Number of rows by relation.
    troubles
        Number of planted incidents, which are listed in `_troubles.json` beside the data.
    """

    folder: Path
    source_uri: str
    first: date
    last: date
    seed: int
    rows: dict[str, int]
    troubles: int


@dataclass(frozen=True)
class _Society:
    """All people, accounts and commitments that exist before the first posting."""

    span: Span
    districts: Districts
    accounts: Accounts
    clients: Clients
    hours: Hours
    habits: Habits
    loans: Loans
    orders: Orders
    cards: Cards


def generate_bank(
    folder: Path,
    accounts: int,
    first: date,
    last: date,
    seed: int,
    *,
    fmt: Format = "parquet",
    incidents: bool = False,
) -> BankSummary:
    """Write a demonstration bank; the same arguments give the same rows in the same order.

    Parameters
    ----------
    folder
        Folder to write to; it is created when missing, and relations of an earlier bank in it are replaced.
    accounts
        Number of accounts; 4,500 over six years is the size of the PKDD'99 bank.
    first, last
        First and last settlement date of the span; the bank opens on the first.
    seed
        Seed of the bank, at least 0.
    fmt
        File format, `parquet` or `csv`, both with the canonical columns.
    incidents
        Whether to plant a few rare incidents into the last month and list them in `_troubles.json`.

    Raises
    ------
    SettingsError
        When an argument is out of its range.
    """
    check_format(fmt)
    bank = build_bank(accounts, first, last, seed, incidents=incidents)
    write_bank(folder, bank.tables, [incident.as_record() for incident in bank.incidents] if incidents else None, fmt)
    rows = {name: table.num_rows for name, table in bank.tables.items()}
    return BankSummary(folder, source_uri(folder), first, last, seed, rows, len(bank.incidents))


def build_bank(accounts: int, first: date, last: date, seed: int, *, incidents: bool = False) -> Bank:
    """The bank that `generate_bank` writes, in memory.

    Raises
    ------
    SettingsError
        When an argument is out of its range.
    """
    _check(accounts, first, last, seed)
    streams = RandomStreams(seed)
    society = _draw_society(accounts, Span.of(first, last), streams)
    postings, planted = _draw_all_postings(society, streams, incidents)
    ledger = book(postings, streams)
    trans_id = number(ledger.postings, streams)
    booked = _transactions(society, ledger, trans_id, streams)
    written, listed = spoil(booked, numbered(planted, ledger.postings, trans_id))
    transactions = _in_file_order(written, streams)
    return Bank({**_static_tables(society, ledger, streams), "fin_transaction": transactions}, booked, listed)


def _check(accounts: int, first: date, last: date, seed: int) -> None:
    if accounts < 1:
        raise SettingsError(f"a bank of {accounts} accounts cannot be generated: give at least 1", setting="accounts")
    if first > last:
        raise SettingsError(
            f"the bank's first date {first} lies after its last {last}: give them in order", setting="first"
        )
    if seed < 0:
        raise SettingsError(f"seed {seed} is negative: give 0 or more", setting="seed")


def _draw_society(size: int, span: Span, streams: RandomStreams) -> _Society:
    districts = draw_districts(size, streams)
    accounts = draw_accounts(size, span, districts, streams)
    clients = draw_clients(accounts, districts, streams)
    habits = draw_habits(accounts, streams)
    loans = draw_loans(accounts, habits, span, streams)
    return _Society(
        span=span,
        districts=districts,
        accounts=accounts,
        clients=clients,
        hours=draw_hours(clients, streams),
        habits=habits,
        loans=loans,
        orders=draw_orders(accounts, habits, loans, span, streams),
        cards=draw_cards(accounts, clients, span, streams),
    )


def _draw_all_postings(society: _Society, streams: RandomStreams, incidents: bool) -> tuple[Postings, list[Incident]]:
    s = society
    drawn = draw_postings(s.accounts, s.habits, s.orders, s.cards, s.span, streams)
    postings = joined([drawn, walk(s.accounts, s.habits, drawn, s.span, streams)])
    if not incidents:
        return postings, []
    planting = Planting(s.accounts, s.habits, s.orders, s.cards, s.span, streams.of("troubles"), postings)
    plant(planting)
    return planting.postings, planting.incidents


def _transactions(society: _Society, ledger: Ledger, trans_id: Ints, streams: RandomStreams) -> pa.Table:
    actors = draw_actors(ledger.postings, society.clients, streams)
    times = draw_times(ledger.postings, actors, society.hours, streams)
    places = draw_places(ledger.postings, actors, society.accounts, society.clients, society.districts, streams)
    return transaction_table(ledger, trans_id, society.accounts, times, places, society.districts)


def _in_file_order(transactions: pa.Table, streams: RandomStreams) -> pa.Table:
    """The transactions ordered by date and shuffled within a day, as the order of booking is not recorded."""
    days = transactions["trans_date"].combine_chunks().cast(pa.int32()).to_numpy()
    chance = streams.of("file order").random(len(days))
    return transactions.take(pa.array(np.lexsort((chance, days))))


def _static_tables(society: _Society, ledger: Ledger, streams: RandomStreams) -> dict[str, pa.Table]:
    disp_id = disposition_ids(society.clients, streams)
    closing = closing_balances(ledger, society.accounts)
    return {
        "fin_account": account_table(society.accounts, society.districts),
        "fin_client": client_table(society.clients, society.districts),
        "fin_disposition": disposition_table(society.clients, society.accounts, disp_id),
        "fin_order": order_table(society.orders, society.accounts),
        "fin_loan": loan_table(society.loans, society.accounts, closing, society.span),
        "fin_card": card_table(society.cards, disp_id),
        "fin_district": district_table(society.districts, streams),
    }
