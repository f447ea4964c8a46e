"""Each process' report as a file in `PREFECT_PREFLIGHT_REPORT_DIR`: what happened in that worker and its children?

Opt-in, and the one exception to writing no file: without that variable this module is not even imported.
`prefect-preflight reports DIR` reads the files.
"""

from __future__ import annotations

import os
import sys

from . import _environment, _loader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ._run import Run

DIRECTORY = "PREFECT_PREFLIGHT_REPORT_DIR"
"""The variable that switches it on: the directory to write to; empty counts as not set."""

# The id of the report of the process that started this one. PIDs would not do: they are used again, and Prefect's
# workers become another program under the same one.
PARENT = "PREFECT_PREFLIGHT_PARENT_REPORT"

FORMAT = 1
"""Version of the files' form; it changes when a field is removed or changes its meaning."""


def write(run: Run) -> None:
    """Write this process' report, and tell the processes that it will start which one is their parent's.

    To be called by the importing thread, when the hooks have run. A failure is one line on stderr.
    """
    directory = os.environ.get(DIRECTORY)
    if not directory:
        return
    try:
        # Children have other working directories.
        directory = os.path.abspath(os.path.expanduser(directory))
        own, name, text = _document(run, os.environ.get(PARENT))
        os.makedirs(directory, mode=0o700, exist_ok=True)
        _put(directory, name, own, text.encode())
        _environment.apply({DIRECTORY: directory, PARENT: own})
    except Exception as error:  # a full disk, a read-only or a foreign directory: Prefect loads
        reason = f"{type(error).__name__}: {error}"
        _loader.complain(f"the report was not written to {DIRECTORY}, {_redacted(run)(reason)}")


def _document(run: Run, parent: str | None) -> tuple[str, str, str]:
    """A new id, the file's name, and its content."""
    import json
    from secrets import token_hex
    from time import gmtime, strftime, time

    from .report import last_report

    own, now = token_hex(16), time()
    started = now - _seconds_since_start(run)
    document = {
        "format": FORMAT,
        "id": own,
        "parent": parent,
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "program": _redacted(run)(program()),
        "started": round(started, 3),
        "written": round(now, 3),
        "report": last_report().as_dict(),
    }
    # The time first, so that a listing of the directory is in order.
    name = f"{strftime('%Y%m%dT%H%M%SZ', gmtime(started))}-{os.getpid()}-{own}.json"
    return own, name, json.dumps(document) + "\n"


def _seconds_since_start(run: Run) -> float:
    """How long ago the first plugin began, 0 if none did; on the clock that the plugins are timed with."""
    from ._executor import clock

    begins = [plugin.began for plugin in (run.runner.plugins if run.runner else ()) if plugin.began is not None]
    return clock() - min(begins) if begins else 0.0


def _put(directory: str, name: str, own: str, data: bytes) -> None:
    """Write a file that is there as a whole or not at all, and that its owner alone can read.

    Raises:
        OSError: it cannot be written; nothing of it is left then.
    """
    temporary = os.path.join(directory, f".{own}.tmp")
    # O_EXCL: in a directory that others can write to too, nobody can have put a link there.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(temporary, os.path.join(directory, name))
    except BaseException:
        os.unlink(temporary)
        raise


def _redacted(run: Run) -> Callable[[str], str]:
    from ._redaction import Redactor

    return (run.redactor or Redactor()).text


def program() -> str:
    """What this process executes, in short and without its arguments: `sys.argv[0]`, but telling where that is not."""
    arguments: list[Any] = list(getattr(sys, "argv", ()))
    name = str(arguments[0]) if arguments else ""
    if name == "-m":
        # The module is still being looked for: `python -m prefect.engine` imports `prefect` before it sets `argv`.
        original = list(getattr(sys, "orig_argv", ()))  # from Python 3.10 on
        following = original[original.index("-m") + 1 :] if "-m" in original else []
        name = f"python -m {following[0]}" if following else "python -m"
    name = {"": "python", "-c": "python -c", "-": "python -"}.get(name, name)
    process: Any = sys.modules.get("multiprocessing.process")
    if process is not None and process.current_process().name != "MainProcess":
        name += f" ({process.current_process().name})"  # such a child has its parent's `argv`
    return name
