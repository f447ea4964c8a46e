"""Strict mode, where it was found to let things pass, or to end a process without a word.

Each of these fails closed with exactly one line on stderr, or is no failure at all and says nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED, hook, limited, returning

if TYPE_CHECKING:
    from hosts import Host, Result
    from worlds import World

STRICT = {**ENABLED, "PREFECT_PLUGINS_STRICT": "1"}
LOADED = "import prefect; print('loaded')"
CHECK = ("-m", "plugins_diag", "--check")

FAILS = hook('raise ValueError("no")')
OURS = "prefect-preflight: "


def one_line(result: Result) -> str:
    """The one line that strict mode ended a child with."""
    assert (result.returncode, result.stdout) == (1, ""), result
    (line,) = result.stderr.splitlines()
    assert line.startswith("[plugins] "), line
    return line


NEVER_CALLED = {
    "misspelt": (returning("A").replace("setup_environment", "setup_enviroment"), "did you mean 'setup_environment'?"),
    "renamed": (hook("return None", options='specname="something_else"'), "there is no hook 'something_else'"),
    "unknown": (returning("A").replace("setup_environment", "start"), "there is no hook 'start'"),
    "optional": (hook("return None", options='specname="start", optionalhook=True'), ""),
    "wrapper": (hook("yield", options="wrapper=True"), "setup_environment is marked as a wrapper"),
    "hookwrapper": (hook("yield", options="hookwrapper=True"), "setup_environment is marked as a wrapper"),
    "undecorated": (returning("A").replace("@register_hook", ""), "lacks the decorator @register_hook"),
    "nothing": ("A = 1", ""),
    "server": (returning("A").replace("setup_environment(*, ctx", "set_database_connection_params(a, b"), ""),
}


@pytest.mark.parametrize("name", NEVER_CALLED)
def test_required_by_name_and_never_called(world: World, name: str) -> None:
    """Required by name means: its start-up hook was called, and succeeded. Without a list it may be there."""
    source, hint = NEVER_CALLED[name]
    world.plugin(name, source)
    world.plugin("good", returning("GOOD"))
    line = one_line(world.run(LOADED, env=STRICT, PREFECT_PLUGINS_REQUIRED=f"good,{name}"))
    kind = "" if name in ("undecorated", "nothing") else "start-up "
    lacks = f"[plugins] required plugin {name!r} has no {kind}hook, so it cannot have done"
    assert line.startswith(lacks) and hint in line
    assert world.run(LOADED, env=STRICT).stdout == "loaded\n"


IN_A_THREAD = """
import threading
errors = []
def run():
    try:
        import prefect
    except BaseException as error:
        errors.append(error)
        raise
for _ in range(2):
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
print([(type(error).__name__, str(error), error.code) for error in errors])
"""


def assert_told_once_in_a_thread(world: World) -> None:
    """`threading` drops a SystemExit without a word; the line is there, once, and the exception has it too."""
    world.plugin("fails", FAILS)
    result = world.run(IN_A_THREAD, env=STRICT, check=True)
    line = "[plugins] required plugin 'fails' failed: ValueError: no"
    assert result.stderr == f"{line}\n"
    assert result.stdout == f"{[('SystemExit', line, 1)] * 2}\n"


@pytest.mark.core
def test_in_a_thread(world: World) -> None:
    """On the stand-in, on each Python of the round."""
    assert_told_once_in_a_thread(world)


def test_in_a_thread_of_a_real_prefect(world: World, each_prefect: Host) -> None:
    """And on both Prefects."""
    assert_told_once_in_a_thread(world)


@pytest.mark.core
def test_whoever_catches_it(world: World) -> None:
    """A program that catches all, in a loop, has the line once; another failure gets another one."""
    world.plugin("fails", hook('raise ValueError(os.environ["REASON"])', imports="os"))
    program = """
        import os
        for reason in ("one", "one", "two"):
            os.environ["REASON"] = reason
            try:
                import prefect
            except BaseException:
                pass
    """
    result = world.run(program, env=STRICT, check=True)
    assert [line[-3:] for line in result.stderr.splitlines()] == ["one", "two"]


@pytest.mark.core
def test_a_stderr_that_a_program_replaced(world: World) -> None:
    """The line goes to the interpreter's own stderr if what stands in its place cannot be written to."""
    world.plugin("fails", FAILS)
    for replaced in ("None", "object()", "open(os.devnull)"):
        result = world.run(f"import os, sys; sys.stderr = {replaced}; import prefect", env=STRICT)
        assert result.stderr == "[plugins] required plugin 'fails' failed: ValueError: no\n", (replaced, result)
        assert result.returncode in (1, 120)  # 120 is CPython's own, for a `sys.stderr` that cannot be flushed


