"""README's example, the quick start and the tutorial, from an empty directory, by the text of these pages alone.

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

import services
from hosts import IS_WINDOWS, NEW
from pages import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pages import Block

PAGES = ("README.md", "docs/quick-start.md", "docs/tutorial.md")
MARK = "--- the end of block"


def of_page(page: str) -> list[Block]:
    """The blocks of a page that are steps, or a plugin, in their order."""
    return [
        block for block in blocks() if block.place.startswith(f"{page}:") and block.kind in ("steps", "plugin", "file")
    ]


def commands(block: Block) -> list[str]:
    """What is typed."""
    return [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]


def script(page: str) -> str:
    """All steps of a page, a mark behind each block."""
    lines = []
    for number, block in enumerate(of_page(page)):
        lines.append("set -e")
        if block.kind == "steps":
            *others, last = commands(block)
            lines += [*others, "set +e", last]
        else:
            module = block.rest.replace("-", "_")
            file = block.rest if block.kind == "file" else f"{block.rest}/src/{module}/__init__.py"
            lines += [f"test -d $(dirname {file})", f"printf %s {shlex.quote(block.text)} > {file}"]
        lines.append(f"echo '{MARK} {number}' $? | tee /dev/stderr")
    return "\n".join(lines)


def expected(block: Block) -> dict[str, list[str]]:
    """What a block's mark says of it: "contains", "stderr" and "status", each with its texts."""
    words = shlex.split(block.rest) if block.kind == "steps" else []
    found: dict[str, list[str]] = {"contains": [], "stderr": [], "status": []}
    for word, text in zip(words[::2], words[1::2]):
        found[word].append(text)
    return found


@pytest.fixture(scope="module")
def vault() -> Iterator[str]:
    """The address of a stand-in for Vault, which the tutorial asks."""
    with services.serve() as url:
        yield url


@pytest.fixture
def environment(wheel: Path, tmp_path: Path, vault: str) -> dict[str, str]:
    """The variables of the shell: little of the machine's, and what the commands are told besides."""
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(NEW.requirements))
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    # Those of pip's that the machine has set, such as an index of its own, count as ever.
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return {
        **pip,
        "PATH": os.pathsep.join([str(python.parent), os.defpath]),
        "HOME": os.environ.get("HOME", str(tmp_path)),  # pip's cache and configuration
        "LANG": "C.UTF-8",
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PIP_FIND_LINKS": " ".join([str(wheel.parent), *pip.get("PIP_FIND_LINKS", "").split()]),
        "PIP_CONSTRAINT": str(constraints),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COMPILE": "1",  # most of Prefect is never imported here
        "VAULT_ADDR": vault,
        "VAULT_ROLE_ID": "flows",
        "VAULT_SECRET_ID": services.GOOD,
    }


@pytest.mark.skipif(IS_WINDOWS, reason="the pages' commands are for a POSIX shell")
def test_the_pages_work_when_copied(tmp_path: Path, environment: dict[str, str]) -> None:
    """Each command succeeds, and prints what the page says it does.

    In one directory, so that a page finds what the one before it has installed; the first one finds nothing.
    """
    directory = tmp_path / "here"
    directory.mkdir()
    for page in PAGES:
        done = subprocess.run(
            ["/bin/sh", "-c", script(page)],
            env=environment,
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        look_at(page, done)


def look_at(page: str, done: subprocess.CompletedProcess[str]) -> None:
    """Compares what the page's commands have printed with what it says."""
    told = f"{page}\n{done.stdout}\n{done.stderr}"
    stdout, stderr = done.stdout, done.stderr
    for number, block in enumerate(of_page(page)):
        wanted = expected(block)
        mark = f"{MARK} {number} {(wanted['status'] or ['0'])[0]}\n"
        assert mark in stdout, told
        output, _, stdout = stdout.partition(mark)
        errors, _, stderr = stderr.partition(mark)
        lines = [line for line in block.text.splitlines() if not line.startswith("$ ")]
        if block.kind == "steps" and lines:
            assert output.splitlines() == lines, told
        assert all(text in output for text in wanted["contains"]), told
        assert all(text in errors for text in wanted["stderr"]), told
