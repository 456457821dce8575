"""Explains why a posting is unusual: reason codes by exact Shapley values, and sentences for investigators."""
