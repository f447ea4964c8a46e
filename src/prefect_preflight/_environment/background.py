"""The environment as the renewing thread changes it, beside all the others of the process.

It may be read by C code at any moment. So nothing is added and nothing removed: the values of variables that exist are
replaced, in the end, by one assignment each. `c_library` says where that is safe.

What hooks are to see in the meantime, they alone see. `os.environ` is made an instance of a class that looks first
whether the calling thread works for a hook (by a `ContextVar`); for everybody else it is as ever. A program that a hook
starts gets the process' environment, unless it is given `env=dict(os.environ)`.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar

from prefect_preflight._threads import Bell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Callable

    from prefect_preflight._discovery import Candidate

    from .former import FormerOutput

# What is seen in place of a variable, by its name; None for nothing. None in threads that work for no hook.
_seen: ContextVar[dict[str, str | None] | None] = ContextVar("prefect_preflight_seen", default=None)


class BackgroundEnvironment:
    """Collects what plugins return, shows it to the hooks of later waves, and replaces variables in the end."""

    in_background = True
    restored = 0

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        """What `replace` is to set."""
        self._seen: dict[str, str | None] = {}
        self._formers: dict[Candidate, FormerOutput] = {}
        self._hidden: dict[Candidate, dict[str, str | None]] = {}

    def mark(self, seconds: float) -> None:
        """Nothing: a process that the program starts meanwhile was not started by a hook."""

    def enter(self) -> None:
        """Have the calling worker, and what it does in copies of its context, see what hooks are to see."""
        _seen.set(self._seen)

    def hide(self, formers: Mapping[Candidate, FormerOutput]) -> None:
        """Have hooks see what stood there before in place of plugins' former output."""
        self._formers.update(formers)
        for candidate, former in formers.items():
            self._hidden[candidate] = former.seen_instead()
            self._seen.update(self._hidden[candidate])

    def put_back(self, candidate: Candidate) -> None:
        """Have the hooks that are still to run see the former output of a plugin again."""
        for name in self._hidden.pop(candidate, ()):
            if name not in self.values:
                self._seen.pop(name, None)

    def put_all_back(self) -> None:
        """Nothing: the environment was never changed."""

    def left_alone(self, env: Mapping[str, str]) -> list[str]:
        """The names that a plugin returned and that are not replaced."""
        return [name for name in env if name not in self.values]

    def apply(self, candidate: Candidate, env: Mapping[str, str]) -> dict[str, str | None]:
        """Take what a plugin returned, as far as it replaces what the plugin has set before.

        Returns:
            What stood before its first run in place of the variables that will be set, as far as that is known.
        """
        former = self._formers[candidate]
        if env:
            self._hidden.pop(candidate, None)  # what is not returned again stays hidden
        # Where there is another value, somebody else has set it since, and its other half is not the plugin's either.
        values = {
            name: value
            for name, value in env.items()
            if name in former.env and os.environ.get(name) == former.env[name]
        }
        self.values.update(values)
        self._seen.update(values)
        return {name: former.before[name] for name in values if name in former.before}

    def replace(self, more: Mapping[str, str]) -> None:
        """Replace the values of the variables that exist, `more` of them too, in one assignment each.

        At the beginning of a time slice: whoever waits for the interpreter's lock waits for 5 ms
        (`sys.getswitchinterval`) before this thread has to give it up, which is a thousand times as long as this takes.
        So no thread reads half of it, but one that had to stop in the middle of its reading.
        """
        values = {name: value for name, value in {**self.values, **more}.items() if os.environ.get(name) != value}
        Bell().wait(1e-6)  # gives the lock up, and takes it again; not `time.sleep`, which gevent replaces
        for name, value in values.items():
            if name in os.environ:
                os.environ[name] = value


@contextmanager
def seen_by_hooks(stays: Callable[[], bool] = bool) -> Iterator[None]:
    """Have `os.environ` show to each hook what it is to see, while this lasts.

    For good, if it `stays` in the end: a hook that was given up still runs, and what it changes is not to
    become the process' environment.

    By its class, for `from os import environ` has the same object. Seen to work on CPython 3.9 to 3.15. If something of
    another kind is in its place, hooks see their former output.
    """
    environ: Any = os.environ
    before = type(environ)
    if before.__name__ == _VIEW:
        yield
        return
    try:
        environ.__class__ = type(_VIEW, (before,), {**_reading(before), **_writing(before)})
    except (TypeError, AttributeError):
        yield
        return
    try:
        yield
    finally:
        if not stays():
            environ.__class__ = before


def forget_in_child() -> None:
    """Take that back in a forked child, which has no such thread."""
    environ: Any = os.environ
    if type(environ).__name__ == _VIEW:
        environ.__class__ = type(environ).__bases__[0]


_VIEW = "_EnvironSeenByHooks"


def _reading(kind: Any) -> dict[str, Any]:
    """The methods that read, upon those of the class `kind` of `os.environ`."""

    def getitem(self: Any, name: str) -> str:
        seen = _seen.get()
        if seen is None or name not in seen:
            value: str = kind.__getitem__(self, name)
            return value
        instead = seen[name]
        if instead is None:
            raise KeyError(name)
        return instead

    def iterate(self: Any) -> Iterator[str]:
        names: list[str] = list(kind.__iter__(self))
        seen = dict(_seen.get() or {})
        added = [name for name, value in seen.items() if value is not None and name not in names]
        return iter([name for name in names if seen.get(name, name) is not None] + added)

    return {
        "__getitem__": getitem,
        "__iter__": iterate,
        "__len__": lambda self: len(list(iterate(self))),
        "__repr__": lambda self: f"environ({ {name: self[name] for name in iterate(self)} })",
    }


def _writing(kind: Any) -> dict[str, Any]:
    """The methods that change something: what a hook changes is for hooks alone, too."""

    def setitem(self: Any, name: str, value: str) -> None:
        seen = _seen.get()
        if seen is None:
            kind.__setitem__(self, name, value)
        else:
            self.encodekey(name), self.encodevalue(value)  # which raise what they always do
            seen[name] = value

    def delitem(self: Any, name: str) -> None:
        seen = _seen.get()
        if seen is None:
            kind.__delitem__(self, name)
        else:
            self[name]  # a KeyError, if it is not there
            seen[name] = None

    def clear(self: Any) -> None:
        if _seen.get() is None:
            kind.clear(self)
        else:
            for name in list(self):
                del self[name]

    return {"__setitem__": setitem, "__delitem__": delitem, "clear": clear}
