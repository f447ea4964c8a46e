"""Start-up: what every Python process pays, and when `import prefect` runs the hooks and when it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import _prefect_preflight
import prefect_preflight
from snippets import ENABLED, IMPORT_AND_TELL, hook, returning, told

if TYPE_CHECKING:
    from hosts import Host, Result
    from worlds import World

pytestmark = pytest.mark.core

# Notes each call of the hook in a file, so that processes whose output is their own can be asked too.
NOTING = hook(
    """
with open(os.environ["NOTES"], "a") as notes:
    print(os.getpid(), file=notes)
return SetupResult(env={"MY_SERVICE_TOKEN": "from the hook"})
"""
)


@pytest.fixture
def noting(world: World) -> World:
    """A world with the plugin `NOTING`."""
    world.plugin("noting", NOTING)
    return world


def calls(world: World) -> int:
    """How often the hook of `NOTING` was called."""
    notes = world.cwd / "notes"
    return len(notes.read_text().splitlines()) if notes.exists() else 0


def run(world: World, program: object, **variables: str | None) -> Result:
    """Runs a child with plugins enabled, in which `NOTING` writes where `calls` reads."""
    return world.run(program, env={**ENABLED, "NOTES": str(world.cwd / "notes"), **variables}, check=True)


STAND_IN = ""
"""A stand-in of the module that the `.pth` file imports: what the interpreter loads with it is the base line."""


class TestEveryPythonProcess:
    """The start of an interpreter that never imports Prefect."""

    def test_adds_one_module(self, world: World) -> None:
        """Starting Python with us installed loads one module more than without, and that is ours."""
        program = "import sys, json; print(json.dumps(sorted(sys.modules)))"
        with_us = world.run(program, check=True).json
        world.plugin("stand-in", STAND_IN, module="_prefect_preflight", entry_points={})
        assert with_us == world.run(program, check=True).json
        assert [name for name in with_us if "prefect" in name] == ["_prefect_preflight"]

    def test_registers_one_finder(self, world: World) -> None:
        """There is one finder of ours, although up to 3.14 each `.pth` line of a virtual environment runs twice."""
        program = "import sys; print(sum(getattr(f, '__name__', '') == '_prefect_preflight' for f in sys.meta_path))"
        assert world.run(program, check=True).stdout == "1\n"

    def test_the_public_names_are_lazy(self, world: World) -> None:
        """`from prefect_preflight import …` works for every public name, and only then loads what is behind it."""
        result = world.run(
            """
            import json, sys, prefect_preflight
            before = "dataclasses" in sys.modules
            found = {name: getattr(prefect_preflight, name) is not None for name in prefect_preflight.__all__}
            print(json.dumps([before, found, set(prefect_preflight.__all__) <= set(dir(prefect_preflight))]))
            """,
            check=True,
        )
        before, found, listed = result.json
        assert not before and listed and set(found.values()) == {True}

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        """The lazy front door refuses other names as any module does."""
        with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
            prefect_preflight.nonsense  # noqa: B018  # the access is what is tested

    @pytest.mark.parametrize("name", ["", "_nonsense", "find_distributions", "invalidate_caches"])
    def test_what_the_import_system_asks_for_is_refused_too(self, name: str) -> None:
        """So is any other name, the empty one as well: as an `AttributeError`, which `hasattr` understands."""
        assert not hasattr(prefect_preflight, name)

    def test_init_is_idempotent(self) -> None:
        """Calling `init` again adds no second finder."""
        prefect_preflight.init()
        prefect_preflight.init()
        assert sys.meta_path.count(_prefect_preflight) == 1  # type: ignore[arg-type]

    @pytest.mark.parametrize("value", ["1", "true", "TRUE", "t", "yes", "y", "on"])
    def test_the_kill_switch(self, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        """`PREFECT_PREFLIGHT_DISABLE` keeps the finder out."""
        monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if f is not _prefect_preflight])
        monkeypatch.setenv("PREFECT_PREFLIGHT_DISABLE", value)
        prefect_preflight.init()
        assert _prefect_preflight not in sys.meta_path

    @pytest.mark.parametrize("value", ["", "0", "false", "no", "off"])
    def test_the_kill_switch_off(self, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        """Any other value of it does not."""
        monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if f is not _prefect_preflight])
        monkeypatch.setenv("PREFECT_PREFLIGHT_DISABLE", value)
        prefect_preflight.init()
        assert sys.meta_path.count(_prefect_preflight) == 1  # type: ignore[arg-type]

    def test_the_kill_switch_in_a_child(self, world: World, each_prefect: Host) -> None:
        """With the switch on `import prefect` loads nothing of ours, whatever the other settings say."""
        program = "import prefect, sys; print([name for name in sys.modules if 'prefect_preflight' in name])"
        result = world.run(program, env=ENABLED, PREFECT_PREFLIGHT_DISABLE="1", check=True)
        assert result.stdout == "['_prefect_preflight']\n"

    def test_without_argv_and_stderr(self, world: World) -> None:
        """Start-up works where an embedding program gives no `sys.argv` and no `sys.stderr`, and so do the hooks."""
        world.plugin("fails", hook('raise ValueError("heard by nobody")'))
        world.plugin("works", returning("WORKS"))
        program = """
            import sys
            sys.stderr.flush()
            del sys.argv
            sys.stderr = None
            sys.path_importer_cache.clear()
            import prefect_preflight
            prefect_preflight.init()
            import prefect, os
            print(os.environ["WORKS"])
        """
        result = world.run(program, env=ENABLED, check=True)
        assert result.stdout == "WORKS\n" and result.stderr == ""

    @pytest.mark.skipif(sys.platform == "win32", reason="the shell's redirection is POSIX's")
    def test_with_stderr_closed(self, world: World) -> None:
        """A process that was started without a standard error file loads Prefect and gets the environment."""
        world.plugin("fails", hook('raise ValueError("heard by nobody")'))
        world.plugin("works", returning("WORKS"))
        variables = {"PYTHONPATH": str(world.overlay), "HOME": str(world.home), **ENABLED}
        done = subprocess.run(
            [
                "/bin/sh",
                "-c",
                'exec "$0" -c "import prefect, os; print(os.environ[\'WORKS\'])" 2>&-',
                world.host.python,
            ],
            env=world.host.environment(variables),
            cwd=world.cwd,
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "WORKS\n")

    def test_an_empty_environment(self, world: World, each_prefect: Host) -> None:
        """`env -i python -c "import prefect"` is as silent as without us."""
        bare = dict.fromkeys(each_prefect.environment(), None)
        result = world.run("import prefect", env=bare, HOME=None, PYTHONPATH=None, check=True)
        assert (result.stdout, result.stderr) == ("", "")


class TestTheFirstImport:
    """`import prefect` runs the plugins, in every process, with nothing to call."""

    def test_plain(self, noting: World, each_prefect: Host) -> None:
        """After `import prefect` the environment is there."""
        result = run(noting, "import prefect, os; print(os.environ['MY_SERVICE_TOKEN'])")
        assert (result.stdout, result.stderr) == ("from the hook\n", "")

    def test_the_legacy_switch(self, noting: World, each_prefect: Host) -> None:
        """The name of the switch in the specification works too."""
        program = "import prefect, os; print(os.environ['MY_SERVICE_TOKEN'])"
        result = run(noting, program, PREFECT_PLUGINS_ENABLED=None, PREFECT_EXPERIMENTS_PLUGINS_ENABLED="1")
        assert (result.stdout, result.stderr) == ("from the hook\n", "")

    def test_in_a_child_process(self, noting: World, each_prefect: Host) -> None:
        """A child runs the hook anew, and has the parent's environment even if it does not import Prefect."""
        program = """
            import subprocess, sys
            import prefect
            program = "import os; print(os.environ['MY_SERVICE_TOKEN'])"
            for text in (program, "import prefect;" + program):
                print(subprocess.run([sys.executable, "-c", text], capture_output=True, text=True).stdout, end="")
        """
        assert run(noting, program).stdout == "from the hook\n" * 2
        assert calls(noting) == 2

    def test_by_the_command_line(self, noting: World, each_prefect: Host) -> None:
        """`python -m prefect version` runs the hook once, and its output is Prefect's."""
        result = run(noting, ["-m", "prefect", "version"])
        assert calls(noting) == 1
        assert result.stdout.startswith("Version:")

    def test_by_a_submodule(self, noting: World, each_prefect: Host) -> None:
        """`from prefect.settings import …`, without an `import prefect` of its own, runs the hook too."""
        program = "from prefect.settings import get_current_settings; import os; print(os.environ['MY_SERVICE_TOKEN'])"
        assert run(noting, program).stdout == "from the hook\n"
        assert calls(noting) == 1

    def test_by_a_child_of_multiprocessing(self, noting: World) -> None:
        """A spawned child, as `flow.serve` starts them, runs the hook as well."""
        script = noting.cwd / "script.py"
        script.write_text(
            "import multiprocessing, os\n"
            "def show(queue):\n"
            "    import prefect\n"
            "    queue.put(os.environ['MY_SERVICE_TOKEN'])\n"
            "if __name__ == '__main__':\n"
            "    context = multiprocessing.get_context('spawn')\n"
            "    queue = context.Queue()\n"
            "    child = context.Process(target=show, args=(queue,))\n"
            "    child.start()\n"
            "    print(queue.get(timeout=30))\n"
            "    child.join(30)\n"
        )
        assert run(noting, [str(script)]).stdout == "from the hook\n"

    def test_once_in_a_process(self, noting: World, each_prefect: Host) -> None:
        """Reloading Prefect, or importing it again after it was dropped, runs no hook again."""
        program = """
            import importlib, sys
            import prefect
            import prefect
            importlib.reload(prefect)
            for name in [name for name in sys.modules if name.partition(".")[0] == "prefect"]:
                del sys.modules[name]
            import prefect
        """
        assert run(noting, program).stdout == ""
        assert calls(noting) == 1

    def test_a_hook_starts_no_hooks(self, noting: World) -> None:
        """A Python that a hook starts runs no hooks itself; one that is started afterwards does."""
        noting.plugin(
            "recursive",
            hook(
                """
import subprocess
program = "import os, prefect; print(os.environ.get('MY_SERVICE_TOKEN', 'none'))"
done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "DEPTH": "1"})
return SetupResult(env={"IN_HOOK": done.stdout.strip() + done.stderr})
"""
            ),
        )
        program = "import subprocess, sys, os, prefect; print(os.environ['IN_HOOK'])"
        assert run(noting, program).stdout == "none\n"
        assert calls(noting) == 1


