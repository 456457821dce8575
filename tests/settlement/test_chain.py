"""The search for a day's posting order: exact on small days, fast on large ones."""

from __future__ import annotations

import random
import time
from itertools import pairwise, permutations

import pytest

from include.settlement.chain import Posting, walk_day


def trail(rng: random.Random, opening: int, amounts: list[int]) -> list[Posting]:
    """Postings that chain in the order given, shuffled."""
    postings, balance = [], opening
    for trans_id, amount in enumerate(amounts, start=1):
        balance += amount
        postings.append(Posting(trans_id, amount, balance))
    rng.shuffle(postings)
    return postings


def fewest_jumps(opening: int, postings: list[Posting], rounding_cents: int) -> int:
    """What a search over all orders finds."""

    def jumps(order: tuple[Posting, ...]) -> int:
        first = abs(order[0].departure - opening) > rounding_cents
        return first + sum(abs(a.balance - b.departure) > rounding_cents for a, b in pairwise(order))

    return min(jumps(order) for order in permutations(postings))


def closings_by_search(opening: int, postings: list[Posting]) -> set[int]:
    fewest = fewest_jumps(opening, postings, 0)
    return {order[-1].balance for order in permutations(postings) if _jumps_in_order(opening, order) == fewest}


def _jumps_in_order(opening: int, order: tuple[Posting, ...]) -> int:
    balances = [opening, *(p.balance for p in order)]
    return sum(before != p.departure for before, p in zip(balances, order, strict=False))


@pytest.mark.parametrize("seed", range(300))
def test_jumps_and_closings_are_those_of_a_search_over_all_orders(seed: int) -> None:
    rng = random.Random(seed)
    # Few different amounts: circuits, equal postings and shared balances are the rule.
    amounts = [rng.choice([-300, -200, -100, 100, 200, 300]) for _ in range(rng.randint(2, 6))]
    postings = trail(rng, 0, amounts)
    damaged = [p for p in postings if rng.random() > 0.25] or postings
    opening = rng.choice([0, 0, 100])
    walk = walk_day((opening,), damaged, rounding_cents=0)
    assert walk.jumps == fewest_jumps(opening, damaged, 0)
    assert closings_by_search(opening, damaged) <= set(walk.closings)


@pytest.mark.parametrize("seed", range(50))
def test_rounding_within_the_slack_is_no_jump_and_beyond_it_is_one(seed: int) -> None:
    rng = random.Random(seed)
    amounts = [rng.choice([-1, 1]) * rng.randrange(10_000, 900_000) for _ in range(8)]
    rounded = [p._replace(amount=p.amount + rng.randint(-10, 10)) for p in trail(rng, 5_000, amounts)]
    assert walk_day((5_000,), rounded, rounding_cents=10).jumps == 0
    off = [rounded[0]._replace(amount=rounded[0].amount + 500), *rounded[1:]]
    assert walk_day((5_000,), off, rounding_cents=10).jumps == 1


def test_order_of_postings_does_not_matter() -> None:
    postings = trail(random.Random(1), 0, [100, -100, 250, -30, 100, 100, -100])[:-1]
    walks = {walk_day((0,), order, 1) for order in permutations(postings)}
    assert len(walks) == 1


def test_unknown_opening_starts_wherever_the_day_closes() -> None:
    postings = trail(random.Random(1), 777, [100, -40, 60])
    walk = walk_day((), postings, 1)
    assert (walk.jumps, walk.opening, walk.closings) == (0, 777, (897,))


def test_a_second_candidate_opening_is_taken_when_it_closes() -> None:
    postings = trail(random.Random(1), 500, [100, -40])
    assert walk_day((0, 500), postings, 1).jumps == 0


def test_circuit_apart_from_the_opening_may_end_on_any_of_its_balances() -> None:
    walk = walk_day((0,), [Posting(1, 50, 550), Posting(2, -50, 500)], 1)
    assert walk.jumps == 1
    assert set(walk.closings) == {550, 500}


def test_break_names_the_first_posting_out_of_reach() -> None:
    postings = [Posting(1, 100, 1_100), Posting(3, 20, 1_070)]  # -50 is missing between them
    walk = walk_day((1_000,), postings, 1)
    assert (walk.jumps, walk.ends, walk.unreached) == (1, (1_100,), (postings[1],))


LARGE = 2_000
DAYS = {
    "equal amounts": [100] * LARGE,
    "there and back": [100, -100] * (LARGE // 2),
    "circuits within circuits": [50, 70, -120, 30, -30] * (LARGE // 5),
    "amounts below the slack": [1, -1, 2] * (LARGE // 3),
    "random": [random.Random(7).randrange(-90_000, 90_000) for _ in range(LARGE)],
}


@pytest.mark.parametrize("amounts", DAYS.values(), ids=DAYS.keys())
@pytest.mark.parametrize("lost", [0, 1, 300])
def test_a_day_of_two_thousand_postings_takes_well_under_a_second(amounts: list[int], lost: int) -> None:
    postings = trail(random.Random(3), 0, amounts)[lost:]
    begun = time.process_time()
    walk = walk_day((0,), postings, rounding_cents=10)
    assert time.process_time() - begun < 0.5
    assert lost or walk.jumps == 0
