"""The kit for authors of plugins: outcomes, isolation, advice, the new interpreter, the pytest plugin."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import textwrap
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from prefect_preflight import HookContext, SetupResult, register_hook
from prefect_preflight.testing import ADVICE, PluginRun, run_plugin
from snippets import hook, returning

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hosts import Host, Hosts
    from worlds import World

pytestmark = pytest.mark.core

PREFECT_PLUGIN_API_REQUIRES = ">=0.1,<1"
SECRET = "tok-9f8e7d6c5b4a"


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult:
    """This module's own hook, so that the module itself is a plugin."""
    return SetupResult(env={"SET_BY": "test_kit"})


class Stateful:
    """A plugin with state."""

    @register_hook
    def setup_environment(self, *, ctx: HookContext) -> SetupResult:
        """Set a variable."""
        return SetupResult(env={"SET_BY": type(self).__name__})


instance = Stateful()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Writes an importable module and returns its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, source: str) -> str:
        (tmp_path / f"{name}.py").write_text('PREFECT_PLUGIN_API_REQUIRES = ">=0.1"\n' + textwrap.dedent(source))
        return name

    return write


class TestWhatCanBeRun:
    """Strings, modules and objects."""

    @pytest.mark.parametrize(
        ("plugin", "value", "by"),
        [
            (__name__, __name__, "test_kit"),
            (sys.modules[__name__], __name__, "test_kit"),
            (setup_environment, __name__, "test_kit"),
            (f"{__name__}:instance", f"{__name__}:instance", "Stateful"),
            (instance, f"{__name__}:instance", "Stateful"),
            (instance.setup_environment, None, "Stateful"),
            (Stateful(), None, "Stateful"),
        ],
    )
    def test_forms(self, plugin: object, value: str | None, by: str) -> None:
        """A name, a module, an instance, a function and a method are run as an entry point naming them would be."""
        run = run_plugin(plugin).assert_ok()
        assert (run.env, run.distribution) == ({"SET_BY": by}, None)
        assert value is None or run.value == value

    def test_a_class(self) -> None:
        """A class is instantiated, and the advice says to name an instance."""
        run = run_plugin(Stateful)
        assert (run.status, set(run.slugs)) == ("success", {"warning"})
        assert "names a class, not an instance" in run.advice[0].message

    def test_async(self) -> None:
        """An async hook is awaited, also where the test itself has a running event loop."""

        @register_hook
        async def setup_environment(*, ctx: HookContext) -> SetupResult:
            await asyncio.sleep(0)
            return SetupResult(env={"A": "1"})

        async def main() -> PluginRun:
            return run_plugin(setup_environment)

        assert run_plugin(setup_environment).assert_ok().env == {"A": "1"}
        assert asyncio.run(main()).assert_ok().env == {"A": "1"}

    @pytest.mark.parametrize("nothing", [None, 1, {}, ["acme"], b"acme"])
    def test_no_plugin(self, nothing: object) -> None:
        """What can be no plugin is a TypeError that says what can."""
        with pytest.raises(TypeError, match="give a module's name"):
            run_plugin(nothing)

    @pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan")])
    def test_bad_timeout(self, timeout: float) -> None:
        """A deadline that is none is refused."""
        with pytest.raises(ValueError, match="finite number"):
            run_plugin(setup_environment, timeout=timeout)

    def test_bad_variable(self) -> None:
        """A variable that is no string is named, and its value is not."""
        with pytest.raises(TypeError, match=r"env\['PORT'\] is of type int"):
            run_plugin(setup_environment, env={"PORT": 8080})  # type: ignore[dict-item]

    def test_replaced_functions(self, module: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch) -> None:
        """A plugin that the test has imported is used as it is, so parts of it can be replaced."""
        name = module("replaced", hook('return SetupResult(env={"A": fetch()})', before="def fetch(): return 'real'"))
        monkeypatch.setattr(__import__(name), "fetch", lambda: "replaced")
        assert run_plugin(name).assert_ok().env == {"A": "replaced"}


