"""Cases: what people do with findings, from the queue to the decision, and the audit of it."""

from include.cases.audit import AuditEntry, AuditLog, audit_entries, audit_faults
from include.cases.book import CaseBook
from include.cases.refusals import (
    CaseRefusedError,
    Change,
    ChangedMeanwhileError,
    DecidedByAnotherError,
    HeldByAnotherError,
    NoSuchCaseError,
    NotAllowedTwiceError,
    NotYoursToSeeError,
)
from include.cases.terms import UNFINISHED, CaseState, CorrectionState, EventKind
from include.cases.views import Case, Decided, Decision, QueueFilter, QueuePage, QueueRow, SavedView

__all__ = [
    "UNFINISHED",
    "AuditEntry",
    "AuditLog",
    "Case",
    "CaseBook",
    "CaseRefusedError",
    "CaseState",
    "Change",
    "ChangedMeanwhileError",
    "CorrectionState",
    "Decided",
    "DecidedByAnotherError",
    "Decision",
    "EventKind",
    "HeldByAnotherError",
    "NoSuchCaseError",
    "NotAllowedTwiceError",
    "NotYoursToSeeError",
    "QueueFilter",
    "QueuePage",
    "QueueRow",
    "SavedView",
    "audit_entries",
    "audit_faults",
]
