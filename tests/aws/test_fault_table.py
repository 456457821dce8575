"""Each fault of the table gives its sentence, leaves its state, and the next try completes the night once."""

from __future__ import annotations

import string

import pytest

from include.errors import SettlementError
from include.settings import PROJECT_ROOT
from tests.aws.conftest import make_bucket
from tests.aws.fault_proxy import FaultProxy
from tests.aws.fault_table import FAULTS
from tests.lake.nights import KEYED, night_number, open_lake, publish_night, seen, stamp_of, whole

_NIGHT = night_number(0)
_RUNS = iter(string.ascii_lowercase)


@pytest.fixture(scope="module")
def proxy(aws_module, tmp_path_factory):
    with FaultProxy.before(aws_module.address("ministack"), tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(scope="module")
def place(aws_module, proxy, tmp_path_factory):
    """Opens a lake on S3 and Glue, as a new process would; everything goes through the proxy."""
    folder = tmp_path_factory.mktemp("lake")
    bucket = make_bucket()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", proxy.address)
        settings = {"catalog_uri": "glue:", "namespace": "faults", "key_file": folder / "key"}
        publish_night(open_lake(f"s3://{bucket}/lake", **settings), stamp_of(next(_RUNS), _NIGHT))
        yield lambda: open_lake(f"s3://{bucket}/lake", **settings)


def run_seen(lake):
    """The run whose rows readers see, all of them."""
    (run,) = {run for runs in seen(lake, _NIGHT).values() for run in runs}
    assert seen(lake, _NIGHT) == whole(run)
    return run


def error_of(act):
    with pytest.raises(SettlementError) as raised:
        act()
    return raised.value


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault(fault, place, proxy):
    old, new = run_seen(place()), next(_RUNS)
    with proxy.failing(**fault.rule):
        if fault.kind is None:
            publish_night(place(), stamp_of(new, _NIGHT))
        else:
            error = error_of(lambda: publish_night(place(), stamp_of(new, _NIGHT)))
            assert type(error) is fault.kind
            assert fault.said in str(error)
    assert run_seen(place()) == (new if fault.is_published else old)
    publish_night(place(), stamp_of(new, _NIGHT, "second"))
    assert run_seen(place()) == new
    assert place().census(_NIGHT).num_rows == len(KEYED)


def test_the_page_has_the_table():
    page = (PROJECT_ROOT / "docs" / "aws.md").read_text(encoding="utf-8")
    assert [fault.row() for fault in FAULTS if fault.row() not in page] == []
