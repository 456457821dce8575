"""What goes out to people: the messages of a night, who gets them, and what became of each."""

from include.alerting.messages import Message, MessageKind, Severity, outbox_of
from include.alerting.tables import OUTBOX

__all__ = ["OUTBOX", "Message", "MessageKind", "Severity", "outbox_of"]
