"""A letter for sinks to send."""

from include.alerting.letter import Letter

LETTER = Letter("0123456789abcdef" * 2, "Night 2026-03-02: breaks 1", "1. Account … <b>is</b> off.", {})
