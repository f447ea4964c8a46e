"""`PREFECT_PREFLIGHT_RENEW=1`: what expires is renewed in the background, for as long as a process lives."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from snippets import ENABLED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from worlds import World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="renewal needs glibc")

# Notes at each run which process and thread it is in, and what it sees. `run` counts the runs of all processes.
PLUGIN = """
    import json, os, subprocess, sys, threading, time
    from datetime import datetime, timedelta, timezone
    from prefect_preflight import SetupResult, register_hook
    {before}

    def fail(text="no way"):
        raise OSError(text)

    def lasting(seconds, env, **more):
        return SetupResult(env, expires_at=datetime.now(timezone.utc) + timedelta(seconds=seconds), **more)

    @register_hook{options}
    def setup_environment(*, ctx):
        inside = "PREFECT_PREFLIGHT_IN_HOOK" in os.environ
        with open(os.environ["SEEN"], "a") as file:
            file.write(json.dumps([os.getpid(), os.environ.get("{name}"), os.environ.get("BASE"), inside]) + "\\n")
        with open(os.environ["SEEN"]) as file:
            run = len(file.readlines())
        env = {{"{name}": f"{{os.getpid()}} {{run}}", "BASE": "role"}}
        return {result}
"""
HEAD = """
import json, os, subprocess, sys, threading, time
import prefect, prefect_preflight
def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, (dict(os.environ), prefect_preflight.last_report())
        time.sleep(0.01)
def run(name="LEASE"):
    return int(os.environ[name].split()[1])
def plugin():
    return prefect_preflight.last_report().plugins[0]
"""


class Renewing:
    """A world with the plugin; who ran its hook, and what the hook saw."""

    def __init__(self, world: World, path: Path) -> None:
        self.world = world
        self.path = path

    def install(self, result: str, *, before: str = "", options: str = "", name: str = "LEASE") -> None:
        """Installs the plugin."""
        source = PLUGIN.format(result=result, before=before, options=options, name=name)
        self.world.plugin(name.lower(), source)

    def run(self, program: str, **variables: str | None) -> tuple[Any, str]:
        """Runs a program after `HEAD`; returns what it printed, as JSON, and its stderr."""
        own = {"SEEN": str(self.path), "BASE": "base", "PREFECT_PREFLIGHT_RENEW": "1", "PYTHONWARNINGS": "ignore"}
        result = self.world.run(HEAD + program, env={**ENABLED, **own, **variables})
        assert result.returncode == 0, str(result)
        return (json.loads(result.stdout) if result.stdout else None), result.stderr

    @property
    def seen(self) -> list[tuple[int, str | None, str | None, bool]]:
        """PID, the variables, and whether it is marked as inside a hook: at each run of the hook."""
        return [tuple(json.loads(line)) for line in self.path.read_text().splitlines()]


@pytest.fixture
def renewing(world: World, tmp_path: Path) -> Renewing:
    """A world with the stand-in for Prefect, in which the test installs the plugin."""
    return Renewing(world, tmp_path / "seen")


@pytest.mark.core
def test_renews_for_as_long_as_the_process_lives(renewing: Renewing) -> None:
    """Values are new before they expire, lease by lease; the hook sees the world as it was the first time."""
    renewing.install("lasting(1, env)")
    told, stderr = renewing.run(
        """
first = plugin().expires_at
until(lambda: run() == 4)
report = prefect_preflight.last_report()
print(json.dumps([report.outcome, plugin().status, plugin().expires_at > first, os.environ["BASE"],
    report.renewal.state, report.renewal.last == plugin().renewed_at, report.renewal.next > report.renewal.last,
    threading.active_count()]))
"""
    )
    assert told[:7] == ["success", "success", True, "role", "on", True, True]
    assert told[7] >= 2
    assert stderr == ""
    assert [(lease, base) for _, lease, base, _ in renewing.seen] == [(None, "base")] * 4
    assert len({pid for pid, *_ in renewing.seen}) == 1


def test_off_by_default(renewing: Renewing) -> None:
    """Without the setting nothing is renewed, and no module of it is loaded."""
    renewing.install("lasting(0.2, env)")
    told, _ = renewing.run(
        """
