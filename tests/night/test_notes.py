"""What the reader has to say of any relation is said by the night."""

from __future__ import annotations

from include.night import NightRequest, steps
from tests.sources.small_banks import STATICS, csv_text, header_of, write_canonical


def test_notes_on_every_relation_are_told_and_data_that_is_not_read_is_named(tmp_path):
    clients = csv_text([*header_of("fin_client"), "nickname"], [[*row, "x"] for row in STATICS["fin_client"]])
    bank = write_canonical(tmp_path / "bank", fin_client=clients)
    (bank / "orders.csv").write_text("order_id\n1\n")
    request = NightRequest.of("2013-01-02", f"file:{bank}", f"file:{tmp_path / 'lake'}", "test")
    notes = steps.extract(request)["notes"]
    assert [note for note in notes if "columns that fin_client does not have are ignored: 'nickname'" in note]
    assert [note for note in notes if "under names that no relation has, which is not read: orders.csv" in note]
