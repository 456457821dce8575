"""The lake: Iceberg tables, the guarded replacement of a night's rows, and the manifest of published nights."""

from include.lake.lake import Lake
from include.lake.stamp import RunStamp
from include.lake.tables import TABLES, Table

__all__ = ["TABLES", "Lake", "RunStamp", "Table"]
