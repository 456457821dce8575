"""Relations in folders of part files and packed files are one relation each; what is not read is named."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from include.errors import SourceError
from include.relations import RELATIONS
from include.sources import Extract, open_source
from include.sources.files.packing import unpack
from tests.sources.small_banks import STATICS, TRANSACTION_NAMES, TRANSACTIONS, csv_text, header_of, write_canonical
from tests.sources.test_files_s3 import bucket  # noqa: F401 - a fixture

LATER = date(2100, 1, 1)


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def whole(folder: Path | str) -> Extract:
    with open_source(str(folder)) as source:
        return source.history(LATER)


def refusal(folder: Path | str) -> str:
    with pytest.raises(SourceError) as caught:
        whole(folder)
    return str(caught.value)


def bank(folder: Path, **relations: str | bytes) -> Path:
    """The small bank without its transactions."""
    write_canonical(folder, **relations)
    (folder / "fin_transaction.csv").unlink()
    return folder


def write(path: Path, data: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def parquet(rows: list[int], without: str = "") -> bytes:
    """Some of the small bank's transactions as a Parquet file."""
    columns = zip(*(TRANSACTIONS[row] for row in rows), strict=True)
    texts = {name: list(column) for name, column in zip(TRANSACTION_NAMES, columns, strict=True) if name != without}
    out = io.BytesIO()
    pq.write_table(pa.table(texts), out, compression="snappy")
    return out.getvalue()


def part(rows: list[int]) -> str:
    return csv_text(TRANSACTION_NAMES, [TRANSACTIONS[row] for row in rows])


def without_date(rows: list[int]) -> str:
    return csv_text(
        [n for n in TRANSACTION_NAMES if n != "trans_date"],
        [[*TRANSACTIONS[r][:2], *TRANSACTIONS[r][3:]] for r in rows],
    )


