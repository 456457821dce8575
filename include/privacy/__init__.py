"""What the lake holds on one client, and its erasure on request, held to by the seal of what was taken."""

from include.privacy.erase import erase
from include.privacy.report import held_on

__all__ = ["erase", "held_on"]
