"""One plugin: how its entry point is loaded, which hooks it has, how one of them is called.

`load` and `call` execute the plugin's code, in a worker. They change nothing but what they return, so that
the result of one that was given up can be thrown away.
"""

from __future__ import annotations

import inspect
import sys
from importlib import import_module

from ._environment import EnvironmentProblem, validated
from .api import HOOK_ATTRIBUTE, PREFECT_PLUGIN_API_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import datetime
    from typing import Any, Callable

    from ._discovery import Candidate
    from ._executor import Task
    from .api import HookContext

HOOK = "setup_environment"
KNOWN_HOOKS = (HOOK, "set_database_connection_params")
DEFAULT_REQUIREMENT = ">=0.1,<1"
WAVES = ("tryfirst", "normal", "trylast")


class PluginProblem(Exception):
    """The plugin breaks the plugin API's contract; the message says how, and what to write instead."""


class Hook:
    """One implementation of `setup_environment`: "waiting" for its turn, "running", or "done", and when it ran."""

    __slots__ = ("ended", "function", "started", "state", "wave")

    def __init__(self, function: Callable[..., Any], wave: str) -> None:
        self.function = function
        self.wave = wave
        self.state = "waiting"
        self.started: float | None = None  # seconds on `_executor.clock`
        self.ended: float | None = None


class Plugin:
    """One plugin's way through the run; the report is made of these.

    `status` is one of "pending", "filtered", "incompatible", "load-failed", "no-hook", "loaded" (safe mode),
    "inherited" (an ancestor ran it), "success", "failed", "invalid-result" and "timed-out".
    """

    __slots__ = (
        "began",
        "candidate",
        "deferred",
        "due",
        "env",
        "error",
        "expires_at",
        "hook_names",
        "hooks",
        "inherit",
        "load_seconds",
        "loading",
        "note",
        "required",
        "requires",
        "stage",
        "status",
        "warnings",
    )

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.status = "pending" if candidate.filtered is None else "filtered"
        self.deferred: str | None = None  # which part of Prefect it needs, if it has to run late
        self.requires: str = DEFAULT_REQUIREMENT
        self.hooks: list[Hook] = []
        self.hook_names: list[str] = []
        self.warnings: list[str] = []
        self.error: tuple[str, str] | None = None  # type's name and message
        self.env: dict[str, str] = {}
        self.note: str | None = None
        self.required = False
        self.inherit = False
        self.expires_at: datetime | None = None
        self.due: float | None = None  # when to obtain the values anew, in seconds since the epoch
        self.stage: str | None = None
        self.loading = "waiting"  # as a hook's state
        self.load_seconds: float | None = None
        self.began: float | None = None  # when its first task was started, in seconds on `_executor.clock`

    @property
    def name(self) -> str:
        """The entry point's name."""
        return self.candidate.name

    @property
    def pending(self) -> bool:
        """Whether it has still something to do."""
        return self.status == "pending"

    def waiting_hooks(self) -> list[Hook]:
        """The hooks whose turn has not come."""
        return [hook for hook in self.hooks if hook.state == "waiting"] if self.pending else []

    def __repr__(self) -> str:
        return f"Plugin({self.name!r}, {self.status!r})"


class Loaded:
    """What loading a plugin found: plain data, so that the importing thread executes none of the plugin's code."""

    __slots__ = ("fits", "hook_names", "hooks", "requires", "warnings")

    def __init__(self) -> None:
        self.requires = DEFAULT_REQUIREMENT
        self.fits: bool | None = True  # as of `compatible`
        self.hooks: list[Hook] = []
        self.hook_names: list[str] = []
        self.warnings: list[str] = []


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
        found.requires = _plain(requires)
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
    found.warnings.append(f"{candidate.value!r} names a class, not an instance; an instance was made: {remedy}")
    return instance


def _find_hooks(target: Any, found: Loaded) -> None:
    """Collect what carries the marker's attribute, as pluggy does on registration."""
    for name in dir(target):
        try:
            function = getattr(target, name)
            options = getattr(function, HOOK_ATTRIBUTE, None) if inspect.isroutine(function) else None
        except Exception:
            continue
        if not isinstance(options, dict):
            continue
        hook_name = options.get("specname") or name
        found.hook_names.append(hook_name)
        if hook_name != HOOK:
            if hook_name not in KNOWN_HOOKS and not options.get("optionalhook"):
                found.warnings.append(_unknown_hook(hook_name))
        elif options.get("wrapper") or options.get("hookwrapper"):
            found.warnings.append(f"{name} is marked as a wrapper, which {HOOK} does not have; it is not called")
        else:
            wave = "tryfirst" if options.get("tryfirst") else "trylast" if options.get("trylast") else "normal"
            found.hooks.append(Hook(function, wave))
    if not found.hook_names:
        hint = f": {HOOK} lacks the decorator @register_hook" if hasattr(target, HOOK) else ""
        found.warnings.append(f"it has no hook{hint}")


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


