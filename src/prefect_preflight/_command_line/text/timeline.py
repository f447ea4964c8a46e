"""The run as bars: when each hook ran, next to one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect_preflight._command_line.terminal import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect_preflight.report import HookInfo, Report

__all__ = ["timeline"]

_WIDEST_BAR, _WIDEST_NAME = 60, 24  # columns
_BESIDE = 14  # columns for what is neither name nor bar: the indentation, blanks, the figure


def timeline(report: Report, width: int) -> Iterator[Line]:
    """One bar for each call of a hook, from the first load of a plugin to the last end of a hook.

    Nothing if fewer than two hooks were called: one bar tells no more than its duration. `width` is that of the line.
    """
    calls = [(plugin.name, hook) for plugin in report.plugins for hook in plugin.hooks if hook.started is not None]
    if len(calls) < 2:
        return
    total = max((hook.started or 0.0) + (hook.seconds or 0.0) for _, hook in calls) or 1.0
    room = width - _BESIDE
    longest = min(_WIDEST_NAME, room // 2, max(len(name) for name, _ in calls))
    columns = min(_WIDEST_BAR, room - longest)
    yield Line("  Timeline:")
    for name, hook in calls:
        shown = name if len(name) <= longest else name[: longest - 1] + "…"
        yield Line(f"    {shown:<{longest}} {_bar(hook, total, columns)} {hook.seconds or 0.0:5.2f} s", "dim")


def _bar(hook: HookInfo, total: float, columns: int) -> str:
    """The bar of one call, at least one column wide, on a scale of `total` seconds."""
    scale = columns / total
    begin = min(columns - 1, int((hook.started or 0.0) * scale))
    length = max(1, min(columns - begin, round((hook.seconds or 0.0) * scale)))
    return "·" * begin + "█" * length + "·" * (columns - begin - length)
