"""A hook that runs again finds the world as it was the first time: in `refresh()`, and in a child."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from snippets import ENABLED

if TYPE_CHECKING:
    from pathlib import Path

    from worlds import World

# Notes at each run what it sees; the third variable has the value that it had before. What it comes to is up to the
# test: an expression, in which `run` counts from 1, in all processes together.
PLUGIN = """
    import json, os, subprocess, sys, time
    from datetime import datetime, timedelta, timezone
    from prefect_preflight import SetupResult, register_hook
    {before}
    NAMES = ("LEASE_NEW", "LEASE_OTHER", "LEASE_SAME")

    def fail():
        raise OSError("no way")

    @register_hook{options}
    def setup_environment(*, ctx):
        with open(os.environ["SEEN"], "a") as file:
            file.write(json.dumps({{name: os.environ.get(name) for name in NAMES}}) + "\\n")
        with open(os.environ["SEEN"]) as file:
            run = len(file.readlines())
        env = {{"LEASE_NEW": f"new {{run}}", "LEASE_OTHER": f"other {{run}}", "LEASE_SAME": "same"}}
        def lasting(seconds, env=env, **more):
            return SetupResult(env, expires_at=datetime.now(timezone.utc) + timedelta(seconds=seconds), **more)
        return {result}
"""
FIRST = {"LEASE_NEW": None, "LEASE_OTHER": "base", "LEASE_SAME": "same"}
SAYS = """
import json, os, subprocess, sys, time
import prefect, prefect_preflight
def says(report):
    plugin = next(plugin for plugin in report.plugins if plugin.name == "lease")
    values = [os.environ.get(name) for name in ("LEASE_NEW", "LEASE_OTHER", "LEASE_SAME")]
    return [report.outcome, plugin.status, plugin.error.message if plugin.error else None, values]
CHILD = [sys.executable, "-c", "import child"]
def child(**variables):
    done = subprocess.run(CHILD, stdout=subprocess.PIPE, env={**os.environ, **variables}, check=True)
    return json.loads(done.stdout)
