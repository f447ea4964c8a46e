"""Strict mode: it ends the process with status 1 and one clear line for every non-success of a required plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from prefect_preflight._discovery import Candidate
from prefect_preflight._plugins import Plugin
from prefect_preflight._running import strict
from prefect_preflight._settings import Settings
from snippets import ENABLED, IMPORT_AND_TELL, hook, limited, returning, told

if TYPE_CHECKING:
    from hosts import Host, Result
    from worlds import World

STRICT = {**ENABLED, "PREFECT_PLUGINS_STRICT": "1"}
TOLD = "import sys, prefect; sys.stdout.write('loaded')"


def line_of(result: Result) -> str:
    """The one line on stderr of a child that strict mode has ended."""
    assert result.returncode == 1, str(result)
    assert result.stdout == "", str(result)
    (line,) = result.stderr.splitlines()
    assert line.startswith("[plugins] "), line
    return line


LATE = "import prefect.settings"

FAILURES = {
    # by the entry point's name: the plugin, and what follows "[plugins] required plugin 'NAME' "
    "raises": (hook('raise ValueError("no")'), "failed: ValueError: no"),
    "raises_async": (hook('raise ValueError("no")', keyword="async def"), "failed: ValueError: no"),
    "raises_late": (hook('raise ValueError("no")', before=LATE), "failed: ValueError: no"),
    "exits": (hook("sys.exit(0)"), "failed: SystemExit: the plugin called sys.exit(0)"),
    "times_out": (
        hook("time.sleep(600)"),
        "timed out: it was still running when the 1 s that all plugins share were over",
    ),
    "times_out_late": (
        hook("time.sleep(600)", before=LATE),
        "timed out: it was still running when the 1 s that all plugins share were over",
    ),
    "does_not_load": ("1 / 0", "could not be loaded: ZeroDivisionError: division by zero"),
    "does_not_load_late": (
        "import prefect.settings\n1 / 0",
        "could not be loaded: ZeroDivisionError: division by zero",
    ),
    "needs_more": ("import nothing_of_that_name", "could not be loaded: ModuleNotFoundError: "),
    "wrong_type": (hook('return {"A": "1"}'), "failed: setup_environment returned an object of type builtins.dict"),
    "bad_environment": (hook('return SetupResult(env={"A": "1", "B=": "2"})'), "failed: env has the name 'B='"),
    "required_and_empty": (
        hook("return SetupResult(env={}, required=True)"),
        "failed: it returned required=True with an empty environment",
    ),
    "wrong_signature": (
        hook("return None").replace("*, ctx", ""),
        "failed: setup_environment() cannot be called with ctx=...",
    ),
    "other_arguments": (
        hook("return None").replace("*, ctx", "a, b"),
        "failed: setup_environment(a, b) cannot be called with ctx=...",
    ),
    "times_out_loading": ("import time; time.sleep(600)", "timed out: it was still being loaded"),
    "times_out_async": (hook("await asyncio.sleep(600)", keyword="async def"), "timed out: it was still running"),
    "cancelled_async": (hook("raise asyncio.CancelledError", keyword="async def"), "failed: CancelledError"),
    "exits_when_loaded": ("raise SystemExit(0)", "could not be loaded: SystemExit"),
    "no_python": ("def", "could not be loaded: SyntaxError"),
    "needs_more_late": ("from prefect import flow, nothing_of_that_name", "could not be loaded: ImportError"),
    "swallows_imports": (
        "try:\n    from prefect import nothing_of_that_name\nexcept ImportError:\n    raise",
        "could not be loaded: ImportError",
    ),
    "nul_in_a_value": (
        hook(r'return SetupResult(env={"A": "1", "B": "2\0"})'),
        "failed: the value of 'B' contains NUL",
    ),
    "nul_in_a_name": (hook(r'return SetupResult(env={"A": "1", "B\0": "2"})'), "failed: env has the name"),
    "no_text": (hook('return SetupResult(env={"A": "1", "B": 1})'), "failed: the value of 'B' is an int"),
    "no_mapping": (hook('return SetupResult(env=[("A", "1")])'), "failed: env is a list"),
    "a_generator": (hook("yield 1"), "failed: setup_environment returned an object of type builtins.generator"),
}


@pytest.mark.core
@pytest.mark.parametrize("name", FAILURES)
def test_every_failure(world: World, name: str) -> None:
    """Without a list of required plugins, any plugin's failure of any kind ends the process."""
    text, expected = FAILURES[name]
    world.plugin(name, text)
    result = world.run(TOLD, env={**STRICT, **limited(1 if "times" in name else 20)}, timeout=100)
    assert line_of(result).startswith(f"[plugins] required plugin '{name}' {expected}")


