"""Reads relations from a folder or object prefix: recognises, unpacks and reads its text and Parquet files."""
