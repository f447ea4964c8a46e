"""What every Python process of the environment executes: `prefect_preflight.pth` imports it, and that is all.

It registers one finder, which waits for the first `import prefect`: see `prefect_preflight._loader`. The finder is this
module itself: the import system asks an entry of `sys.meta_path` for `find_spec` only (PEP 451), and a class would be
one more object to build at every start. Up to Python 3.14 a virtual environment executes each `.pth` line twice
(cpython#75723); a module's body runs once.

PYTEST_DONT_REWRITE: it is imported before pytest could rewrite it, about which pytest would warn in every session.
"""

import sys

# Kept for hooks' threads, before gevent or eventlet can replace them: see `prefect_preflight._threads`. Importing them
# costs next to nothing: `_thread` is built in, and loaded before any `.pth` file is read, as `os` is.
from _thread import RLock, allocate_lock, start_new_thread  # noqa: F401
from os import environ

# What modules lack and each object of a class has: others ask finders for it (the AWS CLI each of them, at its start).
__module__ = __name__


# Types are in comments (PEP 484): annotations are read at each start of Python, and evaluated up to 3.13.
def find_spec(name, path=None, target=None):  # type: (str, object, object) -> object
    """Answer for `prefect` with the spec that the other finders give, its loader wrapped (PEP 451).

    Runs no plugin: anyone may call it just to look. None for every other name.
    """
    if name != "prefect":
        return None
    try:
        from prefect_preflight._loader import find_staged_spec

        return find_staged_spec(path, target)
    except Exception as error:  # the package is damaged, or not there any more
        line = f"the installation is damaged, reinstall prefect-preflight: {type(error).__name__}: {error}"
        if is_strict():
            line = f"[plugins] {line}"
            refusal = SystemExit(line)
            refusal.code = 1  # the line is written here, whoever catches the exception
        else:  # our own error is never the host's: Prefect loads as if we were not installed
            line, refusal = f"prefect-preflight: no plugin hooks run, {line}", None
    try:
        sys.stderr.write(f"{line}\n")
    except Exception:  # None, closed, or no stream at all
        pass
    if refusal is not None:
        raise refusal
    return None


def is_strict():  # type: () -> bool
    """Whether the environment alone says that plugins are enabled and that strict mode is on."""
    for name in ("ENABLED", "STRICT"):
        new, old = environ.get(f"PREFECT_PLUGINS_{name}", ""), environ.get(f"PREFECT_EXPERIMENTS_PLUGINS_{name}", "")
        if new.lower() not in _TRUE and old.lower() not in _TRUE:
            return False
    return True


_TRUE = ("1", "true", "t", "yes", "y", "on")  # the words that Pydantic takes for it, in lower case

if environ.get("PREFECT_PREFLIGHT_DISABLE", "").lower() not in _TRUE:
    sys.meta_path.insert(0, sys.modules[__name__])
