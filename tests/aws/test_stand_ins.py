"""The stand-ins start, are found by every client, and refuse what the tests on them rely on."""

import pytest
from botocore.exceptions import ClientError

from include.aws.clients import client
from include.aws.refusals import code_of


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
