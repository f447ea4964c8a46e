"""Each process' report as a file in `PREFECT_PREFLIGHT_REPORT_DIR`: what happened in that worker and its children?

Opt-in, and the one exception to writing no file: without that variable this module is not even imported.
`prefect-preflight reports DIR` reads the files.
"""

from __future__ import annotations

import os

from prefect_preflight._environment import apply
from prefect_preflight._redaction.outlet import complain, redactor
from prefect_preflight._settings import REPORT_DIR
from prefect_preflight._threads.deadline import clock

from . import last_report
from .process import kind, machine, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Callable

    from .record import ImportRecord

# The id of the report of the process that started this one. PIDs would not do: they are used again, and Prefect's
# workers become another program under the same one.
PARENT = "PREFECT_PREFLIGHT_PARENT_REPORT"

FORMAT = 1
"""Version of the files' form; it changes when a field is removed or changes its meaning."""


class _Own:
    """What stays the same in the reports of this process, of which the latest one is kept."""

    __slots__ = ("id", "name", "parent", "pid", "started")

    def __init__(self, started: float) -> None:
        from secrets import token_hex
        from time import gmtime, strftime

        self.pid = os.getpid()
        self.id = token_hex(16)
        self.parent = os.environ.get(PARENT)
        self.started = started  # seconds since the epoch
        # The time first, so that a listing of the directory is in order.
        self.name = f"{strftime('%Y%m%dT%H%M%SZ', gmtime(started))}-{self.pid}-{self.id}.json"


_own: _Own | None = None


def write(record: ImportRecord | None, tell: Callable[[Mapping[str, str]], None] = apply) -> None:
    """Write this process' report, and tell the processes that it will start which one is their parent's.

    To be called when the hooks have run, also when some of them were called again: the new report takes the place of
    the old one. A failure is one line on stderr.

    Args:
        record: the import; None if strict mode ends it before there is any.
        tell: sets the variables.
    """
    directory = os.environ.get(REPORT_DIR)
    if not directory:
        return
    try:
        # Children have other working directories.
        directory = os.path.abspath(os.path.expanduser(directory))
        own, text = _document(record)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        _put(directory, own, text.encode())
        tell({REPORT_DIR: directory, PARENT: own.id})
    except Exception as error:  # a full disk, a read-only or a foreign directory: Prefect loads
        complain(f"the report was not written to {REPORT_DIR}, {type(error).__name__}: {error}")


def _document(record: ImportRecord | None) -> tuple[_Own, str]:
    """The file that is this process' own, and its content."""
    global _own
    import json
    from time import time

    now = time()
    own = _own
    if own is None or own.pid != os.getpid():  # a forked child has its parent's variables
        _own = own = _Own(now - _seconds_since_start(record))
    document = {
        "format": FORMAT,
        "id": own.id,
        "parent": own.parent,
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "machine": machine(),
        "kind": kind(),
        "program": redactor().text(program()),
        "started": round(own.started, 3),
        "written": round(now, 3),
        "report": last_report().as_dict(),
    }
    return own, json.dumps(document) + "\n"


def _seconds_since_start(record: ImportRecord | None) -> float:
    """How long ago the first plugin began, 0 if none did; on the clock that the plugins are timed with."""
    begins = [
        plugin.began
        for plugin in (record.runner.plugins if record and record.runner else ())
        if plugin.began is not None
    ]
    return clock() - min(begins) if begins else 0.0


def _put(directory: str, own: _Own, data: bytes) -> None:
    """Write a file that is there as a whole or not at all, and that its owner alone can read.

    Raises:
        OSError: it cannot be written; nothing of it is left then.
    """
    temporary = os.path.join(directory, f".{own.id}.tmp")
    # O_EXCL: in a directory that others can write to too, nobody can have put a link there.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(temporary, os.path.join(directory, own.name))
    except BaseException:
        os.unlink(temporary)
        raise
