"""A bank of any size from one seed: draws people, habits and postings, books them, and hands over eight relations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from include.errors import SettingsError
from include.sources.bank.calendar import Span
from include.sources.bank.commitments import Loans, Orders, draw_loans, draw_orders
from include.sources.bank.dice import Dice, Ints
from include.sources.bank.habits import Habits, Hours, draw_habits, draw_hours
from include.sources.bank.ledger import Ledger, book, closing_balances, walk
from include.sources.bank.people import Accounts, Cards, Clients, draw_accounts, draw_cards, draw_clients
from include.sources.bank.places import Districts, district_table, draw_districts
from include.sources.bank.postings import Postings, draw_postings, joined
from include.sources.bank.scenes import draw_actors, draw_places, draw_times
from include.sources.bank.tables import (
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
from include.sources.bank.troubles import Planting, Trouble, numbered, plant, spoil
from include.sources.bank.write import Format, check_format, source_uri, write_bank


@dataclass(frozen=True)
class Bank:
    """A generated bank in memory.

    Attributes
    ----------
    tables
        The eight relations by name, as the files hold them.
    booked
        All postings in the true order of booking, which the files do not tell: account by account, and within an
        account in the order money moved; every balance is the one before it plus the amount, but for the rounding.
    troubles
        What was planted.
    """

    tables: dict[str, pa.Table]
    booked: pa.Table
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True)
class BankSummary:
    """What was written.

    Attributes
    ----------
    folder
        Where.
    source_uri
        The URI that reads it, with the source's rounding.
    first, last
        First and last date of the span.
    seed
        The seed it can be made again from.
    rows
        Rows per relation.
    troubles
        How many troubles were planted; they are listed in `_troubles.json` beside the data.
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
    """Everybody and everything there is before the first posting."""

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
    troubles: bool = False,
) -> BankSummary:
    """Write a demonstration bank; the same arguments give the same rows in the same order.

    Parameters
    ----------
    folder
        Created when missing; relations of an earlier bank in it are replaced.
    accounts
        How many accounts; 4,500 over six years is the size of the PKDD'99 bank.
    first, last
        Settlement dates of the span, both included; the bank opens on the first.
    seed
        Not negative.
    fmt
        `parquet` or `csv`, both with the canonical columns.
    troubles
        Plant a few rare incidents into the last month and list them in `_troubles.json`.

    Raises
    ------
    SettingsError
        When an argument is out of its range.
    """
    check_format(fmt)
    bank = build_bank(accounts, first, last, seed, troubles=troubles)
    write_bank(folder, bank.tables, [trouble.as_record() for trouble in bank.troubles] if troubles else None, fmt)
    rows = {name: table.num_rows for name, table in bank.tables.items()}
    return BankSummary(folder, source_uri(folder), first, last, seed, rows, len(bank.troubles))


def build_bank(accounts: int, first: date, last: date, seed: int, *, troubles: bool = False) -> Bank:
    """The bank that `generate_bank` writes, in memory.

    Raises
    ------
    SettingsError
        When an argument is out of its range.
    """
    _check(accounts, first, last, seed)
    dice = Dice(seed)
    society = _draw_society(accounts, Span.of(first, last), dice)
    postings, planted = _draw_all_postings(society, dice, troubles)
    ledger = book(postings, dice)
    trans_id = number(ledger.postings, dice)
    booked = _transactions(society, ledger, trans_id, dice)
    written, listed = spoil(booked, numbered(planted, ledger.postings, trans_id))
    transactions = _in_file_order(written, dice)
    return Bank({**_static_tables(society, ledger, dice), "fin_transaction": transactions}, booked, listed)


def _check(accounts: int, first: date, last: date, seed: int) -> None:
    if accounts < 1:
        raise SettingsError(f"a bank of {accounts} accounts cannot be generated: give at least 1")
    if first > last:
        raise SettingsError(f"the bank's first date {first} lies after its last {last}: give them in order")
    if seed < 0:
        raise SettingsError(f"seed {seed} is negative: give 0 or more")


def _draw_society(size: int, span: Span, dice: Dice) -> _Society:
    districts = draw_districts(size, dice)
    accounts = draw_accounts(size, span, districts, dice)
    clients = draw_clients(accounts, districts, dice)
    habits = draw_habits(accounts, dice)
    loans = draw_loans(accounts, habits, span, dice)
    return _Society(
        span=span,
        districts=districts,
        accounts=accounts,
        clients=clients,
        hours=draw_hours(clients, dice),
        habits=habits,
        loans=loans,
        orders=draw_orders(accounts, habits, loans, span, dice),
        cards=draw_cards(accounts, clients, span, dice),
    )


def _draw_all_postings(society: _Society, dice: Dice, troubles: bool) -> tuple[Postings, list[Trouble]]:
    s = society
    drawn = draw_postings(s.accounts, s.habits, s.orders, s.cards, s.span, dice)
    postings = joined([drawn, walk(s.accounts, s.habits, drawn, s.span, dice)])
    if not troubles:
        return postings, []
    planting = Planting(s.accounts, s.habits, s.orders, s.cards, s.span, dice.of("troubles"), postings)
    plant(planting)
    return planting.postings, planting.troubles


def _transactions(society: _Society, ledger: Ledger, trans_id: Ints, dice: Dice) -> pa.Table:
    actors = draw_actors(ledger.postings, society.clients, dice)
    times = draw_times(ledger.postings, actors, society.hours, dice)
    places = draw_places(ledger.postings, actors, society.accounts, society.clients, society.districts, dice)
    return transaction_table(ledger, trans_id, society.accounts, times, places, society.districts)


def _in_file_order(transactions: pa.Table, dice: Dice) -> pa.Table:
    """By date, and shuffled within a day: the order of booking is not recorded."""
    days = transactions["trans_date"].combine_chunks().cast(pa.int32()).to_numpy()
    chance = dice.of("file order").random(len(days))
    return transactions.take(pa.array(np.lexsort((chance, days))))


def _static_tables(society: _Society, ledger: Ledger, dice: Dice) -> dict[str, pa.Table]:
    disp_id = disposition_ids(society.clients, dice)
    closing = closing_balances(ledger, society.accounts)
    return {
        "fin_account": account_table(society.accounts, society.districts),
        "fin_client": client_table(society.clients, society.districts),
        "fin_disposition": disposition_table(society.clients, society.accounts, disp_id),
        "fin_order": order_table(society.orders, society.accounts),
        "fin_loan": loan_table(society.loans, society.accounts, closing, society.span),
        "fin_card": card_table(society.cards, disp_id),
        "fin_district": district_table(society.districts, dice),
    }
