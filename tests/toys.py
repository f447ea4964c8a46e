"""Toy hosts: a package ``prefect`` of a few lines that is installed like the real one.

It has a body, a submodule, and metadata, so the product takes it for Prefect; it starts in a fraction of the
time and runs on every Python. For what concerns the interpreter rather than Prefect.
"""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING

import interpreters

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World

PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13")
"""The interpreters that promises about the import system and about threads are tested on."""

ON = {"PREFECT_PLUGINS_ENABLED": "1"}
"""The environment of a child whose plugins are enabled."""

FULL = os.environ.get("PREFLIGHT_FULL", "").lower() in ("1", "true")
"""Whether repetitions run in full number (``PREFLIGHT_FULL=1``) or as many as fit into an ordinary run."""

SOME_PYTHONS = PYTHONS if FULL else ("3.9", "3.11", "3.13")
"""Those for the slower tests in an ordinary run: the ends, and the last before the import system's locks changed."""

BODY = """
    import os
    SEEN = os.environ.get("TOKEN")
    from prefect.flows import flow
    DONE = True
"""

FLOWS = """
    import os
    SEEN = os.environ.get("TOKEN")
    def flow(function):
        return function
"""

PLUGIN = """
    from prefect.plugins import register_hook, SetupResult

    @register_hook
    def setup_environment(*, ctx):
        return SetupResult(env={"TOKEN": "set-by-the-hook"})
"""
"""A plugin that sets ``TOKEN``."""


def install_toy_prefect(world: World, body: str = BODY, *, distribution: str = "prefect") -> None:
    """Installs the toy Prefect into a world."""
    world.plugin(
        distribution,
        body,
        entry_points={},
        module="prefect",
        version="3.99.0",
        extra_files={"prefect/flows.py": FLOWS, "prefect/blocks/__init__.py": "from prefect import flow\n"},
    )


def toy_world(hosts: Hosts, new_world: Callable[[Host], World], version: str) -> World:
    """Returns a world with the toy Prefect on a Python of ``version``."""
    world = new_world(hosts(python=version))
    install_toy_prefect(world)
    return world


def repetitions(full: int, reduced: int) -> int:
    """Returns how often to repeat something: ``full`` times with ``PREFLIGHT_FULL=1``, else fewer."""
    return full if FULL else reduced


def pythons() -> list[str]:
    """Returns those of `PYTHONS` that this machine has, all of them if it has none, so that a test skips."""
    return [version for version in PYTHONS if interpreters.find(version)] or list(PYTHONS)


COMPANIONS = (
    *("prefect==3.8.8", "fastapi<0.150"),
    *("autowrapt", "beartype", "coverage", "freezegun", "gevent", "pytest", "structlog", "typeguard", "wrapt"),
)
"""The newest Prefect beside packages that change imports, clocks or threads. None of them does so uninvited."""


def hook(body: str, head: str = "") -> str:
    """Returns the text of a plugin whose hook does ``body`` and then sets ``TOKEN``; loading it does ``head``."""
    lines = [
        "import os",
        "from prefect.plugins import register_hook, SetupResult",
        *textwrap.dedent(head).strip().splitlines(),
        "@register_hook",
        "def setup_environment(*, ctx):",
        *("    " + line for line in textwrap.dedent(body).strip().splitlines()),
        "    return SetupResult(env={'TOKEN': 'set-by-the-hook'})",
    ]
    return "\n".join(lines) + "\n"
