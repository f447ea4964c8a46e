"""Loads what an entry point names, and finds the hooks in it.

`load` executes the plugin's code, in a worker. It changes nothing but what it returns, so that the result of one that
was given up can be thrown away.
"""

from __future__ import annotations

import sys
import types
from importlib import import_module

from prefect_preflight._discovery import HOOK

from . import (
    DEFAULT_REQUIREMENT,
    HOOK_ATTRIBUTE,
    KNOWN_HOOKS,
    PREFECT_PLUGIN_API_VERSION,
    Hook,
    PluginProblem,
    PluginWarning,
)
from .describe import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from prefect_preflight._discovery import Candidate
    from prefect_preflight._statuses import Wave


# What a module has under a name that it imports lazily, until the name is used (PEP 810); from Python 3.15 on.
_Lazy: type | None = getattr(types, "LazyImportType", None)


class Loaded:
    """What loading a plugin found: plain data, so that the importing thread executes none of the plugin's code."""

    __slots__ = ("fits", "hook_names", "hooks", "requires", "warnings")

    def __init__(self) -> None:
        self.requires = DEFAULT_REQUIREMENT
        self.fits: bool | None = True  # as of `compatible`
        self.hooks: list[Hook] = []
        self.hook_names: list[str] = []
        self.warnings: list[PluginWarning] = []

    def warn(self, slug: str, text: str) -> None:
        """Note what should be fixed, as of `PluginWarning`."""
        self.warnings.append(PluginWarning(slug, text))


def load(candidate: Candidate) -> Loaded:
    """Import what the entry point names and find its hooks.

    Raises:
        PluginProblem: if the entry point names nothing, or a class that cannot be instantiated.
        BaseException: whatever the plugin's modules raise.
    """
    found = Loaded()
    target = module = _import(candidate)
    for attribute in filter(None, candidate.attribute.split(".")):
        try:
            target = getattr(target, attribute)
        except AttributeError:
            raise PluginProblem(
                f"{candidate.value!r} names {attribute!r}, which module {candidate.module!r} does not have"
            ) from None
    if isinstance(target, type):
        target = _instantiated(target, candidate, found)
    requires = getattr(target, "PREFECT_PLUGIN_API_REQUIRES", None)
    if requires is None:
        home = sys.modules.get(getattr(type(target), "__module__", None) or "", module)
        requires = getattr(module, "PREFECT_PLUGIN_API_REQUIRES", None)
        requires = getattr(home, "PREFECT_PLUGIN_API_REQUIRES", None) if requires is None else requires
    if requires is not None:
        found.requires = plain(requires)
        found.fits = compatible(found.requires) if isinstance(requires, str) else None
    _find_hooks(target, found)
    return found


def _import(candidate: Candidate) -> Any:
    if not candidate.module or candidate.module.startswith("."):
        raise PluginProblem(f"{candidate.value!r} is no entry point: write 'module' or 'module:object'")
    try:
        module = import_module(candidate.module)
    except ModuleNotFoundError as error:
        if error.name is not None and (candidate.module + ".").startswith(error.name + "."):
            raise PluginProblem(f"there is no module {error.name!r}, which {candidate.value!r} names") from None
        raise
    if module is None:
        raise PluginProblem(f"module {candidate.module!r} has put None in its own place in sys.modules")
    # A module may have put an object of another kind in its place in `sys.modules`, which has no spec.
    if getattr(getattr(module, "__spec__", None), "_initializing", False):
        # It is further up in the chain of imports that led here, so its hooks may not exist yet.
        raise PluginProblem(
            f"module {candidate.module!r} was still being imported when it imported Prefect, "
            f"so its hooks cannot be seen in this process; import prefect before it"
        )
    return module


def _instantiated(target: type, candidate: Candidate, found: Loaded) -> Any:
    """An instance of a class that an entry point names, as pluggy would call its methods without `self`."""
    remedy = f"write `{candidate.attribute} = {target.__name__}()` at module level and name that"
    try:
        instance = target()
    except Exception as error:
        raise PluginProblem(
            f"{candidate.value!r} names a class, not an instance, and it cannot be called without arguments "
            f"({type(error).__name__}: {error}); {remedy}"
        ) from error
    found.warn(
        "class-not-instance", f"{candidate.value!r} names a class, not an instance; an instance was made: {remedy}"
    )
    return instance


def _find_hooks(target: Any, found: Loaded) -> None:
    """Collect what carries the marker's attribute, as pluggy does on registration."""
    for name in dir(target):
        if _is_lazy(target, name) and name not in KNOWN_HOOKS:
            continue  # to look at it would import it; a hook that is imported lazily has to have its own name
        try:
            function = getattr(target, name)
            options = getattr(function, HOOK_ATTRIBUTE, None) if _is_routine(function) else None
        except Exception:
            continue
        if not isinstance(options, dict):
            continue
        hook_name = options.get("specname") or name
        found.hook_names.append(hook_name)
        if hook_name != HOOK:
            if hook_name not in KNOWN_HOOKS and not options.get("optionalhook"):
                found.warn("unknown-hook", _unknown_hook(hook_name))
        elif options.get("wrapper") or options.get("hookwrapper"):
            found.warn("wrapper-hook", f"{name} is marked as a wrapper, which {HOOK} does not have; it is not called")
        else:
            wave: Wave = "tryfirst" if options.get("tryfirst") else "trylast" if options.get("trylast") else "normal"
            found.hooks.append(Hook(function, wave))
    if not found.hook_names:
        hint = f": {HOOK} lacks the decorator @register_hook" if hasattr(target, HOOK) else ""
        found.warn("no-hook", f"it has no hook{hint}")


def _is_lazy(target: Any, name: str) -> bool:
    return _Lazy is not None and isinstance(target, types.ModuleType) and type(vars(target).get(name)) is _Lazy


def _is_routine(value: object) -> bool:
    """Whether it may be a hook: what `inspect.isroutine` calls a routine, as pluggy does, if it can have attributes.

    Not by `inspect`, which takes longer to import than a small plugin.
    """
    kind = type(value)
    if issubclass(kind, types.MethodType):  # which has no `__get__` on Python 3.12
        return True
    return hasattr(kind, "__get__") and not hasattr(kind, "__set__") and not issubclass(kind, type)


def _unknown_hook(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, KNOWN_HOOKS, 1)
    return f"there is no hook {name!r}" + (f", did you mean {close[0]!r}?" if close else "")


def compatible(requires: object) -> bool | None:
    """Whether the plugin API's version satisfies `requires` (PEP 440); None if that is no version specifier."""
    if requires == DEFAULT_REQUIREMENT:
        return True  # and `packaging` need not be imported
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(requires).contains(PREFECT_PLUGIN_API_VERSION) if isinstance(requires, str) else None
    except InvalidSpecifier:
        return None
