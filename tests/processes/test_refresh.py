"""`prefect_preflight.refresh()`: renews what has expired, in the calling thread, and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from worlds import write_distribution

if TYPE_CHECKING:
    from counting import Counting

SECOND = """
from prefect_preflight import SetupResult, register_hook
import os

@register_hook
def setup_environment(*, ctx):
    return SetupResult(env={"LASTING": str(int(os.environ.get("LASTING", "0")) + 1)})
"""


def test_renews_what_has_expired(counting: Counting) -> None:
    """The hook of the expired plugin runs again and its new value is set; a plugin without an expiry is left alone."""
    counting.install(options="expires_at=now + timedelta(seconds=5)")
    write_distribution(counting.world.overlay, "lasting-plugin", SECOND)
    told = counting.json(
        """
        import json, os, time, prefect
        from prefect_preflight import refresh
        seen = [os.environ["HOOK_TOKEN"]]
        refresh(); seen.append(os.environ["HOOK_TOKEN"])
        time.sleep(5)
        report = refresh(); seen.append(os.environ["HOOK_TOKEN"])
        print(json.dumps({"seen": seen, "lasting": os.environ["LASTING"], "outcome": report.outcome,
            "plugins": [[p.name, p.status, p.expires_at is not None] for p in report.plugins]}))
        """
    )
    first, second, third = told["seen"]
    assert first == second != third
    assert told["lasting"] == "1"
    assert told["outcome"] == "success"
    assert told["plugins"] == [["counting_plugin", "success", True], ["lasting_plugin", "success", False]]
    assert counting.runs == 2


def test_descendants_inherit_what_was_renewed(counting_standin: Counting) -> None:
    """After a refresh the note for descendants is about the new values."""
    counting_standin.install(options="inherit=True, expires_at=now + timedelta(seconds=3600 if again else 1)")
    told = counting_standin.json(
        """
        import json, os, subprocess, sys, time, prefect
        from prefect_preflight import refresh
        time.sleep(1.1)
        refresh()
        child = json.loads(subprocess.run([sys.executable, "-m", "probe"], stdout=subprocess.PIPE).stdout)
        print(json.dumps([os.environ["HOOK_TOKEN"], child]))
        """
    )
    assert told[1]["statuses"] == {"counting_plugin": "inherited"} and told[1]["token"] == told[0]
    assert counting_standin.runs == 2


def test_a_child_that_inherited_can_renew(counting_standin: Counting) -> None:
    """A process that took over its parent's values, without loading the plugin, renews them when they have expired."""
    counting_standin.install(options="inherit=True, expires_at=now + timedelta(seconds=5)")
    child = (
        "import json, os, sys, time, prefect\n"
        "from prefect_preflight import last_report, refresh\n"
        "seen = [os.environ['HOOK_TOKEN'], last_report().plugins[0].status]\n"
        "time.sleep(max(0.0, float(sys.argv[1]) + 5 - time.time()))\n"
        "report = refresh()\n"
        "print(json.dumps(seen + [os.environ['HOOK_TOKEN'], report.plugins[0].status, report.outcome]))\n"
    )
    told = counting_standin.json(
        f"import prefect, subprocess, sys, time\n"
        f"raise SystemExit(subprocess.call([sys.executable, '-c', {child!r}, str(time.time())]))"
    )
    before, status, after, renewed, outcome = told
    assert (status, renewed, outcome) == ("inherited", "success", "success")
    assert before != after
    assert counting_standin.runs == 2


def test_runs_in_the_calling_thread(counting_new: Counting) -> None:
    """`os.environ` is written by the thread that called `refresh`, which returns when it is written."""
    counting_new.install(options="expires_at=now")
    told = counting_new.json(
        """
        import json, os, sys, threading, prefect
        from prefect_preflight import refresh
        writers = []
        def hook(event, args):
            if event == "os.putenv":
                writers.append(threading.current_thread().name)
        sys.addaudithook(hook)
        before = os.environ["HOOK_TOKEN"]
        after = []
        def work():
            refresh(); after.append(os.environ["HOOK_TOKEN"])
        thread = threading.Thread(target=work, name="caller")
        thread.start(); thread.join()
        print(json.dumps([sorted(set(writers)), before != after[0]]))
        """
    )
    assert told == [["caller"], True]


