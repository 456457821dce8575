"""The workgroup: its queries' results encrypted, its configuration enforced, and a limit to what one query reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from include.athena.refusals import told_by_aws
from include.aws.refusals import code_of
from include.errors import SettingsError
from include.settings import Settings

# How Athena answers for a workgroup that is not there, which it has no code of its own for
# (https://docs.aws.amazon.com/athena/latest/APIReference/API_GetWorkGroup.html).
_INVALID = "InvalidRequestException"


def deploy_workgroup(athena: Any, settings: Settings) -> str:  # noqa: ANN401 - boto3 makes its clients' classes while it runs
    """Make the workgroup as the settings say, or set it right; a second time changes nothing.

    Parameters
    ----------
    athena
        Client of Athena.
    settings
        Settings with the workgroup, the place of its results, the key and the limit.

    Returns
    -------
    str
        What became of it: `created`, `updated`, `unchanged`, or `left` where the settings name no limit and the
        workgroup is whoever's who made it.

    Raises
    ------
    SettingsError
        When a limit is set and no place for the results.
    AthenaError, AthenaUnavailableError
        When AWS refuses, or cannot answer now.
    """
    if not settings.athena_scan_limit:
        return "left"
    wanted = configuration(settings)
    name = settings.athena_workgroup
    with told_by_aws(f"the workgroup {name}"):
        held = _held(athena, name)
        if held is None:
            athena.create_work_group(Name=name, Configuration=wanted)
            return "created"
        if _holds(held, wanted):
            return "unchanged"
        athena.update_work_group(WorkGroup=name, ConfigurationUpdates=_updates(wanted))
        return "updated"


def configuration(settings: Settings) -> dict[str, Any]:
    """The configuration that the settings ask for; enforced, it overrules what a query asks for itself.

    Raises
    ------
    SettingsError
        When the settings name no place for the results.
    """
    if not settings.athena_output_uri:
        raise SettingsError(
            "ADS_ATHENA_SCAN_LIMIT is set, so that the workgroup is deployed, and there is no place for its results: "
            "set ADS_ATHENA_OUTPUT_URI (s3://bucket/prefix/), or unset the limit to leave the workgroup as it is",
            setting="athena_output_uri",
        )
    with_key = {"EncryptionOption": "SSE_KMS", "KmsKey": settings.kms_key}
    encryption = with_key if settings.kms_key else {"EncryptionOption": "SSE_S3"}
    results = {"OutputLocation": settings.athena_output_uri, "EncryptionConfiguration": encryption}
    return {
        "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": True,
        "BytesScannedCutoffPerQuery": settings.athena_scan_limit,
        "ResultConfiguration": results,
    }


def _held(athena: Any, name: str) -> Mapping[str, Any] | None:  # noqa: ANN401
    try:
        found: Mapping[str, Any] = athena.get_work_group(WorkGroup=name)["WorkGroup"].get("Configuration", {})
    except ClientError as error:
        if code_of(error) == _INVALID:
            return None
        raise
    return found


def _holds(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether everything that is wanted is held, whatever else AWS adds."""
    return all(
        _holds(held.get(name, {}), value) if isinstance(value, Mapping) else held.get(name) == value
        for name, value in wanted.items()
    )


def _updates(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as an update takes it, which calls its results otherwise."""
    return {("ResultConfigurationUpdates" if name == "ResultConfiguration" else name): wanted[name] for name in wanted}
