"""Subinterpreters, which refuse daemon threads and many extension modules: never an exception because of us."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import interpreters
from snippets import ENABLED, hook
from toys import PLUGIN, PYTHONS, pythons, repetitions, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from counting import Counting

    from hosts import Host, Hosts
    from worlds import World

# Runs a program in a new interpreter and prints what the program wrote to the pipe; `run` is a no-op where the
# interpreter has no such module.
PROGRAM = """
    import json, os, sys
    try:
        import _interpreters as interpreters  # from 3.13 on
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            print(json.dumps(None))
            sys.exit()
    read, write = os.pipe()
    code = '''if True:
        import json, os
        answer = dict()
        try:
            import prefect
            answer["seen"] = os.environ.get("TOKEN") or os.environ.get("HOOK_TOKEN")
        except BaseException as error:
            answer["error"] = [type(error).__name__, str(error)]
        from prefect_preflight import last_report
        answer["outcome"] = last_report().outcome
        answer["where"] = last_report().hooks_run_in
        os.write(%d, (json.dumps(answer) + chr(10)).encode())
    ''' % write
    BEFORE
    for _ in range(2):
        interpreter = interpreters.create()
        problem = interpreters.run_string(interpreter, code)
        if problem is not None:
            print(problem, file=sys.stderr)
        interpreters.destroy(interpreter)
    os.close(write)
    with os.fdopen(read) as stream:
        print(json.dumps([json.loads(line) for line in stream]))
"""


@pytest.mark.parametrize("version", pythons())
@pytest.mark.parametrize("before", ["pass", "import prefect"], ids=["plain", "import"])
@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_import_in_a_subinterpreter(
    hosts: Hosts, new_world: Callable[[Host], World], version: str, before: str, keyword: str
) -> None:
    """Each of two subinterpreters in a row imports Prefect and sees the variables, whether or not the main one has."""
    if version == "3.12" and before == "pass":
        pytest.skip("CPython 3.12.1 crashes by itself when two subinterpreters import what the main one has not")
    world = toy_world(hosts, new_world, version)
    world.plugin("toy-plugin", PLUGIN.replace("def setup", f"{keyword} setup"))
    result = world.run(PROGRAM.replace("BEFORE", before), env=ENABLED)
    assert result.returncode == 0 and result.stderr == "", str(result)
    answers = json.loads(result.stdout)
    if answers is None:
        pytest.skip("this Python has no subinterpreters")
    assert [answer.get("error") for answer in answers] == [None, None], str(result)
    assert [answer["seen"] for answer in answers] == ["set-by-the-hook"] * 2, str(result)
    assert {answer["outcome"] for answer in answers} == {"success"}


def test_real_prefect(counting: Counting) -> None:
    """`import prefect` never raises there but what it raises without us, and where it works the variables are set.

    From 3.4.24 on it fails without us, since the native runner loads pydantic, which subinterpreters refuse.
    """
    counting.install()
    with_us, without = (
        counting.json(PROGRAM.replace("BEFORE", "import prefect"), PREFECT_PREFLIGHT_DISABLE=disabled)
        for disabled in ("0", "1")
    )
    if without is None:
        pytest.skip("this Python has no subinterpreters")
    for ours, plain in zip(with_us, without):
        assert ours.get("error") in (None, plain.get("error"))
        assert "error" in ours or ours["seen"], with_us


LEGACY = """
    import os, sys
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    code = '''if True:
        import os, prefect
        from prefect_preflight import last_report
        report = last_report()
        os.write(1, (report.hooks_run_in + " " + report.outcome + chr(10)).encode())
    '''
    for _ in range(COUNT):
        if sys.version_info >= (3, 13):
            interpreter = interpreters.create("legacy")
        else:
            interpreter = interpreters.create(isolated=False)
        problem = interpreters.run_string(interpreter, code)
        if problem is not None:
            print(problem, file=sys.stderr)
        interpreters.destroy(interpreter)
"""


@pytest.mark.parametrize("version", PYTHONS)
def test_legacy_subinterpreters_that_end_at_once(
    hosts: Hosts, new_world: Callable[[Host], World], version: str
) -> None:
    """One that shares the interpreter's lock has threads; they have ended before the import returns: no abort."""
    if not interpreters.find(version):
        pytest.skip(f"no Python {version} on this machine")
    world = toy_world(hosts, new_world, version)
    world.plugin("early", PLUGIN)
    world.plugin("late", hook('import prefect.flows\nreturn SetupResult(env={"LATE": "1"})'))
    world.plugin("slow", hook('await asyncio.sleep(0.01)\nreturn SetupResult(env={"SLOW": "1"})', keyword="async def"))
    count = repetitions(50, 10)
    result = world.run(LEGACY.replace("COUNT", str(count)), env=ENABLED, timeout=200, check=True)
    assert result.stdout == "workers success\n" * count, str(result)
