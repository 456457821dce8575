"""The settlement console: the pages that Airflow's UI shows beside its own."""
