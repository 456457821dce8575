"""The kinds of anomaly that are planted, each in four strengths from blatant to barely there.

Every function takes an account and a figure on its kind's own scale. It returns the edits and the postings that are the
anomaly, or None when the account does not suit. Only behaviour gives an episode away: balances chain, and
counterparties, amounts, hours and places follow the account's habit, except in what the kind is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from include.evaluation.ledger import Edits, PostingRow
from include.evaluation.subject import Subject, kind_of, paid_cents, scaled, shifted

STRENGTHS: tuple[str, ...] = ("blatant", "plain", "subtle", "faint")
"""Strengths of an anomaly, from one that nobody could miss to one that is only just unusual."""

# Most postings of a burst or of a limit in one day: more than a person usually makes, but still believable.
_MOST_IN_A_DAY = 12
# A month's limit is reached over three weeks, so that no single day or week has to stand out.
_LIMIT_DAYS = 20
_MONTH_DAYS = 30
# A limit is exceeded by this factor, so that several postings lie beyond it.
_BEYOND = 1.4
# Where no balance is recorded, three times the largest payment stands in for it.
_UNKNOWN_BALANCE = 3
# Each payment that is added to reach a limit is this share of a usual one, so that it does not stand out by itself.
_UNREMARKABLE = (0.7, 1.0)


@dataclass(frozen=True)
class Episode:
    """One planted anomaly: its edits, and the trans_ids of the postings that are to be found."""

    edits: Edits
    positives: frozenset[int]

    @property
    def planted(self) -> frozenset[int]:
        """The trans_ids of all postings that were added or changed, positives and others."""
        return self.positives | {row["trans_id"] for row in self.edits.added} | self.edits.changed.keys()


Maker = Callable[[Subject, float], Episode | None]


@dataclass(frozen=True)
class EpisodeKind:
    """One kind of anomaly.

    Attributes
    ----------
    make
        Function that makes an episode of this kind.
    scale
        Figure of each strength, in the order of `STRENGTHS`.
    codes
        Reason codes that name the cause of the anomaly.
    needs
        `time` or `place` where the kind needs a bank that records these; empty otherwise.
    """

    make: Maker
    scale: tuple[float, float, float, float]
    codes: frozenset[str]
    needs: str = ""


def _added(rows: list[PostingRow]) -> Episode:
    return Episode(Edits(added=rows), frozenset(row["trans_id"] for row in rows))


def _amount(subject: Subject, factor: float) -> Episode | None:
    """One posting, a payment or a credit, is `factor` times what is usual for this kind on this account."""
    if not subject.decided:
        return None
    row = subject.pick(subject.decided)
    same = sorted(past["amount"] for past in subject.habit if kind_of(past) == kind_of(row))
    if not same:
        return None
    amount = scaled(same[len(same) // 2], factor * subject.rng.uniform(0.9, 1.1))
    if amount <= row["amount"]:
        return None
    return Episode(Edits(changed={row["trans_id"]: {"amount": amount}}), frozenset({row["trans_id"]}))


def _burst(subject: Subject, number: float) -> Episode | None:
    """`number` payments in one day, each like a usual payment of the account."""
    template = subject.usual_payment()
    rows = [
        subject.like(template, subject.day, amount=scaled(template["amount"], subject.rng.uniform(0.4, 1.0)))
        for _ in range(int(number))
    ]
    return _added(rows) if subject.can_pay(paid_cents(rows)) else None


def _limit_day(subject: Subject, factor: float) -> Episode | None:
    """Payments that exceed `factor` times the most the account ever paid in a day; those beyond are the positives."""
    limit = factor * _most_paid(subject.payments, 1)
    rows = _unremarkable(subject, _BEYOND * limit, lambda _: subject.day)
    real = [row for row in subject.due if row["trans_date"] == subject.day]
    return _crossing(rows, real, limit, 1) if rows else None


def _limit_month(subject: Subject, factor: float) -> Episode | None:
    """Payments that exceed `factor` times the most ever paid in a month, one or two a day for three weeks."""
    limit = factor * _most_paid(subject.payments, _MONTH_DAYS)
    days = min(_LIMIT_DAYS, (subject.last - subject.day).days + 1)
    rows = _unremarkable(subject, _BEYOND * limit, lambda n: subject.day + timedelta(days=n % days), most=2 * days)
    real = [row for row in subject.own if row["trans_type"] != "C"]
    return _crossing(rows, real, limit, _MONTH_DAYS) if rows else None


def _unremarkable(
    subject: Subject, limit: float, day_of: Callable[[int], date], most: int = _MOST_IN_A_DAY
) -> list[PostingRow] | None:
    """Payments like the account's usual ones that together exceed `limit` cents."""
    template, rows, paid = subject.usual_payment(), list[PostingRow](), 0
    while paid <= limit and len(rows) < most:
        amount = scaled(template["amount"], subject.rng.uniform(*_UNREMARKABLE))
        rows.append(subject.like(template, day_of(len(rows)), amount=amount))
        paid += paid_cents(rows[-1:])
    within = paid > limit and len(rows) > 1
    return rows if within and subject.can_pay(paid) else None