def test_deadline_holds(counting_standin: Counting) -> None:
    """A hook that hangs does not keep `refresh` beyond the deadline; the old values stay, and the report tells."""
    counting_standin.install(body="if again:\n    time.sleep(60)", options="expires_at=now")
    told = counting_standin.json(
        """
        import json, os, time, prefect
        from prefect_preflight import refresh
        before, began = os.environ["HOOK_TOKEN"], time.monotonic()
        report = refresh()
        print(json.dumps([time.monotonic() - began, before == os.environ["HOOK_TOKEN"], report.plugins[0].status,
                          report.outcome]))
        """,
        PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="1",
    )
    seconds, same, status, outcome = told
    assert 0.9 < seconds < 1.5
    assert (same, status, outcome) == (True, "timed-out", "failures")


@pytest.mark.parametrize("strict", ["0", "1"])
def test_failure(counting_standin: Counting, strict: str) -> None:
    """A hook that fails on renewal: strict mode exits with 1 and one line, else the next `refresh` tries again."""
    expiry = "expires_at=now + timedelta(seconds=2)"  # in strict mode, values that have expired already are a failure
    counting_standin.install(body="if again:\n    raise OSError('no way')", options=expiry)
    result = counting_standin.run(
        """
        import prefect, time
        from prefect_preflight import refresh
        time.sleep(2)
        print(refresh().plugins[0].status); print(refresh().plugins[0].status)
        """,
        PREFECT_PLUGINS_STRICT=strict,
        PREFECT_LOGGING_LEVEL="CRITICAL",
    )
    if strict == "1":
        assert result.returncode == 1, str(result)
        failure = "[plugins] required plugin 'counting_plugin' failed: OSError: no way; what it set before expired at "
        assert result.stderr.startswith(failure) and result.stderr.count("\n") == 1, str(result)
        assert counting_standin.runs == 2
    else:
        assert result.returncode == 0 and result.stdout.split() == ["failed", "failed"], str(result)
        assert counting_standin.runs == 3


def test_without_plugins_nothing_happens(counting_standin: Counting) -> None:
    """Where Prefect was not imported, or plugins are disabled, `refresh` returns a report and runs nothing."""
    counting_standin.install(options="expires_at=now")
    told = counting_standin.json(
        """
        import json, sys
        from prefect_preflight import refresh
        outcomes = [refresh().outcome, "prefect" in sys.modules]
        import prefect
        print(json.dumps(outcomes + [refresh().outcome]))
        """,
        PREFECT_PLUGINS_ENABLED="0",
    )
    assert told == ["not-run", False, "disabled"]
    assert counting_standin.runs == 0


def test_threads_that_refresh_at_once_share_one_run(counting_standin: Counting) -> None:
    """Eight threads that find the values expired: one renews, the others wait and find them good."""
    counting_standin.install(body="time.sleep(0.2)", options="expires_at=now + timedelta(seconds=3600 if again else 0)")
    told = counting_standin.json(
        """
        import json, os, threading, prefect
        from prefect_preflight import refresh
        seen = []
        def work():
            refresh(); seen.append(os.environ["HOOK_TOKEN"])
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(json.dumps(sorted(set(seen))))
        """
    )
    assert len(told) == 1
    assert counting_standin.runs == 2


FORKED = """
    import json, os, threading, time, prefect
    from prefect_preflight import refresh
    before = os.environ["HOOK_TOKEN"]
    os.environ["SLOW"] = "%s"
    if os.environ["SLOW"]:
        threading.Thread(target=refresh, daemon=True).start()
        while open(os.environ["HOOK_LOG"]).read().count(os.linesep) < 2:
            time.sleep(0.01)
    read, write = os.pipe()
    if os.fork() == 0:
        os.environ["SLOW"] = ""
        report = refresh()
        os.write(write, json.dumps([os.environ["HOOK_TOKEN"], report.outcome]).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as stream:
        print(json.dumps([before, *json.load(stream)]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("slow", ["", "1"], ids=["idle", "while-refreshing"])
def test_forked_child(counting: Counting, slow: str) -> None:
    """A forked child, which has its parent's Prefect, renews for itself, even if forked in the midst of a refresh."""
    counting.install(body="if os.environ.get('SLOW'):\n    time.sleep(3)", options="expires_at=now")
    before, after, outcome = counting.json(FORKED % slow, timeout=30)
    assert before != after
    assert outcome == "success"
    assert counting.runs == (3 if slow else 2)
