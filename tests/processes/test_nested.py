"""Hooks that start Python processes: no recursion, no hang, and processes that are started later run the hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from counting import Counting

THEN = """
    import json, os, subprocess, sys, prefect
    import probe
    child = json.loads(subprocess.run([sys.executable, "-m", "probe"], stdout=subprocess.PIPE, check=True).stdout)
    mark = os.environ.get("PREFECT_PREFLIGHT_IN_HOOK")
    print(json.dumps({"self": probe.look(), "later": child, "mark": mark}))
"""


def starting(method: str) -> str:
    """Returns the statements of a hook that starts a Python which imports Prefect, and waits for it."""
    return {
        "subprocess": "nested = subprocess.run(CHILD, stdout=subprocess.PIPE, check=True, timeout=30).stdout.decode()",
        "async": """
process = await asyncio.create_subprocess_exec(*CHILD, stdout=subprocess.PIPE)
nested = (await asyncio.wait_for(process.communicate(), 30))[0].decode()
""",
        "spawn": """
import multiprocessing
with multiprocessing.get_context("spawn").Pool(1) as pool:
    nested = pool.apply(probe.look)["outcome"]
""",
    }[method]


BEFORE = """
import asyncio, probe
CODE = "import prefect; from prefect_preflight import last_report; print(last_report().outcome, end='')"
CHILD = [sys.executable, "-c", CODE]
"""


@pytest.mark.parametrize("method", ["subprocess", "async", "spawn"])
@pytest.mark.parametrize("stage", ["early", "late"])
def test_hook_starts_a_python_that_imports_prefect(counting: Counting, method: str, stage: str) -> None:
    """The child of a hook imports Prefect and runs no hook; a child that is started afterwards runs them."""
    late = "import prefect.utilities.collections\n" if stage == "late" else ""
    keyword = "async def" if method == "async" else "def"
    body = starting(method).strip() + '\nassert nested == "inside-hook", nested'
    counting.install(body=body, before=BEFORE + late, keyword=keyword)

    # The later child's own hook starts a child in its turn: two runs in all, however deep.
    told = counting.json(THEN)

    assert told["self"]["outcome"] == "success", told
    assert told["later"]["outcome"] == "success", told
    assert told["later"]["token"] != told["self"]["token"]
    assert told["mark"] is None
    assert counting.runs == 2


def test_process_that_a_hook_leaves_behind_is_not_marked_for_good(counting_new: Counting) -> None:
    """A hook may start a process that stays; what that one starts after the hooks' time runs the hooks."""
    daemon = (
        "import subprocess, sys, time; time.sleep(3.5); "
        "subprocess.run([sys.executable, '-m', 'probe'], stdout=open(sys.argv[1], 'w'))"
    )
    body = f"""
if os.environ.get("FIRST"):
    del os.environ["FIRST"]
    subprocess.Popen([sys.executable, "-c", {daemon!r}, os.environ["HOOK_LOG"] + ".daemon"])
"""
    counting_new.install(body=body)

    told = counting_new.json(
        """
        import json, os, time, prefect, probe
        path, deadline = os.environ["HOOK_LOG"] + ".daemon", time.monotonic() + 30
        while time.monotonic() < deadline and not (os.path.exists(path) and open(path).read().strip()):
            time.sleep(0.1)
        print(open(path).read(), end="")
        """,
        FIRST="1",
        PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="2",
    )

    assert told["outcome"] == "success", told
    assert counting_new.runs == 2


def test_refreshing_hook_starts_a_python_that_imports_prefect(counting_new: Counting) -> None:
    """`refresh` marks the children of its hooks too, and afterwards there is no mark."""
    body = starting("subprocess") + '\nassert nested == "inside-hook", nested'
    counting_new.install(body=body, before=BEFORE, options="expires_at=now")

    told = counting_new.json(
        """
        import json, os, prefect
        from prefect_preflight import refresh
        report = refresh()
        print(json.dumps([report.outcome, os.environ.get("PREFECT_PREFLIGHT_IN_HOOK")]))
        """
    )

    assert told == ["success", None]
    assert counting_new.runs == 2
