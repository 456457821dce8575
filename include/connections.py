"""Addresses and passwords in Airflow's connections, which a secrets backend may hold, instead of the environment.

A setting that takes an address takes `connection:<id>` as well, with parameters of its own after a question mark. What
it names is looked up when the address is opened and is not kept, so that the next task, page or command reads a secret
that was changed meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from include.databases.tokens import DEFAULT_PORTS, token_told
from include.errors import SecretError, SecretUnavailableError, SettingsError, SettlementError

if TYPE_CHECKING:
    from airflow.sdk import Connection

SCHEME = "connection:"
"""Beginning of a setting's value that names a connection."""
# Airflow's own rule for ids; an address that was written here by mistake is none, and may hold a password.
_ID = re.compile(r"[\w#!()\-.:/\\]{1,250}", re.ASCII)
# Airflow's types of connections, MariaDB's being RDS's word -> the driver this project reads such a database with.
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
# What the extra of a connection says of its login, in the words of the providers' hooks, and what only we may say.
_LOGIN_EXTRAS = frozenset({"iam", "aws_conn_id", "region_name", "region", "connection"})
# Answers of both services by which the secret is not there; all others mean that it could not be read.
_MISSING = frozenset({"ResourceNotFoundException", "ParameterNotFound"})


class Login(NamedTuple):
    """Who comes, and the password or token of the moment."""

    username: str | None
    password: str | None


def address(given: str, find: Callable[[str], str | None] | None = None) -> str:
    """The address that a setting gives, or the one in the connection that it names.

    Parameters
    ----------
    given
        Address, or `connection:<id>`, whose parameters join those of the address.
    find
        Function that gives the address in a connection; `address_in` when none.

    Raises
    ------
    SettingsError
        When Airflow has no such connection, or it holds no address.
    SecretError
        When the secrets backend refuses it.
    SecretUnavailableError
        When the secrets backend cannot answer now.

    Examples
    --------
    >>> address("file:/data/bank")
    'file:/data/bank'
    """
    if not given.startswith(SCHEME):
        return given
    name, _, parameters = given.removeprefix(SCHEME).partition("?")
    if not _ID.fullmatch(name):
        raise SettingsError(
            "a setting has something behind `connection:` that is no id of a connection (it is not shown, as it may "
            "hold a password): write the id alone, such as connection:ads_catalog, and the address into the connection"
        )
    found = (find or address_in)(name)
    if found is None:
        raise SettingsError(
            f"a setting names the connection {name!r}, and there is none that holds an address: make it in Airflow or "
            "in its secrets backend, of type Postgres or MySQL, or with the whole address in its extra as `address`. "
            "Outside of Airflow's own processes only the secrets backend and AIRFLOW_CONN_... are looked at"
        )
    return f"{found}{'&' if '?' in found else '?'}{parameters}" if parameters else found


def address_in(name: str) -> str | None:
    """The address in a connection, None where there is no such connection or it holds none.

    A connection of type Postgres or MySQL is a database, its extra the parameters (`{"rounding": "0.1"}`); one of any
    other type has the whole address in its extra, as `address`.

    Raises
    ------
    SettingsError
        When the connection comes with tokens of IAM, which end while what is opened here stays open.
    SecretError, SecretUnavailableError
        As `address` does.
    """
    found = _connection(name)
    if found is not None and _is_token(found):
        raise SettingsError(
            f"the connection {name!r} comes with tokens (`iam` in its extra), which only a source takes: give the "
            "catalog, the stores and MLflow a connection with a password"
        )
    return None if found is None else _address(found, Login(found.login, found.password), {})


def source_in(name: str) -> str | None:
    """As `address_in`, for a source: a database's address names the connection, and holds neither user nor password.

    Each new connection to its server asks for those of the moment, by `login_in`.
    """
    found = _connection(name)
    if found is None:
        return None
    token = {"iam": "true"} if _is_token(found) else {}
    return _address(found, Login(None, None), {"connection": name, **token}, _LOGIN_EXTRAS)


def login_in(name: str) -> Login:
    """The login in a connection as it is now, as a secrets backend may have another than before.

    As the hook of the provider for PostgreSQL does, a connection with `iam` in its extra comes with a token that AWS's
    connection `aws_conn_id` signs; here for either kind of server.

    Raises
    ------
    SettingsError
        When Airflow has no such connection.
    SecretError, SecretUnavailableError
        As `address` does.
    """
    found = _connection(name)
    if found is None:
        raise SettingsError(f"Airflow has no connection {name!r} any more: make it again, or name another source")
    return Login(found.login, _token(found) if _is_token(found) else found.password)