# A frame of zstd that holds nothing of the file, as pzstd begins with.
SKIPPED = bytes.fromhex("5c2a4d1804000000") + b"size"
LAYOUTS: dict[str, dict[str, str | bytes]] = {
    "spark's parquet": {
        "fin_transaction.parquet/_SUCCESS": "",
        "fin_transaction.parquet/._SUCCESS.crc": "x",
        "fin_transaction.parquet/part-00000-5e0c.c000.snappy.parquet": parquet([0, 1]),
        "fin_transaction.parquet/.part-00000-5e0c.c000.snappy.parquet.crc": "x",
        "fin_transaction.parquet/part-00001-5e0c.c000.snappy.parquet": parquet([2, 3]),
    },
    "spark's csv": {
        "fin_transaction/_SUCCESS": "",
        "fin_transaction/part-00000.csv": part([0]),
        "fin_transaction/part-00001.csv": "",
        "fin_transaction/part-00002.csv": part([1, 2, 3]),
        "fin_transaction/part-00003.csv": part([]),
    },
    "hive by day": {
        "fin_transaction/trans_date=2013-01-01/part-0.parquet": parquet([0], without="trans_date"),
        "fin_transaction/trans_date=2013-01-02/part-0.parquet": parquet([1, 2], without="trans_date"),
        "fin_transaction/trans_date=2013-01-03/part-0.parquet": parquet([3], without="trans_date"),
    },
    "hive by day in text": {
        "fin_transaction.csv/trans_date=2013-01-01 00%3A00%3A00/part-0.csv": without_date([0]),
        "fin_transaction.csv/trans_date=2013-01-02/part-0.csv.gz": gzip.compress(without_date([1, 2]).encode()),
        "fin_transaction.csv/trans_date=2013-01-03/part-0.csv": without_date([3]),
    },
    "hive by what no relation has": {
        "fin_transaction/year=2013/month=01/a.parquet": parquet([0, 1]),
        "fin_transaction/year=2013/month=02/a.parquet": parquet([2, 3]),
    },
    "gzip": {"fin_transaction.csv.gz": gzip.compress(part([0, 1, 2, 3]).encode())},
    "gzip in several members": {
        "fin_transaction.csv.gz": gzip.compress(part([0, 1]).encode())
        + gzip.compress(part([2, 3]).partition("\n")[2].encode())
    },
    "zstd": {"fin_transaction.csv.zst": zstd(part([0, 1, 2, 3]).encode())},
    "gzip that is called csv": {"fin_transaction.csv": gzip.compress(part([0, 1, 2, 3]).encode())},
    "text that is called gz": {"fin_transaction.csv.gz": part([0, 1, 2, 3])},
    "pzstd": {
        "fin_transaction.csv.zst": SKIPPED + zstd(part([0, 1]).encode() + part([2, 3]).partition("\n")[2].encode())
    },
    "blank and empty parts": {
        "fin_transaction/part-00000.csv": "\n",
        "fin_transaction/part-00003.csv": part([0, 1, 2, 3]),
        "fin_transaction/part-00002.csv": gzip.compress(b""),
    },
    "empty parts of parquet": {
        "fin_transaction/part-00001.csv.parquet": "",
        "fin_transaction/part-00002.parquet": parquet([0, 1, 2, 3]),
    },
    "packed parquet": {"fin_transaction.parquet.gz": gzip.compress(parquet([0, 1, 2, 3]))},
    "packed parts": {
        "fin_transaction/a.csv.zst": zstd(part([0, 1]).encode()),
        "fin_transaction/b.csv.gz": gzip.compress(part([2, 3]).encode()),
    },
    "one part": {"FIN_TRANSACTION.parquet/data": parquet([0, 1, 2, 3])},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_relation_is_the_same_however_it_is_laid_out(tmp_path, layout):
    expected = whole(write_canonical(tmp_path / "plain")).rows
    folder = bank(tmp_path / "laid out")
    for name, data in LAYOUTS[layout].items():
        write(folder / name, data)
    found = whole(folder)
    same = [*(c.name for c in RELATIONS["fin_transaction"].columns), "reader_codes", "night"]
    assert found.rows.select(same).equals(expected.select(same))
    assert not [note for note in found.notes if "ignored" not in note]
    held = {f"file:{folder}/{name}" for name, data in LAYOUTS[layout].items() if "part-00001.csv" not in name}
    assert set(found.rows["source_uri"].to_pylist()) <= held
    with open_source(str(folder)) as source:
        assert source.night(date(2013, 1, 2)).offered == 2
        assert source.totals(LATER)["amount_cents"].to_pylist() == [70000, 91460, 10050]


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    "layout", ["spark's parquet", "hive by day in text", "packed parts", "gzip that is called csv"]
)
def test_a_prefix_is_read_as_a_folder_is(tmp_path, bucket, layout):  # noqa: F811
    folder = bank(tmp_path / "bank")
    bucket.Object("bank/fin_transaction.csv").delete()
    for name, data in LAYOUTS[layout].items():
        write(folder / name, data)
        bucket.put_object(Key=f"bank/{name}", Body=data if isinstance(data, bytes) else data.encode())
    bucket.put_object(Key="bank/", Body=b"")
    prefix = "s3://settlement-bank/bank"
    there, here = whole(prefix), whole(folder)
    assert there.rows.drop_columns("source_uri").equals(here.rows.drop_columns("source_uri"))
    expected = [uri.replace(f"file:{folder}", prefix) for uri in here.rows["source_uri"].to_pylist()]
    assert there.rows["source_uri"].to_pylist() == expected


@pytest.mark.parametrize(
    ("dialect", "suffix"), [("pkdd", ".gz"), ("pkdd", ".zst"), ("teradata", ".zst"), ("teradata", ".gz")]
)
def test_the_real_bank_may_be_packed(tmp_path, request, dialect, suffix):
    origin: Path = request.getfixturevalue(dialect)
    pack: Callable[[bytes], bytes] = gzip.compress if suffix == ".gz" else zstd
    for file in origin.iterdir():
        (tmp_path / f"{file.name}{suffix}").write_bytes(pack(file.read_bytes()))
    packed, plain = whole(tmp_path), whole(origin)
    assert packed.rows.drop_columns("source_uri").equals(plain.rows.drop_columns("source_uri"))


def test_every_record_keeps_its_file_and_line_and_a_bad_one_costs_itself(tmp_path):
    folder = bank(tmp_path)
    write(folder / "fin_transaction/a.csv", part([0, 1]))
    write(folder / "fin_transaction/b.csv", part([]) + "9,9\n" + 'x,"1\n')
    write(folder / "fin_transaction/c.csv", part([2]).replace("2013-01-02", "soon") + part([3]).partition("\n")[2])
    found = whole(folder)
    origins = list(
        zip(*(found.rows[c].to_pylist() for c in ("source_uri", "source_line", "trans_id", "night")), strict=True)
    )
    uri = f"file:{folder}/fin_transaction"
    assert origins == [
        (f"{uri}/a.csv", 2, 1, date(2013, 1, 1)),
        (f"{uri}/a.csv", 3, 2, date(2013, 1, 2)),
        (f"{uri}/c.csv", 2, 3, date(2013, 1, 2)),
        (f"{uri}/c.csv", 3, 4, date(2013, 1, 3)),
    ]
    torn = list(zip(*(found.unreadable[c].to_pylist() for c in ("source_uri", "source_line", "night")), strict=True))
    assert torn == [(f"{uri}/b.csv", 2, date(2013, 1, 2)), (f"{uri}/b.csv", 3, date(2013, 1, 2))]


