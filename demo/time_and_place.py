"""Times and places of postings: people act at their own hours and places, the bank's machines at night and nowhere."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from demo.districts import Districts
from demo.habits import Hours
from demo.people import Accounts, Clients
from demo.postings import NONE, WRITTEN, Kind, Postings
from demo.random_streams import Bools, Ints, RandomStreams, pick

# Batches of an ordinary core banking night: interbank credits first, then orders; month's end closes the day.
_BATCH_START = {
    Kind.SALARY: 30 * 60,
    Kind.PENSION: 30 * 60,
    Kind.ORDER_BLANK: 75 * 60,
    Kind.ORDER_HOUSEHOLD: 75 * 60,
    Kind.ORDER_INSURANCE: 75 * 60,
    Kind.ORDER_LOAN: 75 * 60,
    Kind.INTEREST: 23 * 3600,
    Kind.OVERDRAFT: 23 * 3600,
    Kind.FEE: 23 * 3600 + 20 * 60,
}
_BATCH_SECONDS = 15 * 60
_DESK_OPEN = (8 * 3600, 17 * 3600)
_CARD_OPEN = (6 * 3600, 22 * 3600)
_DISPONENT_ACTS = 0.3
# Shares of branch, home and elsewhere: people use the desk mostly at their branch, machines where they live and travel.
_DESK_PLACES, _CARD_PLACES = (0.85, 0.12, 0.03), (0.3, 0.55, 0.15)
_WEEK_DAYS = 7
_MICROSECONDS = 1_000_000


def is_personal(kind: Ints) -> Bools:
    """Whether a person made each posting, at some hour and place."""
    return np.array([WRITTEN[k].is_personal for k in Kind])[kind]


def draw_actors(postings: Postings, clients: Clients, streams: RandomStreams) -> Ints:
    """The position of the client who made each posting: the owner, or now and then the disponent."""
    acts = streams.of("actors").random(len(postings)) < _DISPONENT_ACTS
    by_other = acts & (postings.kind != Kind.CARD) & (postings.kind != Kind.OPENING)
    return np.where(by_other, clients.disponent_of[postings.account], postings.account)


def draw_times(postings: Postings, actors: Ints, hours: Hours, streams: RandomStreams) -> Ints:
    """Time of day of every posting, in microseconds, to the second."""
    rng, size = streams.of("times"), len(postings)
    desk = np.clip(hours.desk[actors] + hours.desk_spread[actors] * rng.standard_normal(size), *_DESK_OPEN)
    card = np.clip(hours.card[actors] + hours.card_spread[actors] * rng.standard_normal(size), *_CARD_OPEN)
    starts = np.array([_BATCH_START.get(kind, 0) for kind in Kind])[postings.kind]
    batch = starts + rng.integers(0, _BATCH_SECONDS, size)
    by_person = np.where(postings.kind == Kind.CARD, card, desk)
    seconds = np.where(is_personal(postings.kind), by_person, batch)
    return seconds.astype(np.int64) * _MICROSECONDS


def draw_places(
    postings: Postings, actors: Ints, accounts: Accounts, clients: Clients, districts: Districts, streams: RandomStreams
) -> Ints:
    """The position of each posting's district, or `NONE` for postings that the bank itself makes.

    A person is in one district per day, and a person who is elsewhere stays in the same district all that week.
    """
    rng = streams.of("places")
    is_present = is_personal(postings.kind)
    outings, outing = _outings(postings.day, actors)
    choice = _choices(postings.kind, outing, is_present, rng)
    weeks, week = _outings(outings.day // _WEEK_DAYS, outings.actor)
    elsewhere = pick(rng, districts.weight, len(weeks.day))[week]
    choices = np.stack([accounts.branch[postings.account], clients.home[actors], elsewhere[outing]])
    return np.where(is_present, choices[choice[outing], np.arange(len(postings))], NONE)


class _Outings(NamedTuple):
    """One entry per client and day (or week) with postings."""

    actor: Ints
    day: Ints


def _outings(day: Ints, actors: Ints) -> tuple[_Outings, Ints]:
    """The distinct pairs of client and day, and the position of each posting's pair."""
    first, days = int(day.min(initial=0)), int(np.ptp(day)) + 1 if len(day) else 1
    keys, position = np.unique(actors * days + day - first, return_inverse=True)
    return _Outings(keys // days, keys % days + first), position


def _choices(kind: Ints, outing: Ints, is_present: Bools, rng: np.random.Generator) -> Ints:
    """The place of each client and day: branch (0), home (1) or elsewhere (2); a card, where used, decides it."""
    size = int(outing.max(initial=-1)) + 1
    uses_card, opens = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    uses_card[outing[is_present & (kind == Kind.CARD)]] = True
    opens[outing[kind == Kind.OPENING]] = True
    desk, card = pick(rng, _DESK_PLACES, size), pick(rng, _CARD_PLACES, size)
    return np.where(opens, 0, np.where(uses_card, card, desk))
