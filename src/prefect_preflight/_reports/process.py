"""What a process is, as its reports have it: its program, its kind, its machine."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# What the words behind `prefect` make of a process; the first match counts.
_COMMANDS = (
    (("worker", "start"), "worker"),
    (("agent", "start"), "worker"),
    (("server", "start"), "server"),
    (("server", "services"), "server"),
    (("flow-run", "execute"), "flow-run"),
)
_MODULES = {"prefect.engine": "flow-run", "prefect.flow_engine": "flow-run", "prefect.runner": "worker"}


def program() -> str:
    """What this process executes, in short and without its arguments: `sys.argv[0]`, but telling where that is not."""
    arguments: list[Any] = list(getattr(sys, "argv", ()))
    name = str(arguments[0]) if arguments else ""
    if name == "-m":
        # The module is still being looked for: `python -m prefect.engine` imports `prefect` before it sets `argv`.
        module = _module_asked_for()
        name = f"python -m {module}" if module else "python -m"
    name = {"": "python", "-c": "python -c", "-": "python -"}.get(name, name)
    child = _pool_child()
    return f"{name} ({child})" if child else name  # such a child has its parent's `argv`


def kind() -> str:
    """What kind of process this is: see `kind_of`."""
    arguments = [str(argument) for argument in getattr(sys, "argv", ())]
    if arguments[:1] == ["-m"]:
        arguments[0] = f"-m {_module_asked_for()}"
    return kind_of(arguments, pool_child=bool(_pool_child()), notebook="ipykernel" in sys.modules)


def kind_of(arguments: Sequence[str], pool_child: bool = False, notebook: bool = False) -> str:
    """The kind of a process, by its command line.

    Args:
        arguments: as in `sys.argv`; the first one is "-m MODULE" as long as that module is looked for.
        pool_child: whether `multiprocessing` started it.
        notebook: whether it is a Jupyter kernel.

    Returns:
        "worker", "server", "flow-run", "command-line" (any other `prefect` command), "notebook", "pool-child",
        "interactive", or "script".
    """
    first = arguments[0].replace("\\", "/") if arguments else ""
    if pool_child:
        return "pool-child"
    if notebook or "ipykernel" in first:
        return "notebook"
    module = first[3:] if first.startswith("-m ") else ""
    if not module:
        parts = first.rsplit(".py", 1)[0].split("/")
        at = max((index for index, part in enumerate(parts) if part == "prefect"), default=-1)
        module = ".".join(parts[at:]) if at >= 0 and len(parts) > at + 1 else ""
    if module in _MODULES:
        return _MODULES[module]
    base = first.rsplit("/", 1)[-1]
    if module in ("prefect", "prefect.__main__") or base in ("prefect", "prefect.exe", "prefect-script.py"):
        words = tuple(argument for argument in arguments[1:] if not argument.startswith("-"))
        return next((kind for command, kind in _COMMANDS if words[: len(command)] == command), "command-line")
    return "interactive" if first == "" else "script"


def machine() -> str:
    """The machine's name, in a container the container's; not by `socket`, which this package never imports."""
    uname = getattr(os, "uname", None)  # not on Windows
    return uname().nodename if uname is not None else os.environ.get("COMPUTERNAME", "")


def _module_asked_for() -> str:
    original = list(getattr(sys, "orig_argv", ()))  # from Python 3.10 on
    following = original[original.index("-m") + 1 :] if "-m" in original else []
    return str(following[0]) if following else ""


def _pool_child() -> str:
    """The name that `multiprocessing` has given this process, if it started it."""
    process: Any = sys.modules.get("multiprocessing.process")
    name = process.current_process().name if process is not None else "MainProcess"
    return "" if name == "MainProcess" else str(name)
