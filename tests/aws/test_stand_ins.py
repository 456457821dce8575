"""The stand-ins start, are found by every client, and refuse what the tests on them rely on."""

import os

import pytest
from botocore.exceptions import ClientError

from include.aws.clients import client
from include.aws.refusals import code_of
from local.stand_ins import StandIns, forget_accounts


def test_two_writers_of_one_new_object(bucket):
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="a", Body=b"2", IfNoneMatch="*")
    assert code_of(refused.value) == "PreconditionFailed"
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"


def test_a_wrong_context_opens_nothing(kms_key):
    kms = client("kms")
    sealed = kms.encrypt(KeyId=kms_key, Plaintext=b"text", EncryptionContext={"lake": "a"})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"lake": "a"})["Plaintext"] == b"text"
    with pytest.raises(ClientError):
        kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"lake": "b"})


def test_whatever_account_a_shell_has_the_stand_ins_are_asked(
    stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "PROFILE": "bank",
        "ENDPOINT_URL_S3": "https://elsewhere.example",
        "IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    forget_accounts()
    assert not [name for name in os.environ if name.startswith("AWS_")]
    for name, value in stand_ins.environment().items():
        monkeypatch.setenv(name, value)
    assert {client(each).meta.endpoint_url for each in ("s3", "glue")} == {stand_ins.address("ministack")}
