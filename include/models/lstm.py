"""The sequence detector: an LSTM forecasts an account's next posting, and the score is how surprising the real one is.

torch takes seconds to load; only the functions that compute import it, so that the registry of detectors loads quickly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from include.features.catalog import SURPRISES
from include.features.sequences import KINDS, STEP, WINDOW
from include.models.base import Examples, Matrix, MatrixError, Vector
from include.models.sequence_reader import Expectation, SequenceReader
from include.relations import is_bank_booked

if TYPE_CHECKING:
    from torch import Tensor

    from include.models.lstm_network import Forecast, Network, Windows

COLUMNS = (WINDOW + 1) * STEP
BLOCK_ROWS = 1024
"""Rows per block, the same always: matrix products of another shape may differ in the last bit."""
BATCH_ROWS = 256
"""Rows per update; with 512 and as many passes the log likelihood was lower by 0.2."""
LEARNING_RATE = 8e-3
"""Highest learning rate; half a cosine lowers it to zero. 0.004 needed 14 passes for what this reaches in 8."""
WARM_SHARE = 0.15
"""Share of the updates over which the learning rate rises from a fiftieth, as the first gradients are the wildest. Not
tuned."""
WEIGHT_DECAY = 0.1
"""AdamW's weight decay. With 0.0001, three in a hundred fewer of the debits multiplied by ten were in the top 2 %."""
LARGEST_GRADIENT = 1.0
"""Norm that gradients are clipped to: the usual guard of recurrent networks, not tuned."""
LEAST_UPDATES = 400
MOST_REPEATS = 3
"""How many times the passes a small sample may get, until there were `LEAST_UPDATES`. On 4,000 rows 30 passes put 55 %
of the debits multiplied by ten into the top 2 %, 10 passes 46 %, and 60 passes, which overfit, 48 %."""
FORGOTTEN_SHARE = 0.1
"""Share of the training rows whose older postings are removed, so that the network also learns from short histories,
which are rare in a sample."""
RARE_ROWS = 20
"""Kinds with fewer training rows share one slot: twenty rows estimate a mean to about a fifth of the spread. The
network does not judge how surprising such a kind is, as it hardly met it: the real bank's first cards, issued in its
last training month, were one false alarm in four. The features of new kinds and products judge it instead, by how
accounts take it up."""
# Of what the bank books by itself, only the amount can surprise.
_NOT_THE_AMOUNT = np.array([place for place, part in enumerate(SURPRISES) if part != "sequence_amount"])
SHOWN_RANGE = (0.1, 0.9)
"""Quantiles at both ends of the range of amounts that explanations show."""
LEAST_FALL = 0.1
"""Least fall of the surprise for which an earlier posting is named as its cause; less means nothing to a reader."""

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


