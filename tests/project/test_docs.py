"""The documentation's examples do what it says.

Each block of code in `README.md` and `docs/*.md` has a comment in the line before it that says how it is tested:

    <!-- test: plugin NAME -->          a plugin's module, installed and run
    <!-- test: run -->                  a program, run with Prefect and plugins enabled
    <!-- test: tests -->                a plugin author's tests, run with the quick start's plugin installed
    <!-- test: steps -->                commands for a shell, run after the page's others: see `test_first_steps`
    <!-- test: file PATH -->            a file, written there in the course of the page's steps
    <!-- test: gallery FILE -->         a plugin of the gallery's, run by `tests/gallery`
    <!-- test: shell -->                commands for a shell, with the quick start's plugin installed; lines that follow
                                        a command are its output. May go on: contains "TEXT" (in the output),
                                        stderr "TEXT", status N
    <!-- test: skip, REASON -->         not run, for the reason given
"""

from __future__ import annotations

import shlex
import subprocess
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from pages import blocks

if TYPE_CHECKING:
    from pages import Block
    from worlds import World

KINDS = ("plugin", "run", "tests", "shell", "steps", "file", "gallery", "skip")
CODE = {"bash", "console", "dockerfile", "ini", "json", "python", "sh", "shell", "toml", "yaml"}


def of_kind(kind: str) -> list[pytest.param]:
    """The blocks with that mark, as parameters of a test."""
    return [pytest.param(block, id=block.place) for block in blocks() if block.kind == kind]


@pytest.fixture
def ready(world: World) -> World:
    """A world with the plugin of the quick start."""
    page = "docs/quick-start.md"
    (block,) = (block for block in blocks() if block.place.startswith(page) and block.kind == "plugin")
    world.plugin("my-plugin", block.text)
    return world


def test_each_block_is_tested_or_says_why_not() -> None:
    """No example is left to itself: it is executed by a test here, or its mark has the reason."""
    code = [block for block in blocks() if block.language in CODE]
    assert [block.place for block in code if block.kind not in KINDS] == []
    assert [block.place for block in code if block.kind == "skip" and len(block.rest) < 20] == []
    assert len(code) > 10  # the expression above still finds them


@pytest.mark.parametrize("block", of_kind("plugin"))
def test_plugin(world: World, block: Block) -> None:
    """The page's plugin runs, and sets what it returns."""
    world.plugin(block.rest, block.text)
    program = """
        import prefect, prefect_preflight
        report = prefect_preflight.last_report()
        print(report.outcome, len(report.plugins[0].environment))
    """
    assert world.run(program, PREFECT_PLUGINS_ENABLED="1", check=True).stdout == "success 1\n"


@pytest.mark.parametrize("block", of_kind("run"))
def test_program(ready: World, block: Block) -> None:
    """The page's program runs to its end."""
    ready.run(block.text, PREFECT_PLUGINS_ENABLED="1", check=True)


@pytest.mark.parametrize("block", of_kind("tests"))
def test_authors_tests(ready: World, block: Block) -> None:
    """The page's tests of a plugin pass."""
    call = """
        tests = [value for name, value in list(globals().items()) if name.startswith("test_")]
        print([test() for test in tests])
    """
    assert ready.run(block.text + dedent(call), check=True).stdout.startswith("[None")


@pytest.mark.parametrize("block", of_kind("shell"))
def test_commands(ready: World, block: Block) -> None:
    """The page's commands do what it says."""
    lines = block.text.splitlines()
    script = "\n".join(line[2:] for line in lines if line.startswith("$ "))
    output = [line for line in lines if not line.startswith("$ ")]
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        env=ready.host.environment({"PYTHONPATH": str(ready.overlay), "HOME": str(ready.home)}),
        cwd=ready.cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    words = shlex.split(block.rest)
    expected = dict(zip(words[::2], words[1::2]))
    assert done.returncode == int(expected.get("status", 0)), done
    if output:
        assert done.stdout.splitlines() == output
    assert expected.get("contains", "") in done.stdout
    assert expected.get("stderr", "") in done.stderr
