"""Reading the files of a folder that may be shown, Data Docs and evidence, and nothing beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.settlement_console.data_docs import data_docs_of
from plugins.settlement_console.folders import NoSuchFileError, ShownFolder
from plugins.settlement_console.models.evidence import evidence_of, packs_of


@pytest.fixture
def site(tmp_path: Path) -> ShownFolder:
    root = tmp_path / "lake" / "data_docs"
    (root / "nights" / "1994-01-31").mkdir(parents=True)
    (root / "index.html").write_text("front")
    (root / "nights" / "1994-01-31" / "fin_loan.html").write_text("loans")
    (tmp_path / "outside.html").write_text("secret")
    (root / "link.html").symlink_to(tmp_path / "outside.html")
    (root / "inside.html").symlink_to(root / "index.html")
    return data_docs_of(f"file:{tmp_path / 'lake'}")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("index.html", b"front"),
        ("nights/1994-01-31/fin_loan.html", b"loans"),
        ("inside.html", b"front"),
    ],
)
def test_pages_are_read(site, path, content):
    assert site.read(path).content == content


@pytest.mark.parametrize(
    "path",
    ["link.html", "../../outside.html", "nights/../index.html", "/index.html", "nights", "a\\b.html", "x.html\n", ""],
)
def test_what_is_no_page_of_the_site_is_not_read(site, path):
    with pytest.raises(NoSuchFileError):
        site.read(path)


def test_a_lake_on_object_storage_is_read_the_same(site):
    from upath import UPath

    root = UPath("memory://lake/data_docs")
    (root / "index.html").parent.mkdir(parents=True, exist_ok=True)
    (root / "index.html").write_text("front")
    assert data_docs_of("memory://lake").read("index.html").content == b"front"
    with pytest.raises(NoSuchFileError):
        data_docs_of("memory://lake").read("nowhere.html")


@pytest.fixture
def lake(tmp_path: Path) -> str:
    pack = tmp_path / "lake" / "selections" / "manual__1"
    pack.mkdir(parents=True)
    (pack / "evidence.md").write_text("# Selection\n\n| a | b |\n| --- | --- |\n| 1 | <script>alert(1)</script> |\n")
    (pack / "recall_by_kind.png").write_bytes(b"\x89PNG")
    (pack / "evidence.csv").write_text("a\n1\n")
    (pack / "notes.exe").write_text("no")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (pack / "link.png").symlink_to(tmp_path / "secret.png")
    return f"file:{tmp_path / 'lake'}"


def test_a_pack_is_laid_out_with_its_plots_and_files(lake):
    found = evidence_of(lake, "manual__1")
    assert (found.plots, found.files) == (["link.png", "recall_by_kind.png"], ["evidence.csv", "evidence.md"])
    assert "<th>a</th>" in found.report


def test_markup_in_a_report_is_text(lake):
    report = evidence_of(lake, "manual__1").report
    assert "<script>" not in report
    assert "&lt;script&gt;" in report


@pytest.mark.parametrize("selection", ["..", "../selections/manual__1", "nowhere", "", ".", "manual__1/.."])
def test_what_is_no_selection_has_no_evidence(lake, selection):
    with pytest.raises(NoSuchFileError):
        evidence_of(lake, selection)


@pytest.mark.parametrize(
    "path",
    [
        "manual__1/link.png",
        "manual__1/notes.exe",
        "manual__1/../../secret.png",
        "../secret.png",
        "manual__1",
        "a//b.png",
    ],
)
def test_nothing_but_a_packs_own_files_is_served(lake, path):
    with pytest.raises(NoSuchFileError):
        packs_of(lake).read(path)


def test_a_plot_is_served_as_a_picture_and_a_report_as_text(lake):
    assert packs_of(lake).read("manual__1/recall_by_kind.png").media_type == "image/png"
    assert packs_of(lake).read("manual__1/evidence.md").media_type.startswith("text/plain")