@pytest.mark.parametrize("value", ["", ",", " , ", "[]", '[""]'])
def test_an_empty_list(world: World, value: str) -> None:
    """A list of required plugins that is empty, as from a compose file's unset variable, is none: all are required."""
    world.plugin("fails", FAILS)
    one_line(world.run(LOADED, env=STRICT, PREFECT_PLUGINS_REQUIRED=value))
    (world.cwd / "prefect.toml").write_text('[plugins]\nrequired = ["absent"]\n')
    result = world.run(LOADED, env=STRICT, PREFECT_PLUGINS_REQUIRED=value)
    assert result.stderr.splitlines()[-1] == "[plugins] required plugin 'absent' is not installed", result


def test_the_diagnosis_tells_of_an_empty_list(world: World) -> None:
    """PF210 says that an empty list counts as not set; it is for information."""
    result = world.run(("-m", "plugins_diag"), env=STRICT, PREFECT_PLUGINS_REQUIRED="")
    assert "PF210 empty-required-list (info): PREFECT_PLUGINS_REQUIRED is empty" in result.stdout
    assert "Required list: None, so all plugins are required" in result.stdout
    assert "required: PREFECT_PLUGINS_REQUIRED (empty, which counts as not set)" in result.stdout


@pytest.mark.parametrize(("name", "value"), [("STRICT", "1"), ("REQUIRED", "fails")])
def test_strict_mode_without_enabled(world: World, name: str, value: str) -> None:
    """Strict mode without plugins enabled: the import is untouched, `--check` warns; not if they were disabled."""
    world.plugin("fails", FAILS)
    forgotten = {f"PREFECT_PLUGINS_{name}": value}
    assert world.run(LOADED, env=forgotten).stderr == ""
    result = world.run(CHECK, env=forgotten)
    assert (
        result.returncode == 1 and "PF206 settings-without-effect (warning): plugins are disabled" in result.stdout
    ), result
    disabled = world.run(CHECK, env={**forgotten, "PREFECT_PLUGINS_ENABLED": "0"})
    assert (disabled.returncode, disabled.stdout) == (0, ""), disabled


BROKEN = {
    "prefect.toml": "[plugins]\nenabled = tru\n",
    "pyproject.toml": "[tool.prefect.plugins]\nenabled = true\nstrict = \n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_that_names_our_settings(world: World, name: str) -> None:
    """It may have enabled plugins: one line at import, and with strict mode in the environment the exit."""
    (world.cwd / name).write_text(BROKEN[name])
    result = world.run(LOADED)
    assert result.stdout == "loaded\n", result
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{OURS}{name} cannot be read, and is not used: "), line
    assert name in one_line(world.run(LOADED, env={"PREFECT_PLUGINS_STRICT": "1"}))
    assert name in one_line(world.run(LOADED, env=STRICT))


def test_a_broken_file_that_is_none_of_our_business(world: World) -> None:
    """One that says nothing of plugins costs no line while they are disabled."""
    (world.cwd / "prefect.toml").write_text("[server]\nport = \n")
    (world.cwd / "pyproject.toml").write_text("[tool.prefect]\nhome = \n")
    result = world.run(LOADED)
    assert (result.stdout, result.stderr) == ("loaded\n", "")


def test_safe_mode(world: World) -> None:
    """Safe mode wins over strict mode, and one line at each import says so."""
    world.plugin("fails", FAILS)
    result = world.run(LOADED, env=STRICT, PREFECT_PLUGINS_SAFE_MODE="1", PREFECT_PLUGINS_REQUIRED="fails")
    assert result.stdout == "loaded\n"
    assert result.stderr == (
        f"{OURS}safe mode is on (PREFECT_PLUGINS_SAFE_MODE), so no hook is called, and strict mode misses none\n"
    )


def test_safe_mode_that_was_set_and_that_was_asked_for(world: World) -> None:
    """`--check --no-run` finds fault with a safe mode that is set, not with the one that it is itself."""
    world.plugin("good", returning("GOOD"))
    asked = world.run((*CHECK, "--no-run"), env=STRICT)
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "", "")
    was_set = world.run((*CHECK, "--no-run"), env=STRICT, PREFECT_PLUGINS_SAFE_MODE="1")
    assert was_set.returncode == 1 and "PF208 safe-mode (warning)" in was_set.stdout
    assert "Remedy: unset PREFECT_PLUGINS_SAFE_MODE" in was_set.stdout


