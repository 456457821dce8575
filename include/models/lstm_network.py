"""The network of the sequence detector: from an account's earlier postings to a forecast of its next one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from include.features.sequences import STEP, WINDOW

GAPS = 48
"""Number of gaps (days to the next posting) told apart; the last stands for 47 and more. In the real 1993 one posting
in 7,000 came after more than 45 days."""
AGES = 128
"""Number of ages (days since an earlier posting) told apart: the look-back of 90 days and a gap. Longer ones count as
the last."""
MONTH = 32
"""Days of a month, and one value for no posting."""
TOKENS = 3
"""Number of counterparty tokens: none, one of the window's, one that is not among them."""
COMPONENTS = 3
"""Number of components of the amount's mixture: as last time, as usual, widely around the usual."""
EMBEDDED = 8
"""Dimensions of a kind's embedding; the real bank uses thirteen kinds."""
SMALLEST_SPREAD = 0.05
"""Smallest spread of a log amount: amounts within five per cent count as equal, as those within one spread do in
`features.sql`."""
FIRST_SPREADS = (-2.5, -1.0, 0.0)
"""Initial spreads of the components before the softplus; after it they are 0.13, 0.36 and 0.74 of the logarithm."""
LARGEST_NUMBER = 1000.0
"""Largest number in a window (days, logarithms); larger ones are clipped, so that absurd rows stay finite."""
FARTHEST_AMOUNT = 8.0
"""Largest distance of an input's log amount from the bank's mean of its kind: 3,000 times that mean. Inputs are
clipped, the amount to be scored is not."""


@dataclass(frozen=True)
class Windows:
    """Windows by field: tensors of shape (rows, WINDOW) for the earlier postings, (rows,) for the described posting.

    Attributes
    ----------
    held
        Whether there is an earlier posting; all other fields are zero where there is none.
    kinds, kind
        Slots of kinds: 0 for no posting, then one per learned kind, last all others.
    habits, amount
        Log amounts less the bank's mean of their kind.
    ages
        Days from each earlier posting to the last earlier posting, so that they do not reveal the gap.
    pauses
        Days since the step before.
    tokens, token
        Counterparties as one of `TOKENS`.
    numbers, number
        Counterparties as numbered in the window.
    month_days, month_day
        Days of the month.
    month_ends, month_end
        Days to the end of the month.
    gap
        Days from the last earlier posting to the described one.
    """

    held: Tensor
    kinds: Tensor
    habits: Tensor
    ages: Tensor
    pauses: Tensor
    tokens: Tensor
    numbers: Tensor
    month_days: Tensor
    month_ends: Tensor
    kind: Tensor
    amount: Tensor
    gap: Tensor
    token: Tensor
    number: Tensor
    month_day: Tensor
    month_end: Tensor

    @property
    def preceded(self) -> Tensor:
        """Whether each row has an earlier posting at all."""
        return self.held[:, -1]


def take_apart(rows: Tensor, slots: Tensor, means: Tensor) -> Windows:
    """The windows of matrix rows; `slots` gives each kind id's slot, `means` each slot's mean log amount."""
    steps = rows.reshape(-1, WINDOW + 1, STEP).clamp(0, LARGEST_NUMBER)
    ids, logs, before, numbers, days, ends = (steps[:, :, field] for field in range(STEP))
    kinds = slots[ids.long().clamp(max=len(slots) - 1)]
    held = kinds > 0
    amounts = torch.where(held, logs - means[kinds], 0.0)
    tokens = _tokens(numbers)
    past = slice(0, WINDOW)
    return Windows(
        held=held[:, past],
        kinds=kinds[:, past],
        habits=amounts[:, past].clamp(-FARTHEST_AMOUNT, FARTHEST_AMOUNT),
        ages=torch.where(held, before - before[:, [WINDOW - 1]], 0.0)[:, past].long().clamp(0, AGES - 1),
        pauses=_pauses(before, held),
        tokens=tokens[:, past],
        numbers=numbers[:, past],
        month_days=_month(days)[:, past],
        month_ends=_month(ends)[:, past],
        kind=kinds[:, WINDOW],
        amount=amounts[:, WINDOW],
        gap=before[:, WINDOW - 1].long().clamp(max=GAPS - 1),
        token=tokens[:, WINDOW],
        number=numbers[:, WINDOW],
        month_day=_month(days)[:, WINDOW],
        month_end=_month(ends)[:, WINDOW],
    )


