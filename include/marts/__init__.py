"""Marts: what analysts and dashboards ask most, computed with each night; and the night's features as a table."""

from include.marts.inputs import FEATURES_SCHEMA, Earlier, NightFigures
from include.marts.nightly import feature_columns, marts_of
from include.marts.restating import restated_findings
from include.marts.tables import MART_TABLES, MASKED_MARTS, PLACE_REVEALING, SHOWN_DISTRICT_MONTHS, UNDIGESTED

__all__ = [
    "FEATURES_SCHEMA",
    "MART_TABLES",
    "MASKED_MARTS",
    "PLACE_REVEALING",
    "SHOWN_DISTRICT_MONTHS",
    "UNDIGESTED",
    "Earlier",
    "NightFigures",
    "feature_columns",
    "marts_of",
    "restated_findings",
]