"""
CHILD = (
    SAYS
    + 'print(json.dumps(says(prefect_preflight.last_report()) + [child(AND="") if os.environ.get("AND") else 0]))\n'
)


class Leasing:
    """A world with the plugin; what its hook saw, run by run."""

    def __init__(self, world: World, path: Path) -> None:
        self.world = world
        self.path = path

    def install(self, result: str, *, before: str = "", options: str = "", names: tuple[str, ...] = ("lease",)) -> None:
        """Installs the plugin, under `lease` alone if `names` does not say otherwise, and the child's program."""
        source = PLUGIN.format(result=result, before=before, options=options)
        self.world.plugin("lease", source, entry_points=dict.fromkeys(names, "lease"))
        (self.world.overlay / "child.py").write_text(CHILD)

    def tells(self, program: str, **variables: str | None) -> Any:
        """Runs a program after `SAYS`, which prints JSON."""
        environment = {**ENABLED, "SEEN": str(self.path), "LEASE_OTHER": "base", "LEASE_SAME": "same", **variables}
        result = self.world.run(SAYS + program, env=environment)
        assert result.returncode == 0, str(result)
        return json.loads(result.stdout)

    @property
    def seen(self) -> list[dict[str, str | None]]:
        """What the hook saw at each of its runs."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]


@pytest.fixture
def leasing(world: World, tmp_path: Path) -> Leasing:
    """A world with the stand-in for Prefect, in which the test installs the plugin."""
    return Leasing(world, tmp_path / "seen")


REFRESH = "print(json.dumps(says(prefect_preflight.refresh())))"


@pytest.mark.core
def test_refresh_shows_what_stood_there_before(leasing: Leasing) -> None:
    """What was new is not there, what was replaced is as it was; three times in a row."""
    leasing.install("lasting(0)")
    told = leasing.tells("prefect_preflight.refresh()\n" + REFRESH)
    assert leasing.seen == [FIRST] * 3
    assert told == ["success", "success", None, ["new 3", "other 3", "same"]]


NOT_RENEWED = {
    "None": ("None", "expired", "its hook returned nothing new"),
    "an empty result": ("SetupResult({})", "expired", "its hook returned nothing new"),
    "raises": ("fail()", "failed", "OSError: no way"),
    "invalid": ("SetupResult({'LEASE_NEW': 1})", "invalid-result", "the value of 'LEASE_NEW' is an int"),
    "hangs": ("time.sleep(60)", "timed-out", "it was still running when the 1 s"),
}


@pytest.mark.parametrize("case", NOT_RENEWED)
def test_refresh_that_gives_nothing_new(leasing: Leasing, case: str) -> None:
    """What it set stands again, the status and the outcome say so, and the next call tries again."""
    result, status, message = NOT_RENEWED[case]
    leasing.install(f"lasting(0) if run == 1 else {result} if run == 2 else lasting(60)")
    told = leasing.tells(
        "told = says(prefect_preflight.refresh())\nprint(json.dumps([told, says(prefect_preflight.refresh())]))",
        PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="1",
    )
    assert told[0][:2] == ["failures", status] and told[0][3] == ["new 1", "other 1", "same"]
    assert told[0][2].startswith(message) and "; what it set before expired at 20" in told[0][2]
    assert told[1] == ["success", "success", None, ["new 3", "other 3", "same"]]
    assert leasing.seen == [FIRST] * 3


def test_strict_mode_counts_it(leasing: Leasing) -> None:
    """A required plugin that renews nothing ends the process, with one line that says what expired."""
    leasing.install("lasting(0.5) if run == 1 else None")
    program = SAYS + "time.sleep(0.6)\nprefect_preflight.refresh()"
    variables = {"SEEN": str(leasing.path), "PREFECT_PLUGINS_STRICT": "1"}
    result = leasing.world.run(program, env={**ENABLED, **variables})
    assert result.returncode == 1, str(result)
    line = (
        "[plugins] required plugin 'lease' was not renewed: its hook returned nothing new; what it set before expired"
    )
    assert result.stderr.startswith(line) and result.stderr.count("\n") == 1, str(result)


@pytest.mark.core
def test_child_does_not_see_what_was_new(leasing: Leasing) -> None:
    """If all was new, a child's hook sees none of it, however long it is valid; nor does a grandchild's."""
    leasing.install("lasting(3600)")
    told = leasing.tells("print(json.dumps(child(AND='1')))", LEASE_OTHER=None)
    assert leasing.seen == [{"LEASE_NEW": None, "LEASE_OTHER": None, "LEASE_SAME": "same"}] * 3
    assert told[:4] == ["success", "success", None, ["new 2", "other 2", "same"]]
    assert told[4][3] == ["new 3", "other 3", "same"]


def test_child_sees_values_that_belong_together(leasing: Leasing) -> None:
    """What replaced something is nowhere else to be had: as long as it is valid, a child's hook sees all of the values.

    Half of a key would be worth nothing.
    """
    leasing.install("lasting(3600)")
    leasing.tells("print(json.dumps(child()))")
    assert leasing.seen == [FIRST, {"LEASE_NEW": "new 1", "LEASE_OTHER": "other 1", "LEASE_SAME": "same"}]


@pytest.mark.core
def test_child_does_not_see_what_has_expired(leasing: Leasing) -> None:
    """What has expired is hidden, also where something else stood before; what never changed is not."""
    leasing.install("lasting(0 if run == 1 else 3600)")
    told = leasing.tells("print(json.dumps(child()))")
    assert leasing.seen == [FIRST, {"LEASE_NEW": None, "LEASE_OTHER": None, "LEASE_SAME": "same"}]
    assert told[:4] == ["success", "success", None, ["new 2", "other 2", "same"]]


@pytest.mark.parametrize("case", NOT_RENEWED)
def test_child_that_gives_nothing_new(leasing: Leasing, case: str) -> None:
    """In a child, too, what was set stands again, and the status says that it has expired; a grandchild tries again."""
    result, status, message = NOT_RENEWED[case]
    leasing.install(f"lasting(0) if run == 1 else {result} if run == 2 else lasting(60)")
    told = leasing.tells("print(json.dumps(child(AND='1')))", PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="1")
    assert told[:2] == ["failures", status] and told[3] == ["new 1", "other 1", "same"]
    assert told[2].startswith(message) and "; what it set before expired at 20" in told[2]
    assert told[4] == ["success", "success", None, ["new 3", "other 3", "same"], 0]
    assert leasing.seen[2] == leasing.seen[1] == {"LEASE_NEW": None, "LEASE_OTHER": None, "LEASE_SAME": "same"}


def test_valid_values_stand_again(leasing: Leasing) -> None:
    """A hook that gives nothing new in a child, while what an ancestor got is valid, is no failure."""
    leasing.install("lasting(3600) if run == 1 else None")
    told = leasing.tells("print(json.dumps(child(AND='1')))", LEASE_OTHER=None)
    assert told[:4] == ["success", "success", None, ["new 1", "other 1", "same"]]
    assert told[4][:4] == told[:4]
    assert [run["LEASE_NEW"] for run in leasing.seen] == [None] * 3


def test_what_is_not_returned_again_is_gone(leasing: Leasing) -> None:
    """The second result takes the place of the first one: no half of that stays beside it."""
    leasing.install("lasting(0) if run == 1 else lasting(60, {'LEASE_OTHER': 'static'})")
    told = leasing.tells("told = child()\nprint(json.dumps([told, says(prefect_preflight.refresh())]))")
    assert told[0][3] == [None, "static", "same"]
    assert told[1][3] == [None, "static", "same"]


def test_what_somebody_else_has_set_is_seen(leasing: Leasing) -> None:
    """A variable that has another value by now is not the plugin's: its hook sees it."""
    leasing.install("lasting(0)")
    leasing.tells("print(json.dumps(child(LEASE_NEW='of the user')))")
    assert leasing.seen[1] == {"LEASE_NEW": "of the user", "LEASE_OTHER": None, "LEASE_SAME": "same"}


