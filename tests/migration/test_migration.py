"""The tables of `docs/migration.md`: each row is a test, which runs the same plugins by both systems.

A row has its test's name, less `test_`, in a comment; `test_rows_and_tests` sees that none is without the other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scenarios import FAILURES, SECRET

from hosts import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Both, Seen

ROW = re.compile(r"^\| .+ <!-- row: (\w+) --> \| .+ \|$", re.MULTILINE)
PAGE = ROOT / "docs" / "migration.md"
STOPPED = "Failed to initialize plugins: SetupSummary.__init__() got multiple values for argument 'error'"
"""What Prefect's own runner says when it fails itself, and leaves out all that was to follow."""


def test_rows_and_tests() -> None:
    """Each row has a test, and each test here that compares the two systems has a row."""
    rows = ROW.findall(PAGE.read_text("utf-8"))
    comparing = {name for name, value in globals().items() if name.startswith("test_") and "both" in vars_of(value)}
    assert sorted(rows) == sorted(name.removeprefix("test_") for name in comparing)
    assert len(rows) > 40


def vars_of(function: object) -> tuple[str, ...]:
    """The parameters of a function."""
    code = getattr(function, "__code__", None)
    return code.co_varnames[: code.co_argcount] if code else ()


# When hooks run, and where


def test_before_prefect(both: Callable[[str], Both]) -> None:
    """How much of Prefect is loaded when a hook runs."""
    native, ours = both("ORDINARY")
    (loaded,) = (count for what, count, *_ in native.noted if what == "loaded")
    assert loaded > 100
    assert ["loaded", 0] in ours.noted


def test_main_thread(both: Callable[[str], Both]) -> None:
    """`signal.signal` in a hook."""
    native, ours = both("ORDINARY")
    assert ["main thread", "ok"] in native.noted
    assert ["main thread", "ok"] not in ours.noted
    assert ours.says("Plugin main_thread failed: ValueError: signal only works in main thread") == 1


def test_parallel(both: Callable[[str], Both]) -> None:
    """Two hooks that sleep."""
    native, ours = both("ORDINARY")
    a, b = (["one", "begins"], ["one", "ends"]), (["two", "begins"], ["two", "ends"])
    steps = [[entry for entry in seen.noted if entry[0] in ("one", "two")] for seen in (native, ours)]
    assert steps[0] == [*a, *b]
    assert sorted(steps[1][:2]) == [a[0], b[0]]


def test_event_loops(both: Callable[[str], Both]) -> None:
    """Two async hooks: one event loop, or one each."""
    native, ours = both("ORDINARY")
    assert ["loops", 1] in native.noted
    assert ["loops", 2] in ours.noted


def test_order(both: Callable[[str], Both]) -> None:
    """`tryfirst` and `trylast`."""
    native, ours = both("ORDER")
    assert [what for what, *_ in native.noted] == ["last", "normal", "late", "first"]
    assert [what for what, *_ in ours.noted] == ["first", "normal", "last", "late"]


def test_visibility(both: Callable[[str], Both]) -> None:
    """What a hook sees of the variables of one that ran before."""
    native, ours = both("ORDER")
    # There, the hooks that ran before are the other ones; but the variables of none of them are set yet.
    assert ["normal", None] in native.noted and "FIRST" in native.env
    assert ["normal", "set"] in ours.noted and ["last", "set"] in ours.noted


def test_last_write(both: Callable[[str], Both]) -> None:
    """Whose value holds if two plugins set the same variable."""
    native, ours = both("ORDER")
    assert (native.env["BOTH"], native.env["SHARED"]) == ("first", "a")  # z_normal stands before a_normal
    assert (ours.env["BOTH"], ours.env["SHARED"]) == ("last", "z")
    assert native.says("SHARED") == 0
    assert ours.says("WARNING: Plugins a_normal, z_normal set SHARED: the last one's value holds") == 1


def test_needs_prefect(both: Callable[[str], Both]) -> None:
    """A plugin that imports Prefect itself, marked `tryfirst`: its marks count among its like alone."""
    native, ours = both("ORDER")
    assert native.noted.index(["late"]) == 2
    assert ours.noted[-1] == ["late"]


def test_running_loop(both: Callable[[str], Both]) -> None:
    """`import prefect` inside a running event loop."""
    native, ours = both("LOOP")
    assert "PLAIN" not in native.env and "ASYNC" not in native.env
    assert native.says("Failed to initialize plugins: Already running asyncio in this thread") == 1
    assert (ours.env["PLAIN"], ours.env["ASYNC"], ours.stderr) == ("set", "set", "")


