"""Text to records: encoding, lines and quotes, and no wrong quote that swallows a good record."""
