"""The balance chain of one account-day: an order of the postings in which every balance follows from the last.

The order within a day is not recorded, so it is searched. A posting is an edge from the balance before it to the
balance after it; the day closes when one trail from the opening balance uses every edge.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# A day that closes has one closing balance but for the rounding; more candidates than this only arise on broken days.
MAX_CANDIDATES = 16


class Posting(NamedTuple):
    """One posting in whole cents; the sign of `amount` is that of its effect on the balance.

    `is_negative` tells that the source wrote a negative amount, as it does to take a posting back.
    """

    trans_id: int
    amount: int
    balance: int
    is_negative: bool = False

    @property
    def departure(self) -> int:
        """The balance the posting started from."""
        return self.balance - self.amount


class Walk(NamedTuple):
    """The result of the search for one account-day.

    Attributes
    ----------
    opening
        Balance in cents from which the walk started.
    jumps
        Least number of places where the balance has to jump; 0 when the day closes.
    closings
        Balances on which the day may have ended, likeliest first; usually one.
    ends
        Balances at which the trail from the opening may get stuck, likeliest first (empty when the day closes).
    unreached
        First postings of the trails that cannot be reached from the opening, by `trans_id`.
    """

    opening: int
    jumps: int
    closings: tuple[int, ...]
    ends: tuple[int, ...] = ()
    unreached: tuple[Posting, ...] = ()


def walk_day(openings: Sequence[int], postings: Sequence[Posting], rounding_cents: int) -> Walk:
    """The best walk through a day over all balances it may have opened with.

    Parameters
    ----------
    openings
        Candidate opening balances in cents; empty when the account may start anywhere.
    postings
        The account's postings of the day, in any order; at least one.
    rounding_cents
        Largest difference in cents between two balances that still agree: the source's own rounding.

    Returns
    -------
    Walk
        The walk of the first opening with the fewest jumps; its closings are those of all such openings.

    Notes
    -----
    Agreement within a rounding is not transitive. Arrivals and departures are therefore matched exactly, in sorted
    order (which finds a largest matching on a line). Clusters of balances with gaps up to the rounding only decide
    which circuits are connected. Where a cluster is no wider than the rounding (always, in practice), any two matches
    in it can be exchanged and the answer is exact. In a wider one the search may accept an order that drifts by more
    than the rounding, but never reports a break that is none. The time is that of sorting.

    Examples
    --------
    >>> walk_day([10000], [Posting(1, 500, 10300), Posting(2, -200, 9800)], rounding_cents=1).jumps
    0
    >>> lost = walk_day([10000], [Posting(1, 500, 10300)], rounding_cents=1)
    >>> lost.jumps, lost.ends, lost.closings
    (1, (10000,), (10300,))
    """
    walks = [
        _walk(opening, postings, rounding_cents) for opening in openings or _possible_openings(postings, rounding_cents)
    ]
    fewest = min(w.jumps for w in walks)
    best = [w for w in walks if w.jumps == fewest]
    closings = tuple(dict.fromkeys(c for w in best for c in w.closings))
    return best[0]._replace(closings=closings[:MAX_CANDIDATES])


def _walk(opening: int, postings: Sequence[Posting], rounding_cents: int) -> Walk:
    if len(postings) == 1:
        return _walk_single(opening, postings[0], rounding_cents)
    day = _Day(postings, rounding_cents, opening)
    if not day.jumps:
        return Walk(opening, 0, day.closings())
    return Walk(opening, day.jumps, day.closings(), day.ends(), day.unreached())


def _walk_single(opening: int, posting: Posting, rounding_cents: int) -> Walk:
    if abs(opening - posting.departure) <= rounding_cents:
        return Walk(opening, 0, (posting.balance,))
    return Walk(opening, 1, (posting.balance,), (opening,), (posting,))


def _possible_openings(postings: Sequence[Posting], rounding_cents: int) -> list[int]:
    """The balances from which the whole day needs the fewest jumps, when nothing is known of the day before."""
    day = _Day(postings, rounding_cents, None)
    # A round trip may have begun at any of its postings.
    firsts = day.unreached() if day.free_departures else day.postings
    return list(dict.fromkeys(p.departure for p in firsts))[:MAX_CANDIDATES]


class _Day:
    """Matching and connectivity of one account-day.

    `free_arrivals` are balances that nothing departs from (with the posting that led there, None for the opening);
    `free_departures` are postings that nothing leads to. A component with neither and without the opening is a circuit
    that the trail never meets.
    """

    def __init__(self, postings: Sequence[Posting], rounding_cents: int, opening: int | None) -> None:
        self.postings = sorted(postings)
        self.rounding_cents = rounding_cents
        self.opening = opening
        self.free_arrivals, self.free_departures = self._match()
        self._connect()
        self._home = None if opening is None else self.component(opening)

    @property
    def jumps(self) -> int:
        return len(self.free_departures) + len(self._lone_circuits())

    def _match(self) -> tuple[list[int], list[Posting]]:
        arrivals = sorted([p.balance for p in self.postings] + ([] if self.opening is None else [self.opening]))
        departures = sorted(self.postings, key=lambda p: (p.departure, p.trans_id))
        free_arrivals: list[int] = []
        free_departures: list[Posting] = []
        i = j = 0
        while i < len(arrivals) and j < len(departures):
            gap = arrivals[i] - departures[j].departure
            if gap < -self.rounding_cents:
                free_arrivals.append(arrivals[i])
            elif gap > self.rounding_cents:
                free_departures.append(departures[j])
            i += gap <= self.rounding_cents
            j += gap >= -self.rounding_cents
        return free_arrivals + arrivals[i:], free_departures + departures[j:]

    def _connect(self) -> None:
        """Number the clusters of balances, and join those that a posting connects."""
        values = {v for p in self.postings for v in (p.balance, p.departure)}
        self._values = sorted(values if self.opening is None else values | {self.opening})
        self._cluster = {self._values[0]: 0}
        for low, high in zip(self._values, self._values[1:], strict=False):
            self._cluster[high] = self._cluster[low] + (high - low > self.rounding_cents)
        self._parent = list(range(len(self._values)))
        for p in self.postings:
            self._parent[self.component(p.balance)] = self.component(p.departure)

    def component(self, balance: int) -> int:
        """The number of the component that contains a balance of the day."""
        node = self._cluster[balance]
        while self._parent[node] != node:
            self._parent[node] = node = self._parent[self._parent[node]]
        return node

    def _lone_circuits(self) -> list[Posting]:
        """The posting of lowest number of each circuit that nothing leads to."""
        met = {self.component(p.departure) for p in self.free_departures} | {self._home}
        firsts: dict[int, Posting] = {}
        for p in self.postings:
            firsts.setdefault(self.component(p.departure), p)
        return [p for component, p in firsts.items() if component not in met]

    def unreached(self) -> tuple[Posting, ...]:
        return tuple(sorted(self.free_departures + self._lone_circuits()))

    def ends(self) -> tuple[int, ...]:
        """The balances where the trail from the opening gets stuck; the opening itself only when it cannot leave."""
        stuck = [a for a in self.free_arrivals if self._is_home(a)]
        return tuple(sorted(dict.fromkeys(stuck), key=lambda a: (a == self.opening, a)))

    def closings(self) -> tuple[int, ...]:
        """The balances that the last posting may have left."""
        last = self._last_arrivals()
        return tuple(self._near(last) or [p.balance for p in self.postings])[:MAX_CANDIDATES]

    def _last_arrivals(self) -> list[int]:
        if not self.jumps:
            return self.free_arrivals
        circuits = {self.component(p.departure) for p in self._lone_circuits()}
        rounds = [p.balance for p in self.postings if self.component(p.balance) in circuits]
        at_home = [a for a in self.free_arrivals if self._is_home(a)]
        elsewhere = [a for a in self.free_arrivals if not self._is_home(a)]
        # The one end the opening's own component has is where the trail jumps off, so the day ends elsewhere.
        return elsewhere + (at_home if len(at_home) > 1 else []) + rounds

    def _is_home(self, balance: int) -> bool:
        return self._home is not None and self.component(balance) == self._home

    def _near(self, arrivals: Iterable[int]) -> list[int]:
        """The postings' own balances that agree with `arrivals`, nearest first."""
        balances = sorted({p.balance for p in self.postings})
        found: dict[int, None] = {}
        for arrival in arrivals:
            low = bisect_left(balances, arrival - self.rounding_cents)
            high = bisect_left(balances, arrival + self.rounding_cents + 1)
            found.update(dict.fromkeys(sorted(balances[low:high], key=lambda b: (abs(b - arrival), b))))
        return list(found)
