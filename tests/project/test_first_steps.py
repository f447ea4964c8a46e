"""The quick start and README's example, from an empty directory, by the text of these pages alone.

The commands of a page run in one shell, as they stand. What is not theirs are variables of pip's: where it finds the
wheel under test, and which Prefect it takes. A plugin's code is written to the file that the page says it is in.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hosts import IS_WINDOWS, NEW
from pages import blocks

if TYPE_CHECKING:
    from pathlib import Path

    from pages import Block

PAGES = ("README.md", "docs/quick-start.md")
MARK = "--- the end of block"


def of_page(page: str) -> list[Block]:
    """The blocks of a page that are steps, or a plugin, in their order."""
    return [block for block in blocks() if block.place.startswith(f"{page}:") and block.kind in ("steps", "plugin")]


def commands(block: Block) -> list[str]:
    """What is typed."""
    return [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]


def script(page: str) -> str:
    """All steps of a page, a mark behind each block."""
    lines = ["set -e"]
    for number, block in enumerate(of_page(page)):
        if block.kind == "plugin":
            file = f"{block.rest}/src/{block.rest.replace('-', '_')}/__init__.py"
            lines += [f"test -f {file}", f"printf %s {shlex.quote(block.text)} > {file}"]
        else:
            lines += commands(block)
        lines.append(f"echo '{MARK} {number}'")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty directory, the same for both pages: what the first one has installed the second one finds."""
    return tmp_path_factory.mktemp("first-steps") / "here"


@pytest.mark.skipif(IS_WINDOWS, reason="the pages' commands are for a POSIX shell")
@pytest.mark.parametrize("page", PAGES)
def test_the_page_works_when_copied(page: str, directory: Path, wheel: Path, tmp_path: Path) -> None:
    """Each command succeeds, and prints what the page says it does."""
    directory.mkdir(exist_ok=True)
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(NEW.requirements))
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    # Those of pip's that the machine has set, such as an index of its own, count as ever.
    environment = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    environment.update(
        PATH=os.pathsep.join([str(python.parent), os.defpath]),
        HOME=os.environ.get("HOME", str(tmp_path)),  # pip's cache and configuration
        LANG="C.UTF-8",
        DO_NOT_TRACK="1",
        PREFECT_HOME=str(tmp_path / "prefect"),
        PIP_FIND_LINKS=" ".join([str(wheel.parent), *environment.get("PIP_FIND_LINKS", "").split()]),
        PIP_CONSTRAINT=str(constraints),
        PIP_DISABLE_PIP_VERSION_CHECK="1",
    )
    done = subprocess.run(
        ["/bin/sh", "-c", script(page)],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    told = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, told
    rest = done.stdout
    for number, block in enumerate(of_page(page)):
        output, _, rest = rest.partition(f"{MARK} {number}\n")
        expected = [line for line in block.text.splitlines() if not line.startswith("$ ")]
        if block.kind == "steps" and expected:
            assert output.splitlines() == expected, told
        words = shlex.split(block.rest) if block.kind == "steps" else []
        for word, text in zip(words[::2], words[1::2]):
            assert word == "contains" and text in output, told