time.sleep(0.7)
loaded = "prefect_preflight._stages.renewal" in sys.modules
print(json.dumps([run(), prefect_preflight.last_report().renewal.state, loaded]))
""",
        PREFECT_PREFLIGHT_RENEW=None,
    )
    assert told == [1, "off", False]


def test_nothing_expires(renewing: Renewing) -> None:
    """Where no values have an expiry, there is no thread."""
    renewing.install("SetupResult(env)")
    told, stderr = renewing.run(
        "print(json.dumps([prefect_preflight.last_report().renewal.state, [t.name for t in threading.enumerate()]]))"
    )
    assert told[0] == "idle" and not [name for name in told[1] if "renewal" in name]
    assert stderr == ""


def test_a_bad_value(renewing: Renewing) -> None:
    """A word that means neither is one line, and nothing is renewed."""
    renewing.install("lasting(1, env)")
    told, stderr = renewing.run(
        "print(json.dumps(prefect_preflight.last_report().renewal.state))", PREFECT_PREFLIGHT_RENEW="maybe"
    )
    assert told == "off"
    assert stderr.startswith("prefect-preflight: PREFECT_PREFLIGHT_RENEW='maybe' is not ") and stderr.count("\n") == 1


def test_only_values_of_variables_that_exist_are_replaced(renewing: Renewing) -> None:
    """No name is added to the environment, none removed: not even for a moment, and not even for the hook's sake."""
    renewing.install("lasting(0.5, {**env, 'LEASE_MORE': 'x'} if run > 1 else env)")
    told, stderr = renewing.run(
        """
names, added, removed = set(os.environ), [], []
def watch(event, args):
    if event == "os.putenv" and os.fsdecode(args[0]) not in names:
        added.append(os.fsdecode(args[0]))
    elif event == "os.unsetenv":
        removed.append(os.fsdecode(args[0]))
sys.addaudithook(watch)
until(lambda: run() == 4)
print(json.dumps([added, removed, "LEASE_MORE" in os.environ, plugin().status, plugin().warning_slugs,
    sorted(plugin().environment)]))
"""
    )
    assert told == [[], [], False, "success", ["not-replaced"], ["BASE", "LEASE"]]
    assert stderr.count("\n") == 1 and "LEASE_MORE cannot be renewed in the background" in stderr, stderr
    assert [(lease, base) for _, lease, base, _ in renewing.seen] == [(None, "base")] * 4


def test_a_variable_that_is_left_out_once(renewing: Renewing) -> None:
    """What a hook does not return in the background stays, is hidden from it as ever, and is replaced the next time."""
    renewing.install("lasting(0.6, {'BASE': 'role'} if run == 2 else env)")
    told, stderr = renewing.run(
        """
until(lambda: len(open(os.environ["SEEN"]).readlines()) == 4 and run() >= 3)
print(json.dumps([plugin().status, plugin().warning_slugs, sorted(plugin().environment)]))
"""
    )
    assert told == ["success", [], ["BASE", "LEASE"]]
    assert stderr == ""
    assert [(lease, base) for _, lease, base, _ in renewing.seen] == [(None, "base")] * 4


def test_what_somebody_else_has_set_stays(renewing: Renewing) -> None:
    """A variable that the program has changed since is the program's."""
    renewing.install("lasting(0.5, env)")
    told, _ = renewing.run(
        """
os.environ["BASE"] = "mine"
until(lambda: run() == 3)
print(json.dumps([os.environ["BASE"], plugin().status]))
"""
    )
    assert told == ["mine", "success"]
    assert renewing.seen[2][2] == "mine"