def test_columns_that_some_parts_lack_are_null_there(tmp_path):
    folder = bank(tmp_path)
    write(folder / "fin_transaction/a.csv", part([0]))
    write(folder / "fin_transaction/b.csv", csv_text([*TRANSACTION_NAMES, "trans_time"], [[*TRANSACTIONS[1], "10:00"]]))
    found = whole(folder)
    assert [str(at) for at in found.rows["trans_time"].to_pylist()] == ["None", "10:00:00"]
    assert found.absent_columns == {"district_id"}


def test_a_packed_file_that_is_cut_is_read_as_far_as_it_goes(tmp_path):
    rows = [[str(n), *TRANSACTIONS[0][1:]] for n in range(1, 3001)]
    packed = gzip.compress(csv_text(TRANSACTION_NAMES, rows).encode())
    folder = bank(tmp_path)
    write(folder / "fin_transaction.csv.gz", packed[: len(packed) // 2])
    found = whole(folder)
    assert 500 < found.offered < 3000
    assert any("fin_transaction.csv.gz is truncated: its packed data ends early" in note for note in found.notes)


@given(st.binary(max_size=5000).map(b"a".__add__), st.sampled_from([gzip.compress, zstd]), st.integers(1, 5))
def test_unpacking_gives_what_was_packed(data, pack, members):
    packed = b"".join(pack(data) for _ in range(members))
    assert unpack(packed, "file") == (data * members, False)
    assert unpack(packed + bytes(512), "file").data == data * members


# What is not read


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_file_that_unfolds_without_bound_is_refused(tmp_path, pack):
    folder = bank(tmp_path)
    write(folder / "fin_transaction.csv.gz", pack(bytes(80 << 20)))
    message = refusal(folder)
    assert "fin_transaction.csv.gz (fin_transaction) unfolds to more than 67,108,864 bytes" in message
    assert "Deliver it unpacked, or in parts" in message


def test_a_parquet_file_that_stands_for_far_more_than_its_size_is_refused(tmp_path):
    long = pa.array(["x" * 100_000]).dictionary_encode().dictionary
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 10_000, pa.int32()), long)
    columns = {name: texts if name == "other_bank_id" else pa.array(["1"] * 10_000) for name in TRANSACTION_NAMES}
    folder = bank(tmp_path)
    pq.write_table(pa.table(columns), folder / "fin_transaction.parquet")
    assert (folder / "fin_transaction.parquet").stat().st_size < 1 << 20
    assert "stands for 1,000," in refusal(folder)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (bz2.compress(b"a,b"), "packed by bzip2"),
        (lzma.compress(b"a,b"), "packed by xz"),
        (b"PK\x03\x04rest", "a ZIP archive or a spreadsheet"),
        (b"SQLite format 3\x00rest", "an SQLite database"),
        (gzip.compress(b"7z\xbc\xaf\x27\x1crest"), "a 7-Zip archive"),
        (gzip.compress(gzip.compress(b"a,b")), "another packed file"),
        (zstd(gzip.compress(b"a,b")), "another packed file"),
        (gzip.compress(SKIPPED + zstd(b"a,b")), "another packed file"),
    ],
    ids=["bzip2", "xz", "zip", "sqlite", "7z", "gzip twice", "gzip in zstd", "pzstd in gzip"],
)
def test_another_packing_is_named_whatever_the_file_is_called(tmp_path, data, kind):
    folder = bank(tmp_path)
    write(folder / "fin_transaction.csv", data)
    message = refusal(folder)
    assert "fin_transaction.csv (fin_transaction) " in message
    assert f"{kind}, which is not read: deliver CSV or Parquet, packed once by gzip or zstd at most" in message


