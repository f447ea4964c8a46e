"""Several threads import Prefect at once: the hooks run once, and everybody waits for all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from counting import Counting

EIGHT = """
    import json, os, sys, threading
    STATEMENTS = [
        "import prefect", "from prefect import flow", "import prefect.flows", "from prefect import plugins",
        "from prefect.tasks import task", "import prefect", "from prefect import task", "__import__('prefect')",
    ]
    barrier, seen, errors = threading.Barrier(8), [], []
    def work(statement):
        barrier.wait()
        try:
            exec(statement, {})
            seen.append([os.environ.get("HOOK_TOKEN"), callable(sys.modules["prefect"].flow)])
        except BaseException as error:
            errors.append(statement + ": " + repr(error))
    threads = [threading.Thread(target=work, args=[statement], daemon=True) for statement in STATEMENTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    print(json.dumps({"seen": seen, "errors": errors, "alive": [t.name for t in threads if t.is_alive()]}))
"""

MEANWHILE = """
    import json, os, sys, threading, time
    seen = {}
    def application():
        import prefect
        seen["application"] = [os.environ.get("HOOK_TOKEN"), callable(prefect.flow)]
    def importing():
        import prefect
        seen["importing"] = [os.environ.get("HOOK_TOKEN"), callable(prefect.flow)]
    first, second = (%s, %s)
    first = threading.Thread(target=first, daemon=True)
    first.start()
    deadline = time.monotonic() + 30
    while not os.path.exists(os.environ["HOOK_LOG"]) and time.monotonic() < deadline:
        time.sleep(0.01)
    began = time.monotonic()
    second()
    waited = time.monotonic() - began
    first.join(40)
    print(json.dumps({"seen": seen, "waited": waited, "alive": first.is_alive()}))
"""


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_eight_threads_import_at_once(counting: Counting, keyword: str) -> None:
    """All eight see the environment and a complete module, however they import it; the hook ran once."""
    counting.install(body="time.sleep(0.3)", keyword=keyword)

    told = counting.json(EIGHT)

    assert told["errors"] == [] and told["alive"] == []
    assert len(told["seen"]) == 8
    assert len({token for token, _ in told["seen"]}) == 1 and told["seen"][0][0]
    assert all(complete for _, complete in told["seen"])
    assert counting.runs == 1


@pytest.mark.parametrize("main", ["application", "importing"])
def test_import_while_another_thread_runs_the_hooks(counting: Counting, main: str) -> None:
    """Who imports Prefect while the hooks run waits for them, and sees what they set; so does the other one."""
    counting.install(body="time.sleep(1.5)")
    other = "importing" if main == "application" else "application"

    told = counting.json(MEANWHILE % (other, main))

    assert told["alive"] is False
    assert told["waited"] > 1.0, told
    assert told["seen"]["application"] == told["seen"]["importing"]
    assert told["seen"]["application"][0] and told["seen"]["application"][1]
    assert counting.runs == 1