def test_failures_are_told_once_and_tried_again(renewing: Renewing) -> None:
    """One line for each text, however often it fails; strict mode ends nothing; then it works again, and is silent."""
    renewing.install("fail('first') if run in (2, 3) else fail('second') if run in (4, 5) else lasting(1.5, env)")
    told, stderr = renewing.run(
        """
until(lambda: plugin().status == "failed")
failed = [prefect_preflight.last_report().outcome, run(), plugin().error.message]
until(lambda: run() == 6)
print(json.dumps([failed, prefect_preflight.last_report().outcome]))
""",
        PREFECT_PLUGINS_STRICT="1",
    )
    assert told[0][:2] == ["failures", 1] and told[0][2].startswith("OSError: first")
    assert told[1] == "success"
    lines = [line.partition("ERROR: ")[2].partition(";")[0] for line in stderr.splitlines()]
    # That they have expired meanwhile is another text.
    assert sorted(set(lines), key=lines.index) == [
        "Plugin lease failed: OSError: first",
        "Plugin lease failed: OSError: second",
    ]
    assert len(lines) <= 3, stderr


def test_a_hook_that_hangs(renewing: Renewing) -> None:
    """The deadline holds in the background too, and the next attempt may succeed."""
    renewing.install("time.sleep(60) if run == 2 else lasting(2, env)")
    told, stderr = renewing.run(
        "until(lambda: run() >= 3)\nprint(json.dumps(plugin().status))", PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="0.5"
    )
    assert told == "success"
    assert stderr.count("\n") == 1 and "it was still running when the 0.5 s" in stderr, stderr


MUSL = """
import errno, os
def confstr(name):
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
os.confstr = confstr
"""


def test_refused_where_it_is_not_safe(renewing: Renewing) -> None:
    """On another C library than glibc there is one line, and a finding.

    A mock, since a Python on musl cannot be had here: musl has this name too, and refuses it in this way.
    """
    renewing.install("lasting(0.3, env)")
    (renewing.world.overlay / "sitecustomize.py").write_text(MUSL)
    told, stderr = renewing.run(
        """
time.sleep(0.5)
command = [sys.executable, "-m", "plugins_diag", "--format", "json"]
findings = json.loads(subprocess.run(command, stdout=-1, stderr=-1).stdout)["findings"]
renewal = prefect_preflight.last_report().renewal
print(json.dumps([renewal.state, renewal.reason, renewal.next, run(), sorted({found["code"] for found in findings})]))
"""
    )
    assert told[0] == "refused" and "glibc" in told[1] and told[2:4] == [None, 1]
    assert "PF409" in told[4]
    assert stderr.startswith("prefect-preflight: PREFECT_PREFLIGHT_RENEW has no effect: ") and stderr.count("\n") == 1


def test_no_hook_runs_twice_at_once(renewing: Renewing) -> None:
    """Eight threads that call `refresh` beside the renewal: at no time do two calls of the hook overlap."""
    before = "calls = []; overlaps = []"
    result = "(calls.append(1), overlaps.append(len(calls)), time.sleep(0.02), calls.pop(), lasting(0.1, env))[4]"
    renewing.install(result, before=before)
    told, stderr = renewing.run(
        """
end = time.monotonic() + 2
def work():
    while time.monotonic() < end:
        prefect_preflight.refresh()
        time.sleep(0.01)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
import lease
print(json.dumps([max(lease.overlaps), len(lease.overlaps), prefect_preflight.last_report().outcome]))
"""
    )
    assert told[0] == 1 and told[1] > 5 and told[2] == "success"
    assert stderr == ""


@pytest.mark.core
def test_forked_child_renews_for_itself(renewing: Renewing) -> None:
    """A forked child has a thread of its own, also when it was forked in the middle of a renewal."""
    renewing.install("(time.sleep(0.3), lasting(1, env))[1]")
    told, _ = renewing.run(
        """
def fork():
    read, write = os.pipe()
    if not os.fork():
        mine = f"{os.getpid()} "
        until(lambda: os.environ["LEASE"].startswith(mine))
        first = os.environ["LEASE"]
        until(lambda: os.environ["LEASE"] != first)
        os.write(write, b"renewed twice")
        os._exit(0)
    return read
def runs():
    return len(open(os.environ["SEEN"]).readlines())
idle = fork()
before = runs()
until(lambda: runs() > before)
amid = fork()
told = [os.read(pipe, 100).decode() for pipe in (idle, amid)]
mine = f"{os.getpid()} "
until(lambda: os.environ["LEASE"].startswith(mine))
print(json.dumps(told))
"""
    )
    assert told == ["renewed twice"] * 2
    assert len({pid for pid, *_ in renewing.seen}) == 3


