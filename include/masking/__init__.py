"""What of a client people may see who may not see whom."""