class TestOutcomes:
    """The statuses are those of a real run."""

    @pytest.mark.parametrize(
        ("source", "status", "message"),
        [
            (hook('raise OSError("no route to host")'), "failed", "OSError: no route to host"),
            (hook("sys.exit(3)"), "failed", "SystemExit: the plugin called sys.exit(3)"),
            (hook('return {"A": "1"}'), "invalid-result", "returned an object of type builtins.dict"),
            (hook('return SetupResult(env={"A=B": "1"})'), "invalid-result", "cannot contain '='"),
            (hook("return SetupResult(env={}, required=True)"), "invalid-result", "required=True"),
            ("import acme_does_not_exist", "load-failed", "No module named 'acme_does_not_exist'"),
            ("def setup_environment(*, ctx): ...", "no-hook", "lacks the decorator @register_hook"),
            (hook("return None").replace("*, ctx", ""), "invalid-result", "write def setup_environment(*, ctx)"),
        ],
    )
    def test_failures(
        self, module: Callable[[str, str], str], source: str, status: str, message: str, request: Any
    ) -> None:
        """A failure has the status, sets nothing, and `assert_ok` says what is the matter."""
        name = module(f"failing_{abs(hash(request.node.name))}", source)
        run = run_plugin(name)
        assert (run.status, run.env, run.ok) == (status, {}, False)
        with pytest.raises(AssertionError) as caught:
            run.assert_ok()
        assert f"plugin {name!r} ({name}): {status}" in str(caught.value)
        assert message in str(caught.value)

    def test_the_traceback_is_shown(self, module: Callable[[str, str], str]) -> None:
        """The message of `assert_ok` has the plugin's traceback, since that is what an author needs."""
        name = module("raising", hook('raise OSError("no route to host")'))
        with pytest.raises(AssertionError, match=r"raising\.py.*in setup_environment[\s\S]*OSError"):
            run_plugin(name).assert_ok()

    def test_fenced_out(self, module: Callable[[str, str], str]) -> None:
        """A plugin for another version of the plugin API is not called."""
        run = run_plugin(module("fenced", 'PREFECT_PLUGIN_API_REQUIRES = ">=5"\n' + returning("A")))
        assert (run.status, run.env) == ("incompatible", {})

    def test_timeout(self) -> None:
        """The deadline holds for sync hooks too."""

        @register_hook
        def setup_environment(*, ctx: HookContext) -> None:
            time.sleep(5)

        began = time.perf_counter()
        run = run_plugin(setup_environment, timeout=0.2)
        assert run.status == "timed-out"
        assert time.perf_counter() - began < 2

    def test_everything_that_was_returned(self) -> None:
        """Note, expiry and options arrive as they were returned."""
        expires = datetime(2030, 1, 1, tzinfo=timezone.utc)

        @register_hook
        def setup_environment(*, ctx: HookContext) -> SetupResult:
            return SetupResult({"A": "1"}, "a note", required=True, expires_at=expires, inherit=True)

        run = run_plugin(setup_environment)
        assert (run.note, run.required, run.expires_at, run.inherit) == ("a note", True, expires, True)
        assert run.hook_names == ("setup_environment",)

    def test_the_context(self) -> None:
        """The hook gets the API's URL that the test gives, and loggers below `prefect`, whose records are kept."""
        seen: list[object] = []

        @register_hook
        def setup_environment(*, ctx: HookContext) -> None:
            seen.extend([ctx.api_url, ctx.logger_factory("acme").name])
            ctx.logger_factory("acme").debug("Looking for %s", "credentials")

        run = run_plugin(setup_environment, api_url="http://127.0.0.1:4200/api", twice=False)
        assert seen == ["http://127.0.0.1:4200/api", "prefect.acme"]
        assert ("prefect.acme", "DEBUG", "Looking for credentials") in [
            (log.logger, log.level, log.message) for log in run.logs
        ]