def test_child_that_inherits_renews_for_itself(renewing: Renewing) -> None:
    """A process that took its values over, and has not even loaded the plugin, renews them when they are due."""
    renewing.install("lasting(3, env, inherit=True)")
    child = (
        "status, first = plugin().status, os.environ['LEASE']\n"
        "until(lambda: os.environ['LEASE'] != first)\n"
        "print(json.dumps([status, first, os.environ['LEASE'].split()[0] == str(os.getpid())]))"
    )
    told, _ = renewing.run(
        f"print(json.dumps([os.environ['LEASE'], json.loads(subprocess.run([sys.executable, '-c', {HEAD + child!r}],"
        f" stdout=-1, check=True).stdout)]))"
    )
    assert told[1] == ["inherited", told[0], True]


def test_child_started_during_a_renewal_runs_hooks(renewing: Renewing) -> None:
    """What the program starts while a hook is called in the background does not count as started by a hook."""
    renewing.install("(time.sleep(0.7) if run == 2 else None, lasting(1, env))[1]")
    told, _ = renewing.run(
        """
until(lambda: len(open(os.environ["SEEN"]).readlines()) == 2)
code = "import prefect, prefect_preflight; print(prefect_preflight.last_report().outcome)"
print(json.dumps(subprocess.run([sys.executable, "-c", code], stdout=-1).stdout.decode().strip()))
"""
    )
    assert told == "success"
    assert [inside for *_, inside in renewing.seen][:3] == [True, True, True]


def test_descendants_inherit_what_was_renewed(renewing: Renewing) -> None:
    """The note for descendants is about the new values: children started in the third lease call no hook."""
    renewing.install("lasting(2.5, env, inherit=True)")
    told, _ = renewing.run(
        """
until(lambda: run() == 3)
code = "import os, prefect, prefect_preflight; print(os.environ['LEASE'])"
children = [subprocess.run([sys.executable, "-c", code], stdout=-1).stdout.decode().strip() for _ in range(3)]
print(json.dumps([children, os.environ["LEASE"]]))
"""
    )
    assert told[0] == [told[1]] * 3
    assert len(renewing.seen) == 3


LOOK = "import os; print(os.environ.get('LEASE'), os.environ['BASE'], 'PREFECT_PREFLIGHT_IN_HOOK' in os.environ)"
WAYS = f"""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor
    LOOK = {LOOK!r}

    def look():
        return f"{{os.environ.get('LEASE')}} {{os.environ['BASE']}} {{'PREFECT_PREFLIGHT_IN_HOOK' in os.environ}}"

    def program(**more):
        return subprocess.run([sys.executable, "-c", LOOK], stdout=-1, check=True, **more).stdout.decode().strip()

    async def awaited():
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", LOOK, stdout=-1)
        return (await child.communicate())[0].decode().strip()

    def started(kind, *args):
        found = []
        thread = kind(*args, lambda: found.append((look(), program())))
        thread.start()
        thread.join()
        return found[0]

    def forked():
        read, write = os.pipe()
        if not os.fork():
            os.write(write, look().encode())
            os._exit(0)
        os.close(write)
        with open(read) as file:
            return file.read()

    def ways():
        with ThreadPoolExecutor(1) as pool:
            pooled = pool.submit(look).result()
        timer, thread = started(threading.Timer, 0), started(lambda target: threading.Thread(target=target))
        popen = os.popen(f'"{{sys.executable}}" -c "{{LOOK}}"').read().strip()
        return {{look(), program(), asyncio.run(awaited()), pooled, *timer, *thread, popen, forked()}}

    def note(run):
        with open(os.environ["SEEN"] + ".ways", "w") as file:
            json.dump([sorted(ways()), program(env={{"BASE": "given"}})], file)
        os.rename(file.name, f"{{file.name}}{{run}}")
        time.sleep(0.3)
"""


