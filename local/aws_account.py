"""What `make aws` sets up in the stand-ins, as an installation has it in its account: key, buckets, topic, secret."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.aws.bucket import keep_safe
from include.aws.clients import client
from local.stand_ins import REGION

LAKE_BUCKET, BANK_BUCKET, ANCHOR_BUCKET = "ads-lake", "ads-bank", "ads-anchors"
KEY_ALIAS = "alias/ads-lake"
TOPIC = QUEUE = "ads-alerts"
ALERTS_CONNECTION = "ads_alerts"


@dataclass(frozen=True)
class Account:
    """What was set up.

    Attributes
    ----------
    key
        ARN of the key that seals models, quarantine and reviews, and encrypts the buckets.
    topic
        ARN of the topic that alerts go to.
    queue
        Address of the queue in which the topic's messages can be looked at.
    """

    key: str
    topic: str
    queue: str

    @classmethod
    def set_up(cls, bank: Path) -> Account:
        """Make everything in empty stand-ins, and put the files of a bank into its bucket."""
        key = _key()
        for bucket in (LAKE_BUCKET, BANK_BUCKET, ANCHOR_BUCKET):
            _encrypted_bucket(bucket, key)
        _upload(bank)
        client("secretsmanager").create_secret(
            Name=f"airflow/connections/{ALERTS_CONNECTION}", SecretString=json.dumps({"conn_type": "aws"})
        )
        return cls(key, *_topic_with_queue())

    def settings(self) -> dict[str, str]:
        """The settings of an installation on this account."""
        sink = {"alerts": {"kind": "sns", "connection": ALERTS_CONNECTION, "to": self.topic}}
        return {
            "ADS_SOURCE_URI": f"s3://{BANK_BUCKET}/bank",
            "ADS_LAKE_URI": f"s3://{LAKE_BUCKET}/lake",
            "ADS_CATALOG_URI": "glue:",
            "ADS_KMS_KEY": self.key,
            "ADS_ANCHORS_URI": f"s3://{ANCHOR_BUCKET}/anchors",
            "ADS_ALERT_SINKS": json.dumps(sink),
            "AIRFLOW__SECRETS__BACKEND": "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend",
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(
                {"connections_prefix": "airflow/connections", "variables_prefix": "airflow/variables"}
            ),
        }

    def contents(self) -> list[str]:
        """What lies in buckets, catalog, keys and queue now, as lines for people."""
        return [*_buckets(), *_tables(), *_keys(), *self._messages()]

    def _messages(self) -> list[str]:
        found = client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        told = [json.loads(each["Body"]) for each in found.get("Messages", [])]
        return [f"message  {each.get('Subject') or each.get('Message', '')[:80]}" for each in told]


def _key() -> str:
    kms = client("kms")
    key = str(kms.create_key(Description="the lake's sealed files and its buckets")["KeyMetadata"]["Arn"])
    kms.create_alias(AliasName=KEY_ALIAS, TargetKeyId=key)
    return key


def _encrypted_bucket(name: str, key: str) -> None:
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    keep_safe(name, key)


def _upload(bank: Path) -> None:
    s3 = client("s3")
    for file in sorted(bank.iterdir()):
        if file.is_file():
            s3.upload_file(str(file), BANK_BUCKET, f"bank/{file.name}")


def _topic_with_queue() -> tuple[str, str]:
    sns, sqs = client("sns"), client("sqs")
    topic = str(sns.create_topic(Name=TOPIC)["TopicArn"])
    queue = str(sqs.create_queue(QueueName=QUEUE)["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, queue


def _buckets() -> list[str]:
    return [f"bucket   {each['Name']}: {_size(each['Name'])}" for each in client("s3").list_buckets()["Buckets"]]


def _size(bucket: str) -> str:
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    sizes = [each["Size"] for page in pages for each in page.get("Contents", [])]
    return f"{len(sizes):,} objects, {sum(sizes) / 2**20:,.1f} MiB"


def _tables() -> list[str]:
    glue = client("glue")
    return [
        f"catalog  database {each['Name']}: {len(_table_names(glue, each['Name']))} tables, alerts among them"
        for each in glue.get_databases()["DatabaseList"]
    ]


def _table_names(glue: Any, database: str) -> list[str]:  # noqa: ANN401 - boto3 makes its clients' classes while it runs
    pages = glue.get_paginator("get_tables").paginate(DatabaseName=database)
    return [table["Name"] for page in pages for table in page["TableList"]]


def _keys() -> list[str]:
    kms = client("kms")
    return [f"key      {each['AliasName']}: {_state(kms, each)}" for each in kms.list_aliases()["Aliases"]]


def _state(kms: Any, alias: dict[str, str]) -> str:  # noqa: ANN401 - boto3 makes its clients' classes while it runs
    if "TargetKeyId" not in alias:
        return "not made yet"
    key = kms.describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"]
    return f"{key['Arn']}, {key['KeyState']}"
