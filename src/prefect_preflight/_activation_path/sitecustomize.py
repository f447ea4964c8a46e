"""Activates the start-up hook where Python reads no `.pth` file of ours; `prefect-preflight run` puts it on PYTHONPATH.

Python imports the first `sitecustomize` on the path at every start (https://docs.python.org/3/library/site.html), and
there can be only one. So this one does its work and then gives way to the one that would have been found without it.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

_HERE = os.path.dirname(__file__)
_HOME = os.path.dirname(os.path.dirname(_HERE))  # the directory, or the zip archive, that holds the package


def _activate() -> None:
    """Register the hook's finder; an error is one line on stderr, and Python starts."""
    try:
        try:
            import _prefect_preflight
        except ModuleNotFoundError:
            # The command was started from another environment than this Python's. Last on the path, it hides nothing.
            sys.path.append(_HOME)
            import _prefect_preflight  # noqa: F401  # it registers itself
    except Exception as error:
        if sys.stderr is not None:
            sys.stderr.write(f"prefect-preflight: not activated, {type(error).__name__}: {error}\n")


def _give_way() -> None:
    """Import the next `sitecustomize` on the path in place of this one, as if this one were not there.

    Raises:
        Exception: whatever the other one raises; `site` reports it as it always does.
    """
    this, path = sys.modules[__name__], sys.path[:]
    sys.path[:] = [entry for entry in path if entry != _HERE]
    del sys.modules[__name__]
    try:
        import_module(__name__)
    except ModuleNotFoundError as error:
        if error.name != __name__:
            raise
        sys.modules[__name__] = this  # there is none, and the import system wants to find what it loaded
    finally:
        # Our directory stays on the path: Prefect's worker computes a child's PYTHONPATH from it. What the other one
        # did to the path stays as well.
        if _HERE in path and _HERE not in sys.path:
            sys.path.insert(path.index(_HERE), _HERE)


_activate()
_give_way()
