"""What is to be run: a string, a module or an object becomes a candidate, as an entry point would name it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from prefect_preflight._discovery import HOOK, Candidate, discover
from prefect_preflight._settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Target"]

_HOLDER = "prefect_preflight_plugin_under_test"  # the module that holds an object which no other module has


@dataclass
class Target:
    """The candidate, what it was made of, the modules to be there while it runs, whether a distribution declares it."""

    candidate: Candidate
    plugin: object
    modules: dict[str, ModuleType] = field(default_factory=dict)
    installed: bool = False

    @classmethod
    def of(cls, plugin: object, name: str | None) -> Target:
        """The target for what `run_plugin` was given.

        Raises:
            TypeError: for what can be no plugin.
        """
        if isinstance(plugin, str):
            installed = _installed(plugin, name)
            if installed is not None:
                return cls(installed, plugin, installed=True)
            return cls(_candidate(plugin, name), plugin)
        if plugin is None or isinstance(plugin, (bytes, bool, int, float, dict, list, tuple)):
            raise TypeError(f"{plugin!r} is no plugin: give a module's name, an entry point's value, or an object")
        value, modules = _importable(plugin)
        if value is not None:
            installed = _installed(value, name)
            if installed is not None:
                return cls(installed, plugin, modules, installed=True)
            return cls(_candidate(value, name), plugin, modules)
        holder: Any = ModuleType(_HOLDER)
        holder.plugin = _as_plugin(plugin)
        return cls(_candidate(f"{_HOLDER}:plugin", name or _name_of(plugin)), plugin, {_HOLDER: holder})

    @property
    def importable(self) -> bool:
        """Whether another process can import it."""
        return _HOLDER not in self.modules and self.candidate.module != "__main__"

    @contextmanager
    def present(self) -> Iterator[None]:
        """While inside, the modules that it needs can be imported."""
        added = [name for name in self.modules if name not in sys.modules]
        sys.modules.update({name: self.modules[name] for name in added})
        try:
            yield
        finally:
            for name in added:
                sys.modules.pop(name, None)


def _installed(text: str, name: str | None) -> Candidate | None:
    """The installed entry point that has this value, or else this name."""
    candidates = [one for one in discover(Settings()) if name is None or one.name == name]
    for attribute in ("value", "name"):
        for candidate in candidates:
            if getattr(candidate, attribute) == text:
                return candidate
    return None


def _candidate(value: str, name: str | None) -> Candidate:
    return Candidate(name or value.partition(":")[0].rpartition(".")[2] or value, value, None, None)


def _importable(plugin: object) -> tuple[str | None, dict[str, ModuleType]]:
    """How an entry point would name `plugin`, None if no module has it, and the module that it is."""
    if isinstance(plugin, ModuleType):
        known = sys.modules.get(plugin.__name__)
        return (plugin.__name__, {plugin.__name__: plugin}) if known in (None, plugin) else (None, {})
    routine = hasattr(plugin, "__code__")
    owner = plugin if routine or isinstance(plugin, type) else type(plugin)
    module = sys.modules.get(getattr(owner, "__module__", None) or "")
    if module is None:
        return None, {}
    if routine and vars(module).get(HOOK) is plugin:
        return module.__name__, {}
    if isinstance(plugin, type):
        return (f"{module.__name__}:{plugin.__qualname__}" if _has(module, plugin) else None), {}
    names = [name for name, value in vars(module).items() if value is plugin and not routine]
    return (f"{module.__name__}:{names[0]}" if names else None), {}


def _has(module: ModuleType, plugin: type) -> bool:
    found: Any = module
    for part in plugin.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is plugin


def _as_plugin(plugin: object) -> object:
    """The object itself, or one that has the function or method as its hook."""
    if not callable(plugin) or isinstance(plugin, type) or hasattr(plugin, HOOK):
        return plugin
    function: Any = plugin
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    holder = SimpleNamespace(**{HOOK: function})
    requires = getattr(module, "PREFECT_PLUGIN_API_REQUIRES", None)
    if requires is not None:
        holder.PREFECT_PLUGIN_API_REQUIRES = requires
    return holder


def _name_of(plugin: object) -> str:
    name = getattr(plugin, "__name__", None) or type(plugin).__name__
    return str(name)