@pytest.mark.core
def test_what_a_hook_starts_sees_what_it_sees(renewing: Renewing) -> None:
    """Programs, threads, pools and forks of a hook find no former output; those of the application do, meanwhile."""
    renewing.install("(note(run), lasting(2, env))[1]", before=WAYS)
    told, stderr = renewing.run(
        """
import lease
classes = [subprocess.Popen.__init__, threading.Thread.start, type(os.environ)]
until(lambda: os.path.exists(os.environ["SEEN"] + ".ways2"))
running = run()
mine = sorted(lease.ways())
at = run()
until(lambda: run() >= 2)
after = [subprocess.Popen.__init__, threading.Thread.start, type(os.environ)]
second = json.load(open(os.environ["SEEN"] + ".ways2"))
print(json.dumps([running, at, mine, second, after == classes]))
"""
    )
    running, at, mine, hooks, restored = told
    pid = renewing.seen[0][0]
    assert hooks == [["None base True"], "None given False"]
    assert (running, mine) == (1, [f"{pid} {number} role False" for number in range(1, at + 1)])
    assert restored
    assert stderr == ""


def test_a_thread_that_a_hook_leaves_behind(renewing: Renewing) -> None:
    """Once the hooks have ended, it sees the process' environment as any other thread does, in later renewals too."""
    before = """
    found = []
    def look_on():
        while True:
            found.append(os.environ.get("LEASE"))
            time.sleep(0.01)
    def leave_behind(run):
        if run == 2:
            threading.Thread(target=look_on, daemon=True).start()
            time.sleep(0.1)
"""
    renewing.install("(leave_behind(run), time.sleep(0.1), lasting(1, env))[2]", before=before)
    told, _ = renewing.run(
        """
import lease
until(lambda: run() == 2)
at = len(lease.found) + 1  # the one that is being made
until(lambda: run() == 4)
print(json.dumps([lease.found[0], lease.found[at:].count(None), len(lease.found) - at > 20]))
"""
    )
    assert told == [None, 0, True]


def test_hooks_that_hang_are_not_called_for_ever(renewing: Renewing) -> None:
    """Each call that hangs keeps a thread: after the third one there is none until one ends, and a line says so."""
    hang = "while not os.path.exists(os.environ['SEEN'] + '.end'): time.sleep(0.05)"
    before = f"\n    def hang():\n        {hang}\n"
    renewing.install("(hang() if run > 1 else None, lasting(1, env))[1]", before=before)
    told, stderr = renewing.run(
        """
def runs():
    return len(open(os.environ["SEEN"]).readlines())
until(lambda: runs() == 4)
time.sleep(2)
hanging = runs()
open(os.environ["SEEN"] + ".end", "w").close()
until(lambda: run() > 4)
print(json.dumps([hanging, plugin().status]))
""",
        PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="0.3",
    )
    assert told == [4, "success"]
    assert stderr.count("3 calls of its hook hang") == 1


@pytest.mark.core
def test_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """They grow up to a minute, end with a success, and with one of `refresh`, which nobody told them of."""
    from types import SimpleNamespace

    from prefect_preflight._stages import pauses as module

    now = 1000.0
    monkeypatch.setattr(module, "clock", lambda: now)
    expires = datetime(2030, 1, 1, tzinfo=timezone.utc)
    plugin: Any = SimpleNamespace(
        candidate="x", expires_at=expires, renew_at=expires.timestamp() - 48, renewed_at=None, name="x"
    )
    pauses = module.Pauses()
    assert pauses.remaining(plugin) == 0
    pauses.called([plugin], [])
    assert pauses.remaining(plugin) == 0.5
    remaining = []
    for _ in range(7):
        pauses.failed(plugin)
        remaining.append(pauses.remaining(plugin))
    assert remaining == [3, 6, 12, 24, 48, 60, 60]
    now += 1
    plugin.renewed_at = 5.0
    assert pauses.was_renewed_elsewhere(plugin) and pauses.remaining(plugin) == 0
    assert pauses.succeeded(plugin) and not pauses.succeeded(plugin)
    pauses.failed(plugin)
    assert pauses.remaining(plugin) == 3 and not pauses.was_renewed_elsewhere(plugin)