class Lstm(SequenceReader):
    """Forecast of the next posting of each account; the score is the sum of four surprises, see `SURPRISES`.

    Rows are windows as `include.features.sequences` makes them, not prepared further. A surprise is minus the log of
    the forecast probability of a value at least as unlikely as the observed one: it is 0 for the most expected value
    and 4.6 for one in a hundred. Amounts are one-sided: an amount below the usual is never a finding.

    Parameters
    ----------
    seed
        Seed of the sample, the initial weights and the order of the updates.
    hidden
        Number of hidden units of the LSTM. 48 gained 0.1 of 2.9 in the log likelihood of the two months after the
        training and nothing in what was found, for 1.4 times the time.
    epochs
        Number of passes over the sample; small samples get more, see `MOST_REPEATS`.
    sample_rows
        Largest number of training rows, drawn without replacement.
    """

    name: ClassVar[str] = "lstm"
    quick_settings: ClassVar[Mapping[str, Any]] = {"hidden": 16, "epochs": 2, "sample_rows": 1_500}

    slots_: Integers
    means_: Floats
    weights_: dict[str, Floats]

    def __init__(self, seed: int, hidden: int = 32, epochs: int = 10, sample_rows: int = 80_000) -> None:
        super().__init__(seed)
        self.hidden = hidden
        self.epochs = epochs
        self.sample_rows = sample_rows

    def surprises(self, X: Matrix) -> Matrix:  # noqa: N803
        """The four parts of the score, shape (n_rows, 4), rounded to a millionth; raises as `score` does."""
        self._check(X)
        return self._surprises(X, bounded=True)

    def expectation(self, X: Matrix) -> list[Expectation]:  # noqa: N803
        """The expectation of each row; raises as `score` does."""
        self._check(X)
        found = [row for forecast, w in self._forecasts(X) for row in self._expectations(forecast, w)]
        return found[: len(X)]

    def blame(self, x: Vector, top: int = 2) -> list[int]:
        """The result of `blames` for one row, shape (n_features,)."""
        return self.blames(x.reshape(1, -1), top)[0]

    def blames(self, X: Matrix, top: int = 2) -> list[list[int]]:  # noqa: N803
        """As `SequenceReader.blames` says, found by leaving each posting out; raises as `score` does.

        Only postings without which the surprise falls are listed, the largest fall first.
        """
        self._check(X)
        held = [np.flatnonzero(x.reshape(WINDOW + 1, STEP)[:WINDOW, 0] > 0) for x in X]
        variants = [
            np.stack([x, *(_without(x, int(place)) for place in places)]) for x, places in zip(X, held, strict=True)
        ]
        # Unbounded: a value that is beyond belief after three equal rents is so after two, only less far.
        scores = self._surprises(np.concatenate([X[:0], *variants]), bounded=False).sum(axis=1)
        games = np.split(scores, np.cumsum([len(rows) for rows in variants])[:-1]) if variants else []
        return [_largest_falls(game, places, top) for game, places in zip(games, held, strict=True)]

    def learned(self) -> dict[str, Any]:
        """The learned attributes, as a flat dictionary of float32 and int64 arrays."""
        self._check_fitted()
        sizes = {"n_features": np.array([self.n_features_]), "slots": self.slots_, "means": self.means_}
        return {**sizes, **{f"weights.{name}": array for name, array in self.weights_.items()}}

    @classmethod
    def restore(cls, parameters: dict[str, Any], learned: dict[str, Any]) -> Self:
        """Rebuild a fitted detector from its `parameters()` and `learned()`."""
        detector = cls(**parameters)
        detector.n_features_ = int(learned["n_features"][0])
        detector.slots_, detector.means_ = learned["slots"], learned["means"]
        weights = {name: array for name, array in learned.items() if name.startswith("weights.")}
        detector.weights_ = {name.removeprefix("weights."): array for name, array in weights.items()}
        return detector

    def _fit(self, X: Matrix, examples: Examples | None) -> None:  # noqa: N803
        if X.shape[1] != COLUMNS:
            raise MatrixError(f"{self.name} is fitted on windows of {COLUMNS} columns and got {X.shape[1]}")
        random = np.random.default_rng(self.seed)
        chosen = np.sort(random.choice(len(X), min(len(X), self.sample_rows), replace=False))
        rows = X[chosen].astype(np.float32)
        self.slots_, self.means_ = _learn_kinds(rows)
        with _reproducible_torch():
            self.weights_ = self._train(rows, random)

    def _surprises(self, X: Matrix, *, bounded: bool) -> Matrix:  # noqa: N803
        blocks = [_surprises_of(forecast, w, bounded) for forecast, w in self._forecasts(X)]
        parts = np.concatenate([*blocks, np.empty((0, len(SURPRISES)))])[: len(X)]
        ids = np.asarray(X)[:, -STEP].astype(np.int64).clip(0, len(KINDS))
        parts[np.ix_(_is_bank_booked(ids), _NOT_THE_AMOUNT)] = 0
        parts[self.slots_[ids] == len(self.means_) - 1, SURPRISES.index("sequence_kind")] = 0
        return np.asarray(np.round(parts, 6) + 0.0, dtype=np.float64)  # and no negative zero

    def _check(self, X: Matrix) -> None:  # noqa: N803
        """Raise for every input that `score` would refuse."""
        super().score(X[:0])
        if not np.isfinite(X).all():
            raise MatrixError("the matrix holds values that are not finite; build it with sequences.window_matrix")

    def _train(self, rows: Floats, random: np.random.Generator) -> dict[str, Floats]:
        import torch

        from include.models.lstm_forecast import loss

        network = self._network()
        batches = _batches(len(rows), self.epochs, random)
        optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        for update, batch in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * _learning_rate_factor(update / len(batches))
            windows = self._windows(_forget(rows[batch], random))
            optimizer.zero_grad()
            loss(network(windows), windows).sum(dim=1).mean().backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
            optimizer.step()
        return {name: tensor.detach().numpy().copy() for name, tensor in network.state_dict().items()}

    def _network(self) -> Network:
        import torch

        from include.models.lstm_network import Network

        with _RNG_LOCK, torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return Network(len(self.means_), self.hidden)

    def _restored_network(self) -> Network:
        import torch

        network = self._network()
        network.load_state_dict({name: torch.from_numpy(array) for name, array in self.weights_.items()})
        return network.eval()

    def _windows(self, rows: Floats) -> Windows:
        import torch

        from include.models.lstm_network import take_apart

        return take_apart(torch.from_numpy(rows), torch.from_numpy(self.slots_), torch.from_numpy(self.means_))

    def _forecasts(self, X: Matrix) -> Iterator[tuple[Forecast, Windows]]:  # noqa: N803
        """Forecasts, block by block; every block has `BLOCK_ROWS` rows, the last one is padded with empty rows."""
        import torch

        with _reproducible_torch(), torch.inference_mode():
            network = self._restored_network()
            for start in range(0, len(X), BLOCK_ROWS):
                block = np.zeros((BLOCK_ROWS, COLUMNS), dtype=np.float32)
                rows = X[start : start + BLOCK_ROWS]
                block[: len(rows)] = rows
                windows = self._windows(block)
                yield network(windows), windows

    def _expectations(self, forecast: Forecast, w: Windows) -> list[Expectation]:
        from include.models.lstm_forecast import probabilities, quantile

        kinds = probabilities(forecast.kind)
        likeliest = kinds[:, 1:-1].argmax(1) + 1  # neither "none" nor "any rare one" can be named
        levels = [quantile(forecast.amount, share) for share in (0.5, *SHOWN_RANGE)]
        columns = (
            [gap if known else None for gap, known in _pairs(forecast.gap.argmax(1), w.preceded)],
            [int(np.flatnonzero(self.slots_ == slot)[0]) for slot in likeliest.tolist()],
            kinds.gather(1, likeliest[:, None])[:, 0].tolist(),
            kinds.gather(1, w.kind[:, None])[:, 0].tolist(),
            forecast.token.argmax(1).tolist(),
            *(np.exp(level.numpy() + self.means_[w.kind.numpy()]).astype(float).tolist() for level in levels),
        )
        return [Expectation(*row) for row in zip(*columns, strict=True)]


