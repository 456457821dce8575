"""The night's work: everything between a bank's sources and its published findings. Imports no Airflow."""