def test_server_hooks(both: Callable[[str], Both]) -> None:
    """A plugin with a hook for the server alone."""
    native, ours = both("ORDINARY")
    assert ["server", "imported"] in native.noted
    assert ["server", "imported"] not in ours.noted


def test_settings(both: Callable[[str], Both]) -> None:
    """What a hook returns reaches Prefect's settings; on 3.4.24 to 3.6.13, by that system, it does not."""
    native, ours = both("SETTINGS")
    assert native.noted == ours.noted == [["http://hook.example/api", "from-profile"]]


def test_reload(both: Callable[[str], Both]) -> None:
    """`importlib.reload(prefect)`, and a call of `run_startup_hooks`."""
    native, ours = both("AGAIN")
    assert native.noted == [["hook"], ["hook"], ["reloaded"], ["hook"], ["summaries", 1]]
    assert ours.noted == [["hook"], ["reloaded"], ["summaries", 1]]


def test_former_output(both: Callable[[str], Both]) -> None:
    """A hook that runs again in a child: whether it sees what it set in the parent."""
    native, ours = both("CHILD")
    assert native.noted == [["found", "value"]]
    assert ours.noted == [["found", None]]
    assert native.env["LEASE"] == ours.env["LEASE"] == "value"


def test_python_in_a_hook(both: Callable[[str], Both]) -> None:
    """A hook starts a Python that imports Prefect."""
    native, ours = both("NESTED")
    assert native.noted == [["inner", "set\n"]]
    assert ours.noted == [["inner", "None\n"]]


def test_variables_of_ours(both: Callable[[str], Both]) -> None:
    """What is in the environment beside what hooks return."""
    native, ours = both("CHILD")
    assert ours.env.keys() - native.env.keys() == {"PREFECT_PREFLIGHT_INHERITED"}
    assert "value" not in ours.env["PREFECT_PREFLIGHT_INHERITED"]


# Time


def test_sync_hangs(both: Callable[[str], Both]) -> None:
    """A sync hook that takes longer than the timeout."""
    native, ours = both("HANGS")
    assert (native.env["SYNC"], native.env["DONE"], native.stderr) == ("set", "set", "")
    assert "SYNC" not in ours.env and ours.env["DONE"] == "set"
    assert ours.says("Plugin sync failed: it was still running when the 0.5 s that all plugins share were over") == 1


def test_one_late(both: Callable[[str], Both]) -> None:
    """An async hook is late, another plugin is done."""
    native, ours = both("ONE_LATE")
    assert "DONE" not in native.env and native.lines == ["Plugin setup timed out after 0.5s"]
    assert ours.env["DONE"] == "set" and ours.says("Plugin late failed: it was still running") == 1


def test_slow_load(both: Callable[[str], Both]) -> None:
    """A plugin's module that takes longer to import than any timeout."""
    native, ours = both("SLOW_LOAD")
    assert (native.env["SLOW"], native.stderr) == ("set", "")
    assert "SLOW" not in ours.env
    assert ours.says("Plugin slow failed: it was still being loaded when the 0.5 s that all plugins share") == 1


# What hooks return, or raise


def between(seen: Seen) -> tuple[bool, bool]:
    """Whether the good plugins before and after the bad one got their variables."""
    return "BEFORE" in seen.env, "AFTER" in seen.env


def test_not_strings(both: Callable[[str], Both]) -> None:
    """Values that are no strings."""
    native, ours = both("NOT_STRINGS")
    assert (native.env["NUMBER"], native.env["NOTHING"]) == ("5", "None")
    assert "NUMBER" not in ours.env and "NOTHING" not in ours.env
    assert ours.says("Plugin bad failed: the value of 'NUMBER' is an int, it must be str") == 1


def test_bad_name(both: Callable[[str], Both]) -> None:
    """One bad name among several variables."""
    native, ours = both("BAD_NAME")
    assert "GOOD" in native.env and "LATER" not in native.env
    assert "GOOD" not in ours.env and "LATER" not in ours.env
    assert ours.says("Plugin bad failed: env has the name 'BAD=NAME'") == 1


def test_no_result(both: Callable[[str], Both]) -> None:
    """A plain dict in place of a `SetupResult`."""
    native, ours = both("NO_RESULT")
    assert "PLAIN" not in native.env and "PLAIN" not in ours.env
    assert native.says(STOPPED) == 1
    assert ours.says("Plugin bad failed: setup_environment returned an object of type builtins.dict") == 1


