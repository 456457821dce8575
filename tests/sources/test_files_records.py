"""Splitting text into records: whatever is whole comes out, wherever the file was cut or a quote is wrong."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.relations import FIN_ORDER
from include.sources.dialects import CANONICAL
from include.sources.text.lines import scan
from include.sources.text.reading import read_text
from include.sources.text.records import ENCODING, FIELD_COUNT, TORN, Records, parse, split

HEADER = ["order_id", "account_id", "bank_to", "account_to", "amount", "category"]


def split_text(text: str, width: int = 3, spoilt: tuple[int, ...] = ()) -> Records:
    return split(scan(text.encode(), ",", spoilt), 0, width, range(width), 0)


def rows_of(records: Records) -> list[tuple[str, ...]]:
    return list(zip(*(column.to_pylist() for column in records.columns), strict=True))


def bad(records: Records) -> list[tuple[int, str]]:
    return [(u.line + 1, u.code) for u in records.unreadable]


# Text that csv must quote, often; NUL is left out, which no text file may hold.
texts = st.text(st.one_of(st.sampled_from('",;\t\r\n ab'), st.characters(exclude_characters="\0", codec="utf-8")))
orders = st.lists(st.tuples(st.integers(1, 10**6).map(str), texts, st.sampled_from(["", "HH", "LO"])), max_size=8)


def written(rows: list[tuple[str, str, str]], newline: str, quoting: int) -> list[bytes]:
    """Header and records as csv writes them, each with its line end."""
    parts = []
    for row in [HEADER, *([key, "1", text, "2", "3.50", code] for key, text, code in rows)]:
        out = io.StringIO()
        csv.writer(out, lineterminator=newline, quoting=quoting).writerow(row)
        parts.append(out.getvalue().encode())
    return parts


@settings(max_examples=300, deadline=None)
@given(
    rows=orders,
    newline=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    data=st.data(),
)
def test_a_table_cut_anywhere_gives_back_every_whole_record(rows, newline, quoting, data):
    header, *parts = written(rows, newline, quoting)
    body = b"".join(parts)
    cut = data.draw(st.integers(0, len(body)))
    found = read_text(header + body[:cut], FIN_ORDER, CANONICAL, "fin_order.csv")

    ends = [sum(map(len, parts[: i + 1])) for i in range(len(parts))]
    whole = sum(end <= cut for end in ends)
    rest = body[(ends[whole - 1] if whole else 0) : cut]
    keys, notes, codes = (found.texts[name].to_pylist() for name in ("order_id", "bank_to", "category"))
    assert list(zip(keys, notes, codes, strict=True))[:whole] == rows[:whole]
    offered = len(keys) + len(found.unreadable)
    assert offered == whole + (1 if rest.strip(b" \r\n\x1a") else 0)
    assert all(u.code == TORN for u in found.unreadable)


@settings(max_examples=100, deadline=None)
@given(rows=orders, newline=st.sampled_from(["\n", "\r\n"]), bom=st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_a_whole_table_comes_back_with_the_lines_its_records_start_on(rows, newline, bom):
    parts = written(rows, newline, csv.QUOTE_MINIMAL)
    found = read_text(bom + b"".join(parts), FIN_ORDER, CANONICAL, "fin_order.csv")
    before = [b"".join(parts[: i + 1]).count(b"\n") + 1 for i in range(len(rows))]
    assert found.lines.tolist() == before
    assert found.texts["bank_to"].to_pylist() == [text for _, text, _ in rows]
    assert found.raw.to_pylist() == [part.decode().removesuffix(newline) for part in parts[1:]]


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('",ab1\n\r '), max_size=60))
def test_any_text_is_accounted_for_and_sound_lines_agree_with_the_careful_reader(text):
    lines = scan(text.encode(), ",")
    for line in range(len(lines)):
        fields, state = parse(lines.text(line), ",")
        if lines.sound[line]:
            assert state == "whole"
            assert len(fields) == lines.fields[line]
    records = split(lines, 0, 2, range(2), 0)
    starts = [*records.lines.tolist(), *(u.line for u in records.unreadable)]
    assert len(starts) == len(set(starts))
    raws = sorted(
        [
            *zip(records.lines.tolist(), records.raw.to_pylist(), strict=True),
            *((u.line, u.raw) for u in records.unreadable),
        ]
    )
    covered = "".join(raw for _, raw in raws)
    assert sorted(covered.replace("\n", "").replace("\r", "").replace(" ", "")) == sorted(
        text.replace("\n", "").replace("\r", "").replace(" ", "")
    )


def test_a_wrong_quote_in_the_middle_costs_its_own_record_only():
    records = split_text('1,"a,x\n2,b,y\n3,c,z\n')
    assert rows_of(records) == [("2", "b", "y"), ("3", "c", "z")]
    assert bad(records) == [(1, TORN)]
    assert records.torn_line is None


def test_two_wrong_quotes_do_not_join_over_the_good_records_between():
    records = split_text('1,"a,x\n2,b,y\n3,c",z\n4,d,w\n')
    assert rows_of(records) == [("2", "b", "y"), ("3", 'c"', "z"), ("4", "d", "w")]
    assert bad(records) == [(1, TORN)]


def test_text_after_a_closing_quote_tears_its_record_only():
    records = split_text('1,"Hotel "U Raka" Praha",x\n2,b,y\n')
    assert bad(records) == [(1, TORN)]
    assert rows_of(records) == [("2", "b", "y")]


def test_a_quote_inside_a_plain_field_is_an_ordinary_character():
    assert rows_of(split_text('1,5" nail,x\n2,b,y\n')) == [("1", '5" nail', "x"), ("2", "b", "y")]


def test_a_field_may_run_over_lines_and_hold_delimiters_and_doubled_quotes():
    records = split_text('1,"a\n\nb, ""c""",x\n2,b,y\n')
    assert rows_of(records) == [("1", 'a\n\nb, "c"', "x"), ("2", "b", "y")]
    assert records.lines.tolist() == [0, 3]


