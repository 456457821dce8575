"""Detectors behind one contract, and the model that turns feature rows into published scores."""