def _crossing(rows: list[PostingRow], real: list[PostingRow], limit: float, days: int) -> Episode | None:
    """An episode of added postings; its positives are those at which the sum of the last `days` exceeds the limit."""
    positives = set()
    ordered = sorted(rows, key=lambda row: (row["trans_date"], row["trans_id"]))
    for position, row in enumerate(ordered):
        since = row["trans_date"] - timedelta(days=days - 1)
        sofar = [r for r in ordered[: position + 1] if r["trans_date"] >= since]
        sofar += [r for r in real if since <= r["trans_date"] <= row["trans_date"]]
        if paid_cents(sofar) > limit:
            positives.add(row["trans_id"])
    return Episode(Edits(added=rows), frozenset(positives)) if positives else None


def _most_paid(payments: list[PostingRow], days: int) -> int:
    """The most ever paid within `days` days, in cents."""
    by_day: Counter[date] = Counter()
    for payment in payments:
        by_day[payment["trans_date"]] += paid_cents([payment])
    return max(sum(by_day[end - timedelta(days=n)] for n in range(days)) for end in list(by_day))


def _drain(subject: Subject, share: float) -> Episode | None:
    """One to three transfers, a day apart, take `share` of the balance to an account never dealt with before."""
    balance = subject.balance()
    if balance is None:
        balance = _UNKNOWN_BALANCE * max(paid_cents([row]) for row in subject.payments)
    if balance <= 0:
        return None
    number = int(subject.rng.integers(1, 4))
    amount = scaled(Decimal(1), share * balance / 100 / number)
    template, stranger = subject.usual_payment(), _stranger(subject)
    days = [min(subject.day + timedelta(days=n), subject.last) for n in range(number)]
    return _added([subject.like(template, day, amount=amount, **stranger) for day in days])


def _stranger(subject: Subject) -> dict[str, object]:
    """The columns of a transfer to a counterparty that nobody has dealt with."""
    account = int(subject.rng.integers(10_000_000, 99_999_999))
    return {
        "trans_type": "D",
        "operation": "ROB",
        "category": None,
        "other_bank_id": subject.pick(subject.rows)["other_bank_id"] or "QR",
        "other_account_id": account,
        "counterparty": str(account),
    }


def _sequence(subject: Subject, number: float) -> Episode | None:
    """`number` of the account's own operations on consecutive days, in an order it never used.

    The first of them is not a positive. The operation that the account uses most may follow any other and is left out.
    """
    known = set(pairwise(kind_of(row) for row in sorted(subject.habit, key=lambda row: row["trans_date"])))
    latest = {kind_of(row): row for row in subject.habit}
    everyday = kind_of(subject.usual_payment())
    kinds = sorted(kind for kind in latest if kind != everyday)
    if not kinds:
        return None
    chain = [kinds[int(subject.rng.integers(len(kinds)))]]
    while len(chain) < number:
        strange = [kind for kind in kinds if (chain[-1], kind) not in known and kind != chain[-1]]
        if not strange:
            return None
        chain.append(strange[int(subject.rng.integers(len(strange)))])
    days = [min(subject.day + timedelta(days=n), subject.last) for n in range(len(chain))]
    rows = [subject.like(latest[kind], day) for kind, day in zip(chain, days, strict=True)]
    return Episode(Edits(added=rows), frozenset(row["trans_id"] for row in rows[1:]))


def _product(subject: Subject, number: float) -> Episode | None:
    """`number` postings of a product that the client does not have: a card, a loan or leasing."""
    used = {kind_of(row) for row in subject.rows if row["trans_date"] < subject.day}
    strange = [kind for kind in _products(subject) if kind not in used]
    if not strange:
        return None
    _, operation, category = strange[int(subject.rng.integers(len(strange)))]
    values = {"operation": operation, "category": category or None, "trans_type": "P" if operation == "CCW" else "D"}
    template = subject.usual_payment()
    return _added([subject.like(template, subject.day, **values) for _ in range(int(number))])


