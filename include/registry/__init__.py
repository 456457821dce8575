"""The model registry: model versions in authenticated envelopes, and which version is champion."""

from include.registry.models import ModelRegistry

__all__ = ["ModelRegistry"]
