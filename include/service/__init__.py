"""Starting Airflow on one machine: `make run` (stays up) and `make night` (one night, headless).

Skins only: what a night does lives in `include.night`, and neither is needed where an Airflow runs already.
"""
