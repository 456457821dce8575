"""The recorded past of a bank, as trainings, selections and planted rounds see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from include.features import HABIT_DAYS, FeatureState, state_from_history


@dataclass(frozen=True)
class BankHistory:
    """The recorded past of a bank, or of a sample of its accounts.

    Attributes
    ----------
    postings
        Accepted postings, from the first one recorded.
    statics
        Static relations by name.
    rounding_cents
        Rounding of the source's balances, in cents; balances chain within it.
    habit_days
        Days that habits reach back in the features of these postings.
    outside
        First dates on which accounts outside the history dealt with its counterparties, where the history is a
        sample's: a sample alone cannot tell how many others know a payee.
    """

    postings: pa.Table
    statics: Mapping[str, pa.Table]
    rounding_cents: int = 1
    habit_days: int = HABIT_DAYS
    outside: pa.Table = field(default_factory=lambda: FeatureState.empty().state_counterparties)

    def state(self, earlier: pa.Table) -> FeatureState:
        """The state after some earlier postings of the bank's accounts.

        For accounts outside the history it holds later dates too. These change nothing, as a feature counts only the
        accounts that dealt with a counterparty before its own night.
        """
        state = state_from_history(earlier)
        return replace(state, state_counterparties=pa.concat_tables([state.state_counterparties, self.outside]))