@pytest.mark.parametrize("name", FAILURES)
def test_required_by_name(world: World, name: str) -> None:
    """So does that of a plugin on the list, however its name is written; of others only one that requires itself."""
    world.plugin(name, FAILURES[name][0])
    world.plugin("good", returning("GOOD"))
    variables = {**STRICT, **limited(1 if "times" in name else 20)}
    for required in (None, name, f"good,{name.upper()}"):
        result = world.run(TOLD, env=variables, PREFECT_PLUGINS_REQUIRED=required, timeout=100)
        assert (result.returncode, result.stdout) == (1, ""), (name, required, result)
        assert result.stderr.splitlines()[-1].startswith(f"[plugins] required plugin '{name}' "), result
        assert result.stderr.count("[plugins]") == 1 and "Traceback" not in result.stderr, result
    # The same plugin, where nobody requires it: with a list, only that list and `required=True` count.
    result = world.run(TOLD, env=variables, PREFECT_PLUGINS_REQUIRED="good", timeout=100)
    wanted = (1, "") if name == "required_and_empty" else (0, "loaded")
    assert (result.returncode, result.stdout) == wanted, (name, result)


@pytest.mark.core
def test_a_missing_module(world: World) -> None:
    """So does an entry point that names no module."""
    world.plugin("ghost", None, entry_points={"ghost": "no_such_module:Plugin"})
    assert line_of(world.run(TOLD, env=STRICT)) == (
        "[plugins] required plugin 'ghost' could not be loaded: "
        "there is no module 'no_such_module', which 'no_such_module:Plugin' names"
    )


@pytest.mark.core
def test_not_strict(world: World) -> None:
    """Without strict mode each of these is one line of the log, and Prefect loads."""
    names = [name for name in FAILURES if not name.startswith("times_out")]
    for name in names:
        world.plugin(name, FAILURES[name][0])
    found = told(world.run(IMPORT_AND_TELL, env=ENABLED))
    for name in names:
        assert len(found.lines_with(f"lugin {name} ")) + len(found.lines_with(f"lugin {name}: ")) == 1, name
    assert len(found.lines) == len(names)
    assert found.report["outcome"] == "failures"


@pytest.mark.core
def test_success(world: World) -> None:
    """With all plugins in order strict mode is silent; so it is for None, an empty environment, and the denied."""
    world.plugin("works", hook('return SetupResult(env={"WORKS": "WORKS"}, required=True)'))
    world.plugin("nothing-to-do", hook("return None"))
    world.plugin("empty", hook("return SetupResult(env={})"))
    world.plugin("denied", hook("raise ValueError"))
    found = told(world.run(IMPORT_AND_TELL, env=STRICT, PREFECT_PLUGINS_DENY="denied"))
    assert found.env["WORKS"] == "WORKS" and found.lines == ()


@pytest.mark.core
class TestRequired:
    """`PREFECT_PLUGINS_REQUIRED`."""

    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            ({"PREFECT_PLUGINS_REQUIRED": "works,absent"}, "'absent' is not installed"),
            (
                {"PREFECT_PLUGINS_REQUIRED": "Works", "PREFECT_PLUGINS_DENY": "works"},
                "'works' is not allowed to run: it is in deny list",
            ),
            (
                {"PREFECT_PLUGINS_REQUIRED": "works", "PREFECT_PLUGINS_ALLOW": "other"},
                "'works' is not allowed to run: it is not in allow list",
            ),
            ({"PREFECT_PLUGINS_REQUIRED": "fenced"}, "'fenced' requires plugin API version >=5"),
            ({"PREFECT_PLUGINS_REQUIRED": "FAILS"}, "'fails' failed: ValueError: no"),
            (
                {"PREFECT_PLUGINS_REQUIRED": "", "PREFECT_PLUGINS_ALLOW": "required_by_itself"},
                "'required_by_itself' failed: it returned required=True with an empty environment",
            ),
            ({"PREFECT_PLUGINS_REQUIRED": "undecorated"}, "'undecorated' "),
        ],
        ids=["absent", "denied", "not allowed", "fenced", "fails", "required by itself", "without hook"],
    )
    def test_fails(self, world: World, variables: dict[str, str], expected: str) -> None:
        """A listed name that is not installed, denied, fenced out, without a hook, or fails, ends the process."""
        world.plugin("works", returning("WORKS"))
        world.plugin("fenced", 'PREFECT_PLUGIN_API_REQUIRES = ">=5"\n' + returning("FENCED"))
        world.plugin("fails", hook('raise ValueError("no")'))
        if "required_by_itself" in expected:
            world.plugin("required-by-itself", hook("return SetupResult(env={}, required=True)"))
        world.plugin("undecorated", "def setup_environment(*, ctx):\n    pass\n")
        result = world.run(TOLD, env={**STRICT, "PREFECT_LOGGING_LEVEL": "CRITICAL", **variables})
        assert line_of(result).startswith("[plugins] required plugin " + expected)

    def test_the_others_may_fail(self, world: World) -> None:
        """With a list, the failure of a plugin that is not on it is logged and Prefect loads."""
        world.plugin("works", returning("WORKS"))
        world.plugin("fails", hook('raise ValueError("no")'))
        found = told(world.run(IMPORT_AND_TELL, env=STRICT, PREFECT_PLUGINS_REQUIRED="WORKS"))
        assert found.statuses == {"fails": "failed", "works": "success"}
        (line,) = found.lines
        assert line.endswith("ERROR: Plugin fails failed: ValueError: no")

    def test_without_strict_it_means_nothing(self, world: World) -> None:
        """The list alone, without strict mode, ends nothing."""
        found = told(world.run(IMPORT_AND_TELL, env=ENABLED, PREFECT_PLUGINS_REQUIRED="absent"))
        assert found.report["outcome"] == "success" and found.lines == ()

    def test_nothing_installed_at_all(self, world: World) -> None:
        """A listed plugin is missed where no plugin at all is installed, too."""
        result = world.run(TOLD, env=STRICT, PREFECT_PLUGINS_REQUIRED="vault")
        assert line_of(result) == "[plugins] required plugin 'vault' is not installed"