def test_refresh_ends_the_pause(renewing: Renewing) -> None:
    """After failures in the background and a success of `refresh`, the next renewal is in time, and a failure news."""
    renewing.install("fail('no way') if 1 < run < 6 or run == 7 else lasting(2, env)")
    told, stderr = renewing.run(
        """
until(lambda: len(open(os.environ["SEEN"]).readlines()) == 5)
until(lambda: plugin().status == "failed")
time.sleep(0.1)
prefect_preflight.refresh()
refreshed, until_when = run(), plugin().expires_at
until(lambda: run() > 6)
print(json.dumps([refreshed, run(), plugin().renewed_at.timestamp() - until_when.timestamp()]))
"""
    )
    refreshed, then, late = told
    assert (refreshed, then) == (6, 8)
    assert late < 1.5
    lines = [line.partition("ERROR: ")[2].partition(";")[0] for line in stderr.splitlines()]
    assert 2 <= lines.count("Plugin lease failed: OSError: no way") <= 3


@pytest.mark.core
@pytest.mark.parametrize("ends", ["at its end", "by sys.exit", "by os._exit"])
def test_the_end_waits_for_nothing(renewing: Renewing, ends: str) -> None:
    """A process that ends while a hook is called in the background ends at once, and says nothing."""
    renewing.install("(time.sleep(60) if run == 2 else None, lasting(0.5, env))[1]")
    program = """
until(lambda: len(open(os.environ["SEEN"]).readlines()) == 2)
import atexit
began = time.monotonic()
print(json.dumps("ending"), flush=True)
""" + {"at its end": "", "by sys.exit": "sys.exit(0)", "by os._exit": "os._exit(0)"}[ends]
    own = {"SEEN": str(renewing.path), "PREFECT_PREFLIGHT_RENEW": "1"}
    result = renewing.world.run(HEAD + program, env={**ENABLED, **own})
    assert result.returncode == 0 and result.stdout == '"ending"\n' and result.stderr == "", str(result)
    assert result.seconds < 20


def test_the_report_file_is_renewed(renewing: Renewing, tmp_path: Path) -> None:
    """The file has the times of the last renewal and of the next, and is one all the time."""
    renewing.install("lasting(1, env)")
    told, _ = renewing.run(
        """
import glob
def report():
    (path,) = glob.glob(os.environ["PREFECT_PREFLIGHT_REPORT_DIR"] + "/*.json")
    return json.load(open(path))["report"]
first = report()
until(lambda: report()["plugins"][0]["renewed_at"] is not None)
print(json.dumps([first["renewal"], first["plugins"][0]["renewed_at"], report()["renewal"], report()["plugins"][0]]))
""",
        PREFECT_PREFLIGHT_REPORT_DIR=str(tmp_path / "reports"),
    )
    first, never, then, plugin = told
    assert (first["state"], first["last"], never) == ("on", None, None)
    assert first["next"] < then["last"] == plugin["renewed_at"] < then["next"] < plugin["expires_at"]


SLOW_DISK = """
import os, time
replace = os.replace
def slow(*args, **kwargs):
    time.sleep(0.3)
    replace(*args, **kwargs)
os.replace = slow
"""


def test_values_that_are_due_when_the_import_ends(renewing: Renewing, tmp_path: Path) -> None:
    """The first renewal waits until the import is over, which is writing its report."""
    renewing.install("lasting(0.01 if run == 1 else 9, env)")
    (renewing.world.overlay / "sitecustomize.py").write_text(SLOW_DISK)
    told, stderr = renewing.run(
        """
until(lambda: run() == 2)
time.sleep(0.5)
print(len(os.listdir(os.environ["PREFECT_PREFLIGHT_REPORT_DIR"])))
""",
        PREFECT_PREFLIGHT_REPORT_DIR=str(tmp_path / "reports"),
    )
    assert (told, stderr) == (1, "")


