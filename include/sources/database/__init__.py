"""Relations out of a database: one snapshot of it, read in batches, typed as files are."""