@pytest.mark.core
def test_prefect_is_not_executed(world: World) -> None:
    """An early failure ends the import before Prefect's body; a program that goes on gets the same at its next try."""
    world.plugin("fails", hook('raise ValueError("no")'))
    program = """
        import json, sys
        from prefect_preflight import last_report
        found = []
        for _ in range(2):
            try:
                import prefect
            except SystemExit as error:
                found.append([str(error), [name for name in sys.modules if name.startswith("prefect.")]])
                found.append([last_report().outcome, "prefect" in sys.modules])
        print(json.dumps(found))
    """
    result = world.run(program, env=STRICT, check=True)
    line = "[plugins] required plugin 'fails' failed: ValueError: no"
    assert result.json == [[line, []], ["strict-exit", False]] * 2


@pytest.mark.core
def test_several_failures_are_one_line(world: World) -> None:
    """All failures are told in one line, in the order of the names."""
    world.plugin("one", hook('raise ValueError("first")'))
    world.plugin("two", hook('raise ValueError("second")'))
    line = line_of(world.run(TOLD, env=STRICT))
    assert line == (
        "[plugins] required plugin 'one' failed: ValueError: first; required plugin 'two' failed: ValueError: second"
    )


@pytest.mark.core
def test_not_an_exception_that_code_catches(world: World) -> None:
    """`except ImportError` and `except Exception` around the import do not swallow a strict exit."""
    world.plugin("fails", hook('raise ValueError("no")'))
    program = "try:\n    import prefect\nexcept Exception:\n    print('swallowed')\n"
    line_of(world.run(program, env=STRICT))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS", "abc"),
        ("PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS", "-1"),
        ("PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS", "nan"),
        ("PREFECT_PLUGINS_ENABLED", "maybe"),
        ("PREFECT_PLUGINS_SAFE_MODE", "maybe"),
    ],
)
def test_a_setting_that_cannot_be_read(world: World, name: str, value: str) -> None:
    """With strict mode on, a bad value ends the process too: it may have been the one that asked for a plugin."""
    result = world.run(TOLD, env={**STRICT, name: value})
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if line.startswith("[plugins] ")]
    assert len(lines) == 1 and name in lines[0] and value in lines[0]
    assert len(result.stderr.splitlines()) == 1, result.stderr


def plugin(name: str, status: str, *, error: str | None = None, required: bool = False) -> Plugin:
    """A plugin's record as the runner leaves it."""
    found = Plugin(Candidate(name, name, None, None))
    found.status, found.required = status, required
    found.error = None if error is None else ("ValueError", error)
    return found


@pytest.mark.core
class TestFailures:
    """`strict.failures`, in this process."""

    def settings(self, *required: str) -> Settings:
        """Settings with a list of required plugins, or without for none."""
        settings = Settings()
        settings.strict, settings.required = True, required or None
        return settings

    def test_all_that_ran_without_a_list(self) -> None:
        """Without a list the four kinds of failure count, and nothing else."""
        statuses = ("filtered", "incompatible", "no-hook", "loaded", "success", "pending")
        kinds = ("failed", "invalid-result", "load-failed", "timed-out")
        plugins = [plugin(status, status, error="why") for status in statuses + kinds]
        assert [name for name, _ in strict.failures(self.settings(), plugins)] == sorted(kinds)

    def test_listed_or_required_by_itself(self) -> None:
        """With a list those on it count, and those that returned `required=True`."""
        plugins = [
            plugin("Listed.One", "failed", error="why"),
            plugin("other", "failed", error="why"),
            plugin("itself", "invalid-result", error="why", required=True),
        ]
        found = strict.failures(self.settings("listed-one", "absent"), plugins)
        assert [name for name, _ in found] == ["Listed.One", "absent", "itself"]

    def test_in_the_order_of_names(self) -> None:
        """The order is the same each time."""
        plugins = [plugin(name, "failed", error="why") for name in ("c", "a", "b")]
        assert [name for name, _ in strict.failures(self.settings(), plugins)] == ["a", "b", "c"]