class TestLooking:
    """Who only looks at Prefect, or at something else of that name, runs nothing."""

    def test_find_spec(self, noting: World, each_prefect: Host) -> None:
        """`importlib.util.find_spec("prefect")` and a walk through the packages run no hook and load nothing."""
        program = """
            import importlib.util, json, pkgutil, sys
            spec = importlib.util.find_spec("prefect")
            names = [module.name for module in pkgutil.iter_modules() if module.name == "prefect"]
            source = importlib.util.find_spec("prefect").loader.get_source("prefect")
            print(json.dumps([spec.origin[-11:], names, bool(source), "prefect" in sys.modules]))
        """
        assert run(noting, program).json == ["__init__.py", ["prefect"], True, False]
        assert calls(noting) == 0

    @pytest.mark.parametrize(
        ("path", "text"),
        [("prefect.py", "X = 1\n"), ("prefect/__init__.py", "X = 1\n"), ("prefect/x.py", "")],
        ids=["module", "package", "namespace package"],
    )
    def test_a_package_of_the_users_own(self, noting: World, path: str, text: str) -> None:
        """Something else named `prefect` in the working directory is imported as if we were not there."""
        (noting.cwd / path).parent.mkdir(exist_ok=True)
        (noting.cwd / path).write_text(text)
        result = run(
            noting, "import prefect, json; print(json.dumps(getattr(prefect, 'X', None)))", PYTHONSAFEPATH=None
        )
        # A regular package further down the path wins over a namespace package, as ever in Python.
        assert calls(noting) == (1 if path.endswith("x.py") else 0)
        assert result.stderr == ""
        if text:
            assert result.stdout == "1\n"

    def test_the_original_loader_is_back(self, world: World, each_prefect: Host) -> None:
        """Resources, source and package walks of Prefect work as without us."""
        program = """
            import importlib.resources, inspect, json, pkgutil, prefect
            print(json.dumps([
                type(prefect.__loader__).__name__,
                prefect.__spec__.loader is prefect.__loader__,
                inspect.getsource(prefect)[:0],
                importlib.resources.files("prefect").joinpath("__init__.py").is_file(),
                any(module.name == "flows" for module in pkgutil.iter_modules(prefect.__path__)),
            ]))
        """
        assert world.run(program, env=ENABLED, check=True).json == ["SourceFileLoader", True, "", True, True]

    def test_other_finders_come_first(self, noting: World) -> None:
        """Another tool's finder that wraps Prefect's loader stays in charge of it; the hooks still run, once."""
        program = """
            import importlib.abc, importlib.machinery, sys
            executed = []
            class Loader(importlib.abc.Loader):
                def __init__(self, loader):
                    self.loader = loader
                def __getattr__(self, name):
                    return getattr(self.loader, name)
                def create_module(self, spec):
                    return self.loader.create_module(spec)
                def exec_module(self, module):
                    executed.append(module.__name__)
                    return self.loader.exec_module(module)
            class Finder:
                busy = False
                @classmethod
                def find_spec(cls, name, path=None, target=None):
                    if name != "prefect" or cls.busy:
                        return None
                    cls.busy = True
                    try:
                        spec = importlib.util.find_spec(name)
                    finally:
                        cls.busy = False
                    spec.loader = Loader(spec.loader)
                    return spec
            import importlib.util
            sys.meta_path.insert(%d, Finder)
            import prefect, os
            print(executed, os.environ["MY_SERVICE_TOKEN"], prefect.__spec__.name)
        """
        for place in (0, 1):
            assert run(noting, program % place).stdout == "['prefect'] from the hook prefect\n"
        assert calls(noting) == 2


