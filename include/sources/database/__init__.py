"""Reads relations from one snapshot of a database, in batches, and types them as those of files."""
