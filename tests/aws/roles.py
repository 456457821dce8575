"""Users of the stand-ins with policies of their own, whose credentials the environment then has."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from string import Template
from typing import Any

import boto3
import pytest

from include.aws.clients import client
from include.settings import PROJECT_ROOT
from local.stand_ins import ACCOUNT, REGION

POLICIES = PROJECT_ROOT / "include" / "aws" / "policies"
PLACES = {
    "REGION": REGION,
    "ACCOUNT": ACCOUNT,
    "LAKE_PREFIX": "lake",
    "ANCHORS_PREFIX": "anchors",
    "SOURCE_PREFIX": "bank",
    "ANSWERS_PREFIX": "answers",
    **{f"{name}_BUCKET": f"{name.lower()}-bucket" for name in ("LAKE", "ANCHORS", "SOURCE", "ANSWERS")},
    "NAMESPACE": "ads",
    "WORKGROUP": "bank",
    "KEY_ARN": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012",
    "TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:night",
    "MAIL_IDENTITY": "bank.example",
    "DATABASE_RESOURCE": "db-ABCDEFGHIJKL",
    "DATABASE_USER": "watch",
}


def policy_of(name: str, **places: str) -> dict[str, Any]:
    """A policy of the files, with places in it."""
    text = (POLICIES / f"{name}.json").read_text(encoding="utf-8")
    policy: dict[str, Any] = json.loads(Template(text).substitute({**PLACES, **places}))
    return policy


# What ministack asks no resource for, though AWS does.
_WITHOUT_RESOURCE = frozenset(
    {
        "athena:BatchGetNamedQuery",
        "athena:CreateWorkGroup",
        "athena:GetQueryExecution",
        "ses:SendRawEmail",
        "ssm:GetParameter",
    }
)


def as_ministack_asks(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The policy with what ministack asks for where AWS asks for something else.

    It takes the name in GetDatabase for a table's. AWS asks for catalog, database and table of each request
    (https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html), which the files name.
    """
    statements = [{**each, "Resource": [*each["Resource"]]} for each in policy["Statement"]]
    for each in statements:
        names = [name for name in each["Resource"] if ":database/" in name]
        each["Resource"] += [name.replace(":database/", ":table/") for name in names]
    actions = sorted(_WITHOUT_RESOURCE & {action for each in statements for action in each["Action"]})
    besides = [{"Sid": "Besides", "Effect": "Allow", "Action": actions, "Resource": ["*"]}] if actions else []
    return {**policy, "Statement": statements + besides}


def act_as(patch: pytest.MonkeyPatch, policy: Mapping[str, Any] | None) -> None:
    """Let the clients that are made from now on act as a new user who may do what a policy says, or nothing."""
    for name, value in credentials_of(policy).items():
        patch.setenv(name, value)
    # Clients share a session, which keeps the credentials that it once found.
    patch.setattr(boto3, "DEFAULT_SESSION", None)


def credentials_of(policy: Mapping[str, Any] | None) -> dict[str, str]:
    """The environment of a new user who may do what a policy says, or nothing."""
    iam, name = client("iam"), f"user-{uuid.uuid4().hex[:12]}"
    iam.create_user(UserName=name)
    if policy is not None:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(as_ministack_asks(policy)))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
