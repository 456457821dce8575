"""What to do next with a finding, in plain words, by the check or the reason that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from plugins.settlement_console.records import Row

if TYPE_CHECKING:
    from include.cases import Change


@dataclass(frozen=True)
class Advice:
    """What a check or reason means, and what to do about it.

    Attributes
    ----------
    meaning
        One sentence on what was looked at, for somebody who has never seen the system.
    steps
        What to do, in order.
    """

    meaning: str
    steps: tuple[str, ...]


_ASK_CLIENT = (
    "If it still looks odd, ask the client by a number the bank knows, not by one that came with the payment, whether "
    "they made it."
)
_CONFIRM_FRAUD = (
    "Confirm the finding if the client did not make the posting or was talked into it; dismiss it if it is theirs."
)
_CONFIRM_ERROR = (
    "Confirm the finding if the bank's record is wrong; dismiss it if there is an agreement that explains it."
)

_BREAKS: Mapping[str, Advice] = {
    "balance_chain": Advice(
        "Each balance must be the balance before it plus what was posted. No order of the day's postings makes this "
        "account's balances fit, so that one of them is wrong, missing or there twice.",
        (
            "Compare the day's postings below with the bank's ledger: amount, sign, and the balance after each.",
            "If the ledger differs from what came here, have the day sent again; the night is then played anew and the "
            "finding goes.",
            "If the ledger says the same, have the posting corrected there. " + _CONFIRM_ERROR,
        ),
    ),
    "missed_standing_order": Advice(
        "The client ordered this payment for every month, it was paid before, and this month it was not booked in "
        "time.",
        (
            "See whether the balance below would have covered it on the due day; without money the order may rightly "
            "not have been carried out.",
            "Ask whether the order was cancelled or changed; if it was, dismiss the finding.",
            "If it should have been paid, have it carried out late, and confirm the finding.",
        ),
    ),
    "standing_order_amount": Advice(
        "A standing order was paid in another amount than ordered and than before.",
        (
            "Look up whether the client changed the order; if so, dismiss the finding. If the new amount is paid "
            "twice, "
            "it is taken as the order's own.",
            "If nobody changed it, have the difference returned or collected, and confirm the finding.",
        ),
    ),
    "missed_loan_payment": Advice(
        "A monthly payment of the loan was due and not booked in time.",
        (
            "See whether the balance below would have covered it, and whether earlier instalments were late too.",
            "If there was money, find out why the payment was not carried out; if there was none, hand the case to "
            "those who remind debtors.",
            "Confirm the finding if the payment is owed; dismiss it if the loan was repaid, or the due day moved.",
        ),
    ),
    "loan_payment_amount": Advice(
        "A monthly payment of the loan differs from the agreed one.",
        (
            "Look up the loan's agreement: a last instalment, an early repayment or another rate may explain the "
            "amount.",
            "If nothing explains it, have the difference booked. " + _CONFIRM_ERROR,
        ),
    ),
    "duplicate_posting": Advice(
        "Two postings of one day are alike in everything that is recorded: account, kind, amount, purpose and "
        "counterparty. What happened once may have been booked twice. “The balances need both” says that each of them "
        "moved the account's balance, which a mistake would have done as well.",
        (
            "Look up what stands behind each posting, such as its slip or its order: two of them, or one.",
            "If there was one, have the other posting reversed in the ledger, and confirm the finding.",
            "If the client did pay twice, such as two withdrawals of the same amount, dismiss it.",
        ),
    ),
    "fee_amount": Advice(
        "The statement fee differs from what other accounts with the same statement frequency pay.",
        (
            "Look up the account's tariff: an agreed one explains the difference.",
            "Without one, have the difference returned or charged. " + _CONFIRM_ERROR,
        ),
    ),
    "missing_fee": Advice(
        "The account was charged a statement fee each month before, and this month was not.",
        (
            "Look up whether the account was freed from the fee; if so, dismiss the finding.",
            "Otherwise have the fee charged, and confirm the finding.",
        ),
    ),
    "interest_amount": Advice(
        "The interest credited is more than the account's balances would have earned at the rate of the other "
        "accounts.",
        (
            "Look up the account's rate; an agreed one explains it.",
            "Without one, have the interest calculated again. " + _CONFIRM_ERROR,
        ),
    ),
    "missing_interest": Advice(
        "The account was credited interest each month before, and this month was not.",
        (
            "See whether the balance below was high enough to earn any.",
            "If it was, have the interest calculated, and confirm the finding.",
        ),
    ),
    "card_without_card": Advice(
        "Money was withdrawn by card, though no card is known for the account on that day.",
        (
            "Ask the card department which card was used. It may be known there and missing in what is sent here.",
            "If nobody issued it, have it blocked at once, and confirm the finding.",
        ),
    ),
    "posted_before_opening": Advice(
        "A posting is older than the account that it is booked on.",
        (
            "Compare the account's opening date and the posting's account number with the ledger: one of them is "
            "wrong.",
            "Have it corrected there. " + _CONFIRM_ERROR,
        ),
    ),
    "unknown_reference": Advice(
        "A record names something, such as an account or a client, that the bank's other relations do not hold.",
        (
            "See whether the file of the named relation was sent whole; Data Docs show how many records it had.",
            "Have the missing record sent, or the wrong number corrected; the night is then played anew.",
        ),
    ),
    "unmatched_reversal": Advice(
        "A posting takes another one back, and no earlier posting fits it.",
        (
            "Find the posting that was meant: its account, its amount and its day.",
            "If there is none, the reversal itself is wrong: have it taken back, and confirm the finding.",
        ),
    ),
}

_REASONS: Mapping[str, Advice] = {
    "amount": Advice(
        "The amount is far from what this account, or accounts like it, pays or gets in postings of this kind.",
        (
            "Compare it with what is usual below, and look for a cause: a purchase, a salary, a sale.",
            _ASK_CLIENT,
            _CONFIRM_FRAUD,
        ),
    ),
    "frequency": Advice(
        "The account has many more postings in a short time than it usually has.",
        (
            "Look at the postings of the days before: many small ones may be somebody trying out a card or splitting a "
            "sum.",
            _ASK_CLIENT,
            _CONFIRM_FRAUD,
        ),
    ),
    "spending_limit": Advice(
        "More money left the account within a day, a week or a month than ever lately.",
        (
            "Add up where it went: one new recipient is more worrying than the usual ones.",
            "See on the balance below whether the account is being emptied; if it is, act before you ask.",
            _CONFIRM_FRAUD,
        ),
    ),
    "counterparty": Advice(
        "Money went to, or came from, somebody whom the account has not dealt with, or whom hardly any account has.",
        (
            "See below which other accounts have dealt with the same counterparty, and what was found on them.",
            _ASK_CLIENT,
            "Confirm the finding if the client does not know the counterparty; dismiss it if they do.",
        ),
    ),
    "sequence": Advice(
        "The posting does not follow from the ones before it as this account's postings usually do.",
        (
            "Read it beside the postings that it is to be compared with, listed below.",
            "An order that was moved, or a payment made twice, explains most of these.",
            _CONFIRM_FRAUD,
        ),
    ),
    "timing": Advice(
        "The posting came at a time at which this account has none, or after an unusually long silence.",
        (
            "After a long silence, see whether address, telephone or card were changed shortly before.",
            _ASK_CLIENT,
            _CONFIRM_FRAUD,
        ),
    ),
    "location": Advice(
        "The posting was made at a place where this account is not used, or too far from its last one for the time "
        "between.",
        (
            "See where the account was used in the days before and after.",
            "If two places cannot both be the client's, have the card blocked, and then ask.",
            _CONFIRM_FRAUD,
        ),
    ),
    "balance": Advice(
        "The posting takes an unusually large part of the balance, or leaves the account lower than it has been "
        "lately.",
        (
            "See on the balance below whether the account is being emptied.",
            _ASK_CLIENT,
            _CONFIRM_FRAUD,
        ),
    ),
    "product": Advice(
        "The account used a kind of payment, a card or a loan that it has never used, or that the client does not "
        "have.",
        (
            "Look up whether the client was given the product shortly before; if so, dismiss the finding.",
            _ASK_CLIENT,
            _CONFIRM_FRAUD,
        ),
    ),
    "other": Advice(
        "No single thing stands out; several small oddities add up.",
        ("Look at the postings around it below.", _ASK_CLIENT, _CONFIRM_FRAUD),
    ),
}

_NOTICES: Mapping[str, Advice] = {
    "source": Advice(
        "Something about the whole source of this night may explain several findings at once.",
        ("Clear this up before the breaks of the night: they may go with it.",),
    ),
    "late": Advice(
        "Records of an earlier night reached the source after that night was published, too late for it to be played "
        "anew.",
        ("Have the named night looked at by those who run the nights, and say whether it is to be played again.",),
    ),
    "drift": Advice(
        "What the bank's postings look like has changed over weeks, not on one account.",
        (
            "No client need be asked. Tell those who look after the models; the page Models shows the change over "
            "time.",
            "If the change was planned, such as a new fee or product, say so there.",
        ),
    ),
    "performance": Advice(
        "The share of findings that turn out right has fallen.",
        (
            "No client need be asked. Look at what was dismissed lately and why, and tell those who look after the "
            "models.",
        ),
    ),
}

_UNKNOWN = Advice(
    "This version of the console does not know the check or reason.",
    ("Read the sentence above, and ask those who run the nights.",),
)


def advice_on(finding: Row) -> Advice:
    """What to do about a finding, a row of `mart_findings`."""
    by_code = {"break": _BREAKS, "score": _REASONS}.get(finding["kind"])
    if by_code is None:
        return _NOTICES.get(finding["kind"], _UNKNOWN)
    return by_code.get(finding["code"], _UNKNOWN)


_FIELDS = {"amount": "amount", "balance": "balance after it", "trans_type": "direction"}
_TYPES = {"C": "a credit", "D": "a debit", "P": "a cash withdrawal"}


def correction_words(correction: Row, posting: str) -> str:
    """A proposed correction as a sentence.

    Parameters
    ----------
    correction
        Field of `settlement_breaks`, full or masked; without its value where money is rounded.
    posting
        What the visitor may call the posting.

    Examples
    --------
    >>> correction_words({"action": "set", "field": "amount", "value": "8720.00"}, "posting 7")
    'Set the amount of posting 7 to 8,720.00.'
    >>> correction_words({"action": "insert", "field": "amount", "value": "-540.00"}, "")
    'Book the missing debit of 540.00.'
    """
    action, value = correction["action"], correction["value"]
    if action == "delete":
        return f"Delete {posting}."
    if action == "insert":
        return _insertion(value)
    field = _FIELDS.get(str(correction["field"]), str(correction["field"]))
    return f"Set the {field} of {posting} to {_value(value)}."


def _insertion(value: str | None) -> str:
    if value is None:
        return "Book the missing posting."
    direction = "debit" if value.startswith("-") else "credit"
    return f"Book the missing {direction} of {_value(value.removeprefix('-'))}."


def _value(value: str | None) -> str:
    """The right value as people read it: a type in words, an amount with its thousands."""
    if value is None:
        return "another value"
    try:
        return _TYPES.get(value) or f"{Decimal(value):,.2f}"
    except InvalidOperation:
        return value


def outdated_words(change: Change) -> str:
    """What the night says otherwise since a correction was proposed, as the rest of a sentence.

    Examples
    --------
    >>> from include.cases import Change
    >>> outdated_words(Change("0f", "amount", "540.00", "999.00"))
    'the night was played again and says another amount: it was 540.00, and is 999.00 now'
    >>> outdated_words(Change("0f", "gone", "found", "no longer found"))
    'the night was played again and no longer finds the break'
    """
    if change.field == "gone":
        return "the night was played again and no longer finds the break"
    told = f": it was {change.before}, and is {change.after or 'none'} now" if change.before else ""
    return f"the night was played again and says another {change.field}{told}"
