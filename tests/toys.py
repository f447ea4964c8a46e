"""Pythons, numbers of repetitions, and a plugin that sets one variable, for tests on the stand-in for Prefect."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING

import interpreters
import snippets
import standin

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World

PYTHONS = interpreters.VERSIONS
"""The interpreters that promises about the import system and about threads are tested on."""

FULL = os.environ.get("PREFLIGHT_FULL", "").lower() in ("1", "true")
"""Whether repetitions run in full number (``PREFLIGHT_FULL=1``) or as many as fit into an ordinary run."""

SOME_PYTHONS = PYTHONS if FULL else (PYTHONS[0], "3.11", "3.13", PYTHONS[-1])
"""Those for the slower tests in an ordinary run: the ends, the last before the import system's locks changed, and the
last that ends daemon threads at exit."""

PLUGIN = """
    from prefect.plugins import register_hook, SetupResult

    @register_hook
    def setup_environment(*, ctx):
        return SetupResult(env={"TOKEN": "set-by-the-hook"})
"""
"""A plugin that sets ``TOKEN``."""


def toy_world(hosts: Hosts, new_world: Callable[[Host], World], version: str) -> World:
    """Returns a world with the stand-in for Prefect on a Python of ``version``."""
    return standin.world_on(hosts, new_world, version)


def repetitions(full: int, reduced: int) -> int:
    """Returns how often to repeat something: ``full`` times with ``PREFLIGHT_FULL=1``, else fewer."""
    return full if FULL else reduced


def pythons() -> list[str]:
    """Returns those of `PYTHONS` that this machine has, all of them if it has none, so that a test skips."""
    return [version for version in PYTHONS if interpreters.find(version)] or list(PYTHONS)


COMPANIONS = (
    *("prefect==3.8.8", "fastapi<0.150"),
    *("autowrapt", "awscli", "beartype", "coverage", "freezegun"),
    *("gevent", "pytest", "structlog", "typeguard", "wrapt"),
)
"""The newest Prefect beside packages that change imports, clocks or threads. None of them does so uninvited."""

AWS = {
    # Prefect, its prefect-aws, whether that has an entry point in the group; dates are those of the newest that fit
    "new": (("prefect==3.8.8", "fastapi<0.150", "prefect-aws>=0.7.2"), "3.12", True),
    "old": (("prefect==3.4.23", "prefect-aws<0.7"), "3.9", False),
}


def hook(body: str, head: str = "") -> str:
    """Returns the text of a plugin whose hook does ``body`` and then sets ``TOKEN``; loading it does ``head``."""
    done = "return SetupResult(env={'TOKEN': 'set-by-the-hook'})"
    lines = [textwrap.dedent(text).strip() for text in (body, head)]
    return snippets.hook(f"{lines[0]}\n{done}", before=lines[1], imports="os", api="prefect.plugins")