def test_lines_that_joined_do_not_make_a_record_are_judged_one_by_one():
    records = split_text('1,"a\n2,b",y,z\n3,c,w\n')
    assert rows_of(records) == [("3", "c", "w")]
    assert bad(records) == [(1, TORN), (2, FIELD_COUNT)]


def test_a_quote_that_closes_too_far_away_is_given_up():
    filler = "".join(f"text {i}\n" for i in range(400))
    records = split_text(f'1,"a\n{filler}z",x\n2,b,y\n')
    assert rows_of(records) == [("2", "b", "y")]
    assert bad(records)[0] == (1, TORN)
    assert len(records.unreadable) == 402


def test_what_is_open_at_the_end_is_one_torn_record_and_says_so():
    records = split_text('1,a,x\n2,"several\nlines, then cut')
    assert rows_of(records) == [("1", "a", "x")]
    assert bad(records) == [(2, TORN)]
    assert (records.torn_line, records.cut_in_quote) == (1, True)
    assert records.unreadable[0].raw == '2,"several\nlines, then cut'


def test_a_last_line_too_short_and_without_line_end_is_torn():
    records = split_text("1,a,x\n2,b")
    assert bad(records) == [(2, TORN)]
    assert (records.torn_line, records.cut_in_quote) == (1, False)


@pytest.mark.parametrize("line", ["2,b", "2,b,y,extra", "2"])
def test_a_wrong_number_of_fields_costs_that_record_only(line):
    records = split_text(f"1,a,x\n{line}\n3,c,z\n")
    assert rows_of(records) == [("1", "a", "x"), ("3", "c", "z")]
    assert bad(records) == [(2, FIELD_COUNT)]


def test_blank_lines_and_the_end_mark_of_dos_are_no_records():
    records = split_text("1,a,x\r\n\r\n  \r\n2,b,y\r\n\x1a")
    assert rows_of(records) == [("1", "a", "x"), ("2", "b", "y")]
    assert not records.unreadable


def test_a_line_longer_than_the_fast_readers_block_is_read_all_the_same():
    long = "a" * (3 << 20)
    assert rows_of(split_text(f"1,{long},x\n2,b,y\n")) == [("1", long, "x"), ("2", "b", "y")]


def test_a_spoilt_line_is_unreadable_even_when_its_fields_fit():
    records = split_text("1,a,x\n2,b,y\n3,c,z\n", spoilt=(1,))
    assert rows_of(records) == [("1", "a", "x"), ("3", "c", "z")]
    assert bad(records) == [(2, ENCODING)]
