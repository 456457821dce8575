"""Users of the stand-ins with policies of their own, whose credentials the environment then has."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from include.aws.clients import client


def act_as(patch: pytest.MonkeyPatch, policy: Mapping[str, Any] | None) -> None:
    """Let the clients that are made from now on act as a new user who may do what a policy says, or nothing."""
    iam, name = client("iam"), f"user-{uuid.uuid4().hex[:12]}"
    iam.create_user(UserName=name)
    if policy is not None:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    patch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    patch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    # Clients share a session, which keeps the credentials that it once found.
    patch.setattr(boto3, "DEFAULT_SESSION", None)
