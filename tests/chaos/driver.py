"""The program of a chaos world: imports Prefect in the manner that the plan says, and writes down what it then sees.

Arguments: the plan's path, the path to write to. Run by the host's interpreter, so it imports nothing of the tests.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import threading
import time

PLAN_PATH, FOUND_PATH = sys.argv[1:3]
with open(PLAN_PATH, encoding="utf-8") as _file:
    PLAN = json.load(_file)


def clock() -> float:
    """Seconds on the system's monotonic clock, which no plugin can patch."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def import_plainly() -> None:
    """As most programs do."""
    import prefect  # noqa: F401


def import_a_name() -> None:
    """A name that the package imports lazily."""
    from prefect import flow

    assert flow is not None


def import_a_submodule() -> None:
    """The package is imported because its submodule is."""
    import prefect.flows  # noqa: F401


def import_by_importlib() -> None:
    """By the function."""
    import importlib

    importlib.import_module("prefect")


def import_in_a_loop() -> None:
    """Inside a running event loop, as in a notebook."""
    import asyncio

    async def main() -> None:
        import prefect  # noqa: F401

    asyncio.run(main())


def import_in_a_thread() -> None:
    """Not in the main thread."""
    thread = threading.Thread(target=import_plainly)
    thread.start()
    thread.join()


def import_in_threads() -> None:
    """In four threads, each of which must see all that is expected.

    Three of them begin when the first one's import is under way: where package and submodule are asked for at the very
    same moment, Python itself raises `_DeadlockError` or shows a partial module now and then (cpython#83065).
    """

    def one(module: str) -> None:
        __import__(module)
        missing = [name for name in PLAN["expected"] if name not in os.environ]
        SEEN.append(missing if hasattr(sys.modules["prefect"], "__path__") else ["prefect"])

    threads = [
        threading.Thread(target=one, args=(name,)) for name in ("prefect", "prefect.flows", "prefect", "prefect")
    ]
    threads[0].start()
    while "prefect" not in sys.modules and threads[0].is_alive():
        time.sleep(0.001)
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join()


SEEN: list[list[str]] = []
MANNERS = {
    "plain": import_plainly,
    "name": import_a_name,
    "submodule": import_a_submodule,
    "importlib": import_by_importlib,
    "loop": import_in_a_loop,
    "thread": import_in_a_thread,
    "threads": import_in_threads,
}


def main() -> None:
    """Import, look, and write down."""
    with open(FOUND_PATH + ".stack", "w", encoding="utf-8") as stack:
        faulthandler.dump_traceback_later(PLAN["patience"], exit=True, file=stack)
        before, problem = dict(os.environ), None
        began = clock()
        try:
            MANNERS[PLAN["manner"]]()
        except BaseException as error:
            problem = error
        took = clock() - began
        found = {"took": took, "problem": None if problem is None else [type(problem).__name__, str(problem)]}
        found["changed"] = changes(before)
        look(found)
        time.sleep(PLAN["linger"])  # what comes too late must change nothing
        found["changed_later"] = changes(before)
        with open(FOUND_PATH, "w", encoding="utf-8") as file:
            json.dump(found, file)
        faulthandler.cancel_dump_traceback_later()  # from here on the parent's patience counts
        if problem is not None:
            raise problem


def changes(before: dict[str, str]) -> dict[str, str | None]:
    """What differs in the environment from what it was."""
    now = dict(os.environ)
    names = sorted({*before, *now})
    return {name: now.get(name) for name in names if before.get(name) != now.get(name)}


def look(found: dict[str, object]) -> None:
    """Add what the process has come to."""
    from prefect_preflight import last_report

    found["report"] = last_report().as_dict()
    prefect = sys.modules.get("prefect")
    found["prefect"] = None if prefect is None else getattr(prefect, "COMPLETE", True)
    found["usable"] = prefect is not None and callable(getattr(prefect, "flow", None))
    found["loader"] = type(getattr(getattr(prefect, "__spec__", None), "loader", None)).__module__
    found["finders"] = [
        getattr(finder, "__name__", type(finder).__name__)
        for finder in sys.meta_path
        if (getattr(finder, "__module__", None) or type(finder).__module__ or "").startswith("prefect_preflight")
        or getattr(finder, "__name__", "") == "prefect_preflight"
    ]
    found["modules"] = sorted(name for name in sys.modules if name.startswith("chaos_"))
    found["seen"] = SEEN
    for name in (
        "chaos_loads",
        "chaos_calls",
        "chaos_bodies",
        "chaos_body_seconds",
        "chaos_native",
        "chaos_native_run",
    ):
        found[name] = vars(sys).get(name)
    context = sys.modules.get("prefect.context")
    settings = getattr(context, "GLOBAL_SETTINGS_CONTEXT", None)
    found["settings_seen"] = getattr(settings, "seen", None)


if __name__ == "__main__":
    main()
