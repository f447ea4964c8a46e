"""The documentation site: its navigation has each page, its API pages each public name."""

from __future__ import annotations

import importlib
import re

import pytest

from hosts import ROOT
from pages import PAGES

DOCS = ROOT / "docs"
PUBLIC_MODULES = ("prefect_preflight", "prefect_preflight.report", "prefect_preflight.testing")


def entries() -> list[str]:
    """The names that mkdocstrings is to write about, on all API pages."""
    pages = sorted((DOCS / "api").glob("*.md"))
    return [name for page in pages for name in re.findall(r"^::: (\S+)$", page.read_text("utf-8"), re.MULTILINE)]


def test_each_page_is_in_the_navigation_once() -> None:
    """No page is lost, and none is listed that is not there; Zensical complains of neither."""
    listed = re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    there = [page.relative_to(DOCS).as_posix() for page in [*DOCS.glob("*.md"), *DOCS.glob("api/*.md")]]
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_each_public_name_has_an_entry(module: str) -> None:
    """What `__all__` lists is on an API page, under the name that users import it by."""
    names = [f"{module}.{name}" for name in importlib.import_module(module).__all__]
    # `Report` is the one name with two homes.
    missing = [name for name in names if name not in entries() and name != "prefect_preflight.Report"]
    assert missing == []
    assert len(names) > 4


def test_entries_are_public_names() -> None:
    """No API page has a name that its module does not list; the decorator's options are the exception."""
    listed = {f"{module}.{name}" for module in PUBLIC_MODULES for name in importlib.import_module(module).__all__}
    assert set(entries()) - listed == {"prefect_preflight.api.HookMarker.__call__"}
    assert len(set(entries())) == len(entries())


def test_each_picture_is_there() -> None:
    """No page shows a picture that does not exist; Zensical checks links alone."""
    pictures = [
        (page.name, page.parent / target)
        for page in PAGES
        for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text("utf-8"))
    ]
    assert len(pictures) >= 3
    assert [picture for picture in pictures if not picture[1].is_file()] == []
