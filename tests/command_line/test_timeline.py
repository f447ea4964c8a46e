"""The timeline of the hooks, as bars."""

from __future__ import annotations

import diag_samples as samples
from prefect_preflight._command_line.text.timeline import timeline
from prefect_preflight.report import HookInfo


def bars(*calls: tuple[str, float, float], width: int = 56) -> list[str]:
    """The lines for calls of hooks, given as name, begin and duration, where bars have 36 columns beside "beside"."""
    plugins = [samples.plugin(name=name, hooks=(HookInfo("normal", begin, took),)) for name, begin, took in calls]
    return [line.text for line in timeline(samples.report(*plugins), width)]


def test_bars_stand_where_the_hooks_ran() -> None:
    """Parallel hooks stand above one another, a later wave behind them, each bar as long as its hook ran."""
    lines = bars(("first", 0.0, 1.0), ("beside", 0.0, 0.5), ("after", 1.0, 1.0))
    assert lines[0] == "  Timeline:"
    drawn = {line.split()[0]: line.split()[1] for line in lines[1:]}
    assert drawn["first"] == "█" * 18 + "·" * 18
    assert drawn["beside"] == "█" * 9 + "·" * 27
    assert drawn["after"] == "·" * 18 + "█" * 18
    assert lines[1].endswith("  1.00 s")


def test_a_short_hook_has_a_bar_too() -> None:
    """No bar is empty, not even at the very end, and no line is longer than the terminal has columns."""
    for width, name in ((40, "a-plugin-wit… "), (80, "a-plugin-with-a-name-th… ")):
        lines = bars(("long", 0.0, 100.0), ("a-plugin-with-a-name-that-never-ends", 99.99, 0.001), width=width)
        assert lines[2].count("█") == 1
        assert max(map(len, lines)) == width
        assert name in lines[2]


def test_one_hook_needs_no_timeline() -> None:
    """A single bar would say no more than the hook's duration, and a hook that was not called has none."""
    assert bars(("only", 0.0, 1.0)) == []
    idle = samples.plugin(name="idle", hooks=(HookInfo("normal", None, None),))
    assert list(timeline(samples.report(samples.plugin(), idle), 80)) == []
