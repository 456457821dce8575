"""A book over one night of many accounts, which the tests of a file share: each takes accounts of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from tests.case_book.nights import INSERT, Desk, broken, finding, settings_of

FIRST_SHARED = 910000001
"""The first account that tests share; each has two flagged postings and a missing payment."""
SHARED_ACCOUNTS = 40


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The book."""
    desk = Desk(settings_of(tmp_path_factory.mktemp("desk")))
    accounts = range(FIRST_SHARED, FIRST_SHARED + SHARED_ACCOUNTS)
    rows = [
        made
        for number in accounts
        for made in (
            finding(f"{number}-one", number),
            finding(f"{number}-two", number, amount=250),
            broken(f"{number}-gap", number),
        )
    ]
    desk.publish(rows, corrections={f"{number}-gap": INSERT for number in accounts})
    return desk


@pytest.fixture(scope="module")
def _accounts() -> Iterator[int]:
    return count(FIRST_SHARED)


@pytest.fixture
def account(_accounts: Iterator[int]) -> int:
    """An account that no other test uses."""
    return next(_accounts)


@pytest.fixture
def names(account: int) -> Callable[[str], str]:
    """Gives the id of a finding of the account by its short name: one, two or gap."""
    return lambda short: f"{account}-{short}"
