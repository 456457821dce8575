"""Monitoring of the night watch itself: drift of features and scores, and figures on findings, reviews and records."""

from include.monitoring.watch import NOTICES_TABLE, WATCH_TABLE, drift_plot, watch

__all__ = ["NOTICES_TABLE", "WATCH_TABLE", "drift_plot", "watch"]
