"""The policies of the roles allow what the code does and nothing else, as a stand-in that enforces them shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from include.athena import absent_tables, deploy_named_queries, deploy_workgroup
from include.athena.definitions import Statement
from include.athena.deployment import run_statement
from include.aws.bucket import bucket_policy
from include.aws.clients import client
from include.aws.refusals import code_of
from include.errors import AthenaError
from include.settings import PROJECT_ROOT, AlertSink, Settings
from include.sinks.sns import send_to_sns
from local.aws_account import ANCHOR_BUCKET, BANK_BUCKET, LAKE_BUCKET, Account
from local.stand_ins import StandIns
from tests.alerting.letters import LETTER
from tests.aws.conftest import make_bucket
from tests.aws.roles import POLICIES, act_as, credentials_of, policy_of

ROLES = sorted(file.stem for file in POLICIES.glob("*.json"))
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError"})
# It defines none: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslakeformation.html
WITHOUT_RESOURCES = frozenset(
    {"lakeformation:BatchGrantPermissions", "lakeformation:ListPermissions", "lakeformation:GetDataAccess"}
)
# Permissions that no operation is called after: Lake Formation's for engines, RDS's for who logs in with a token.
NO_OPERATIONS = frozenset({"lakeformation:GetDataAccess", "rds-db:connect"})
# S3's permissions, each with an operation that it is for
# (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html); elsewhere both have one name.
OPERATIONS_OF_S3 = {
    "s3:GetEncryptionConfiguration": "GetBucketEncryption",
    "s3:ListBucket": "ListObjectsV2",
    "s3:ListMultipartUploadParts": "ListParts",
}


def statements_of(role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = policy_of(role)["Statement"]
    return found


def actions_of(role: str) -> set[str]:
    return {action for each in statements_of(role) for action in each["Action"]}


@cache
def operations_of(service: str) -> frozenset[str]:
    return frozenset(boto3.client(service, region_name="eu-central-1").meta.service_model.operation_names)


@pytest.mark.parametrize("role", ROLES)
def test_every_action_is_one_of_the_service_and_named_in_full(role: str) -> None:
    for action in actions_of(role) - NO_OPERATIONS:
        service, name = action.split(":")
        assert OPERATIONS_OF_S3.get(action, name) in operations_of(service), action


@pytest.mark.parametrize("role", ROLES)
def test_every_statement_names_its_resources_where_the_service_knows_any(role: str) -> None:
    for each in statements_of(role):
        assert (each["Effect"], len(each["Sid"]) > 0, "NotAction" in each, "NotResource" in each) == (
            "Allow",
            True,
            False,
            False,
        )
        has_resources = set(each["Action"]) - WITHOUT_RESOURCES
        assert ("*" in each["Resource"]) == (not has_resources), each["Sid"]
        assert all(re.fullmatch(r"\*|arn:aws:[a-z0-9-]+:[^*]+.*", name) for name in each["Resource"])
        assert not [name for name in each["Resource"] if re.search(r":\*|\*.+\*|^arn:aws:s3:::\*", name)]


def test_nobody_but_the_night_may_change_the_lake_and_only_the_deployer_grants() -> None:
    def who_may(action: str, resource: str) -> list[str]:
        return [
            role
            for role in ROLES
            for each in statements_of(role)
            if action in each["Action"] and any(name.endswith(resource) for name in each["Resource"])
        ]

    assert who_may("s3:PutObject", "lake/*") == ["night"]
    assert who_may("glue:UpdateTable", "table/ads/*") == ["deployer", "night"]
    assert {role for role in ROLES if "lakeformation:BatchGrantPermissions" in actions_of(role)} == {"deployer"}
    # Readers come to the tables through Lake Formation alone.
    assert not {name for each in statements_of("reader") for name in each["Resource"] if "lake-bucket" in name}


def test_who_asks_athena_uses_the_key_through_s3_alone() -> None:
    """The quarantine's rows bring their sealed data keys, which whoever may use the key by itself could open."""
    through_s3 = {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}
    for role in ("deployer", "reader"):
        with_the_key = [each for each in statements_of(role) if any(name.startswith("kms:") for name in each["Action"])]
        assert [each.get("Condition") for each in with_the_key] == [through_s3]


