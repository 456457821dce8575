"""One machine: `make run` (Airflow, stays up), `make night` (one night, headless), `make models` (MLflow's pages).

Skins only: what a night does lives in `include.night`, and none is needed where an Airflow runs already.
"""