def test_the_others(both: Callable[[str], Both]) -> None:
    """What becomes of the plugins that come after any of the three above."""
    for scenario in ("NOT_STRINGS", "BAD_NAME", "NO_RESULT"):
        native, ours = both(scenario)
        assert between(native) == (True, False) and native.says(STOPPED) == 1
        assert between(ours) == (True, True) and len(ours.lines) == 1


def test_too_long(both: Callable[[str], Both]) -> None:
    """A value of more than 128 KiB: with it in the environment Linux starts no program."""
    native, ours = both("TOO_LONG")
    assert native.noted[0][0] == "child" and "Argument list too long" in native.noted[0][1]
    assert ours.noted == [["child", 0]]
    assert ours.says("Plugin bad failed: the value of 'LONG' makes a variable of 200005 bytes") == 1


def test_awaitables(both: Callable[[str], Both]) -> None:
    """A hook that returns an awaitable object which is no coroutine."""
    native, ours = both("ORDINARY")
    assert "AWAITABLE" not in native.env and native.says(STOPPED) == 1
    assert ours.env["AWAITABLE"] == "set"


def test_exception(both: Callable[[str], Both]) -> None:
    """An exception in a hook, whose message has two lines."""
    native, ours = both("RAISES")
    assert native.lines == [f"Plugin bad failed: token={SECRET} refused", "and more"]
    (line,) = ours.lines
    assert line.endswith("Plugin bad failed: ValueError: token=•••••• refused and more")


def test_exception_and_others(both: Callable[[str], Both]) -> None:
    """An exception in a hook: what becomes of the other plugins."""
    native, ours = both("RAISES")
    assert between(native) == between(ours) == (True, True)


def test_sys_exit(both: Callable[[str], Both]) -> None:
    """`sys.exit` in a hook."""
    native, ours = both("EXIT")
    assert (native.status, native.stdout, native.stderr) == (3, "", "")
    assert ours.status == 0 and between(ours) == (True, True)
    assert ours.says("Plugin bad failed: SystemExit: the plugin called sys.exit(3)") == 1


def test_exit_at_load(both: Callable[[str], Both]) -> None:
    """`sys.exit` in a plugin's module."""
    native, ours = both("EXIT_AT_LOAD")
    assert (native.status, native.stdout, native.stderr) == (4, "", "")
    assert ours.status == 0 and between(ours) == (True, True)
    assert ours.says("Failed to load plugin bad: SystemExit: the plugin called sys.exit(4)") == 1


def test_wrapper(both: Callable[[str], Both]) -> None:
    """A hook that is marked as a wrapper."""
    native, ours = both("ORDER")
    assert native.says("Failed to apply result from plugin wrapper") == native.says(STOPPED) == 1
    assert ours.says("Plugin wrapper has a problem: setup_environment is marked as a wrapper") == 1
    assert ["wrapper", "called"] not in [*native.noted, *ours.noted]  # a generator that nobody iterates over


# What is accepted


def test_a_class(both: Callable[[str], Both]) -> None:
    """An entry point that names a class."""
    native, ours = both("ORDINARY")
    assert "A_CLASS" not in native.env and native.says("Plugin a_class failed: ") == 1
    assert ours.env["A_CLASS"] == "set" and ours.says("Plugin a_class has a problem: ") == 1


def test_a_function(both: Callable[[str], Both]) -> None:
    """An entry point that names the hook itself: neither calls it."""
    native, ours = both("ORDINARY")
    assert "A_FUNCTION" not in native.env and native.says("a_function failed") == native.says("plugin a_function") == 0
    assert "A_FUNCTION" not in ours.env and ours.says("Plugin a_function has a problem: it has no hook") == 1


def test_positional(both: Callable[[str], Both]) -> None:
    """`def setup_environment(ctx)`, without the star."""
    native, ours = both("ORDINARY")
    assert "POSITIONAL" not in native.env and native.says("Failed to load plugin positional") == 1
    assert ours.env["POSITIONAL"] == "set"


def test_other_signatures(both: Callable[[str], Both]) -> None:
    """No parameter at all, another name: neither calls it; `**arguments`: both do."""
    native, ours = both("ORDINARY")
    assert native.says("Plugin no_ctx failed: ") == ours.says("Plugin no_ctx failed: ") == 1
    assert native.says("Failed to load plugin other_name") == ours.says("Plugin other_name failed: ") == 1
    assert ours.says("; write def setup_environment(*, ctx)") == 2
    assert native.env["ALL_KEYWORDS"] == ours.env["ALL_KEYWORDS"] == "set"


