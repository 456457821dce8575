"""The settings that tests of reviews share with those of online learning."""

from tests.learning.conftest import settings

__all__ = ["settings"]
