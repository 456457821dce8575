"""Windows of fixed size for the sequence model: each posting with the account's postings before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.relations import CATEGORIES, OPERATIONS

WINDOW = 16
"""Number of earlier postings in a window. Of the real bank's postings of December 1993 and January 1994, 57 % have so
many within the look-back; in the median these reach 64 days back, so that monthly payments are seen twice."""

STEP_FIELDS = ("kind", "log_amount", "days_before", "counterparty", "day_of_month", "days_to_month_end")
"""Fields of each posting of a window, the described posting last:

kind
    Kind id, 1 to `len(KINDS)`, see `KINDS`; 0 where the account has no posting.
log_amount
    Natural logarithm of the amount in cents; for the described posting less the night's season.
days_before
    Number of days before the described posting; 0 for itself.
counterparty
    Number of the counterparty, from 1 in the order in which they first appear in the window; 0 without one. No earlier
    step depends on the described posting, so that a model predicts it without having seen it.
day_of_month
    Day of the month, 1 to 31.
days_to_month_end
    Days to the end of the month, 0 on the last day.
"""
STEP = len(STEP_FIELDS)

DIRECTIONS = ("in", "out")
NO_CODE = "-"
KINDS: tuple[str, ...] = tuple(
    f"{direction}:{operation}:{category}"
    for direction in DIRECTIONS
    for operation in (NO_CODE, *OPERATIONS)
    for category in (NO_CODE, *CATEGORIES)
)
"""Every kind of operation, as `postings.sql` writes it; kind id 1 is the first."""

NO_POSTING = -1
"""Value in `window_trans` where the account has no earlier posting."""

CHUNK_ROWS = 131_072
"""Windows built at once: 17 steps of eight bytes are then 18 MB per field, so that the result itself is the peak."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def build_sequences(
    postings: pa.Table, *, first: date, last: date, habit_days: int, seasons: pa.ChunkedArray | None = None
) -> pa.Table:
    """The window of every posting dated from `first` to `last`, both included.

    Parameters
    ----------
    postings
        Rows of `sql/features/postings.sql` for at least the `habit_days` before `first`; further and later rows change
        nothing.
    habit_days
        Largest age in days of a posting in a window, so that a night with a bounded look-back has the same windows as
        the whole history.
    seasons
        Excess of everybody's log amounts of the kind over the usual on that night, one per described posting in the
        order of `features.sql`. It is subtracted from the described posting's own amount, so that what everybody gets
        at Christmas surprises no sequence model. None for no season.

    Returns
    -------
    pyarrow.Table
        One row per posting in the order of `features.sql`: `trans_date`, `trans_id`, `account_id`, `kind`,
        `amount_cents` to join by; `window`, the `WINDOW` earlier steps, oldest first and pressed against the end, and
        the posting's own, `STEP` numbers each; `window_trans`, the trans_id of each earlier step.
    """
    ordered = _booking_order(postings)
    fields = _Fields.read(ordered)
    described = _described(ordered, fields, first, last)
    windows = np.empty((len(described), (WINDOW + 1) * STEP), dtype=np.float32)
    window_trans = np.empty((len(described), WINDOW), dtype=np.int64)
    for start in range(0, len(described), CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        windows[chunk], window_trans[chunk] = _windows(fields, described[chunk], habit_days)
    if seasons is not None:
        windows[:, -STEP + STEP_FIELDS.index("log_amount")] -= seasons.to_numpy()
    return _table(ordered.take(pa.array(described)), windows, window_trans)


def window_matrix(sequences: pa.Table) -> Floats:
    """The `window` column as a matrix, shape (n_rows, (WINDOW + 1) * STEP)."""
    flat = sequences["window"].combine_chunks().flatten()
    return np.asarray(flat.to_numpy(), dtype=np.float32).reshape(-1, (WINDOW + 1) * STEP)


def kind_ids(kinds: pa.ChunkedArray) -> Integers:
    """Ids of kinds as `postings.sql` writes them; an unknown code counts as empty."""
    values, places = _encoded(kinds)
    known = np.array([_kind_id(kind) for kind in values], dtype=np.int64)
    return known[places]


def _encoded(column: pa.ChunkedArray) -> tuple[list[str], Integers]:
    """Distinct values, and each row's place among them; -1 where null."""
    encoded = column.combine_chunks().dictionary_encode()
    places = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return encoded.dictionary.to_pylist(), np.asarray(places, dtype=np.int64)


def _kind_id(kind: str) -> int:
    direction, operation, category = kind.split(":", 2)
    operation = operation if operation in OPERATIONS else NO_CODE
    category = category if category in CATEGORIES else NO_CODE
    return KINDS.index(f"{direction}:{operation}:{category}") + 1


@dataclass(frozen=True)
class _Fields:
    """Columns of the postings in booking order, as arrays; counterparties are numbers from 1, or 0 without one."""

    account: Integers
    day: Integers
    trans: Integers
    kind: Integers
    counterparty: Integers
    log_amount: Floats
    day_of_month: Floats
    to_month_end: Floats

    @classmethod
    def read(cls, ordered: pa.Table) -> _Fields:
        day = _integers(ordered["day_number"])
        of_month, to_end = _month_days(day)
        return cls(
            account=_integers(ordered["account_id"]),
            day=day,
            trans=_integers(ordered["trans_id"]),
            kind=kind_ids(ordered["kind"]),
            counterparty=_encoded(ordered["counterparty"])[1] + 1,
            log_amount=(_integers(ordered["log_amount"]) / 1e6).astype(np.float32),  # from millionths
            day_of_month=of_month,
            to_month_end=to_end,
        )


def _booking_order(postings: pa.Table) -> pa.Table:
    """The postings sorted by account and date, with those of one day in a fixed order.

    The order within a day is not recorded; any order will do as long as it is the same every time.
    """
    keys = ("account_id", "day_number", "hour_of_day", "kind", "amount_cents", "trans_id")
    sortable = postings.select(list(keys))
    hours = pc.fill_null(sortable["hour_of_day"], -1.0)  # unknown hours come before midnight
    sortable = sortable.set_column(keys.index("hour_of_day"), "hour_of_day", hours)
    order = pc.sort_indices(sortable, sort_keys=[(key, "ascending") for key in keys])
    columns = ["trans_date", "trans_id", "account_id", "kind", "amount_cents", "day_number", "log_amount"]
    return postings.select([*columns, "counterparty"]).take(order).combine_chunks()


def _described(ordered: pa.Table, fields: _Fields, first: date, last: date) -> Integers:
    """Places of the postings dated from `first` to `last`, in the order `features.sql` gives them."""
    within = np.flatnonzero((fields.day >= _day_number(first)) & (fields.day <= _day_number(last)))
    keys = ("trans_date", "trans_id", "account_id", "kind", "amount_cents")
    order = pc.sort_indices(
        ordered.select(list(keys)).take(pa.array(within)), sort_keys=[(key, "ascending") for key in keys]
    )
    return np.asarray(within[order.to_numpy()], dtype=np.int64)


def _windows(fields: _Fields, described: Integers, habit_days: int) -> tuple[Floats, Integers]:
    """Windows and the trans_ids of their earlier steps, for the postings at the given places."""
    reached = described[:, None] + np.arange(-WINDOW, 1)
    places = np.maximum(reached, 0)
    days_before = fields.day[described][:, None] - fields.day[places]
    own = fields.account[places] == fields.account[described][:, None]
    held = (reached >= 0) & own & (days_before <= habit_days)
    steps = np.stack(
        [
            fields.kind[places],
            fields.log_amount[places],
            days_before,
            _appearances(np.where(held, fields.counterparty[places], 0)),
            fields.day_of_month[places],
            fields.to_month_end[places],
        ],
        axis=2,
        dtype=np.float32,
        casting="unsafe",
    )
    steps[~held] = 0
    trans = np.where(held, fields.trans[places], NO_POSTING)[:, :WINDOW]
    return steps.reshape(len(described), -1), trans


def _appearances(counterparties: Integers) -> Integers:
    """Each row's counterparties numbered from 1 as they first appear; 0 stays 0."""
    numbers = np.zeros_like(counterparties)
    known = np.zeros(len(counterparties), dtype=np.int64)
    for step in range(counterparties.shape[1]):
        seen = counterparties[:, step]
        same = counterparties[:, :step] == seen[:, None]
        earlier = np.max(np.where(same, numbers[:, :step], 0), axis=1, initial=0)
        is_new = (seen > 0) & (earlier == 0)
        known += is_new
        numbers[:, step] = np.where(seen > 0, np.where(is_new, known, earlier), 0)
    return numbers


def _month_days(day: Integers) -> tuple[Floats, Floats]:
    """Day of the month and days to its end, for days counted since 1970-01-01."""
    dates = day.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    of_month = (dates - months.astype("datetime64[D]")).astype(np.float32) + 1
    to_end = ((months + 1).astype("datetime64[D]") - dates).astype(np.float32) - 1
    return of_month, to_end


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _integers(column: pa.ChunkedArray) -> Integers:
    """The column's numbers; a null becomes -1, which no key contains, as the gate lets no null through."""
    return np.asarray(pc.fill_null(column.cast(pa.int64()), -1).combine_chunks().to_numpy(), dtype=np.int64)


def _table(described: pa.Table, windows: Floats, window_trans: Integers) -> pa.Table:
    lists = {
        "window": pa.FixedSizeListArray.from_arrays(pa.array(windows.reshape(-1)), windows.shape[1]),
        "window_trans": pa.FixedSizeListArray.from_arrays(pa.array(window_trans.reshape(-1)), WINDOW),
    }
    joined = described.select(["trans_date", "trans_id", "account_id", "kind", "amount_cents"])
    for name, column in lists.items():
        joined = joined.append_column(name, column)
    return joined
