"""The blocks of code in the documentation, with the marks that say how each is tested: see `test_docs`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hosts import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "api").glob("*.md"))]
FENCE = re.compile(r"^(?P<before>[^\n]*)\n```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- test: (?P<kind>\w+)(?P<rest>.*?) -->$")


@dataclass(frozen=True)
class Block:
    """One block of code: where it stands, its language and text, and what its mark says."""

    place: str
    language: str
    text: str
    kind: str | None
    rest: str


def blocks() -> list[Block]:
    """All blocks of the documentation."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            mark = MARK.search(match["before"])
            line = text.count("\n", 0, match.start("text"))
            place = f"{page.relative_to(ROOT)}:{line}"
            kind, rest = (mark["kind"], mark["rest"].strip(" ,")) if mark else (None, "")
            found.append(Block(place, match["language"], match["text"], kind, rest))
    return found


def checkable_modules() -> dict[str, str]:
    """The Python blocks that are whole modules and need no types of Prefect: plugins, tests, programs; by place."""
    modules = {}
    for block in blocks():
        whole = block.language == "python" and block.kind in ("plugin", "tests", "run")
        if whole and (block.kind == "plugin" or not re.search(r"^(from|import) prefect\b", block.text, re.MULTILINE)):
            modules[re.sub(r"\W", "_", block.place)] = block.text
    return modules