def test_no_marker(both: Callable[[str], Both]) -> None:
    """A hook without the decorator, or with a misspelt name."""
    native, ours = both("ORDINARY")
    for name in ("no_marker", "misspelt"):
        assert name.upper() not in native.env and name.upper() not in ours.env
        assert native.says(f"Plugin {name} ") == 0
    assert ours.says("Plugin no_marker has a problem: it has no hook: setup_environment lacks the decorator") == 1
    assert ours.says("Plugin misspelt has a problem: there is no hook 'setup_enviroment', did you mean") == 1


def test_other_objects(both: Callable[[str], Both]) -> None:
    """Any object with an `env`, and a hook by another name with `specname`: both take it."""
    native, ours = both("ORDINARY")
    assert native.env["OBJECT"] == ours.env["OBJECT"] == "set"
    assert native.env["OTHER_FUNCTION"] == ours.env["OTHER_FUNCTION"] == "set"


def test_expiry(both: Callable[[str], Both]) -> None:
    """`expires_at` and `inherit`."""
    native, ours = both("ORDINARY")
    assert "EXPIRY" not in native.env
    assert native.says("Plugin expiry failed: SetupResult.__init__() got an unexpected keyword argument") == 1
    assert ours.env["EXPIRY"] == "set"


def test_requirement_places(both: Callable[[str], Both]) -> None:
    """`PREFECT_PLUGIN_API_REQUIRES` in the module, where the entry point names an object in it."""
    native, ours = both("ORDINARY")
    assert native.env["NEWER_THAN_THE_API"] == "set"
    assert "NEWER_THAN_THE_API" not in ours.env
    assert ours.says("Skipping plugin module_requires: requires API version >=5, current version is 0.1") == 1


def test_bad_requirement(both: Callable[[str], Both]) -> None:
    """A requirement that is none: a text, a number."""
    native, ours = both("ORDINARY")
    assert native.env["BAD_REQUIREMENT"] == ours.env["BAD_REQUIREMENT"] == "set"
    assert native.says("Plugin bad_requirement") == 0
    assert ours.says("Plugin bad_requirement has a problem: PREFECT_PLUGIN_API_REQUIRES is 'soon'") == 1
    assert "NUMBER_REQUIREMENT" not in native.env and native.says("Failed to load plugin number_requirement") == 1
    assert ours.env["NUMBER_REQUIREMENT"] == "set"


def test_two_names(both: Callable[[str], Both]) -> None:
    """Two entry points that name the same module: one call, and what is said of the second."""
    native, ours = both("ORDINARY")
    for seen in (native, ours):
        assert seen.noted.count(["twice", "called"]) == 1
    assert native.says("Failed to load plugin twice_again") == 1
    assert ours.says("twice_again") == 0


def test_same_name(both: Callable[[str], Both]) -> None:
    """Two distributions with an entry point of the same name."""
    native, ours = both("SAME_NAME")
    assert len({"ONE", "OTHER"} & native.env.keys()) == 1 and native.says("Failed to load plugin plugin") == 1
    assert {"ONE", "OTHER"} <= ours.env.keys()


def test_broken_metadata(both: Callable[[str], Both]) -> None:
    """A distribution whose file of entry points is not UTF-8, beside a good one."""
    native, ours = both("BROKEN_METADATA")
    assert "PLUGIN" not in native.env and native.says("Failed to initialize plugins: 'utf-8' codec can't decode") == 1
    assert (ours.env["PLUGIN"], ours.stderr) == ("set", "")


def test_old_names(both: Callable[[str], Both]) -> None:
    """`from prefect._experimental.plugins import …` in a plugin."""
    native, ours = both("SAME_NAME")
    assert native.says("DeprecationWarning: `prefect._experimental.plugins.register_hook` has moved") == 1
    assert (ours.env["ONE"], ours.stderr) == ("set", "")


# Settings


def test_names_in_lists(both: Callable[[str], Both]) -> None:
    """`legacy-plugin` in the deny list, `legacy_plugin` as the entry point."""
    native, ours = both("ORDINARY")
    assert native.env["LEGACY"] == "set"
    assert "LEGACY" not in ours.env