def _products(subject: Subject) -> list[tuple[bool, str, str]]:
    products: list[tuple[bool, str, str]] = [(False, "ROB", "LE")]
    if subject.bank.cards.get(subject.account_id, date.max) > subject.last:
        products.append((False, "CCW", ""))
    if subject.bank.loans.get(subject.account_id, date.max) > subject.last:
        products.append((False, "ROB", "LO"))
    return products


def _wake(subject: Subject, days: float) -> Episode | None:
    """After `days` days without any posting that its holders decided, the account pays one to three times in a day."""
    asleep_since = subject.day - timedelta(days=int(days))
    before = [row for row in subject.own if row["trans_date"] < asleep_since]
    if len(before) < _LEAST_BEFORE_SLEEP or not any(row["trans_type"] != "C" for row in before):
        return None
    template = subject.pick([row for row in before if row["trans_type"] != "C"])
    rows = [subject.like(template, subject.day) for _ in range(int(subject.rng.integers(1, 4)))]
    slept = {row["trans_id"] for row in subject.own if asleep_since <= row["trans_date"] <= subject.day}
    return Episode(Edits(added=rows, removed=slept), frozenset(row["trans_id"] for row in rows))


# With fewer postings before the pause the account was hardly active.
_LEAST_BEFORE_SLEEP = 3


def _hour(subject: Subject, hours: float) -> Episode | None:
    """One of the account's payments is moved `hours` away from its usual time of day."""
    due = [row for row in subject.due if row["trans_time"] is not None]
    if not due:
        return None
    row = subject.pick(due)
    same = [past for past in subject.payments if kind_of(past) == kind_of(row) and past["trans_time"] is not None]
    if not same:
        return None
    usual = sorted(past["trans_time"] for past in same)[len(same) // 2]
    sign = 1 if subject.rng.random() < 0.5 else -1
    at = shifted(usual, sign * 60 * hours)
    return Episode(Edits(changed={row["trans_id"]: {"trans_time": at}}), frozenset({row["trans_id"]}))


def _place(subject: Subject, number: float) -> Episode | None:
    """`number` payments in a new district of a new region; below 1, one payment in a new district of a known region."""
    template = _placed(subject.payments)
    if template is None:
        return None
    district = _strange_district(subject, familiar_region=number < 1)
    if district is None:
        return None
    return _added([subject.like(template, subject.day, district_id=district) for _ in range(max(int(number), 1))])


def _travel(subject: Subject, minutes: float) -> Episode | None:
    """A payment in a region where the account never was, `minutes` after a real payment elsewhere."""
    here = _placed(subject.due)
    district = _strange_district(subject, familiar_region=False)
    if here is None or here["trans_time"] is None or district is None:
        return None
    at = shifted(here["trans_time"], minutes)
    if at < here["trans_time"]:  # past midnight
        return None
    return _added([subject.like(here, here["trans_date"], district_id=district, trans_time=at)])


def _placed(rows: list[PostingRow]) -> PostingRow | None:
    return next((row for row in rows if row["district_id"] is not None), None)


def _strange_district(subject: Subject, *, familiar_region: bool) -> int | None:
    regions = subject.bank.regions
    used = {row["district_id"] for row in subject.rows if row["district_id"] in regions}
    known = {regions[district] for district in used}
    strange = [d for d in sorted(regions) if d not in used and (regions[d] in known) == familiar_region]
    return strange[int(subject.rng.integers(len(strange)))] if strange else None


EPISODE_KINDS: dict[str, EpisodeKind] = {
    "amount": EpisodeKind(_amount, (30, 10, 5, 3), frozenset({"amount"})),
    "burst": EpisodeKind(_burst, (12, 8, 5, 4), frozenset({"frequency"})),
    "limit_day": EpisodeKind(_limit_day, (3, 2.2, 1.6, 1.2), frozenset({"spending_limit"})),
    "limit_month": EpisodeKind(_limit_month, (2.5, 2, 1.5, 1.2), frozenset({"spending_limit"})),
    "drain": EpisodeKind(_drain, (0.98, 0.9, 0.7, 0.5), frozenset({"counterparty", "balance"})),
    "sequence": EpisodeKind(_sequence, (6, 4, 3, 2), frozenset({"sequence"})),
    "product": EpisodeKind(_product, (4, 3, 2, 1), frozenset({"product"})),
    "wake": EpisodeKind(_wake, (150, 120, 90, 60), frozenset({"timing", "frequency"})),
    "hour": EpisodeKind(_hour, (12, 9, 6, 4), frozenset({"timing"}), needs="time"),
    "place": EpisodeKind(_place, (3, 2, 1, 0.5), frozenset({"location"}), needs="place"),
    "travel": EpisodeKind(_travel, (20, 40, 70, 120), frozenset({"location"}), needs="place"),
}
"""Every kind of planted anomaly by name."""