class TestIsolation:
    """Nothing of a run stays in the process."""

    def test_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The hook sees the given environment on top of the process', which is the same afterwards."""
        monkeypatch.setenv("ACME_GONE", "1")
        monkeypatch.setenv("ACME_KEPT", "2")
        seen: list[object] = []

        @register_hook
        def setup_environment(*, ctx: HookContext) -> SetupResult:
            seen.append([os.environ.get(name) for name in ("ACME_GONE", "ACME_KEPT", "ACME_NEW")])
            return SetupResult(env={"ACME_SET": "4", "ACME_KEPT": "5"})

        before = dict(os.environ)
        run = run_plugin(setup_environment, env={"ACME_GONE": None, "ACME_NEW": "3"}, twice=False)
        assert seen == [[None, "2", "3"]]
        assert run.env == {"ACME_SET": "4", "ACME_KEPT": "5"}
        assert dict(os.environ) == before

    def test_environment_after_a_failure(self) -> None:
        """It is restored whatever the plugin does to it."""

        @register_hook
        def setup_environment(*, ctx: HookContext) -> None:
            os.environ.clear()
            raise KeyboardInterrupt

        before = dict(os.environ)
        assert run_plugin(setup_environment).status == "failed"
        assert dict(os.environ) == before

    def test_process(self, module: Callable[[str, str], str]) -> None:
        """Finders, loggers, standard output and Prefect's modules are as they were."""
        name = module("prefect_user", "from prefect.plugins import SetupResult, register_hook\n" + returning("A"))
        logger = logging.getLogger("prefect")

        def state() -> object:
            prefects = [name for name in sys.modules if name.partition(".")[0] == "prefect"]
            acme = logging.getLogger("prefect.plugins")
            return [sys.meta_path[:], prefects, sys.stdout, logger.level, logger.handlers[:], acme.filters[:]]

        before = state()
        run_plugin(name).assert_ok()
        assert state() == before


class TestAdvice:
    """What works and should be fixed all the same."""

    CASES: ClassVar[dict[str, str]] = {
        "ctx-not-keyword-only": hook('return SetupResult(env={"A": "1"})').replace("*, ctx", "ctx"),
        "not-idempotent": hook('return SetupResult(env={"A": os.environ.get("A", "") + ":more"})'),
        "secret-in-note": hook(f'return SetupResult(env={{"A_TOKEN": "{SECRET}"}}, note="got {SECRET}")'),
        "secret-in-log": hook(
            f'ctx.logger_factory("acme").info("got %s", "{SECRET}")\nreturn SetupResult(env={{"A_TOKEN": "{SECRET}"}})'
        ),
        "prints-to-stdout": hook('print("noise")\nreturn SetupResult(env={"A": "1"})'),
        "slow-import": returning("A") + "\nimport time; time.sleep(0.3)\n",
        "sets-environ": hook('os.environ["B"] = "1"\nreturn SetupResult(env={"A": "1"})'),
        "warning": hook('return SetupResult(env={"A": "1"}, expires_at=5)'),
        "no-expiry": hook('return SetupResult(env={"AWS_SESSION_TOKEN": "t" * 40})'),
        "no-api-requirement": "del PREFECT_PLUGIN_API_REQUIRES\n" + returning("A"),
    }

    @pytest.mark.parametrize("slug", CASES)
    def test_is_given(self, module: Callable[[str, str], str], slug: str) -> None:
        """Each is given for what it is about and for nothing else, fails `assert_ok`, and can be allowed."""
        run = run_plugin(module(f"advised_{slug.replace('-', '_')}", self.CASES[slug]), slow_import=0.2)
        assert (run.status, set(run.slugs)) == ("success", {slug})
        with pytest.raises(AssertionError, match=f"{slug}: "):
            run.assert_ok()
        assert run.assert_ok(allow=[slug]) is run
        assert slug in ADVICE

    FAILING: ClassVar[dict[str, tuple[str, str, str, set[str]]]] = {
        "does not import": ("import acme_does_not_exist", "", "load-failed", set()),
        "raises at import": ("raise RuntimeError('no')", "", "load-failed", set()),
        "exits at import": ("import sys; sys.exit(1)", "", "load-failed", set()),
        "no such object": (returning("A"), ":plugin", "load-failed", set()),
        "hangs at import": ("import time; time.sleep(2)", "", "timed-out", set()),
        "no hook": ("class Plugin: pass\nplugin = Plugin()", ":plugin", "no-hook", {"warning"}),
        "a class without a hook": ("class Plugin: pass", ":Plugin", "no-hook", {"warning"}),
        "another hook": (
            hook("return None").replace("setup_env", "set_up_env"),
            "",
            "no-hook",
            {"warning"},
        ),
        "hook raises": (hook('raise OSError("no route")'), "", "failed", set()),
        "hook exits": (hook("sys.exit(3)"), "", "failed", set()),
        "hook hangs": (hook("import time; time.sleep(2)"), "", "timed-out", set()),
        "a dict": (hook('return {"A": "1"}'), "", "invalid-result", set()),
        "no ctx": (hook("return None").replace("*, ctx", ""), "", "invalid-result", set()),
    }

    @pytest.mark.parametrize("case", FAILING)
    def test_none_without_its_premise(self, module: Callable[[str, str], str], case: str) -> None:
        """A plugin that fails gets no advice about what nobody could see, such as a constant that it has."""
        source, attribute, status, slugs = self.FAILING[case]
        name = module(f"unlucky_{case.replace(' ', '_')}", source)
        run = run_plugin(f"{name}{attribute}", timeout=0.5)
        assert (run.status, set(run.slugs)) == (status, slugs), run.advice

    def test_a_constant_of_the_objects_own_module(self, module: Callable[[str, str], str]) -> None:
        """It is where loading finds it too: in the module that defines the object's class."""
        home = module("home_of_class", "class Plugin: pass")
        name = module(
            "names_an_object", f"del PREFECT_PLUGIN_API_REQUIRES\nfrom {home} import Plugin\nplugin = Plugin()"
        )
        assert set(run_plugin(f"{name}:plugin").slugs) == {"warning"}  # that it has no hook

    def test_no_secret_is_shown(self, module: Callable[[str, str], str]) -> None:
        """Neither the repr nor the message of `assert_ok` shows a secret, though the run itself has it."""
        for slug in ("secret-in-note", "secret-in-log"):
            run = run_plugin(module(f"secret_{slug[-4:]}", self.CASES[slug]))
            assert run.env == {"A_TOKEN": SECRET}
            with pytest.raises(AssertionError) as caught:
                run.assert_ok()
            assert SECRET not in repr(run) + str(caught.value) + repr(run.logs)

    def test_unknown_slug(self) -> None:
        """Advice that does not exist cannot be allowed, so that a misspelling is seen."""
        with pytest.raises(ValueError, match="there is no advice 'runs-lat'"):
            run_plugin(setup_environment).assert_ok(allow=["runs-lat"])

    @pytest.mark.parametrize(
        "body",
        [
            'return SetupResult(env={"A_TOKEN": os.urandom(9).hex()})',
            'return SetupResult(env={"A": os.urandom(9).hex()}, expires_at=LATER)',
            'return None if "A" in os.environ else SetupResult(env={"A": "1"})',
        ],
    )
    def test_idempotent_enough(self, module: Callable[[str, str], str], body: str, request: Any) -> None:
        """New credentials at each call, and nothing to do at the second one, are no fault."""
        before = "from datetime import datetime, timezone\nLATER = datetime(2040, 1, 1, tzinfo=timezone.utc)"
        run_plugin(module(f"idempotent_{abs(hash(body))}", hook(body, before=before))).assert_ok()

    def test_called_once(self) -> None:
        """With `twice=False` the hook is called once, otherwise twice."""
        calls: list[int] = []

        @register_hook
        def setup_environment(*, ctx: HookContext) -> None:
            calls.append(1)

        run_plugin(setup_environment, twice=False)
        assert len(calls) == 1
        run_plugin(setup_environment)
        assert len(calls) == 3


