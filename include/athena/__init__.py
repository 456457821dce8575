"""Athena: the views over what readers see, the named queries, and the Lake Formation permissions that part readers."""

from include.athena.definitions import Statement, statement, statements
from include.athena.deployment import deploy, script
from include.athena.named_query import NamedQuery, deploy_named_queries, named_queries
from include.athena.permissions import Grant, deploy_grants, grants
from include.athena.readable import absent_tables, readable_tables
from include.athena.refusals import refused_statement, told_by_aws
from include.athena.workgroup import deploy_workgroup

__all__ = [
    "Grant",
    "NamedQuery",
    "Statement",
    "absent_tables",
    "deploy",
    "deploy_grants",
    "deploy_named_queries",
    "deploy_workgroup",
    "grants",
    "named_queries",
    "readable_tables",
    "refused_statement",
    "script",
    "statement",
    "statements",
    "told_by_aws",
]