def test_empty_allow(both: Callable[[str], Both]) -> None:
    """`PREFECT_PLUGINS_ALLOW=`."""
    native, ours = both("EMPTY_ALLOW")
    assert native.env["PLUGIN"] == "set"
    assert "PLUGIN" not in ours.env


def test_bad_setting(both: Callable[[str], Both]) -> None:
    """A value that is no boolean."""
    native, ours = both("BAD_SETTING")
    assert native.status == 0 and "PLUGIN" not in native.env
    assert native.lines[0].startswith("Failed to initialize plugins: 1 validation error for PluginsSettings")
    assert ours.env["PLUGIN"] == "set" and len(ours.lines) == 1
    assert ours.says("PREFECT_PLUGINS_STRICT='perhaps' is not a boolean") == 1


def test_settings_in_files(both: Callable[[str], Both]) -> None:
    """Settings in `prefect.toml`: whether a child in another directory has them too."""
    native, ours = both("FILES")
    assert native.env["PLUGIN"] == ours.env["PLUGIN"] == "set"
    assert "PREFECT_PLUGINS_ENABLED" not in native.env
    assert ours.env["PREFECT_PLUGINS_ENABLED"] == "1"


def test_kill_switch(both: Callable[[str], Both]) -> None:
    """`PREFECT_PREFLIGHT_DISABLE=1`: Prefect's own system does as if we were not installed."""
    (native, ours), (reference, _) = both("KILLED"), both("ORDER")
    assert native.noted == ours.noted == reference.noted
    assert ours.env["BOTH"] == "first" and ours.says(STOPPED) == 1


def test_safe_mode(both: Callable[[str], Both]) -> None:
    """Safe mode: loaded, no hook called; no difference."""
    native, ours = both("SAFE")
    assert native.noted == ours.noted == [["module"]]


# Strict mode

STRICT_NATIVE = {"raises": 1, "empty": 1}
"""The failures that end the process there; with `sys.exit(0)` it ends too, but with a status of 0."""
STRICT_OURS = dict.fromkeys(FAILURES, 1) | {"no_hook": 0, "newer": 0}
"""Those that end it here, if no plugin is required by name."""


def test_strict_failures(both: Callable[[str], Both]) -> None:
    """Each way to fail in strict mode: the exit status."""
    statuses = {name: tuple(seen.status for seen in both(name)) for name in FAILURES}
    assert statuses == {name: (STRICT_NATIVE.get(name, 0), STRICT_OURS[name]) for name in FAILURES}


def test_strict_lines(both: Callable[[str], Both]) -> None:
    """What is on stderr then: here one line, which begins likewise; there, two for an exception."""
    for name in FAILURES:
        native, ours = both(name)
        if STRICT_OURS[name]:
            assert len(ours.lines) == 1 and ours.lines[0].startswith(f"[plugins] required plugin '{name}' "), name
    native, ours = both("raises")
    assert native.lines == ["Plugin raises failed: refused", "[plugins] required plugin 'raises' failed: refused"]
    assert ours.lines == ["[plugins] required plugin 'raises' failed: ValueError: refused"]


def test_strict_in_a_loop(both: Callable[[str], Both]) -> None:
    """Strict mode, a hook that raises, inside a running event loop."""
    native, ours = both("STRICT_LOOP")
    assert (native.status, ours.status) == (0, 1)


def test_required_names(both: Callable[[str], Both]) -> None:
    """`PREFECT_PLUGINS_REQUIRED`."""
    native, ours = both("STRICT_NAMED")
    assert native.status == 0 and native.env["PLUGIN"] == "set"
    assert (ours.status, ours.lines) == (1, ["[plugins] required plugin 'not-there' is not installed"])


# Output


def test_format(both: Callable[[str], Both]) -> None:
    """A warning or error at import: the bare message, or with time, logger and level."""
    native, ours = both("LOGGED")
    text = "Skipping plugin newer: requires API version >=1, current version is 0.1"
    assert text in native.lines
    (line,) = (line for line in ours.lines if line.endswith(text))
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} \| prefect\.plugins \| WARNING: " + re.escape(text), line)


def test_log_of_hooks(both: Callable[[str], Both]) -> None:
    """`ctx.logger_factory("works").info(…)` in a hook, at import."""
    native, ours = both("LOGGED")
    assert native.says("at work") == 0
    assert ours.says("| prefect.works | INFO: at work") == 1


