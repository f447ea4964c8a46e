"""What hooks see of the environment while the renewing thread calls them, beside all the others of the process.

`os.environ` is made an instance of a class that looks first whether the calling thread works for a hook (by a
`ContextVar`); for everybody else it is as ever. What a hook starts sees the same: a program, which would get the
process' environment, and a thread, which would begin with an empty context (as long as Python is not told to have it
inherit one: `-X thread_inherit_context`, Python 3.14). So `Popen.__init__` and `Thread.start` ask the same question.

What looks past `os.environ` sees the process' environment: C code, `os.environb`, `os.system`, `os.spawnv`.
"""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import partial, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

_VIEW = "_EnvironSeenByHooks"
_BEFORE_ENV = 10  # parameters of `subprocess.Popen` in front of its `env`


class HooksView:
    """What is seen in place of variables.

    Attributes:
        instead: by name, the value; None for nothing.
        over: whether the hooks have ended. A thread that one of them has left behind is like any other one then.
    """

    __slots__ = ("instead", "over")

    def __init__(self) -> None:
        self.instead: dict[str, str | None] = {}
        self.over = False

    def enter(self) -> None:
        """Have the calling thread, and what it does in copies of its context, see this."""
        _present.set(self)


_present: ContextVar[HooksView | None] = ContextVar("prefect_preflight_view", default=None)


def _instead() -> dict[str, str | None] | None:
    """What the calling thread sees in place of variables; None where it works for no hook."""
    view = _present.get()
    return None if view is None or view.over else view.instead


@contextmanager
def seen_by_hooks(view: HooksView, stays: Callable[[], bool] = bool) -> Iterator[None]:
    """Have `os.environ` show the view to those who have entered it, while this lasts.

    For good, if it `stays` in the end: a hook that was given up still runs, and what it changes is not to
    become the process' environment.

    Where something of another kind stands in place of `os.environ`, `Popen` or `Thread`, hooks see their former output.
    """
    is_there = bool(_to_undo)  # for the sake of an earlier one
    if not is_there:
        _show(os.environ)
        _wrap(subprocess.Popen, "__init__", _giving_view)
        _wrap(threading.Thread, "start", _passing_view_on)
    try:
        yield
    finally:
        view.over = not stays()
        if view.over and not is_there:
            _undo()


def forget_in_child() -> bool:
    """Take that back in a forked child, which has no renewing thread, unless a hook has forked it.

    Returns:
        Whether a hook has.
    """
    by_hook = _instead() is not None
    if not by_hook:
        _undo()
    return by_hook


_to_undo: list[Callable[[], None]] = []
"""What ends it; empty while `os.environ` and the rest are as ever."""


def _undo() -> None:
    while _to_undo:
        _to_undo.pop()()


def _show(environ: Any) -> None:
    """By its class, for `from os import environ` has the same object. Seen to work on CPython 3.9 to 3.15."""
    before = type(environ)

    def undo() -> None:
        if type(environ).__name__ == _VIEW:
            environ.__class__ = before

    _to_undo.append(undo)  # first, for whoever forks at this moment
    with suppress(TypeError, AttributeError):
        environ.__class__ = type(_VIEW, (before,), {**_reading(before), **_writing(before)})


def _wrap(kind: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Have a method of a class be another one that is made from it."""
    own = vars(kind).get(name) if isinstance(kind, type) else None
    if own is None:
        return
    wrapper = make(own)

    def undo() -> None:
        if vars(kind).get(name) is wrapper:  # else somebody has wrapped it in turn, and calls it: it lets all pass
            setattr(kind, name, own)

    _to_undo.append(undo)
    with suppress(TypeError, AttributeError):
        setattr(kind, name, wrapper)


def _giving_view(init: Any) -> Any:
    """Programs that a hook starts get what it sees, unless it says what they get."""

    @wraps(init)
    def with_view(self: Any, *args: Any, **kwargs: Any) -> None:
        if _instead() is not None and len(args) <= _BEFORE_ENV and kwargs.get("env") is None:
            kwargs["env"] = dict(os.environ)
        init(self, *args, **kwargs)

    return with_view


def _passing_view_on(start: Any) -> Any:
    """Threads that a hook starts see what it sees, in a copy of its context."""

    @wraps(start)
    def with_view(self: Any) -> None:
        if _instead() is not None:
            self.run = partial(copy_context().run, self.run)
        start(self)

    return with_view


def _reading(kind: Any) -> dict[str, Any]:
    """The methods that read, upon those of the class `kind` of `os.environ`."""

    def getitem(self: Any, name: str) -> str:
        seen = _instead()
        if seen is None or name not in seen:
            value: str = kind.__getitem__(self, name)
            return value
        instead = seen[name]
        if instead is None:
            raise KeyError(name)
        return instead

    def iterate(self: Any) -> Iterator[str]:
        names: list[str] = list(kind.__iter__(self))
        seen = dict(_instead() or {})
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
        seen = _instead()
        if seen is None:
            kind.__setitem__(self, name, value)
        else:
            self.encodekey(name), self.encodevalue(value)  # which raise what they always do
            seen[name] = value

    def delitem(self: Any, name: str) -> None:
        seen = _instead()
        if seen is None:
            kind.__delitem__(self, name)
        else:
            self[name]  # a KeyError, if it is not there
            seen[name] = None

    def clear(self: Any) -> None:
        if _instead() is None:
            kind.clear(self)
        else:
            for name in list(self):
                del self[name]

    return {"__setitem__": setitem, "__delitem__": delitem, "clear": clear}
