"""The quarantine's pages: what was not let in and why, and one record as it came for those who may see it."""
