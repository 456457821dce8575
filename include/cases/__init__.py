"""Cases: what people do with findings, from the queue to the decision, and the audit of it."""
