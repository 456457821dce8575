"""Maintenance: keeps a lake as small, and as quick to read, after years of nights as after a month."""

from include.maintenance.figures import Figures
from include.maintenance.maintain import STEPS, Maintenance, compared, maintain

__all__ = ["STEPS", "Figures", "Maintenance", "compared", "maintain"]
