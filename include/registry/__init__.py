"""The model registry: model versions in authenticated envelopes, and which version is champion.

The registry itself is loaded when it is asked for: whoever reads the sealed records beside it, as the case book does,
would wait seconds for the libraries of the models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.registry.models import ModelRegistry

__all__ = ["ModelRegistry"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever a package holds
    if name != "ModelRegistry":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from include.registry.models import ModelRegistry

    return ModelRegistry