def test_every_permission_that_a_message_of_the_code_names_is_somebodys() -> None:
    services = "|".join({action.split(":")[0] for role in ROLES for action in actions_of(role)})
    code = "\n".join(file.read_text(encoding="utf-8") for file in (PROJECT_ROOT / "include").rglob("*.py"))
    named = set(re.findall(rf"\b(?:{services}):[A-Z][A-Za-z]+\b", code))
    assert {"glue:GetDatabase", "kms:Decrypt", "s3:ListBucket"} < named
    assert named - {action for role in ROLES for action in actions_of(role)} == set()


def _without(policy: Mapping[str, Any], action: str) -> dict[str, Any]:
    statements = [{**each, "Action": [one for one in each["Action"] if one != action]} for each in policy["Statement"]]
    return {**policy, "Statement": [each for each in statements if each["Action"]]}


def _tried(work: Callable[[], object]) -> str | None:
    """The code of a denial, None where the work was let in."""
    try:
        work()
    except ClientError as error:
        return code_of(error) if code_of(error) in _DENIED else None
    except AthenaError as error:
        found = re.search("|".join(sorted(_DENIED, reverse=True)), str(error))
        return found and found[0]
    return None


@pytest.fixture
def own_workgroup(guarded: StandIns) -> str:
    """The name of a workgroup that is not there, and a database for its views."""
    client("glue").create_database(DatabaseInput={"Name": (name := f"bank_{uuid.uuid4().hex[:8]}")})
    return name


def _deployments(name: str) -> dict[str, Callable[[], object]]:
    """What a deployment does, in its order, by the permission that it needs there."""
    bucket = f"s3://{make_bucket()}/answers/"
    settings = Settings(athena_workgroup=name, athena_output_uri=bucket, athena_scan_limit=20_000_000, namespace=name)
    larger = settings.model_copy(update={"athena_scan_limit": 30_000_000})
    statement = Statement("one", "select 1", name)
    return {
        "athena:CreateWorkGroup": lambda: deploy_workgroup(client("athena"), settings),
        "athena:GetWorkGroup": lambda: deploy_workgroup(client("athena"), settings),
        "athena:UpdateWorkGroup": lambda: deploy_workgroup(client("athena"), larger),
        "athena:CreateNamedQuery": lambda: deploy_named_queries(client("athena"), name, name),
        "athena:ListNamedQueries": lambda: deploy_named_queries(client("athena"), name, name),
        "athena:BatchGetNamedQuery": lambda: deploy_named_queries(client("athena"), name, name),
        "athena:StartQueryExecution": lambda: run_statement(client("athena"), statement, settings),
        "athena:GetQueryExecution": lambda: run_statement(client("athena"), statement, settings),
        "glue:GetTables": lambda: absent_tables(client("glue"), name),
    }