def test_programs_that_the_hook_starts_do_not_see_it_either(leasing: Leasing) -> None:
    """It is hidden from C code too, and so from a command line tool that a hook starts."""
    look = "subprocess.run([sys.executable, '-c', \"import os; print(os.environ.get('LEASE_NEW'))\"], stdout=-1)"
    leasing.install(f"lasting(0, {{**env, 'LOOKED': {look}.stdout.decode().strip()}})")
    assert leasing.tells("prefect_preflight.refresh()\nprint(json.dumps(os.environ['LOOKED']))") == "None"
    assert leasing.tells("child()\nprint(json.dumps(os.environ['LOOKED']))") == "None"


def test_hooks_of_the_same_wave_do_not_see_it(leasing: Leasing) -> None:
    """While one plugin's hook runs again, its former output is hidden from the others' hooks."""
    leasing.install("lasting(0)")
    leasing.world.plugin(
        "another",
        """
        import os
        from datetime import datetime, timezone
        from prefect_preflight import SetupResult, register_hook

        @register_hook
        def setup_environment(*, ctx):
            return SetupResult({"OTHER_SAW": str(os.environ.get("LEASE_NEW"))}, expires_at=datetime.now(timezone.utc))
        """,
    )
    saw = "print(json.dumps(os.environ['OTHER_SAW']))"
    assert leasing.tells("prefect_preflight.refresh()\n" + saw) == "None"
    told = "subprocess.run([sys.executable, '-c', 'import os, prefect; print(os.environ[\"OTHER_SAW\"])'], stdout=-1)"
    assert leasing.tells(f"print(json.dumps({told}.stdout.decode()))") == "None\n"


@pytest.mark.core
def test_late_plugin(leasing: Leasing) -> None:
    """A plugin that needs Prefect is kept from its former output as well, and has it back if it fails."""
    leasing.install("lasting(3600) if run == 1 else fail()", before="from prefect import flow")
    settings = "\nimport prefect.context\nprint(prefect.context.GLOBAL_SETTINGS_CONTEXT.seen['LEASE_NEW'])\n"
    (leasing.world.overlay / "child.py").write_text(CHILD + settings)
    told = leasing.tells(
        "print(json.dumps(subprocess.run(CHILD, stdout=-1, check=True).stdout.decode()))", LEASE_OTHER=None
    )
    assert [run["LEASE_NEW"] for run in leasing.seen] == [None] * 2
    report, seen = told.splitlines()
    assert json.loads(report)[:4] == ["failures", "failed", "OSError: no way", ["new 1", "other 1", "same"]]
    assert seen == "new 1"  # what Prefect's settings are made of