class TestNewInterpreter:
    """`subprocess=True`, without Prefect."""

    def test_without_prefect(self, module: Callable[[str, str], str]) -> None:
        """Where no Prefect is installed the start-up machinery still runs for real, and the report says so."""
        name = module(
            "in_a_child",
            hook(
                f'ctx.logger_factory("acme").info("hello")\nos.write(1, b"noise")\n'
                f'return SetupResult(env={{"A_TOKEN": "{SECRET}", "PID": str(os.getpid())}}, note=os.environ["GIVEN"])'
            ),
        )
        run = run_plugin(name, subprocess=True, env={"GIVEN": "by the test"}, twice=False)
        assert run.report is not None, run.stderr
        assert (run.status, run.note, run.env["A_TOKEN"]) == ("success", "by the test", SECRET)
        assert int(run.env["PID"]) == run.report.pid != os.getpid()
        assert (run.stdout, set(run.slugs)) == ("noise", {"prints-to-stdout"})
        assert ("prefect.acme", "hello") in [(log.logger, log.message) for log in run.logs]
        assert run.report.outcome == "success" and len(run.report.plugins[0].hooks) == 1

    def test_second_process(self, module: Callable[[str, str], str]) -> None:
        """The second call happens in another process, as a child of a prepared parent makes it."""
        name = module("appending", hook('return SetupResult(env={"A": os.environ.get("A", "") + ":more"})'))
        assert run_plugin(name, subprocess=True).slugs == {"not-idempotent"}

    def test_object(self) -> None:
        """An object that a module has by name can run there, one that no module has cannot."""
        with pytest.raises(ValueError, match="cannot run in another process"):
            run_plugin(Stateful(), subprocess=True)

    def test_crash(self, module: Callable[[str, str], str]) -> None:
        """A plugin that ends the interpreter has a status of its own."""
        run = run_plugin(module("crashing", hook("os._exit(7)")), subprocess=True)
        assert run.status == "crashed"
        assert run.error is not None and "ended with status 7" in run.error.message