@pytest.mark.core
def test_later_waves_see_what_earlier_ones_renewed(renewing: Renewing) -> None:
    """A plugin that feeds another one feeds it in the background as well, and what hooks change is theirs alone."""
    renewing.install("lasting(1, env)", options="(tryfirst=True)")
    fed = "(os.environ.update(TEMPORARY=str(run)), lasting(1, {'FED': os.environ['LEASE'], 'AT': str(run)}))[1]"
    renewing.install(fed, name="FED")
    told, _ = renewing.run(
        """
until(lambda: int(os.environ["AT"]) > 4 and os.environ["FED"] == os.environ["LEASE"])
print(json.dumps([plugin.status for plugin in prefect_preflight.last_report().plugins] + [os.environ["TEMPORARY"]]))
"""
    )
    assert told == ["success", "success", "2"]  # at the import it was the process' environment that the hook changed


def test_another_environ(renewing: Renewing) -> None:
    """It works where the program has put something else in the place of `os.environ`; the hook sees all of it, then."""
    renewing.install("lasting(0.5, env)")
    told, stderr = renewing.run(
        """
os.environ = dict(os.environ)
until(lambda: run() == 3)
print(json.dumps(plugin().status))
"""
    )
    assert told == "success" and stderr == ""
    assert renewing.seen[2][2] == "role"


GETENV = """
import ctypes, os, threading, time
import prefect
from prefect_preflight._environment.background import BackgroundEnvironment

libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
name, longest = b"LEASE_01", "x" * 500
os.environ.update({f"LEASE_{number:02}": "0" for number in range(4)})
# `lfind` calls the function that it is given for each of so many elements, here of no size: `getenv` itself, whose
# first argument is then the name. So the loop is C's own, and no lock of the interpreter's is held.
count, calls = ctypes.c_size_t(1_000_000), []
getenv = ctypes.cast(libc.getenv, ctypes.c_void_p)
def read():
    while len(calls) < 10 or renewing.is_alive():
        libc.lfind(name, name, ctypes.byref(count), ctypes.c_size_t(0), getenv)
        calls.append(count.value)
torn = []
def look():
    while renewing.is_alive():
        value = libc.getenv(name)
        number, padding = int(value.strip(b"x")), value.count(b"x")
        if len(value) != len(str(number)) + padding or padding != number % 500:
            torn.append(value)
        time.sleep(0)
def renew():
    for number in range(1, 10_001):
        environment = BackgroundEnvironment()
        padding = longest[: number % 500]
        environment.values = {f"LEASE_{index:02}": f"{number}{padding}" for index in range(4)}
        environment.replace({})
renewing = threading.Thread(target=renew)
threads = [renewing, threading.Thread(target=read), threading.Thread(target=look)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sum(calls), os.environ["LEASE_00"].strip("x"), torn[:3])
"""


@pytest.mark.core
def test_getenv_beside_renewals(renewing: Renewing) -> None:
    """C's `getenv`, called 10 million times in a thread beside 10,000 renewals, crashes nothing; no value is torn."""
    result = renewing.world.run(GETENV, env=ENABLED, timeout=300)
    assert result.returncode == 0, str(result)
    calls, last, torn = result.stdout.split(maxsplit=2)
    assert int(calls) >= 10_000_000 and last == "10000" and torn.strip() == "[]"