def test_an_internal_error_is_one_line(world: World) -> None:
    """Should our own package be broken, Prefect loads, and stderr has one line that says so."""
    program = """
        import importlib.abc, sys
        class Broken:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name == "prefect_preflight._discovery":
                    raise RuntimeError("broken disk")
        sys.meta_path.insert(0, Broken)
        import prefect
        print(prefect.__version__ != "")
    """
    result = world.run(program, env=ENABLED, check=True)
    assert result.stdout == "True\n"
    (line,) = result.stderr.splitlines()
    assert line.startswith("prefect-preflight: ") and "broken disk" in line


def test_the_report_before_any_import(world: World) -> None:
    """`last_report()` works before Prefect was imported, and says that it was not."""
    program = "import json, prefect_preflight as p; print(json.dumps(p.last_report().as_dict()))"
    report = world.run(program, env=ENABLED, check=True).json
    assert (report["outcome"], report["reason"]) == ("not-run", "Prefect has not been imported")
    assert report["plugins"] == []


def test_nothing_on_stdout(world: World, each_prefect: Host) -> None:
    """Whatever plugins and settings do wrong, `import prefect` prints nothing on stdout."""
    world.plugin("fails", hook('raise ValueError("no")'))
    world.plugin("works", returning("WORKS"))
    world.plugin("missing", None, entry_points={"missing": "there.is.none"})
    variables = {**ENABLED, "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "abc", "PREFECT_LOGGING_LEVEL": "DEBUG"}
    run = told(world.run(IMPORT_AND_TELL, env=variables))
    assert json.dumps(run.statuses, sort_keys=True) == json.dumps(
        {"fails": "failed", "missing": "load-failed", "works": "success"}
    )
