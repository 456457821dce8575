"""Reading the Data Docs site and nothing beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.settlement_console.docs import DocsSite, NoSuchPageError


@pytest.fixture
def site(tmp_path: Path) -> DocsSite:
    root = tmp_path / "lake" / "data_docs"
    (root / "nights" / "1994-01-31").mkdir(parents=True)
    (root / "index.html").write_text("front")
    (root / "nights" / "1994-01-31" / "fin_loan.html").write_text("loans")
    (tmp_path / "outside.html").write_text("secret")
    (root / "link.html").symlink_to(tmp_path / "outside.html")
    (root / "inside.html").symlink_to(root / "index.html")
    return DocsSite.of_lake(f"file:{tmp_path / 'lake'}")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("", b"front"),
        ("index.html", b"front"),
        ("nights/1994-01-31/fin_loan.html", b"loans"),
        ("inside.html", b"front"),
    ],
)
def test_pages_are_read(site, path, content):
    assert site.read(path).content == content


@pytest.mark.parametrize(
    "path",
    ["link.html", "../../outside.html", "nights/../index.html", "/index.html", "nights", "a\\b.html", "x.html\n"],
)
def test_what_is_no_page_of_the_site_is_not_read(site, path):
    with pytest.raises(NoSuchPageError):
        site.read(path)


def test_a_lake_on_object_storage_is_read_the_same(site):
    from upath import UPath

    root = UPath("memory://lake/data_docs")
    (root / "index.html").parent.mkdir(parents=True, exist_ok=True)
    (root / "index.html").write_text("front")
    assert DocsSite.of_lake("memory://lake").read("").content == b"front"
    with pytest.raises(NoSuchPageError):
        DocsSite.of_lake("memory://lake").read("nowhere.html")