def test_a_damaged_packing_is_said(tmp_path):
    packed = bytearray(gzip.compress(part([0, 1, 2, 3]).encode()))
    packed[-8] ^= 1
    folder = bank(tmp_path)
    write(folder / "fin_transaction.csv.gz", bytes(packed))
    assert "cannot be unpacked" in refusal(folder)
    assert "it is damaged, pack it again" in refusal(folder)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fin_order.zip", "an archive or packing"),
        ("fin_order.csv.bz2", "an archive or packing"),
        ("Fin_Order.XLSX", "a spreadsheet"),
        ("fin_order.json", "JSON, XML or HTML"),
        ("fin_order.orc", "another binary format"),
        ("fin_order.csv.gpg", "encrypted"),
    ],
)
def test_a_relation_in_a_form_that_is_not_read_stops_with_its_name(tmp_path, name, kind):
    folder = write_canonical(tmp_path)
    write(folder / name, b"whatever")
    message = refusal(folder)
    assert f"holds fin_order as {name}, which is {kind} and is not read" in message
    assert "deliver it as fin_order.csv" in message


def test_files_of_other_names_and_forms_are_named_where_relations_are_missing(tmp_path):
    for name in ("transactions_2024.parquet", "accounts.xlsx", "all.zip"):
        write(tmp_path / name, b"whatever")
    message = refusal(tmp_path)
    assert "Found accounts.xlsx (a spreadsheet), all.zip (an archive or packing), transactions_2024.parquet." in message
    assert "give each file its relation's name" in message
    write_canonical(tmp_path)
    (tmp_path / "fin_client.csv").unlink()
    assert "lacks required relations of the canonical dialect: fin_client" in refusal(tmp_path)
    assert "accounts.xlsx (a spreadsheet)" in refusal(tmp_path)
    write_canonical(tmp_path)
    assert [note for note in whole(tmp_path).notes if "under names that no relation has" in note and "all.zip" in note]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"_SUCCESS": ""}, "is a folder that holds no part files"),
        ({".x.csv": "a"}, "is a folder that holds no part files"),
        ({"a.parquet": parquet([0]), "b.csv": part([1])}, "holds parts both as Parquet and as text: keep one of them"),
        ({"a.csv": part([1]), "b.xlsx": "x"}, "holds b.xlsx, which is a spreadsheet and is not read"),
        ({"_delta_log/0.json": "{}", "a.parquet": parquet([0])}, "is a Delta table, whose log says"),
        ({"_temporary/0/a.parquet": "x"}, "is still being written"),
        ({"trans_day=1/a.csv": without_date([0])}, "lacks the columns trans_date"),
    ],
)
def test_a_folder_of_parts_that_cannot_be_read_says_why(tmp_path, files, sentence):
    folder = bank(tmp_path)
    (folder / "fin_transaction").mkdir()
    for name, data in files.items():
        write(folder / "fin_transaction" / name, data)
    assert sentence in refusal(folder)


@pytest.mark.parametrize("names", [("a.csv", "b.csv"), ("a.parquet", "b.parquet"), ("a.parquet.gz",), ("a.csv",)])
def test_a_relation_whose_parts_are_all_empty_holds_nothing(tmp_path, names):
    folder = write_canonical(tmp_path)
    for name in names:
        write(folder / "fin_card" / name, gzip.compress(b"") if name.endswith(".gz") else b"")
    with open_source(str(folder)) as source:
        card = source.static("fin_card")
    assert card is not None
    assert (card.offered, card.notes) == (0, (f"file:{folder}/fin_card is empty",))
    (folder / "fin_transaction.csv").unlink()
    (folder / "fin_card").rename(folder / "fin_transaction")
    assert refusal(folder).startswith(f"file:{folder}/fin_transaction (fin_transaction) is empty: deliver it again")


def test_a_folder_and_a_file_of_one_relation_are_one_too_many(tmp_path):
    folder = write_canonical(tmp_path)
    write(folder / "fin_transaction" / "a.csv", part([0]))
    assert "holds fin_transaction more than once (fin_transaction, fin_transaction.csv): keep one" in refusal(folder)
    shutil.rmtree(folder / "fin_transaction")
    write(
        folder / "fin_account.csv.gz",
        gzip.compress(csv_text(header_of("fin_account"), STATICS["fin_account"]).encode()),
    )
    assert "holds fin_account more than once (fin_account.csv, fin_account.csv.gz)" in refusal(folder)


def test_a_zip_of_the_whole_bank_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "bank.zip", "w") as archive:
        archive.writestr("fin_transaction.csv", part([0]))
    assert "Found bank.zip (an archive or packing). Unpack archives" in refusal(tmp_path)