def _month(days: Tensor) -> Tensor:
    return days.long().clamp(max=MONTH - 1)


def _tokens(numbers: Tensor) -> Tensor:
    """Token of each counterparty: 0 without one, 1 where an earlier step has the same, 2 where no earlier step has."""
    seen = (numbers[:, :, None] == numbers[:, None, :]).tril(-1).any(dim=2)
    return torch.where(numbers > 0, torch.where(seen, 1, 2), 0)


def _pauses(before: Tensor, held: Tensor) -> Tensor:
    """Days between each earlier step and the one before it; 0 for the first."""
    pauses = before[:, : WINDOW - 1] - before[:, 1:WINDOW]
    follows = held[:, : WINDOW - 1] & held[:, 1:WINDOW]
    return functional.pad(torch.where(follows, pauses, 0.0), (1, 0))


@dataclass(frozen=True)
class Mixture:
    """The amount's distribution: Gaussians of the log amount less the bank's mean, tensors of (rows, COMPONENTS)."""

    log_weights: Tensor
    means: Tensor
    spreads: Tensor


@dataclass(frozen=True)
class Forecast:
    """Outputs of the heads, each given the true values of those before it: gap, kind, counterparty, amount."""

    gap: Tensor
    kind: Tensor
    token: Tensor
    amount: Mixture


