"""What should be fixed in a plugin, by its record after a run and by what it returned, logged and printed."""

from __future__ import annotations

import inspect
import os
import sys
from typing import TYPE_CHECKING, Any, Callable

from prefect_preflight._discovery import HOOK
from prefect_preflight._plugins.returned_environment import lacks_expiry
from prefect_preflight._redaction import Redactor, is_sensitive

from ._outcome import Advice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prefect_preflight._plugins import Plugin

__all__ = ["about_code", "about_environ", "about_second_call", "about_texts"]

_REQUIRES = "PREFECT_PLUGIN_API_REQUIRES"


def about_code(plugin: Plugin, slow_import: float) -> Iterator[Advice]:
    """What is wrong with the plugin itself, as far as it can be seen where it was loaded."""
    for hook in plugin.hooks:
        yield from _signature(hook.function)
    # Of a module that could not be loaded nobody knows what it declares.
    if plugin.load_seconds is not None and plugin.status != "load-failed" and not _declares_requirement(plugin):
        yield Advice("no-api-requirement", f'write {_REQUIRES} = ">=0.1,<1" at module level')
    expiring = lacks_expiry(plugin.env, plugin.expires_at)
    if expiring:
        yield Advice("no-expiry", f"return expires_at: {', '.join(expiring)} expires, and is to be renewed before")
    for warning in plugin.warnings:
        yield Advice("warning", warning.text)
    if plugin.deferred is not None:
        remedy = "a plugin that needs no more than prefect_preflight runs before Prefect's code, as this one does not"
        yield Advice("runs-late", f"it waits for {plugin.deferred} until Prefect is loaded; {remedy}")
    # A late plugin's time is mostly that of the parts of Prefect that it imports.
    if plugin.stage == "early" and plugin.load_seconds is not None and plugin.load_seconds > slow_import:
        yield Advice(
            "slow-import",
            f"it took {plugin.load_seconds:.2f} s to load, more than {slow_import:g} s; import what is slow inside "
            "the hook, once it knows that there is something to do",
        )


def _signature(function: Callable[..., Any]) -> Iterator[Advice]:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a routine in C may have none
        return
    ctx = parameters.get("ctx")
    if ctx is not None and ctx.kind is not inspect.Parameter.KEYWORD_ONLY:
        yield Advice("ctx-not-keyword-only", f"write def {HOOK}(*, ctx), or (self, *, ctx) in a class")


def _declares_requirement(plugin: Plugin) -> bool:
    """Whether the requirement is anywhere that `_plugins.entry_point.load` looks for it."""
    module = sys.modules.get(plugin.candidate.module)
    target: Any = module
    for attribute in filter(None, plugin.candidate.attribute.split(".")):
        target = getattr(target, attribute, None)
    kind = target if isinstance(target, type) else type(target)
    places: list[Any] = [target, module, sys.modules.get(kind.__module__)]
    for hook in plugin.hooks:  # of an object that was given in place of a module's name
        owner = getattr(hook.function, "__self__", None)
        names = [type(owner).__module__ if owner is not None else None, hook.function.__module__]
        places += [owner, *(sys.modules.get(name) for name in names if name)]
    return any(getattr(place, _REQUIRES, None) is not None for place in places)


def about_texts(redactor: Redactor, note: str | None, logged: Iterable[str], stdout: str) -> Iterator[Advice]:
    """What should not have been written; `redactor` has learnt the plugin's environment."""
    if note is not None and redactor.text(note) != note:
        yield Advice("secret-in-note", f"the note says {redactor.text(note)!r} when redacted; take that part out")
    for message in logged:
        if redactor.text(message) != message:
            first = redactor.text(message).splitlines()[0]
            yield Advice("secret-in-log", f"what is logged as {first!r} when redacted may be logged in clear")
            break
    if stdout.strip():
        first = redactor.text(stdout).strip().splitlines()[0]
        yield Advice("prints-to-stdout", f"it printed {first!r}; use ctx.logger_factory, or sys.stderr")


def about_environ(before: Mapping[str, str], returned: Mapping[str, str]) -> Iterator[Advice]:
    """Which variables changed in `os.environ` that the plugin did not return; called while its environment stands."""
    after = dict(os.environ)
    names = sorted(name for name in {*before, *after} - {*returned} if before.get(name) != after.get(name))
    if names:
        yield Advice("sets-environ", f"{', '.join(names)} changed; return them in SetupResult(env={{...}})")


def about_second_call(first: Plugin, second: Plugin) -> Iterator[Advice]:
    """Whether the plugin, called again in the environment that it made, leaves that environment as it is.

    Secrets, and what expires, may be new each time, as long as they do not grow.
    """
    if second.status != first.status:
        reason = f": {second.error[1]}" if second.error is not None else ""
        yield Advice("not-idempotent", f"the second call ended with {second.status!r}{reason}")
        return
    for name, value in second.env.items():
        before = first.env.get(name)
        if before is None:
            yield Advice("not-idempotent", f"the second call set {name} too")
        elif value != before and (before in value or not (is_sensitive(name) or second.expires_at is not None)):
            how = "added to" if before and before in value else "changed"
            yield Advice("not-idempotent", f"the second call {how} {name}, which the first one had set")