def _pairs(left: Tensor, right: Tensor) -> Iterator[tuple[Any, Any]]:
    return zip(left.tolist(), right.tolist(), strict=True)


def _surprises_of(forecast: Forecast, w: Windows, bounded: bool) -> Matrix:
    from include.models.lstm_forecast import surprise

    return np.asarray(surprise(forecast, w, bounded=bounded).numpy(), dtype=np.float64)


def _is_bank_booked(ids: Integers) -> npt.NDArray[np.bool_]:
    return np.isin(ids, [number for number, kind in enumerate(KINDS, start=1) if is_bank_booked(kind)])


def _learn_kinds(rows: Floats) -> tuple[Integers, Floats]:
    """Slot of each kind id (0 no posting, one per common kind, last all rare ones) and mean log amount of each slot."""
    described = rows[:, -STEP:]
    ids = described[:, 0].astype(np.int64).clip(0, len(KINDS))
    counts = np.bincount(ids, minlength=len(KINDS) + 1)
    common = np.flatnonzero(counts[1:] >= min(RARE_ROWS, counts[1:].max())) + 1
    slots = np.full(len(KINDS) + 1, len(common) + 1, dtype=np.int64)
    slots[0] = 0
    slots[common] = np.arange(1, len(common) + 1)
    amounts = described[:, 1].astype(np.float64)
    means = [0.0, *(amounts[ids == kind].mean() for kind in common), amounts.mean()]
    return slots, np.array(means, dtype=np.float32)


