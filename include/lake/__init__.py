"""Where it lives: Iceberg tables, the guarded partition replacement, the manifest."""
