"""Evaluation: plants anomalies into a bank's own postings and measures how well detectors find them."""
