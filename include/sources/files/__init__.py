"""Relations out of a folder or object prefix: which file holds what, unpacked and read, text or Parquet."""
