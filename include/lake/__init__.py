"""Where it lives: Iceberg tables, the guarded partition replacement, the manifest."""

from include.lake.lake import Lake
from include.lake.stamp import RunStamp
from include.lake.tables import TABLES, Table

__all__ = ["TABLES", "Lake", "RunStamp", "Table"]