@pytest.mark.core
def test_the_view_of_hooks() -> None:
    """While a hook is called in the background, it alone sees another environment, by each way of looking."""
    import contextvars
    import os

    from prefect_preflight._environment.hooks_view import HooksView, seen_by_hooks

    os.environ.update(VIEW_A="a", VIEW_B="b")
    view = HooksView()
    view.instead.update({"VIEW_A": None, "VIEW_B": "before", "VIEW_C": "new"})

    def look() -> dict[str, Any]:
        view.enter()
        ways: dict[str, Callable[[], dict[str, str]]] = {
            "copy": os.environ.copy,
            "dict": lambda: dict(os.environ),
            "union": lambda: os.environ | {},
            "items": lambda: dict(os.environ.items()),
            "unpacked": lambda: {**os.environ},
        }
        for way in ways.values():
            found = {name: value for name, value in way().items() if name.startswith("VIEW_")}
            assert found == {"VIEW_B": "before", "VIEW_C": "new"}
        assert "VIEW_A" not in os.environ and os.getenv("VIEW_A") is None and os.environ.get("VIEW_B") == "before"
        assert (
            "VIEW_C" in os.environ
            and len(os.environ) == len(list(os.environ))
            and "'VIEW_C': 'new'" in repr(os.environ)
        )
        with pytest.raises(KeyError):
            os.environ["VIEW_A"]
        with pytest.raises(TypeError):
            os.environ["VIEW_A"] = 1  # type: ignore[assignment]
        os.environ["VIEW_A"] = "mine"
        assert os.environ.pop("VIEW_B") == "before" and os.environ["VIEW_A"] == "mine"
        os.environ.clear()
        assert len(os.environ) == 0
        return dict(os.environ)

    kind = type(os.environ)
    with seen_by_hooks(view):
        assert contextvars.copy_context().run(look) == {}
        assert (os.environ["VIEW_A"], os.environ["VIEW_B"], os.environ.get("VIEW_C")) == ("a", "b", None)
        os.environ["VIEW_D"] = "d"
        del os.environ["VIEW_A"]
    assert type(os.environ) is kind and os.environ["VIEW_D"] == "d" and "VIEW_A" not in os.environ


@pytest.mark.core
@pytest.mark.parametrize("renew", ["1", None], ids=["in the background", "by refresh"])
@pytest.mark.parametrize("who", ["hook", "signal"])
def test_a_refresh_inside_a_renewal(renewing: Renewing, renew: str | None, who: str) -> None:
    """A hook, or the handler of a signal, that asks for what is being done already waits for nobody."""
    asks = {"hook": "prefect_preflight.refresh()", "signal": "os.kill(os.getpid(), signal.SIGUSR2), time.sleep(0.2)"}[
        who
    ]
    before = f"import prefect_preflight, signal\n    def ask(run):\n        if run > 1:\n            {asks}\n"
    renewing.install("(ask(run), lasting(1, env))[1]", before=before)
    told, stderr = renewing.run(
        f"""
import signal
signal.signal(signal.SIGUSR2, lambda *_: prefect_preflight.refresh())
began = time.monotonic()
until(lambda: {"" if renew else "prefect_preflight.refresh() and "}run() == 3)
print(json.dumps([time.monotonic() - began < 8, plugin().status]))
""",
        PREFECT_PREFLIGHT_RENEW=renew,
        PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="8",
    )
    assert told == [True, "success"] and stderr == ""


@pytest.mark.core
def test_nothing_grows(renewing: Renewing) -> None:
    """Three hundred renewals leave no more behind than a hundred do: no thread, no memory but what glibc keeps."""
    token = "base64.b64encode(os.urandom(600)).decode()"
    renewing.install(f"lasting(0, {{**env, 'LEASE_TOKEN': {token}}})", before="import base64")  # due at once
    told, _ = renewing.run(
        """
import gc
def renewed(times):
    for _ in range(times):
        prefect_preflight.refresh()
    gc.collect()
    with open("/proc/self/statm") as file:
        return [len(threading.enumerate()), int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")]
print(json.dumps([renewed(100), renewed(200), run()]))
""",
        PREFECT_PREFLIGHT_RENEW=None,
    )
    (threads, memory), (threads_then, memory_then), runs = told
    assert runs == 301 and threads == threads_then == 1
    assert memory_then - memory < 4_000_000  # what was returned is 200 times 800 characters, in some 60 forms
