"""The DAGs' ids, which the console, the workbench and links name; each is the name of a file of `dags/`."""

from __future__ import annotations

NIGHTLY_SETTLEMENT = "nightly_settlement"
MODEL_SELECTION = "model_selection"
ONLINE_LEARNING = "online_learning"
CHAMPION_ROLLBACK = "champion_rollback"
ATHENA_DEPLOYMENT = "athena_deployment"
LAKE_MAINTENANCE = "lake_maintenance"
ALERTING = "alerting"
KEY_ROTATION = "key_rotation"
