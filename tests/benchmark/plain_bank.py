"""A bank with times, amounts and counterparties and nothing else of use, some of it fraud that is known.

Written after what the Fraud Detection Handbook publishes of its simulator (Le Borgne, Siblini, Lebichot, Bontempi,
2022, chapter 3): customers with an amount and a pace of their own pay at terminals near them; three kinds of fraud.
It opens a tenth of the Handbook's accounts, so as many fewer of them are compromised a day: the share of fraud is the
same, which average precision depends on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.evaluation.bank_history import BankHistory
from include.relations import FIN_ACCOUNT, FIN_CLIENT, FIN_DISPOSITION, FIN_TRANSACTION

CUSTOMERS, TERMINALS, DAYS = 500, 1_000, 150
FIRST = date(2024, 4, 1)
HANDBOOK_CUSTOMERS, HANDBOOK_TERMINALS = 5_000, 10_000
RADIUS = 5.0
"""Of a map of 100 x 100: how far a customer goes."""
DAY_SECONDS, NOON_SECONDS, SPREAD_SECONDS = 86_400, 43_200, 20_000
LARGE = 220.0
"""Scenario 1: whatever is above is fraud; customers spend 5 to 100 on average."""
TERMINALS_A_DAY, TERMINAL_DAYS = 2, 28
CUSTOMERS_A_DAY, CUSTOMER_DAYS, CUSTOMER_SHARE, CUSTOMER_FACTOR = 3, 14, 1 / 3, 5

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass
class Payments:
    """All payments as columns, in the order they happen.

    Attributes
    ----------
    scenario
        0 where nothing is wrong.
    """

    customer: Ints
    day: Ints
    second: Ints
    amount: Floats
    terminal: Ints
    scenario: Ints


def plain_bank(seed: int = 11) -> tuple[BankHistory, dict[int, int]]:
    """The bank, and the scenario of every fraudulent trans_id."""
    payments = simulate(np.random.default_rng(seed))
    trans_ids = np.arange(1, len(payments.day) + 1)
    labels = {int(n): int(s) for n, s in zip(trans_ids, payments.scenario, strict=True) if s}
    return BankHistory(_transactions(payments, trans_ids), _statics(), 1, 92), labels


def simulate(rng: np.random.Generator) -> Payments:
    """Customers pay; then some of it becomes fraud, a later scenario covering an earlier one."""
    payments = _ordered(_pay(rng))
    payments.scenario[payments.amount > LARGE] = 1
    for day in range(DAYS):
        hit = rng.choice(TERMINALS, rng.poisson(TERMINALS_A_DAY * TERMINALS / HANDBOOK_TERMINALS), replace=False)
        payments.scenario[_within(payments, day, TERMINAL_DAYS) & np.isin(payments.terminal, hit)] = 2
    for day in range(DAYS):
        hit = rng.choice(CUSTOMERS, rng.poisson(CUSTOMERS_A_DAY * CUSTOMERS / HANDBOOK_CUSTOMERS), replace=False)
        theirs = np.flatnonzero(_within(payments, day, CUSTOMER_DAYS) & np.isin(payments.customer, hit))
        stolen = rng.choice(theirs, int(len(theirs) * CUSTOMER_SHARE), replace=False)
        payments.amount[stolen] *= CUSTOMER_FACTOR
        payments.scenario[stolen] = 3
    return payments


def _within(payments: Payments, day: int, days: int) -> npt.NDArray[np.bool_]:
    return np.asarray((payments.day >= day) & (payments.day < day + days), dtype=np.bool_)


def _pay(rng: np.random.Generator) -> Payments:
    homes, shops = rng.uniform(0, 100, (CUSTOMERS, 2)), rng.uniform(0, 100, (TERMINALS, 2))
    parts = list(_customers(rng, homes, shops))
    columns = [np.concatenate([part[n] for part in parts]) for n in range(5)]
    customer, day, second, amount, terminal = columns
    return Payments(customer, day, second, amount, terminal, np.zeros(len(day), dtype=np.int64))


def _customers(rng: np.random.Generator, homes: Floats, shops: Floats) -> Iterator[tuple[npt.NDArray[np.generic], ...]]:
    for number, home in enumerate(homes):
        near = np.flatnonzero(np.hypot(*(shops - home).T) < RADIUS)
        mean, pace = rng.uniform(5, 100), rng.uniform(0, 4)
        if len(near) == 0:
            continue
        day = np.repeat(np.arange(DAYS), rng.poisson(pace, DAYS))
        second = rng.normal(NOON_SECONDS, SPREAD_SECONDS, len(day)).astype(np.int64)
        day, second = (column[(second > 0) & (second < DAY_SECONDS)] for column in (day, second))
        amount = rng.normal(mean, mean / 2, len(day))
        amount = np.where(amount < 0, rng.uniform(0, 2 * mean, len(day)), amount)
        yield np.full(len(day), number), day, second, amount, rng.choice(near, len(day))


def _ordered(payments: Payments) -> Payments:
    order = np.lexsort([payments.customer, payments.second, payments.day])
    return Payments(*(column[order] for column in vars(payments).values()))


def _transactions(payments: Payments, trans_ids: Ints) -> pa.Table:
    rows = len(trans_ids)
    cents = np.maximum(np.round(payments.amount * 100).astype(np.int64), 1)
    known = {
        "trans_id": pa.array(trans_ids),
        "account_id": pa.array(payments.customer + 1),
        "trans_date": pa.array(payments.day + (FIRST - date(1970, 1, 1)).days, pa.int32()).cast(pa.date32()),
        "amount": pa.array(cents / 100).cast(pa.decimal128(12, 2)),
        "trans_type": pa.array(["D"] * rows),
        "operation": pa.array(["ROB"] * rows),
        "other_account_id": pa.array(payments.terminal + 1),
        "trans_time": pa.array(payments.second * 1_000_000).cast(pa.time64("us")),
    }
    columns = [known.get(field.name, pa.nulls(rows, field.type)) for field in FIN_TRANSACTION.schema]
    return pa.table(
        [column.cast(f.type) for column, f in zip(columns, FIN_TRANSACTION.schema, strict=True)],
        schema=FIN_TRANSACTION.schema,
    )


def _statics() -> dict[str, pa.Table]:
    """An account a client, of whom nothing is known."""
    opened = FIRST - timedelta(days=365)
    rows = [
        {"account_id": n, "client_id": n, "disp_id": n, "disp_type": "O", "create_date": opened, "frequency": "M"}
        for n in range(1, CUSTOMERS + 1)
    ]
    return {
        relation.name: pa.Table.from_pylist(rows, schema=relation.schema)
        for relation in (FIN_ACCOUNT, FIN_CLIENT, FIN_DISPOSITION)
    }
