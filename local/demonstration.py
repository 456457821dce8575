"""The generated bank that `make run` settles when no bank is given: generated once, and loaded into PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from include.errors import SourceError
from include.settings import PROJECT_ROOT
from local.postgres import LocalPostgres

SERVER = PROJECT_ROOT / ".data" / "postgres"
BANK = PROJECT_ROOT / ".data" / "bank"
DATABASE = "bank"

# Number of accounts: with three months for the look-back and a year to train on, the bank is generated, loaded and
# trained on within the three minutes until the first night.
ACCOUNTS = 1000
MONTHS = 15


def prepare(postgres: LocalPostgres, say: Callable[[str], None], seed: int) -> str:
    """The URI of the bank, which is generated and loaded when the database does not hold it yet."""
    database_uri = postgres.create_database(DATABASE)
    source_uri = address(postgres)
    if is_loaded(source_uri):
        return source_uri
    from demo import generate_bank
    from include.sources.database.load import load_bank

    first, last = span(datetime.now(UTC).date())
    say(f"making up a bank: {ACCOUNTS:,} accounts from {first} to {last}")
    generate_bank(BANK, ACCOUNTS, first, last, seed, incidents=True)
    say("loading it into PostgreSQL")
    load_bank(f"file:{BANK}", database_uri)
    return source_uri


def address(postgres: LocalPostgres) -> str:
    """The source's address of the loaded bank."""
    from demo import ROUNDING_CROWNS

    # A database does not say how its bank rounds; without this every rounded interest would be a break.
    return f"{postgres.uri(DATABASE)}&rounding={ROUNDING_CROWNS}"


def exists() -> bool:
    """Whether a bank was generated in this checkout."""
    return SERVER.exists() and BANK.exists()


def is_loaded(source_uri: str) -> bool:
    """Whether the database holds transactions; a load that was killed left none, as it commits at its end."""
    from include.sources import open_source

    with suppress(SourceError), open_source(source_uri) as source:
        return source.span() is not None
    return False


def span(today: date) -> tuple[date, date]:
    """First and last settlement date of the bank: whole months, and the days of this month that have ended.

    Examples
    --------
    >>> span(date(2026, 3, 10))
    (datetime.date(2024, 12, 1), datetime.date(2026, 3, 9))
    """
    last = today - timedelta(days=1)
    month = last.year * 12 + last.month - 1 - MONTHS
    return date(month // 12, month % 12 + 1, 1), last
