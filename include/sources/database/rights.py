"""What a source's user may do: it needs to read, and is warned of when it may write what a night only reads."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.sources.database.relation_tables import BankTable

_LOG = logging.getLogger(__name__)

_POSTGRES = sa.text(
    "select name from unnest(cast(:names as text[])) as name "
    "where has_table_privilege(quote_ident(name), 'INSERT, UPDATE, DELETE, TRUNCATE')"
)
# Of its own grants everybody sees all; what a role gives that is switched on later is not among them.
_MYSQL = sa.text(
    "select 1 from information_schema.user_privileges where grantee = :grantee and privilege_type in :rights "
    "union select 1 from information_schema.schema_privileges "
    "where grantee = :grantee and privilege_type in :rights and database() like table_schema "
    "union select 1 from information_schema.table_privileges "
    "where grantee = :grantee and privilege_type in :rights and table_schema = database() and table_name in :names"
).bindparams(sa.bindparam("rights", expanding=True), sa.bindparam("names", expanding=True))
_MYSQL_RIGHTS = ("INSERT", "UPDATE", "DELETE", "DROP")


def warn_of_rights(connection: Connection, tables: Iterable[BankTable], uri: str) -> None:
    """Say in the log that the source's user may write, where it may; nothing is written all the same.

    Parameters
    ----------
    connection
        Connection of that user.
    tables
        Tables that are read.
    uri
        Address in a form that people may see.
    """
    names = [table.table.name for table in tables]
    if connection.dialect.name == "postgresql":
        user, writable = _in_postgres(connection, names)
    else:
        user, writable = _in_mysql(connection, names)
    if writable:
        _LOG.warning(
            "%s is read as %s, who may write %s: a source is only read, so give its user `grant select` and nothing "
            "else, or take the rest away: revoke insert, update, delete%s on %s from %s",
            *(uri, user, ", ".join(writable)),
            *(", truncate" if connection.dialect.name == "postgresql" else "", ", ".join(writable), user),
        )


def _in_postgres(connection: Connection, names: Sequence[str]) -> tuple[str, list[str]]:
    user = connection.execute(sa.select(sa.func.current_user())).scalar_one()
    return user, list(connection.execute(_POSTGRES, {"names": list(names)}).scalars())


def _in_mysql(connection: Connection, names: Sequence[str]) -> tuple[str, list[str]]:
    """All or none: a right on the server or the schema is one on each table."""
    user, _, host = connection.execute(sa.select(sa.func.current_user())).scalar_one().rpartition("@")
    grantee = f"'{user}'@'{host}'"
    asked = {"grantee": grantee, "rights": _MYSQL_RIGHTS, "names": list(names)}
    return grantee, list(names) if connection.execute(_MYSQL, asked).first() else []
