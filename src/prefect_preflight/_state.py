"""What this process has come to: the import of Prefect, who asks whom for a module, and where a line of ours goes.

The lowest floor: it knows nothing of the others, and all of them may ask it.
"""

import os
import sys
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any


# By name, since it lies at the top of the house.
_FINDER = "_prefect_preflight"


def finder() -> "Any":
    """The start-up finder, None where no start-up file was read. It is not imported here: that would register it."""
    return sys.modules.get(_FINDER)


def register() -> None:
    """Put the start-up finder in front of the others, if it is not among them."""
    if finder() is None:
        from importlib import import_module

        import_module(_FINDER)  # registers itself, when it is imported first
    if finder() not in sys.meta_path:
        sys.meta_path.insert(0, finder())


class State:
    """What became of `import prefect` in this process.

    Attributes:
        phase: "waiting" (for an `import prefect`), "running", or "done"; a failed import makes it "waiting" again.
        reason: why no hook ran, if that is so.
        refusal: what strict mode ended the import with before there was a run.
        settings: the `_settings.Settings` of the latest import; None before the first one.
        run: the latest `_stages.PrefectImport`; None where no hook was to run.
        loads_all: whether plugins without a start-up hook are loaded too, so that people see all of them.
        safe_mode_asked_for: whether it was the command line that switched safe mode on, and no setting.
        specs: how many specs have been given our loader; whoever wraps it in turn hides it.
    """

    def __init__(self) -> None:
        self.phase = "waiting"
        self.reason: str | None = None
        self.refusal: str | None = None
        self.settings: Any = None
        self.run: Any = None
        self.loads_all = False
        self.safe_mode_asked_for = False
        self.specs = 0


state = State()


def finish(reason: "str | None" = None) -> None:
    """The hooks have run, or will not for `reason`; no further import costs anything because of the start-up finder."""
    state.phase, state.reason = "done", reason
    if finder() in sys.meta_path:
        sys.meta_path.remove(finder())


def begin_afresh() -> None:
    """Have the next `import prefect` be the first again."""
    state.phase = "waiting"
    register()


def write(text: str, *, whatever: bool = False) -> None:
    """Write to stderr, if there is one.

    What is for people has to be made by `_redaction.outlet`, which hides its secrets.

    Args:
        text: a line, its end included.
        whatever: to the interpreter's own stderr, if nothing can be written to what a program, or a plugin, has put in
            its place.
    """
    for stream in (sys.stderr, sys.__stderr__)[: 1 + whatever]:
        try:
            stream.write(text)  # type: ignore[union-attr]  # None is caught as all else
            return
        except Exception:  # None, closed, nobody reads it any more, or not a stream at all
            pass


_last_refusal: "tuple[int, str] | None" = None


def refuse(line: str) -> SystemExit:
    """What strict mode ends an import with; its one line is on stderr by then.

    Python would write it, but only where the exception reaches the end of the main thread: `threading` drops a
    `SystemExit` without a word. So its text is the line, and its `code` the exit status alone. Who tries again, in a
    loop or in twelve threads, and fails again for the same reason, does not get the line again.
    """
    global _last_refusal
    if (os.getpid(), line) != _last_refusal:  # a forked child has its parent's
        _last_refusal = (os.getpid(), line)
        write(f"{line}\n", whatever=True)
    error = SystemExit(line)
    error.code = 1
    return error


_asking: "set[tuple[int, int, str]]" = set()


def is_asked_in_return(asker: object, name: str) -> bool:
    """Whether the finder `asker`, in this thread, is asking the others for `name`, and one of them asks it in return.

    As a finder does that asks all the others and wraps what they give (ddtrace, wrapt). It is then answered with None,
    as if we were not there: that nobody else knows the module is not to be concluded from that.
    """
    return (get_ident(), id(asker), name) in _asking


def ask_other_finders(asker: object, name: str, path: object, target: object) -> "ModuleSpec | None":
    """The spec that the finders on `sys.meta_path` other than `asker` give for `name`, in their order."""
    key = (get_ident(), id(asker), name)
    _asking.add(key)
    try:
        for other in list(sys.meta_path):
            find = getattr(other, "find_spec", None) if other is not asker else None
            spec: ModuleSpec | None = find(name, path, target) if find is not None else None
            if spec is not None:
                return spec
        return None
    finally:
        _asking.discard(key)


def forget_asking() -> None:
    """In a forked child: the idents of lost threads are given to new ones."""
    _asking.clear()
