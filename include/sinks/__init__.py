"""The sinks of messages, through Airflow's connections and the hooks of its providers; imports Airflow."""

from include.sinks.opening import open_sink
from include.sinks.webhook import beat

__all__ = ["beat", "open_sink"]
