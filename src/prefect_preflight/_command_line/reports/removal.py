"""Removes old report files, and nothing else."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .reading import Process, Tree

__all__ = ["in_seconds", "remove_older_than"]

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}  # seconds


def in_seconds(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """The value of an option that takes an age, such as "7d", in seconds."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d+) ?(s|min|h|d|w)", value.strip())
    if match is None:
        raise click.BadParameter(f"{value!r} is no age: write a whole number and a unit (s, min, h, d, w), such as 7d")
    return float(int(match[1]) * _UNITS[match[2]])


def remove_older_than(tree: Tree, seconds: float, now: float) -> tuple[int, list[str]]:
    """Remove the report files that were written longer ago, but for those whose descendants stay.

    Files that are no reports, and symbolic links, are left alone. What somebody else has removed meanwhile is no error.

    Args:
        tree: what is in the directory.
        seconds: how old they may be.
        now: the present, in seconds since the epoch.

    Returns:
        How many were removed, and a line on each that could not be.
    """
    removed, problems = 0, []
    for process in _old(tree, now - seconds):
        path = os.path.join(tree.directory, process.file)
        if os.path.islink(path):
            continue
        try:
            os.unlink(path)
            removed += 1
        except FileNotFoundError:
            pass
        except OSError as error:
            problems.append(f"{process.file}: {error.strerror or error}")
    return removed, problems


def _old(tree: Tree, limit: float) -> list[Process]:
    """The processes whose reports were written before `limit`, and all of whose descendants' were."""
    kept: set[str] = set()
    for process in reversed(tree.processes):  # children before their parents
        if process.written >= limit or process.id in kept:
            kept.add(process.id)
            if process.parent is not None:
                kept.add(process.parent)
    return [process for process in tree.processes if process.id not in kept]
