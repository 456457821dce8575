"""Compares a forecast with the posting that came: the training loss, the surprise and the expected values."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from include.models.lstm_network import Forecast, Mixture, Windows

IMPOSSIBLE = 1e-4
"""Least probability of each value of a head. With practically none (1e-6) the dates of irregular payers outweigh the
amounts: of debits multiplied by ten 73 % were in the top 2 %, with it 77 %."""
WILD_WEIGHT = 0.002
"""Share of amounts that follow no habit: of a thousand withdrawals, the 998th is 60 times the previous one."""
WILD_SPREAD = 2.0
"""Spread of these amounts, in the log amount; together with the share it bounds what one absurd amount adds."""
HALF = math.log(2.0)
TINY = 1e-30
"""Least value whose logarithm is taken in single precision, with room for sums."""
BISECTIONS = 30
"""Number of halvings of an interval of forty logarithms, which ends at a fortieth of a millionth."""


def loss(forecast: Forecast, w: Windows) -> Tensor:
    """Negative log likelihood of the four parts, shape (rows, 4); rows without an earlier posting have no gap loss."""
    gap = functional.cross_entropy(forecast.gap, w.gap, reduction="none") * w.preceded
    kind = functional.cross_entropy(forecast.kind, w.kind, reduction="none")
    token = functional.cross_entropy(forecast.token, w.token, reduction="none")
    return torch.stack([gap, kind, token, -log_density(forecast.amount, w.amount)], dim=1)


def surprise(forecast: Forecast, w: Windows, *, bounded: bool = True) -> Tensor:
    """Surprises of the four parts, shape (rows, 4): minus the log probability of a value as unlikely as the seen one.

    For kind and counterparty that probability is the sum over all values at most as likely as the seen one. For gap
    and amount it is twice the probability of a gap as long or longer, or of a higher amount, so that the surprise is 0
    from the median down. The most expected value thus has surprise 0, and where the forecast is right each part is at
    least s with probability at most exp(-s), however wide the distribution. Gaps are one-sided because shorter ones
    are judged by the count features, which know about seasons: in the real January, when everybody withdrew 2.5 times
    as often, 8.7 % of the two-sided surprises lay beyond the autumn's 98 % quantile.

    With `bounded` false, no probability is kept for values that the heads hold impossible. Published scores would then
    be ranked by single wild values, but it can still be compared how far beyond belief a value is.
    """
    impossible, wild = (IMPOSSIBLE, WILD_WEIGHT) if bounded else (0.0, 0.0)
    above = log_above(forecast.amount, w.amount, wild)
    parts = [
        lateness(forecast.gap, w.gap, impossible) * w.preceded,
        unlikeliness(forecast.kind, w.kind, impossible),
        unlikeliness(forecast.token, w.token, impossible),
        (-HALF - above).clamp(min=0),
    ]
    return torch.stack(parts, dim=1)


def probabilities(logits: Tensor, impossible: float = IMPOSSIBLE) -> Tensor:
    """Probability of each value of a head, shape (rows, values); none is below `impossible`."""
    kept = 1 - impossible * logits.shape[1]
    return kept * functional.softmax(logits, dim=1) + impossible


def unlikeliness(logits: Tensor, seen: Tensor, impossible: float) -> Tensor:
    """Minus the log of the summed probability of all values at most as likely as the seen one."""
    chances = probabilities(logits, impossible).clamp(min=TINY)
    # Two probabilities that are equal up to the last bits of a float count as the same.
    limit = chances.gather(1, seen[:, None]) * (1 + 1e-5)
    return -torch.log((chances * (chances <= limit)).sum(1)).clamp(max=0)


def lateness(logits: Tensor, seen: Tensor, impossible: float) -> Tensor:
    """Minus the log of twice the probability of a value as high or higher; at least 0."""
    chances = probabilities(logits, impossible).clamp(min=TINY)
    as_late = torch.arange(logits.shape[1]) >= seen[:, None]
    return (-HALF - torch.log((chances * as_late).sum(1))).clamp(min=0)


def log_density(mixture: Mixture, amount: Tensor) -> Tensor:
    """Log density of log amounts."""
    scaled = (amount[:, None] - mixture.means) / mixture.spreads
    usual = torch.logsumexp(mixture.log_weights - scaled.square() / 2 - torch.log(mixture.spreads), dim=1)
    wild = -((amount - _centre(mixture)) / WILD_SPREAD).square() / 2 - math.log(WILD_SPREAD)
    return _with_wild(usual, wild, WILD_WEIGHT) - math.log(2 * math.pi) / 2


def log_above(mixture: Mixture, amount: Tensor, wild_weight: float = WILD_WEIGHT) -> Tensor:
    """Log probability of a higher amount."""
    scaled = (mixture.means - amount[:, None]) / mixture.spreads
    usual = torch.logsumexp(mixture.log_weights + torch.special.log_ndtr(scaled), dim=1)
    wild = torch.special.log_ndtr((_centre(mixture) - amount) / WILD_SPREAD)
    return _with_wild(usual, wild, wild_weight)


def quantile(mixture: Mixture, share: float) -> Tensor:
    """The log amount that `share` of the distribution lies below, by bisection."""
    low = _centre(mixture) - 20
    high = low + 40
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        below = log_above(mixture, middle) > math.log(1 - share)
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2


def _with_wild(usual: Tensor, wild: Tensor, weight: float) -> Tensor:
    """Log probability of the mixture of usual and wild amounts, from the log probabilities of both."""
    if weight == 0:
        return usual
    return torch.logaddexp(usual + math.log(1 - weight), wild + math.log(weight))


def _centre(mixture: Mixture) -> Tensor:
    """Centre of the wild amounts: the mean of the usual amount's component."""
    return mixture.means[:, 1]
