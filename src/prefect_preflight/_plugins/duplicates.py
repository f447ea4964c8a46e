"""One plugin under several names: an old name that was kept beside the new one, or a package that was renamed.

It is the same plugin, so it runs once, under the first of its names. The others count as filtered.
"""

from __future__ import annotations

from types import MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from . import Hook, Plugin


class Originals:
    """Which plugin was the first to name an object, or to have a hook."""

    def __init__(self) -> None:
        self._by_value: dict[tuple[str, str], Plugin] = {}
        self._by_function: dict[tuple[int, ...], Plugin] = {}

    def of_value(self, plugin: Plugin) -> Plugin:
        """The first plugin whose entry point names the same object: `plugin` itself, unless there was one before."""
        return self._by_value.setdefault((plugin.candidate.module, plugin.candidate.attribute), plugin)

    def of_hooks(self, plugin: Plugin, hooks: Sequence[Hook]) -> Plugin:
        """The first plugin that had all these hooks: `plugin` itself, unless there was one before."""
        known = [self._by_function.setdefault(_identity(hook), plugin) for hook in hooks]
        return known[0] if known and all(other is known[0] for other in known) else plugin


def _identity(hook: Hook) -> tuple[int, ...]:
    """What two hooks have in common that are one; the methods of two instances are two. Executes no plugin code."""
    function = hook.function
    if type(function) is MethodType:
        return id(function.__self__), id(function.__func__)
    return (id(function),)


def mark(plugin: Plugin, original: Plugin) -> None:
    """Have `plugin` filtered as another name of `original`."""
    plugin.status, plugin.another_name_of = "filtered", original.name
    plugin.candidate.why_excluded = f"another name of plugin {original.name!r}, which runs once"
