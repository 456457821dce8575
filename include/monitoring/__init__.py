"""The watch over the watch: drift of what postings look like, and how findings, reviews and records fare."""

from include.monitoring.watch import NOTICES_TABLE, WATCH_TABLE, drift_plot, watch

__all__ = ["NOTICES_TABLE", "WATCH_TABLE", "drift_plot", "watch"]