KIT = """
import json, sys
from prefect_preflight.testing import run_plugin
runs = [run_plugin(sys.argv[1], subprocess=bool(at), twice=not at) for at in (0, 1)]
for run in runs:
    assert (run.distribution, run.ok) == (sys.argv[1], True), run
print(json.dumps([[run.status, run.stage, run.env, sorted(run.slugs), run.deferred_by] for run in runs]))
print(runs[1].report.prefect.version, file=sys.stderr)
"""
NEEDS_PREFECT = """
from prefect import flow
from prefect.plugins import SetupResult, register_hook

PREFECT_PLUGIN_API_REQUIRES = ">=0.1"

@register_hook
def setup_environment(*, ctx):
    return SetupResult(env={"FLOW": type(flow).__name__ and "callable"})
"""


class TestRealPrefect:
    """In an environment with Prefect."""

    def test_early(self, world: World, each_prefect: Host) -> None:
        """A plugin runs early in both ways, on a Prefect without a plugin system of its own too."""
        world.plugin("acme", NEEDS_PREFECT.replace("from prefect import flow", "flow = None"))
        found = world.run(["-c", KIT, "acme"], check=True)
        assert found.json == [["success", "early", {"FLOW": "callable"}, [], None]] * 2
        assert found.stderr.strip().splitlines()[-1].startswith("3.")

    def test_late(self, world: World, real_prefect: Host) -> None:
        """A plugin that imports Prefect proper succeeds late, in both ways, and the advice says why."""
        world.plugin("acme", NEEDS_PREFECT)
        found = world.run(["-c", KIT, "acme"], check=True).json
        assert found == [["success", "late", {"FLOW": "callable"}, ["runs-late"], "prefect"]] * 2

    def test_prefect_imported_before(self, world: World, real_prefect: Host) -> None:
        """With Prefect in the process the plugin still runs, and what was there is left as it was."""
        world.plugin("acme", NEEDS_PREFECT)
        program = """
            import json, sys
            import prefect.plugins
            from prefect import flow  # which installs a finder of Prefect's
            before = dict(vars(prefect.plugins)), sys.meta_path[:], sys.modules["prefect"]
            from prefect_preflight.testing import run_plugin
            run = run_plugin("acme").assert_ok()
            assert before == (dict(vars(prefect.plugins)), sys.meta_path, sys.modules["prefect"])
            print(json.dumps([run.status, run.stage, run.env]))
        """
        assert world.run(program, check=True).json == ["success", None, {"FLOW": "callable"}]


TESTS_OF_AN_AUTHOR = """
import sys

LOADED = {name for name in sys.modules if name.partition(".")[0] in ("prefect_preflight", "plugins_diag")}

def test_cost():
    assert LOADED == {"prefect_preflight", "prefect_preflight._pytest_plugin"}

def test_fixture(run_plugin):
    run = run_plugin("acme", env={"ACME": "1"})
    assert run.assert_ok().env == {"A": "1"}
"""


def test_the_pytest_plugin(hosts: Hosts, new_world: Callable[[Host], World]) -> None:
    """The fixture is there without being asked for, costs one small module, and brings no warning into a session."""
    world = new_world(hosts("pytest>=8.3"))
    world.plugin("acme", hook('return SetupResult(env={"A": os.environ["ACME"]})', before=REQUIRES))
    (world.cwd / "test_acme.py").write_text(TESTS_OF_AN_AUTHOR)
    result = world.run(["-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "-q", "test_acme.py"])
    assert result.returncode == 0, str(result)
    assert "2 passed" in result.stdout and "warning" not in result.stdout, str(result)


REQUIRES = 'PREFECT_PLUGIN_API_REQUIRES = ">=0.1"'
