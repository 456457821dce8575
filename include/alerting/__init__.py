"""What goes out to people: the messages of a night, who gets them, and what became of each."""

from include.alerting.clock import watched_nights
from include.alerting.drain import AlertDrain
from include.alerting.messages import Message, MessageKind, Severity, outbox_of
from include.alerting.store import AlertStore, Answer
from include.alerting.tables import OUTBOX

__all__ = [
    "OUTBOX",
    "AlertDrain",
    "AlertStore",
    "Answer",
    "Message",
    "MessageKind",
    "Severity",
    "outbox_of",
    "watched_nights",
]
