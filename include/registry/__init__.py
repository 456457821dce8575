"""Model versions, their bytes in the authenticated envelope, and the champion."""

from include.registry.models import ModelRegistry

__all__ = ["ModelRegistry"]