def test_load_failure(both: Callable[[str], Both]) -> None:
    """The same text for a plugin that does not load; the traceback at once, or with DEBUG alone."""
    native, ours = both("LOGGED")
    assert native.says("Failed to load plugin no_load") == 1 and native.says("Traceback") == 1
    line = "ERROR: Failed to load plugin no_load: ModuleNotFoundError: No module named 'no_such_module'"
    assert ours.says(line) == 1 and ours.says("Traceback") == 0


def test_debug(both: Callable[[str], Both]) -> None:
    """`PREFECT_LOGGING_LEVEL=DEBUG prefect --version`."""
    native, ours = both("LOGGED_DEBUG")
    assert native.stdout == ours.stdout == "3.8.8\n"
    texts = (
        "Loaded plugin works (requires API >=0.1,<1, current 0.1)",
        "Plugin odd has invalid version specifier 'not-valid', ignoring version check",
    )
    for text in texts:
        assert (native.says(text), ours.says(f"DEBUG: {text}")) == (0, 1)


def test_searches(both: Callable[[str], Both]) -> None:
    """What both write into a log that the application has configured, and one of them elsewhere too."""
    native, ours = both("LOGGED_BY_APPLICATION")
    assert native.says("INFO:prefect.plugins:plugin env applied") == ours.says(
        "INFO:prefect.plugins:plugin env applied"
    )
    assert ours.says("INFO:prefect.plugins:plugin env applied") > 0
    native, ours = both("DIAGNOSE")
    _, debug = both("LOGGED_DEBUG")
    assert native.says("plugin env applied") == 2 and ours.says("plugin env applied") == 0
    assert debug.says("plugin env applied") == 2
    assert native.says("plugins - Plugin raises failed: ") == ours.says("ERROR: Plugin raises failed: ") == 1


def test_search_for_timeouts(both: Callable[[str], Both]) -> None:
    """The text of a timeout."""
    native, ours = both("ONE_LATE")
    assert native.says("timed out after") == 1 and ours.says("timed out after") == 0
    assert ours.says("Plugin late failed: it was still running when the 0.5 s that all plugins share were over") == 1


def test_secrets_in_the_log(both: Callable[[str], Both]) -> None:
    """A secret in an exception's text or a note."""
    native, ours = both("DIAGNOSE")
    assert native.says(f"failed: token={SECRET}") > 0 and native.says(f"with token={SECRET}") == 1
    assert SECRET not in ours.stderr


def test_secrets_in_the_diagnosis(both: Callable[[str], Both]) -> None:
    """A password in a URL, a passphrase, a note."""
    native, ours = both("DIAGNOSE")
    for text in (f"MY_PASSPHRASE={SECRET}", f"https://user:{SECRET}@host/", f"Note: with token={SECRET}"):
        assert text in native.stdout
    assert SECRET not in ours.stdout
    for text in ("MY_PASSPHRASE=••••••", "https://user:••••••@host/", "Note: with token=••••••"):
        assert text in ours.stdout
    for text in ("MY_TOKEN=••••••", "AWS_REGION=us-east-1"):
        assert text in native.stdout and text in ours.stdout


def test_diagnosis_runs(both: Callable[[str], Both]) -> None:
    """`prefect plugins diagnose`: whether hooks run twice, whether a denied module is imported."""
    native, ours = both("DIAGNOSE")
    # Before the command line has configured logging, and after.
    assert sum(line.endswith(f"Plugin raises failed: token={SECRET} refused") for line in native.lines) == 2
    assert ours.says("Plugin raises failed: ") == 1
    assert (native.files, ours.files) == (["denied"], [])


def test_diagnosis_text(both: Callable[[str], Both]) -> None:
    """Its title and its statuses."""
    native, ours = both("DIAGNOSE")
    assert native.stdout.split("\n")[1] == "Prefect Plugin System Diagnostics"
    assert ours.stdout.startswith("prefect-preflight ")
    assert "\nPrefect Experimental Plugin System Diagnostics\n" in ours.stdout
    for text in ("• no_load: active", "• newer: active", "• raises: error"):
        assert text in native.stdout
    for text in ("• no_load: load failed", "• newer: incompatible", "• raises: failed", "Findings"):
        assert text in ours.stdout
    for text in ("• works: active", "• denied: filtered", "• works: success", "Environment variables: 4"):
        assert text in native.stdout and text in ours.stdout


def test_diagnosis_status(both: Callable[[str], Both]) -> None:
    """Its exit status where a plugin fails."""
    native, ours = both("DIAGNOSE")
    assert (native.status, ours.status) == (0, 1)