class Outcome:
    """What a hook returned, checked, its environment copied."""

    __slots__ = ("changes", "env", "expires_at", "inherit", "note", "required", "warnings")

    def __init__(self, result: Any) -> None:
        self.warnings: list[str] = []
        self.changes = result is not None
        self.env = validated(result.env) if self.changes else {}
        self.note = _text(getattr(result, "note", None))
        self.required = bool(getattr(result, "required", False))
        self.inherit = bool(getattr(result, "inherit", False))
        self.expires_at: datetime | None = None
        expires_at = getattr(result, "expires_at", None)
        if expires_at is not None:
            self._set_expiry(expires_at)

    def _set_expiry(self, expires_at: Any) -> None:
        from datetime import datetime

        if not isinstance(expires_at, datetime):
            problem = _described(expires_at)
        elif expires_at.tzinfo is None:
            problem = "a datetime without a time zone"
        else:
            try:
                self.expires_at = _plain_datetime(expires_at)
                return
            except Exception as error:
                problem = f"a datetime that is no point in time ({type(error).__name__})"
        self.warnings.append(f"expires_at is {problem} and is ignored; give an aware datetime")


def _plain_datetime(aware: datetime) -> datetime:
    """The same point in time, of the standard class and with a fixed offset: it executes none of the plugin's code.

    Raises:
        Exception: if it is none, or whatever its time zone's own code raises.
    """
    from datetime import datetime, timezone

    offset = aware.utcoffset()
    if offset is None:
        raise ValueError("no offset")
    date, time = (aware.year, aware.month, aware.day), (aware.hour, aware.minute, aware.second, aware.microsecond)
    plain = datetime(*date, *time, tzinfo=timezone(offset))
    plain.timestamp()
    return plain


def call(hook: Hook, context: HookContext, task: Task) -> Outcome:
    """Call one hook and check what it returns; awaits it in an event loop of its own if it is async.

    Raises:
        PluginProblem: if it cannot be called with `ctx`, returned something else than a `SetupResult` or None, or an
            environment that cannot be applied.
        BaseException: whatever the hook raises.
    """
    _check_signature(hook.function)
    result = hook.function(ctx=context)
    if inspect.isawaitable(result):
        result = _await(result, task)
    if result is not None and not hasattr(result, "env"):
        if inspect.iscoroutine(result):
            result.close()  # or Python warns, later and elsewhere, that nobody awaited it
        raise PluginProblem(
            f"{HOOK} returned {_described(result)}; return SetupResult(env={{...}}), or None for no changes"
        )
    try:
        return Outcome(result)
    except EnvironmentProblem as error:
        raise PluginProblem(str(error)) from None


def _check_signature(function: Callable[..., Any]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a routine in C may have none: then the call itself tells
        return
    try:
        signature.bind(ctx=None)
    except TypeError as error:
        raise PluginProblem(
            f"{HOOK}{signature} cannot be called with ctx=...: {error}; write def {HOOK}(*, ctx)"
        ) from None


def _described(value: object) -> str:
    return f"an object of type {type(value).__module__}.{type(value).__qualname__}"


def _text(note: object) -> str | None:
    return None if note is None else str.__str__(str(note))


def _plain(value: object) -> str:
    """A text without code of the plugin's: subclasses of `str` may have any."""
    if isinstance(value, str):
        return str.__str__(value)
    try:
        return str.__str__(repr(value))
    except Exception:
        return _described(value)


def _await(awaitable: Awaitable[Any], task: Task) -> Any:
    """Run an async hook to its end in this worker, so it does not matter whether another thread has a running loop."""
    import asyncio  # here, since sync hooks do not need it
    from threading import current_thread

    from ._executor import DaemonThreadPool

    async def main() -> Any:
        loop, current = asyncio.get_running_loop(), asyncio.current_task()
        # `asyncio.to_thread` would use threads that Python joins at exit: one that hangs would keep the process. Not in
        # the importing thread, where hooks run if no thread can be started: asyncio starts one to end an executor.
        if current_thread().daemon:
            loop.set_default_executor(DaemonThreadPool())
        if current is not None:
            task.cancel = lambda: loop.call_soon_threadsafe(current.cancel)
        try:
            return await awaitable
        finally:
            task.cancel = None

    return asyncio.run(main())


def describe(error: BaseException) -> tuple[str, str]:
    """Type and message of a plugin's error, on one line, whatever its `__str__` does; to be called in the worker."""
    kind = type(error).__name__
    try:
        message = " ".join(str(error).split())
    except BaseException:
        message = "(its message cannot be shown)"
    if isinstance(error, SystemExit):
        message = f"the plugin called sys.exit({message})"
    return kind, message


def plugin_traceback(error: BaseException) -> str:
    """The formatted traceback, without our own frames above the plugin's."""
    from traceback import format_exception

    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith(__package__ + "."):
        trace = trace.tb_next
    return "".join(format_exception(type(error), error, trace)).rstrip()
