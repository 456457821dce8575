"""Settlement checks of a night: balances must chain, due payments must come, and fees and references must fit."""

from include.settlement.banking_days import calendar_of
from include.settlement.checks import NightFindings, check_night, skipped_checks, state_from_history
from include.settlement.state import STATE_SCHEMAS, SettlementState, booked_days_of

__all__ = [
    "STATE_SCHEMAS",
    "NightFindings",
    "SettlementState",
    "booked_days_of",
    "calendar_of",
    "check_night",
    "skipped_checks",
    "state_from_history",
]
