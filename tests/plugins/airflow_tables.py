"""Airflow's tables, as far as the console looks into them, in the memory of this process."""

from __future__ import annotations

from airflow.models import import_all_models
from airflow.models.asset import AssetEvent, association_table
from airflow.models.base import Base
from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

_MODELS = (AssetEvent, DagRun, HITLDetail, TaskInstance, XComModel)


def empty_tables() -> Engine:
    """The tables without a row; a server's threads share them."""
    import_all_models()
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine, [*(model.__table__ for model in _MODELS), association_table])
    return engine