@pytest.mark.core
def test_hooks_in_the_importing_thread(leasing: Leasing) -> None:
    """The same holds where no thread can be had."""
    leasing.install("lasting(0)")
    program = (
        "import _prefect_preflight\n"
        "def none(*args): raise RuntimeError\n"
        "_prefect_preflight.start_new_thread = none\n"
        f"{SAYS}"
        "report = prefect_preflight.refresh()\n"
        "print(json.dumps([report.hooks_run_in, says(report)]))"
    )
    variables = {"SEEN": str(leasing.path), "LEASE_OTHER": "base", "LEASE_SAME": "same"}
    result = leasing.world.run(program, env={**ENABLED, **variables})
    assert result.returncode == 0, str(result)
    assert json.loads(result.stdout) == ["importing thread", ["success", "success", None, ["new 2", "other 2", "same"]]]
    assert leasing.seen == [FIRST] * 2


def test_the_diagnosis_names_it(leasing: Leasing) -> None:
    """In a child of a process whose values have expired, the finding PF408 names the plugin."""
    leasing.install("lasting(0) if run == 1 else None")
    command = "[sys.executable, '-m', 'plugins_diag', '--format', 'json']"
    told = leasing.tells(f"print(subprocess.run({command}, stdout=-1).stdout.decode())")
    assert [plugin["status"] for plugin in told["plugins"]] == ["expired"]
    assert [(found["code"], found["subject"]) for found in told["findings"]] == [("PF408", "lease")]
    assert told["exit_status"] == 1


def test_thousands_of_variables(leasing: Leasing) -> None:
    """No note is left that is so long that children cannot start; their hooks see what was set."""
    leasing.install("lasting(3600, {f'LEASE_{number:04}': str(number) for number in range(3000)}, inherit=True)")
    told = leasing.tells("print(json.dumps([len(os.environ.get('PREFECT_PREFLIGHT_INHERITED', '')), child()[1]]))")
    assert told == [0, "success"]
    assert len(leasing.seen) == 2


@pytest.mark.parametrize("by", ["application", "hook"])
def test_forked_while_hooks_run(leasing: Leasing, by: str) -> None:
    """A process that the application forks has what stood there; one that the hook forks sees what the hook sees."""
    fork = (
        "\ndef forked():\n    read, write = os.pipe()\n    if not os.fork():\n"
        "        os.write(write, str(os.environ.get('LEASE_NEW')).encode())\n        os._exit(0)\n"
        "    os.wait()\n    return os.read(read, 100).decode()\n"
    )
    indented = "".join("    " + line + "\n" for line in (fork if by == "hook" else "").splitlines())
    called = "lasting(3600, {**env, 'FORKED': forked()}) if run == 2 else lasting(3600)"
    waits = "(sys.fork_now.set(), sys.forked.wait(), lasting(3600))[2] if run == 2 else lasting(3600)"
    leasing.install(called if by == "hook" else waits, before=indented.strip())
    program = f"""
import os, sys, threading
sys.fork_now, sys.forked = threading.Event(), threading.Event()
{fork}
def work():
    if sys.fork_now.wait(10):
        os.environ["FORKED_BY_APPLICATION"] = forked()
        sys.forked.set()
threading.Thread(target=work, daemon=True).start()
import prefect
print(os.environ.get("FORKED") or os.environ.get("FORKED_BY_APPLICATION"))
"""
    (leasing.world.overlay / "forking.py").write_text(program)
    run = "subprocess.run([sys.executable, '-W', 'ignore', '-c', 'import forking'], stdout=-1).stdout.decode()"
    assert leasing.tells(f"print(json.dumps({run}))", LEASE_OTHER=None) == ("None\n" if by == "hook" else "new 1\n")


def test_safe_mode_leaves_everything_as_it_is(leasing: Leasing) -> None:
    """In a child in safe mode what an ancestor's plugins set stands, and nobody calls a hook for it later."""
    leasing.install("lasting(0)")
    told = leasing.tells("print(json.dumps(child(PREFECT_PLUGINS_SAFE_MODE='1', PREFECT_PREFLIGHT_RENEW='1')))")
    assert told[:4] == ["safe-mode", "loaded", None, ["new 1", "other 1", "same"]]
    assert len(leasing.seen) == 1
