"""The run as bars: when each hook ran, next to one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect_preflight._command_line.terminal import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect_preflight.report import HookInfo, Report

__all__ = ["timeline"]

_BAR_WIDTH = 36  # columns; with the name and the figure it fits into 80
_NAME_WIDTH = 24


def timeline(report: Report) -> Iterator[Line]:
    """One bar for each call of a hook, from the first load of a plugin to the last end of a hook.

    Nothing if fewer than two hooks were called: one bar tells no more than its duration.
    """
    calls = [(plugin.name, hook) for plugin in report.plugins for hook in plugin.hooks if hook.started is not None]
    if len(calls) < 2:
        return
    total = max((hook.started or 0.0) + (hook.seconds or 0.0) for _, hook in calls) or 1.0
    yield Line("  Timeline:")
    for name, hook in calls:
        shown = name if len(name) <= _NAME_WIDTH else name[: _NAME_WIDTH - 1] + "…"
        yield Line(f"    {shown:<{_NAME_WIDTH}} {_bar(hook, total)} {hook.seconds or 0.0:6.2f} s", "dim")


def _bar(hook: HookInfo, total: float) -> str:
    """The bar of one call, at least one column wide, on a scale of `total` seconds."""
    scale = _BAR_WIDTH / total
    begin = min(_BAR_WIDTH - 1, int((hook.started or 0.0) * scale))
    length = max(1, min(_BAR_WIDTH - begin, round((hook.seconds or 0.0) * scale)))
    return "·" * begin + "█" * length + "·" * (_BAR_WIDTH - begin - length)