def test_a_deployment_is_let_in_by_its_policy_and_denied_without_any_permission_of_it(
    own_workgroup: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = policy_of("deployer", WORKGROUP=own_workgroup, NAMESPACE=own_workgroup)
    works = _deployments(own_workgroup)
    for action, work in works.items():
        with monkeypatch.context() as patch:
            act_as(patch, _without(policy, action))
            assert _tried(work) in _DENIED, f"{action} is not needed"
        with monkeypatch.context() as patch:
            act_as(patch, policy)
            assert _tried(work) is None, f"{action} is not enough"


def test_a_deployer_has_no_other_workgroup_and_database(guarded: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make_bucket()
    act_as(monkeypatch, policy_of("deployer"))
    asked = [
        lambda: client("athena").get_work_group(WorkGroup="primary"),
        lambda: client("glue").get_tables(DatabaseName="others"),
        lambda: client("s3").put_object(Bucket=other, Key="answers/a"),
    ]
    assert {_tried(work) for work in asked} <= {"AccessDenied", "AccessDeniedException"}


def test_a_night_tells_its_topic_and_reads_its_secrets_alone(
    guarded: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = [client("sns").create_topic(Name=f"night-{uuid.uuid4().hex[:8]}")["TopicArn"] for _ in range(2)]
    names = [f"airflow/{kind}{uuid.uuid4().hex[:8]}" for kind in ("connections/ads_", "connections/other_", "config/")]
    for name in names:
        client("secretsmanager").create_secret(Name=name, SecretString="word")
    monkeypatch.setenv("AIRFLOW_CONN_ADS_ALERTS", json.dumps({"conn_type": "aws"}))
    act_as(monkeypatch, policy_of("night", TOPIC_ARN=topics[0]))
    sinks = [AlertSink(kind="sns", connection="ads_alerts", to=topic) for topic in topics]
    assert [send_to_sns(sink, LETTER).is_taken for sink in sinks] == [True, False]
    read = [_tried(lambda name=name: client("secretsmanager").get_secret_value(SecretId=name)) for name in names]
    assert read == [None, "AccessDeniedException", "AccessDeniedException"]


_OPENING = """
from include.lake import Lake
from include.settings import get_settings
from tests.alerting.nights import NIGHT, NOW, finding, publish
settings = get_settings()
lake = Lake.open(settings.lake_uri, settings)
"""
_PUBLISHING = f"{_OPENING}publish(lake, NIGHT, [finding(1)])"
# As the DAG that sends messages does, which runs with the night's role; the first to do so makes a key of the lake.
_FOLLOWING = f"""{_OPENING}
from include.cases import CaseBook
assert CaseBook.open(settings.lake_uri, settings).follow(lake, NOW).nights
"""
_LOOKING = f"""{_OPENING}
from include.cases import CaseBook
from include.reviews.drop import drop_reviews, inbox_of
assert len(lake.manifest()) == 1
book = CaseBook.open(settings.lake_uri, settings)
assert not book.follow(lake, NOW).nights
review = {{"trans_id": 1, "decision": "confirmed", "reason": "card", "who": "desk", "decided_at": NOW, "known_at": NOW}}
drop_reviews(inbox_of(settings.lake_uri), [review])
"""


def _let_in_without_tls(bucket: str, key: str) -> None:
    """The bucket's policy without the statement that no stand-in on this machine can meet."""
    policy = bucket_policy(bucket, key)
    policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != "OnlyTls"]
    client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


@pytest.fixture
def account(guarded: StandIns, pkdd: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of an installation on an account of its own."""
    guarded.reset()
    account = Account.set_up(pkdd)
    for bucket in (LAKE_BUCKET, BANK_BUCKET, ANCHOR_BUCKET):
        _let_in_without_tls(bucket, account.key)
    secrets = ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND_KWARGS")
    settings = {name: value for name, value in account.settings().items() if name not in secrets}
    home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(PROJECT_ROOT), "ADS_TRAINING": "quick"}
    yield {**home, **guarded.environment(), **settings, "ADS_STORE_URI": f"sqlite:///{tmp_path / 'store.db'}"}


def _run(role: str, account: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python as a role of the account, in a process that has never been another."""
    buckets = {"LAKE_BUCKET": LAKE_BUCKET, "ANCHORS_BUCKET": ANCHOR_BUCKET, "SOURCE_BUCKET": BANK_BUCKET}
    policy = policy_of(role, **buckets, KEY_ARN=account["ADS_KMS_KEY"])
    environment = {**account, **credentials_of(policy)}
    return subprocess.run([sys.executable, *words], env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True)


@pytest.mark.long
def test_the_night_publishes_and_the_console_reads_and_drops_reviews_but_publishes_nothing(
    account: dict[str, str],
) -> None:
    """KMS has a stand-in of its own, which holds nobody to a policy: what it is asked is in its messages, see above."""
    source, lake = account["ADS_SOURCE_URI"], account["ADS_LAKE_URI"]
    works = {
        "a night": ("night", "-m", "include", "night", "--date", "1993-01-13", "--source", source, "--lake", lake),
        "its cases": ("night", "-c", _FOLLOWING),
        "its pages": ("console", "-c", _LOOKING),
    }
    for work, (role, *words) in works.items():
        done = _run(role, account, *words)
        assert done.returncode == 0, f"{work}: {done.stderr[-2000:]}"
    refused = _run("console", account, "-c", _PUBLISHING)
    assert refused.returncode != 0
    assert re.search("access_?denied", refused.stderr, re.IGNORECASE)