def _address(
    connection: Connection, login: Login, more: Mapping[str, str], without: Collection[str] = ()
) -> str | None:
    extra = {key: str(value) for key, value in connection.extra_dejson.items()}
    driver = _DRIVERS.get(connection.conn_type or "")
    if driver is None:
        return extra.get("address")
    from sqlalchemy import URL

    query = {**{key: value for key, value in extra.items() if key not in without}, **more}
    url = URL.create(driver, *login, connection.host, connection.port, connection.schema, query)
    return url.render_as_string(hide_password=False)


def _is_token(connection: Connection) -> bool:
    return str(connection.extra_dejson.get("iam", "")).lower() in ("true", "1")


def _token(connection: Connection) -> str:
    from airflow.providers.amazon.aws.hooks.rds import RdsHook
    from airflow.sdk.log import mask_secret

    extra, kind = connection.extra_dejson, _DRIVERS[connection.conn_type or ""].partition("+")[0]
    port = connection.port or DEFAULT_PORTS[kind]
    with token_told():
        hook = RdsHook(aws_conn_id=extra.get("aws_conn_id", "aws_default"), region_name=extra.get("region_name"))
        token: str = hook.conn.generate_db_auth_token(
            DBHostname=connection.host, Port=port, DBUsername=connection.login
        )
    mask_secret(token)
    return token


def _connection(name: str) -> Connection | None:
    # Airflow takes two seconds to import, which a lake in a folder does not need.
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowSecretsBackendAccessDenied

    _require_tls()
    try:
        return BaseHook.get_connection(name)
    except AirflowSecretsBackendAccessDenied as error:
        raise SecretError(f"Airflow's API server refuses the connection {name!r} to this task: {error}") from None
    except AirflowNotFoundException:
        if refused := why_unread(name):
            raise refused from None
        return None


def _backend() -> Any:  # noqa: ANN401 - as Airflow hands it out
    """The secrets backend that Airflow asks in this process; None where it is none of the amazon provider's.

    Of others nothing is known. The attribute is looked up in the class, since the object's makes a client.
    """
    from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded

    return next((each for each in ensure_secrets_backend_loaded() if hasattr(type(each), "client")), None)


def _require_tls() -> None:
    from botocore.exceptions import BotoCoreError

    from include.aws.endpoints import require_tls

    # Without a region there is no client; who asks it is told so.
    with suppress(BotoCoreError):
        if backend := _backend():
            meta = backend.client.meta
            require_tls(meta.service_model.service_name, meta.endpoint_url)


def why_unread(name: str) -> SettlementError | None:
    """Why the secrets backend did not give a connection, None where it is simply not there.

    Airflow takes every failure of a backend for a connection that is missing. It is therefore asked once more, and
    what the service answers is heard, also where the provider's backend passes over it.

    Parameters
    ----------
    name
        Id of a connection that Airflow did not find.
    """
    backend = _backend()
    if backend is None:
        return None
    what = f"the connection {name!r} in the secrets backend"
    try:
        value = _asked_again(what, name, backend)
    except ValueError:
        return _no_connection(what)
    except SettlementError as error:
        return error
    return _why_not_taken(what, value) if value else None


def _asked_again(what: str, name: str, backend: Any) -> str | None:  # noqa: ANN401
    from botocore.exceptions import ClientError

    from include.aws.refusals import code_of, told

    heard: list[ClientError] = []

    def hear(parsed: dict[str, Any], model: Any, **_: Any) -> None:  # noqa: ANN401 - botocore's own keywords
        if "Error" in parsed:
            heard.append(ClientError(parsed, model.name))

    with told(what, _remedy(name, backend), terminal=SecretError, passing=SecretUnavailableError):
        events = backend.client.meta.events
        events.register("after-call", hear)
        try:
            value: str | None = backend.get_conn_value(name)
        finally:
            events.unregister("after-call", hear)
        if heard and code_of(heard[-1]) not in _MISSING:
            raise heard[-1]
    return value


def _remedy(name: str, backend: Any) -> str:  # noqa: ANN401
    return (
        f"See that the role that asks may read {backend.connections_prefix}/{name} (secretsmanager:GetSecretValue or "
        "ssm:GetParameter) and use the key that it is encrypted with (kms:Decrypt), and that the key is enabled"
    )


def _why_not_taken(what: str, value: str) -> SettlementError:
    """Why Airflow did not take a secret that is there: it is no connection, or it was not to be had a moment before."""
    from airflow.sdk import Connection

    try:
        _ = Connection.from_json(value) if value.lstrip().startswith("{") else Connection.from_uri(value, "")
    # Whatever Airflow's reader stumbles over; its text may hold the secret.
    except Exception:
        return _no_connection(what)
    return SecretUnavailableError(f"{what}: it was not to be had, and was a moment later. Run it again")


def _no_connection(what: str) -> SecretError:
    return SecretError(
        f"{what}: the secret there is no connection. Write it as JSON with conn_type, host, login, password, schema, "
        "port and extra, or as Airflow's URI"
    )