class Network(nn.Module):
    """An LSTM over the earlier postings, and four heads in the order of the chain rule.

    Beside the recurrent state the heads get inputs that a network of 32 units is slow to learn by itself: learned
    tables of what a posting of a kind and age says about the next date and kind (a rent of thirty days ago is due),
    learned tables of what the calendar says, and the account's amounts of this kind with this counterparty.
    """

    def __init__(self, slots: int, hidden: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(slots, EMBEDDED)
        self.lstm = nn.LSTM(EMBEDDED + TOKENS + 6, hidden, batch_first=True)
        self.gap_head = _head(hidden, hidden, GAPS)
        self.gap_due = _table(slots, AGES + GAPS)
        self.gap_month_end = _table(MONTH, GAPS)
        self.gap_month_day = _table(MONTH, GAPS)
        self.kind_head = _head(hidden, hidden, slots)
        self.kind_due = _table(slots, AGES)
        self.kind_month_end = _table(MONTH, slots)
        self.kind_month_day = _table(MONTH, slots)
        self.kind_same_day = _table(slots, slots)
        self.token_head = _head(hidden + EMBEDDED + TOKENS + 3, hidden, TOKENS)
        self.token_kind = _table(slots, TOKENS)
        self.amount_head = _head(hidden + EMBEDDED + 9, 2 * hidden, 3 * COMPONENTS)
        with torch.no_grad():
            self.embed.weight[-1] = 0  # a kind never seen in training has no effect, rather than a random one

    def forward(self, w: Windows) -> Forecast:
        """The forecast of each row."""
        state = self._state(w)
        return Forecast(
            gap=self._gap(w, state),
            kind=self._kind(w, state),
            token=self._token(w, state),
            amount=self._amount(w, state),
        )

    def _state(self, w: Windows) -> Tensor:
        """The recurrent state after the earlier postings; empty steps come first and are zero."""
        angles = w.month_days * (2 * math.pi / 31)
        month_end = torch.exp(-w.month_ends / 2.0)  # tells the last days of a month apart; the others need not be
        numbers = [w.habits, torch.log1p(w.pauses), angles.sin(), angles.cos(), month_end, w.held.float()]
        tokens = functional.one_hot(w.tokens, TOKENS)
        inputs = torch.cat([self.embed(w.kinds), tokens, torch.stack(numbers, dim=2)], dim=2)
        _, (state, _) = self.lstm(inputs * w.held[:, :, None])
        return torch.as_tensor(state[0])

    def _gap(self, w: Windows, state: Tensor) -> Tensor:
        # row (kind, age) of this table: what a posting of that kind and age says about each gap
        due = self.gap_due.unfold(1, GAPS, 1)[:, :AGES].reshape(-1, GAPS)
        told = functional.embedding_bag(w.kinds * AGES + w.ages, due, mode="sum", per_sample_weights=w.held.float())
        calendar = self.gap_month_end[w.month_ends[:, -1]] + self.gap_month_day[w.month_days[:, -1]]
        return torch.as_tensor(self.gap_head(state) + told + calendar)

    def _kind(self, w: Windows, state: Tensor) -> Tensor:
        due = self.kind_due[w.kinds, (w.ages + w.gap[:, None]).clamp(max=AGES - 1)] * w.held
        calendar = self.kind_month_end[w.month_end] + self.kind_month_day[w.month_day]
        same_day = self.kind_same_day[w.kinds[:, -1]] * (w.gap == 0)[:, None]  # a day is ordered by kind
        logits = self.kind_head(state) + calendar + same_day
        return torch.as_tensor(logits.scatter_add(1, w.kinds, due))

    def _token(self, w: Windows, state: Tensor) -> Tensor:
        same = _same_kind(w)
        counts = (functional.one_hot(w.tokens, TOKENS) * same[:, :, None]).sum(1)
        parties = w.numbers.amax(1)
        since = torch.where(same, w.ages, AGES).amin(1) + w.gap
        numbers = torch.stack([*counts.unbind(1), parties, since, w.held.sum(1)], dim=1)
        inputs = torch.cat([state, self.embed(w.kind), torch.log1p(numbers)], dim=1)
        return torch.as_tensor(self.token_head(inputs) + self.token_kind[w.kind])

    def _amount(self, w: Windows, state: Tensor) -> Mixture:
        habit = _amount_habit(w)
        inputs = torch.cat([state, self.embed(w.kind), habit.numbers], dim=1)
        weights, shifts, spreads = self.amount_head(inputs).chunk(3, dim=1)
        anchors = torch.stack([habit.latest, habit.mean, habit.mean], dim=1)
        return Mixture(
            log_weights=functional.log_softmax(weights, dim=1),
            means=anchors + shifts,
            spreads=SMALLEST_SPREAD + functional.softplus(spreads + torch.tensor(FIRST_SPREADS)),
        )


@dataclass(frozen=True)
class _AmountHabit:
    """The account's log amounts of the described kind: mean and latest with its counterparty, and all head inputs."""

    mean: Tensor
    latest: Tensor
    numbers: Tensor


def _amount_habit(w: Windows) -> _AmountHabit:
    """The amount habit of each row.

    Means are shrunk twice: the account's mean of the kind towards the bank's, and its mean with the counterparty
    towards its mean of the kind.
    """
    same = _same_kind(w)
    party = same & (w.numbers == w.number[:, None])
    month_ago = party & ((w.ages + w.gap[:, None] - 30).abs() <= 3)  # months of 28 to 31 days, and a weekend
    # One posting weighs as much as the bank's mean; with the same counterparty, four times as much as the kind's mean.
    count, mean, spread = _moments(w.habits, same, torch.zeros_like(w.amount), 1.0)
    own_count, own_mean, own_spread = _moments(w.habits, party, mean, 0.25)
    _, month_mean, _ = _moments(w.habits, month_ago, own_mean, 0.25)
    latest = torch.where(own_count > 0, _latest(w.habits, party), own_mean)
    highest = torch.where(party, w.habits, -torch.inf).amax(1)
    highest = torch.where(own_count > 0, highest, own_mean)
    told = [torch.log1p(count), mean, spread, torch.log1p(own_count), own_mean, own_spread]
    told += [latest - own_mean, highest - own_mean, month_mean - own_mean]
    return _AmountHabit(mean=own_mean, latest=latest, numbers=torch.stack(told, dim=1))


def _same_kind(w: Windows) -> Tensor:
    return (w.kinds == w.kind[:, None]) & w.held


def _moments(values: Tensor, chosen: Tensor, centre: Tensor, prior: float) -> tuple[Tensor, Tensor, Tensor]:
    """Number, mean and spread of the chosen values; `centre` counts as `prior` further values."""
    count = chosen.sum(1)
    mean = ((values * chosen).sum(1) + prior * centre) / (count + prior)
    squares = ((values - mean[:, None]).square() * chosen).sum(1)
    return count, mean, torch.sqrt((squares + 0.1) / (count + 1))  # a single value still has a spread


def _latest(values: Tensor, chosen: Tensor) -> Tensor:
    """The last of the chosen values."""
    place = (chosen * torch.arange(1, WINDOW + 1)).argmax(1, keepdim=True)
    return values.gather(1, place)[:, 0]


def _head(inputs: int, between: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, between), nn.Tanh(), nn.Linear(between, outputs))


def _table(rows: int, columns: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(rows, columns))
