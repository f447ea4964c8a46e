"""The program of a chaos world: imports Prefect in the manner that the plan says, and writes down what it then sees.

Arguments: the plan's path, the path to write to. Run by the host's interpreter, so it imports nothing of the tests.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import sys
import threading
import time
from random import Random

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
    """In four threads at once, each of which must see all that is expected."""

    def one(module: str) -> None:
        __import__(module)
        missing = [name for name in PLAN["expected"] if name not in os.environ]
        SEEN.append(missing if hasattr(sys.modules["prefect"], "__path__") else ["prefect"])

    threads = [
        threading.Thread(target=one, args=(name,)) for name in ("prefect", "prefect.flows", "prefect", "prefect")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def import_beside_strangers() -> None:
    """While other threads import Prefect's modules, and an application's modules that import Prefect.

    Each must find its module whole, and what early hooks set. What late hooks set they may not see: a hook may wait for
    a module that a stranger executes, who is then let in.
    """

    def one(module: str, delay: float) -> None:
        time.sleep(delay)
        try:
            found = importlib.import_module(module)
            missing = [name for name in PLAN["early"] if name not in os.environ]
            if sys.modules[module] is not found:
                missing.append("another module")
            if getattr(found, WHOLE.get(module, "__name__"), None) is None:
                missing.append(f"a partial {module}")
            SEEN.append(missing)
        except BaseException as error:
            SEEN.append([f"{module}: {error!r}"])

    random = Random(PLAN["seed"])
    names = ["prefect", "prefect.flows", "prefect.tasks", "prefect.settings", "chaos_app", "chaos_app_two"]
    plan = [
        (random.choice(names), random.random() * random.choice([0, 0.05, 0.3])) for _ in range(random.randrange(1, 10))
    ]
    threads = [threading.Thread(target=one, args=each) for each in plan]
    for thread in threads:
        thread.start()
    import_plainly()
    for thread in threads:
        thread.join()


WHOLE = {
    "prefect": "flow",
    "prefect.flows": "Flow",
    "prefect.tasks": "task",
    "chaos_app": "DONE",
    "chaos_app_two": "DONE",
}


class AsksAll:
    """A finder that asks all the others for every name, and changes nothing."""

    def __init__(self) -> None:
        self._finding: set[tuple[str, int]] = set()

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        """What the others answer (PEP 451); nothing if one of them asks in return."""
        key = (name, threading.get_ident())
        if key in self._finding:
            return None
        self._finding.add(key)
        try:
            for finder in list(sys.meta_path):
                find = getattr(finder, "find_spec", None) if finder is not self else None
                spec = find(name, path, target) if find is not None else None
                if spec is not None:
                    return spec
            return None
        finally:
            self._finding.discard(key)


SEEN: list[list[str]] = []
MANNERS = {
    "plain": import_plainly,
    "name": import_a_name,
    "submodule": import_a_submodule,
    "importlib": import_by_importlib,
    "loop": import_in_a_loop,
    "thread": import_in_a_thread,
    "threads": import_in_threads,
    "strangers": import_beside_strangers,
}


def main() -> None:
    """Import, look, and write down."""
    with open(FOUND_PATH + ".stack", "w", encoding="utf-8") as stack:
        faulthandler.dump_traceback_later(PLAN["patience"], exit=True, file=stack)
        if PLAN["asks_all"]:
            sys.meta_path.insert(0, AsksAll())  # type: ignore[arg-type]
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
    found["prefect"] = None if prefect is None else getattr(prefect, "DONE", True)
    found["usable"] = prefect is not None and callable(getattr(prefect, "flow", None))
    found["loader"] = type(getattr(getattr(prefect, "__spec__", None), "loader", None)).__module__
    found["finders"] = [
        getattr(finder, "__name__", type(finder).__name__)
        for finder in sys.meta_path
        if (getattr(finder, "__module__", None) or type(finder).__module__ or "").startswith("prefect_preflight")
        or getattr(finder, "__name__", "") == "_prefect_preflight"
    ]
    found["modules"] = sorted(name for name in sys.modules if name.startswith("chaos_"))
    found["seen"] = SEEN
    for name in (
        "chaos_loads",
        "chaos_calls",
        "bodies",
        "body_seconds",
        "native_runs",
        "native_hooks",
    ):
        found[name] = vars(sys).get(name)
    context = sys.modules.get("prefect.context")
    settings = getattr(context, "GLOBAL_SETTINGS_CONTEXT", None)
    found["settings_seen"] = getattr(settings, "seen", None)


if __name__ == "__main__":
    main()
