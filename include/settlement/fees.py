"""Checks statement fees against those of the bank's other accounts with the same statement frequency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from include.identifiers import named
from include.settlement.findings import Break, code_text, money
from include.settlement.queries import NightTables

# Five agreeing accounts: on the real relations the smallest group (16 accounts billed per transaction) has as many
# from the sixth month on, and one wrong fee among five cannot make itself the majority.
MIN_PEERS = 5


@dataclass(frozen=True)
class Tariff:
    """The fee that one kind of account pays, in cents."""

    tariff_cents: int | None
    allowed_cents: tuple[int, ...]


def read_tariffs(tables: NightTables, since: date = date.min) -> dict[str | None, Tariff]:
    """The tariff of each statement frequency, where enough accounts have paid the same fee since a day."""
    rows = tables.rows("fee_tariffs", min_peers=MIN_PEERS, since=since)
    return {r["frequency"]: Tariff(r["tariff_cents"], tuple(r["allowed_cents"] or ())) for r in rows}


def check_fees(tables: NightTables, tariffs: dict[str | None, Tariff]) -> list[Break]:
    """Breaks for the fees of the night that differ from the tariff of the account's kind."""
    return [
        _break(row["account_id"], row["trans_id"], row["frequency"], row["paid_cents"], tariff.tariff_cents)
        for row in tables.rows("night_fees")
        if (tariff := tariffs[row["frequency"]]).tariff_cents is not None
        and row["paid_cents"] not in (tariff.tariff_cents, *tariff.allowed_cents)
    ]


def _break(account_id: int, trans_id: int, frequency: str | None, paid: int, tariff: int) -> Break:
    return Break(
        code="fee_amount",
        account_id=account_id,
        trans_id=trans_id,
        expected=tariff,
        actual=paid,
        text=(
            f"Account {named(account_id)} was charged a statement fee of {money(paid)} (posting "
            f"{named(trans_id)}); other accounts "
            f"with statement frequency {code_text(frequency or 'none')} pay {money(tariff)}, "
            f"a difference of {money(paid - tariff)}."
        ),
    )
