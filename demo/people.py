"""Accounts, their owners and disponents, and the cards and dispositions that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.calendar import Span
from demo.districts import Districts
from demo.income_profiles import FIGURES, IncomeProfile, figure
from demo.random_streams import Bools, Codes, Ints, RandomStreams, pick, spaced_ids

# PKDD'99: accounts opened in 1993..1998, as shares of 4,500; nobody joins in the last sixth of the span.
_OPENINGS = (0.253, 0.098, 0.147, 0.303, 0.199, 0.0)
# PKDD'99: 4,167 accounts monthly, 240 weekly, 93 after each transaction; on 13 months only earners pay 30 or 100.
_FREQUENCIES = ("M", "W", "T")
_FREQUENCY_SHARES = (4167 - 0.276 * 4500, 240.0, 93.0)
# PKDD'99: 869 disponents on 4,500 accounts; 91 % of owners live in the district of their branch.
_DISPONENT_SHARE = 0.193
_HOME_IS_BRANCH = 0.91
# PKDD'99: 892 cards on 4,500 accounts, twice as many every year; 659 classic, 145 junior, 88 gold.
_CARD_SHARE = 0.2
_CARD_SHARE_GOLD = 0.1
_CARD_GROWTH = 4.0
_CARD_AFTER_DAYS = 60
# The oldest owner of a junior card: a student's age.
_JUNIOR_UNTIL_YEARS = 26
_YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Accounts:
    """Accounts by position.

    Attributes
    ----------
    account_id
        Identifiers.
    branch
        Position of the branch's district.
    opened
        Day number of the opening.
    frequency
        Statement frequency, M, W or T.
    profile
        Income profile of the account.
    """

    account_id: Ints
    branch: Ints
    opened: Ints
    frequency: Codes
    profile: Ints

    def __len__(self) -> int:
        """The number of accounts."""
        return len(self.account_id)


@dataclass(frozen=True)
class Clients:
    """Clients by position: first the owner of every account, in the accounts' order, then the disponents.

    Attributes
    ----------
    client_id
        Identifiers.
    born
        Day number of the birth.
    is_woman
        Whether the client is a woman.
    home
        Position of the home's district.
    account
        Position of the account.
    disponent_of
        For each account, the position of its disponent among the clients, or of its owner where there is none.
    """

    client_id: Ints
    born: Ints
    is_woman: Bools
    home: Ints
    account: Ints
    disponent_of: Ints

    def __len__(self) -> int:
        """The number of clients."""
        return len(self.client_id)


@dataclass(frozen=True)
class Cards:
    """Cards by position, each on an account's owner.

    Attributes
    ----------
    card_id
        Identifiers.
    account
        Position of the account, which is its owner's too.
    card_type
        Type of the card: J, C or G.
    issued
        Day number of the issue.
    """

    card_id: Ints
    account: Ints
    card_type: Codes
    issued: Ints


def draw_accounts(size: int, span: Span, districts: Districts, streams: RandomStreams) -> Accounts:
    """The bank's accounts, opened over the span as the real bank's were."""
    rng = streams.of("accounts")
    profile = pick(rng, [FIGURES[way].share for way in IncomeProfile], size)
    return Accounts(
        account_id=spaced_ids(rng, 1, size, 4),
        branch=pick(rng, districts.weight, size),
        opened=_openings(size, span, rng),
        frequency=_frequencies(profile, rng),
        profile=profile,
    )


def _openings(size: int, span: Span, rng: np.random.Generator) -> Ints:
    part = pick(rng, _OPENINGS, size)
    days = (part + rng.random(size)) / len(_OPENINGS) * span.days
    return span.first + days.astype(np.int64)


def _frequencies(profile: Ints, rng: np.random.Generator) -> Codes:
    drawn = np.array(_FREQUENCIES)[pick(rng, _FREQUENCY_SHARES, len(profile))]
    frugal = np.isin(profile, [IncomeProfile.PENSION, IncomeProfile.ALLOWANCE])
    return np.where(frugal, "M", drawn)


def draw_clients(accounts: Accounts, districts: Districts, streams: RandomStreams) -> Clients:
    """An owner for every account, and for some a disponent of about the owner's age."""
    rng = streams.of("clients")
    owners = np.arange(len(accounts))
    disponents = np.flatnonzero(rng.random(len(accounts)) < _DISPONENT_SHARE)
    account = np.concatenate([owners, disponents])
    disponent_of = owners.copy()
    disponent_of[disponents] = len(owners) + np.arange(len(disponents))
    return Clients(
        client_id=spaced_ids(rng, 1, len(account), 4),
        born=_births(accounts, rng)[account] + _age_differences(len(account), len(owners), rng),
        is_woman=rng.random(len(account)) < 0.5,
        home=_homes(accounts.branch[account], districts, rng),
        account=account,
        disponent_of=disponent_of,
    )


def _births(accounts: Accounts, rng: np.random.Generator) -> Ints:
    mean, spread = figure(accounts.profile, "age"), figure(accounts.profile, "age_spread")
    years = mean + spread * rng.standard_normal(len(accounts))
    years = np.clip(years, figure(accounts.profile, "youngest"), figure(accounts.profile, "oldest"))
    return accounts.opened - (years * _YEAR_DAYS).astype(np.int64)


def _age_differences(size: int, owners: int, rng: np.random.Generator) -> Ints:
    difference = (rng.normal(0, 3 * _YEAR_DAYS, size)).astype(np.int64)
    difference[:owners] = 0
    return difference


def _homes(branch: Ints, districts: Districts, rng: np.random.Generator) -> Ints:
    elsewhere = pick(rng, districts.weight, len(branch))
    return np.where(rng.random(len(branch)) < _HOME_IS_BRANCH, branch, elsewhere)


def draw_cards(accounts: Accounts, clients: Clients, span: Span, streams: RandomStreams) -> Cards:
    """Cards of account owners, most of them issued late in the span."""
    rng = streams.of("cards")
    earliest = accounts.opened + _CARD_AFTER_DAYS
    chosen = np.flatnonzero((rng.random(len(accounts)) < _CARD_SHARE) & (earliest <= span.last))
    late = np.clip(1 + np.log(1 - rng.random(len(chosen))) / _CARD_GROWTH, 0, 1)
    issued = earliest[chosen] + (late * (span.last - earliest[chosen])).astype(np.int64)
    years = (issued - clients.born[chosen]) / _YEAR_DAYS
    adult = np.where(rng.random(len(chosen)) < _CARD_SHARE_GOLD, "G", "C")
    kind = np.where(years < _JUNIOR_UNTIL_YEARS, "J", adult)
    return Cards(spaced_ids(rng, 1, len(chosen), 2), chosen, kind, issued)
