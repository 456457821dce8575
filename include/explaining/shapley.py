"""Exact Shapley values of a small game: how much each player adds, averaged over every order of joining."""

from __future__ import annotations

from math import comb

import numpy as np
import numpy.typing as npt

from include.models.base import Vector


def coalitions(players: int) -> npt.NDArray[np.bool_]:
    """Every coalition, shape (2**players, players); row number r has player i exactly when bit i of r is set."""
    numbers = np.arange(2**players)
    return np.asarray((numbers[:, None] >> np.arange(players)) & 1, dtype=np.bool_)


def shapley_values(worths: Vector, players: int) -> Vector:
    """The Shapley value of each player.

    Parameters
    ----------
    worths
        Worth of every coalition, in the order of `coalitions`.
    players
        Number of players.

    Returns
    -------
    Vector
        One value per player; they sum to the worth of all players less the worth of none.

    Examples
    --------
    >>> shapley_values(np.array([0.0, 1.0, 2.0, 5.0]), 2).tolist()
    [2.0, 3.0]
    """
    members = coalitions(players)
    sizes = members.sum(axis=1)
    weights = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    values = np.empty(players)
    for player in range(players):
        without = np.flatnonzero(~members[:, player])
        gains = worths[without + (1 << player)] - worths[without]
        values[player] = np.sum(weights[sizes[without]] * gains)
    return values
