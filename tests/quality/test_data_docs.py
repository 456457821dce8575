"""The Data Docs site: what is in it, what never is, and that it stays whole, small and fast."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import re
import time
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from include.quality import Admission, DataDocs, RefusedError, admit
from tests.quality.small_bank import NIGHT, extract, row, torn

_HOSTILE = ("<script>alert(1)</script>", "=cmd()|' /C calc'!A1", 'a "quoted" <b>', "'; drop table fin_account; --")
_NAME = "fin_transaction"


def _hostile_night() -> Admission:
    rows = [row(_NAME, k, other_bank_id=t, raw=t, amount=Decimal(0), account_id=7770) for k, t in enumerate(_HOSTILE)]
    rows += [row(_NAME, 10, other_bank_id=_HOSTILE[0] * 9), row(_NAME, 11, trans_type=_HOSTILE[0])]
    rows += [row(_NAME, 12, operation="ROB", other_bank_id=_HOSTILE[1])]
    return admit({_NAME: extract(_NAME, rows, [{**torn(50), "raw": _HOSTILE[0]}])}, NIGHT)


@pytest.fixture(scope="module")
def ordinary() -> Admission:
    return admit({_NAME: extract(_NAME, [row(_NAME, 1)])}, NIGHT)


def _files(site: Path) -> dict[str, str]:
    return {str(p.relative_to(site)): p.read_text() for p in sorted(site.rglob("*")) if p.is_file()}


def _links(site: Path) -> set[Path]:
    """Every file a page or style sheet of the site points at."""
    found = set()
    for page in site.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#]*)', page.read_text()):
            assert not re.match(r"[a-z]+:|/", link), f"{page}: {link} leaves the site"
            found |= {(page.parent / link).resolve()} if link else set()
    return found


def test_no_value_of_a_record_is_in_any_file(tmp_path: Path) -> None:
    admission = _hostile_night()
    assert admission.counts.quarantined_rows == 6
    DataDocs(tmp_path.as_uri(), 31).publish(NIGHT, admission.results)
    for name, text in _files(tmp_path).items():
        for secret in (*_HOSTILE, "<script", "alert(1)", "cmd()", "drop table", "7770"):
            assert secret not in text, f"{secret} in {name}"
    assert not any(text in json.dumps(admission.results) for text in ("alert", "cmd", "drop", "7770"))


def test_stored_verdicts_hold_no_lists_of_rows_and_no_exception_texts() -> None:
    broken = extract(_NAME, [row(_NAME, 1)])
    broken = replace(broken, rows=broken.rows.drop_columns(["amount"]))
    with pytest.raises(RefusedError) as refusal:
        admit({_NAME: broken}, NIGHT)
    for results in (refusal.value.results, _hostile_night().results):
        kept = {key for r in results for each in r["validation"]["results"] for key in each["result"]}
        assert not {key for key in kept if "list" in key or "counts" in key or "rows" in key} - {
            "partial_unexpected_list"
        }
        assert "Traceback" not in json.dumps(results)


def test_a_nights_page_tells_counts_codes_and_lines(tmp_path: Path) -> None:
    page = Path(DataDocs(tmp_path.as_uri(), 31).publish(NIGHT, _hostile_night().results)).read_text()
    for told in ("amount_zero", "trans_type_unknown_code", "other_bank_id_too_long", "torn_record", "line 12"):
        assert told in page


def test_every_link_is_relative_and_leads_somewhere(tmp_path: Path, ordinary: Admission) -> None:
    docs = DataDocs(tmp_path.as_uri(), 31)
    for day in range(2):
        docs.publish(NIGHT + timedelta(day), ordinary.results)
    links = _links(tmp_path)
    assert links >= {tmp_path / "index.html", tmp_path / "nights" / "1994-01-31" / f"{_NAME}.html"}
    assert [link for link in links if not link.exists()] == []


def test_a_night_published_again_leaves_the_same_site(tmp_path: Path, ordinary: Admission) -> None:
    docs = DataDocs(tmp_path.as_uri(), 31)
    docs.publish(NIGHT, _hostile_night().results)
    docs.publish(NIGHT, ordinary.results)
    once = _files(tmp_path)
    docs.publish(NIGHT, ordinary.results)
    assert _files(tmp_path) == once
    assert "amount_zero" not in once["nights/1994-01-31/index.html"]


def test_a_refused_night_is_shown_as_stopped(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refusal:
        admit({_NAME: extract(_NAME, [], [torn(n) for n in range(30)]), "fin_client": extract("fin_client", [])}, NIGHT)
    docs = DataDocs(tmp_path.as_uri(), 31)
    assert "night stops" in Path(docs.publish(NIGHT, refusal.value.results)).read_text()
    assert "stopped" in (tmp_path / "index.html").read_text()


def test_older_nights_leave_the_site_for_the_archive(tmp_path: Path, ordinary: Admission) -> None:
    docs = DataDocs(tmp_path.as_uri(), 3)
    nights = [NIGHT + timedelta(day) for day in (2, 0, 4, 1, 3)]
    for night in nights:
        docs.publish(night, ordinary.results)
    kept = sorted(folder.name for folder in (tmp_path / "nights").iterdir())
    assert kept == ["1994-02-02", "1994-02-03", "1994-02-04"]
    assert sorted(file.stem for file in (tmp_path / "archive").iterdir()) == ["1994-01-31", "1994-02-01"]
    assert json.loads((tmp_path / "archive" / "1994-01-31.json").read_text()) == list(ordinary.results)
    assert [link for link in _links(tmp_path) if not link.exists()] == []


def test_a_night_older_than_the_kept_ones_goes_to_the_archive_alone(tmp_path: Path, ordinary: Admission) -> None:
    docs = DataDocs(tmp_path.as_uri(), 1)
    docs.publish(NIGHT, ordinary.results)
    assert docs.publish(NIGHT - timedelta(1), ordinary.results).endswith("archive/1994-01-30.json")
    assert [folder.name for folder in (tmp_path / "nights").iterdir()] == ["1994-01-31"]


def _publish(site: Path, first: date, nights: int, results: object) -> None:
    for day in range(nights):
        DataDocs(site.as_uri(), 4).publish(first + timedelta(day), results)  # type: ignore[arg-type]


def test_two_writers_and_a_reader_never_see_half_a_site(tmp_path: Path, ordinary: Admission) -> None:
    DataDocs(tmp_path.as_uri(), 4).publish(NIGHT, ordinary.results)
    context = multiprocessing.get_context("fork")
    starts = (NIGHT + timedelta(1), NIGHT + timedelta(20))
    writers = [context.Process(target=_publish, args=(tmp_path, first, 6, ordinary.results)) for first in starts]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert (tmp_path / "index.html").read_text().rstrip().endswith("</html>")
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    listed = re.findall(r'href="nights/([\d-]+)/', (tmp_path / "index.html").read_text())
    assert listed == [(NIGHT + timedelta(day)).isoformat() for day in (25, 24, 23, 22)]
    assert len(list((tmp_path / "archive").iterdir())) == 9
    assert [link for link in _links(tmp_path) if not link.exists()] == []
    assert not [file for file in tmp_path.rglob(".*") if file.name != ".lock"]


def test_a_writer_waits_for_the_one_before_it(tmp_path: Path, ordinary: Admission) -> None:
    writer = multiprocessing.get_context("fork").Process(target=_publish, args=(tmp_path, NIGHT, 1, ordinary.results))
    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        writer.start()
        writer.join(1)
        assert writer.is_alive()
        assert not (tmp_path / "nights").exists()
        # The child inherited this descriptor: closing it alone would not release the lock.
        fcntl.flock(lock, fcntl.LOCK_UN)
    writer.join(60)
    assert writer.exitcode == 0
    assert (tmp_path / "index.html").exists()


def test_the_fortieth_night_costs_what_the_tenth_did(tmp_path: Path, ordinary: Admission) -> None:
    docs = DataDocs(tmp_path.as_uri(), 5)
    seconds = []
    for day in range(40):
        began = time.process_time()
        docs.publish(NIGHT + timedelta(day), ordinary.results)
        seconds.append(time.process_time() - began)
    assert sorted(seconds[30:])[5] < 2 * sorted(seconds[5:15])[5]