def test_values_that_have_expired_already(world: World) -> None:
    """Of a required plugin that is a failure; others' values are applied, and the diagnosis has an error."""
    stale = """
        past = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
        return SetupResult(env={"STALE": "1"}, expires_at=past)
    """
    world.plugin("stale", hook(stale.replace("        ", ""), imports="datetime"))
    line = one_line(world.run(LOADED, env=STRICT))
    assert line.startswith("[plugins] required plugin 'stale' failed: what it returned expired at 2020-01-01T00:00:00")
    one_line(world.run(LOADED, env=STRICT, PREFECT_PLUGINS_REQUIRED="stale"))
    lenient = "import os, prefect; print(os.environ.get('STALE'))"
    assert world.run(lenient, env=ENABLED).stdout == "1\n"
    world.plugin("good", returning("GOOD"))
    assert world.run(lenient, env=STRICT, PREFECT_PLUGINS_REQUIRED="good").stdout == "1\n"


BODY = """
    import sys
    def executed(event, args):
        if event == "exec" and args[0].co_filename.replace("\\\\", "/").endswith("/prefect/__init__.py"):
            print("the body is executed", flush=True)
    sys.addaudithook(executed)
    import prefect
"""


def assert_no_body_after_the_deadline(world: World) -> None:
    """A required plugin whose time is over cannot succeed any more: Prefect's body is not executed."""
    world.plugin("fine", returning("FINE"))
    assert world.run(BODY, env=STRICT).stdout == "the body is executed\n"
    world.plugin("hangs", hook("time.sleep(600)", imports="time"))
    for required in (None, "hangs"):
        line = one_line(world.run(BODY, env={**STRICT, **limited(1)}, PREFECT_PLUGINS_REQUIRED=required))
        assert line.startswith("[plugins] required plugin 'hangs' timed out: it was still running"), line


@pytest.mark.core
def test_a_deadline_that_passes_early(world: World) -> None:
    """On the stand-in."""
    assert_no_body_after_the_deadline(world)


def test_a_deadline_that_passes_early_with_a_real_prefect(world: World, each_prefect: Host) -> None:
    """And on both Prefects."""
    assert_no_body_after_the_deadline(world)


@pytest.mark.core
def test_the_mark_of_a_process_inside_a_hook(world: World) -> None:
    """A process that a hook started runs no hooks; a time further away than any deadline is no mark of ours."""
    world.plugin("fails", FAILS)
    mark = "PREFECT_PREFLIGHT_IN_HOOK"
    for ahead in ("3600", "1e300", "nan", "inf"):
        until = ahead if float(ahead) != 3600 else f"{time.time() + 3600}"
        one_line(world.run(LOADED, env=STRICT, **{mark: until}))
    inside = world.run(LOADED, env=STRICT, **{mark: f"{time.time() + 15}"})
    assert (inside.returncode, inside.stdout, inside.stderr) == (0, "loaded\n", "")


DOTENV = {
    # what is in the file, and whether it is our business
    "theirs": ("PREFECT_API_URL=http://127.0.0.1:4200/api\nprefect is fun\n", False),
    "not-utf-8": ("PREFECT_API_URL=caf\xe9\n", False),
    "ours": ("PREFECT_PLUGINS_STRICT=1\nPREFECT_PLUGINS_ALLOW\n=\n", True),
}


@pytest.mark.parametrize("name", DOTENV)
def test_a_dotenv_file_that_this_prefect_does_not_read(world: World, name: str) -> None:
    """Where python-dotenv is missing, `.env` is read by nobody: it matters only if it names our settings."""
    text, ours = DOTENV[name]
    (world.cwd / ".env").write_text(text, encoding="latin-1")
    world.plugin("good", returning("GOOD"))
    without = "import sys; sys.modules['dotenv'] = None; import prefect; print('loaded')"
    for env in (None, ENABLED):
        lines = world.run(without, env=env, check=True).stderr.splitlines()
        assert len(lines) == int(ours) and all("python-dotenv cannot be imported" in line for line in lines), lines
    result = world.run(without, env=STRICT)
    if ours:
        assert ".env" in one_line(result)
    else:
        assert (result.stdout, result.stderr) == ("loaded\n", "")


def test_a_dotenv_file_with_a_line_that_is_none_of_our_business(world: World, real_prefect: Host) -> None:
    """With python-dotenv, a line that it does not understand matters only in a file that names our settings."""
    world.plugin("good", returning("GOOD"))
    (world.cwd / ".env").write_text("PREFECT_API_URL=http://127.0.0.1:4200/api\nnot a = line\n")
    result = world.run(LOADED, env=STRICT)
    assert (result.stdout, result.stderr) == ("loaded\n", ""), result
    (world.cwd / ".env").write_text("PREFECT_PLUGINS_STRICT=1\nnot a = line\n")
    assert ".env: line 2 is not understood" in one_line(world.run(LOADED, env=STRICT))
