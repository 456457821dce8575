"""The environment of a local Airflow: the places of its home, its database, the DAGs and the plugins."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from include.settings import PROJECT_ROOT


def airflow_environment(inherited: Mapping[str, str], home: Path, database_uri: str) -> dict[str, str]:
    """The environment for Airflow's processes: the inherited one (`ADS_...` among it) and Airflow's settings.

    Parameters
    ----------
    inherited
        The environment of the caller.
    home
        Folder for Airflow's configuration and logs; nothing is written elsewhere.
    database_uri
        SQLAlchemy URL of the metadata database.
    """
    return {
        **inherited,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_uri,
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        # Airflow's log handlers set the modes themselves, whatever the process's umask.
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        # Airflow puts only its own folders on the path; `include` and `expectations` are found through this one.
        "PYTHONPATH": _joined(str(PROJECT_ROOT), inherited.get("PYTHONPATH", "")),
        # `airflow standalone` starts `airflow` by name.
        "PATH": _joined(str(Path(sys.executable).parent), inherited.get("PATH", "")),
    }


def _joined(first: str, rest: str) -> str:
    return ":".join([first, *(part for part in rest.split(":") if part and part != first)])