def _batches(rows: int, epochs: int, random: np.random.Generator) -> list[Integers]:
    """Row places of every update; each pass has an order of its own, and leaves out rows that do not fill a batch."""
    size = min(rows, BATCH_ROWS)
    per_pass = rows // size
    passes = max(epochs, min(epochs * MOST_REPEATS, LEAST_UPDATES // per_pass))
    orders = [random.permutation(rows)[: per_pass * size].reshape(per_pass, size) for _ in range(passes)]
    return [batch for order in orders for batch in order]


def _learning_rate_factor(progress: float) -> float:
    """Factor of the learning rate: a linear rise, then half a cosine down to zero."""
    return float(min(1.0, 0.02 + progress / WARM_SHARE) * (1 + np.cos(np.pi * progress)) / 2)


def _forget(rows: Floats, random: np.random.Generator) -> Floats:
    """Copies of the rows; one in ten keeps only its latest postings, a number drawn evenly from none to all but one."""
    forgotten = np.where(random.random(len(rows)) < FORGOTTEN_SHARE, random.integers(1, WINDOW + 1, len(rows)), 0)
    steps = rows.reshape(-1, WINDOW + 1, STEP).copy()
    steps[:, :WINDOW][np.arange(WINDOW) < forgotten[:, None]] = 0
    return steps.reshape(len(rows), -1)


def _largest_falls(scores: Vector, places: npt.NDArray[np.intp], top: int) -> list[int]:
    """The places whose removal lowers a row's score most; `scores` holds the whole row's score, then one per place."""
    falls = scores[0] - scores[1:]
    order = np.argsort(-falls, kind="stable")[:top]
    return [int(places[i]) for i in order if falls[i] >= LEAST_FALL]


def _without(x: Vector, place: int) -> Vector:
    """The row without the posting at one place of the window; the older postings move up."""
    steps = x.reshape(WINDOW + 1, STEP).copy()
    steps[1 : place + 1] = steps[:place]
    steps[0] = 0
    return steps.reshape(-1)


class _OneThread:
    """Context in which torch runs on one thread and with deterministic kernels; the old settings return afterwards.

    The settings belong to the whole process. When several threads are in the context at once, the last one to leave
    restores them.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.within = 0
        self.before = (1, 0)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        import torch

        with self.lock:
            if not self.within:
                self.before = (torch.get_num_threads(), torch.get_deterministic_debug_mode())
            self.within += 1
            torch.set_num_threads(1)
            # `use_deterministic_algorithms` does the same for torch's compiler as well, which nothing here uses and
            # which takes 4 s to import.
            torch.set_deterministic_debug_mode("error")
        try:
            yield
        finally:
            with self.lock:
                self.within -= 1
                if not self.within:
                    threads, mode = self.before
                    torch.set_num_threads(threads)
                    torch.set_deterministic_debug_mode(mode)


_reproducible_torch = _OneThread()
_RNG_LOCK = Lock()
"""Lock on the process's own random numbers, held while the initial weights are drawn."""