IMPORTS = {
    "plain": "import prefect",
    "submodule": "import prefect.flows",
    "loop": """
        import asyncio
        async def main():
            import prefect
        asyncio.run(main())
    """,
    "except": """
        try:
            import prefect
        except Exception:
            print("swallowed")
    """,
}


@pytest.mark.parametrize("how", IMPORTS)
@pytest.mark.parametrize("failure", ["times_out", "needs_more", "nul_in_a_value", "raises_late"])
def test_wherever_it_is_imported(world: World, failure: str, how: str) -> None:
    """The same wherever Prefect is imported."""
    assert_strict_exit(world, failure, IMPORTS[how])


@pytest.mark.parametrize(
    ("failure", "how"),
    [("times_out", "plain"), ("needs_more", "submodule"), ("nul_in_a_value", "loop"), ("raises_late", "except")],
)
def test_with_prefect_itself(world: World, each_prefect: Host, failure: str, how: str) -> None:
    """The same with Prefect."""
    assert_strict_exit(world, failure, IMPORTS[how])


def assert_strict_exit(world: World, failure: str, program: str) -> None:
    """Asserts that strict mode ends a program because of this plugin, with one line."""
    world.plugin(failure, FAILURES[failure][0])
    result = world.run(program + "\n", env={**STRICT, **limited(2)})
    assert (result.returncode, result.stdout) == (1, ""), result
    assert result.stderr.splitlines()[-1].startswith(f"[plugins] required plugin '{failure}' "), result


# Exit at import in a spawn pool: endless respawn


def test_a_strict_failure_in_a_spawn_pool(world: World) -> None:
    """The message says so; a failing plugin under `Pool(2)` does not fetch credentials hundreds of times."""
    world.plugin("bad", hook("os.write(2, b'RUN\\n'); raise OSError('no')"))
    (world.cwd / "tasks.py").write_text("import prefect\ndef task(x): return x\n")
    (world.cwd / "main.py").write_text(
        "import multiprocessing, sys, threading, os\n"
        "if __name__ == '__main__':\n"
        "    import tasks_stub\n"
        "    threading.Timer(6, os._exit, (9,)).start()\n"
        "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n"
        "        print(pool.map(tasks_stub.task, range(4)))\n"
    )
    (world.cwd / "tasks_stub.py").write_text(
        "import multiprocessing\n"
        "if multiprocessing.parent_process() is not None:\n    import prefect\n"
        "def task(x): return x\n"
    )
    result = world.run(["main.py"], env=STRICT, timeout=30)
    runs = result.stderr.count("RUN\n")
    assert result.returncode == 9 and runs, result  # the pool has no way to learn that its workers will never live
    assert runs <= 30, f"{runs} runs in 6 s"
    assert any("[plugins] required plugin 'bad'" in line for line in result.stderr.splitlines()), result


# SystemExit at import escapes `except ImportError`


def test_one_exit_code_only_when_strict(world: World) -> None:
    """Strict failure has one documented exit code, only when strict is on."""
    world.plugin("bad", hook("raise SystemExit(77)"))
    code = """
        try:
            import prefect
        except ImportError:
            print("swallowed")
        else:
            print("imported")
    """
    off = world.run(code, env=STRICT, PREFECT_PLUGINS_STRICT="0")
    assert (off.returncode, off.stdout) == (0, "imported\n"), off
    on = world.run(code, env=STRICT)
    assert (on.returncode, on.stdout) == (1, ""), on


def test_the_next_import_fails_again(world: World) -> None:
    """Who catches the exit and imports again is told again; nothing of Prefect is left behind meanwhile."""
    world.plugin("bad", hook("raise OSError('no')"))
    world.plugin("late", hook("return None", before=LATE))
    result = world.run(
        """
        import sys
        for _ in range(3):
            try:
                import prefect
            except SystemExit as error:
                print(str(error).partition(":")[0], [name for name in sys.modules if name.startswith("prefect.")])
        """,
        env=STRICT,
        check=True,
    )
    assert result.stdout.splitlines() == ["[plugins] required plugin 'bad' failed []"] * 3, result
