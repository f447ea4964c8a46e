"""Coexistence: import hooks of other tools beside ours, each with the real tool, in one environment with Prefect."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

import standin
from snippets import ENABLED
from toys import COMPANIONS, PLUGIN, hook
from worlds import write_distribution

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World


@pytest.fixture
def world(hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """Prefect beside packages that have import hooks, with a plugin that counts its runs."""
    world = new_world(hosts(*COMPANIONS, python="3.12"))
    world.plugin("my-plugin", hook("os.write(2, b'RUN\\n')"))
    return world


@pytest.fixture
def toy(bare: Host, new_world: Callable[[Host], World]) -> World:
    """The same on the stand-in for Prefect, for finders that do not care what they find."""
    world = new_world(bare)
    standin.install(world)
    world.plugin("my-plugin", hook("os.write(2, b'RUN\\n')"))
    return world


CHECK = """
    import os, sys
    import prefect
    from prefect import flow, task
    assert os.environ["TOKEN"] == "set-by-the-hook"
    assert flow(lambda: 3).fn() == 3
"""


def ran_once(world: World, before: str, after: str = "", **variables: str) -> None:
    """Asserts that after ``before`` an import of Prefect runs the hook, once, and that ``after`` holds then."""
    code = "\n".join([before.strip("\n"), CHECK.strip("\n"), after.strip("\n")])
    result = world.run(code, env={**ENABLED, **variables})
    assert result.returncode == 0, result
    assert result.stderr.count("RUN") == 1, result


def test_pytest_assertion_rewriting(world: World) -> None:
    """Pytest rewrites the tests and the plugins' helpers; Prefect is imported by a test, hooks run, asserts explain."""
    (world.cwd / "conftest.py").write_text("import pytest\npytest.register_assert_rewrite('helper')\n")
    (world.cwd / "helper.py").write_text("import prefect\ndef check(a):\n    assert a == 2, prefect.__version__\n")
    (world.cwd / "test_it.py").write_text(
        "import os\nimport helper\nfrom prefect import flow\n"
        "def test_environment():\n    assert os.environ['TOKEN'] == 'set-by-the-hook'\n"
        "def test_rewritten():\n    helper.check(1)\n"
    )
    result = world.run(["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider"], env=ENABLED)
    assert "1 failed, 1 passed" in result.stdout and "assert 1 == 2" in result.stdout, result
    assert result.stderr.count("RUN") == 1, result


def test_coverage_in_subprocesses(world: World) -> None:
    """Coverage's patch for subprocesses measures a child that imports Prefect, and Prefect's body too."""
    (world.cwd / ".coveragerc").write_text("[run]\npatch = subprocess\nparallel = true\nsource_pkgs = my_plugin\n")
    (world.cwd / "main.py").write_text(
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'import prefect, os; assert os.environ[\"TOKEN\"]'],"
        " check=True)\n"
    )
    world.run(["-m", "coverage", "run", "main.py"], env=ENABLED, check=True)
    world.run(["-m", "coverage", "combine", "-q"], check=True)
    report = world.run(["-m", "coverage", "report", "-m"], check=True).stdout
    assert "100%" in report.splitlines()[-1], report  # coverage follows threads, so the hook's lines are in it


def test_wrapt_post_import_hooks(world: World) -> None:
    """Wrapt tells when Prefect is there, whichever of the two finders is asked first."""
    before = """
    import sys, wrapt
    seen = []
    @wrapt.when_imported("prefect")
    def ready(module):
        seen.append((module.__name__, hasattr(module, "flow"), __import__("os").environ.get("TOKEN")))
    """
    ran_once(world, before, "    assert seen == [('prefect', True, 'set-by-the-hook')], seen")
    move = "\n    ours = sys.meta_path.pop([i for i, f in enumerate(sys.meta_path) if 'preflight' in repr(f)][0])\n"
    ran_once(world, before.rstrip() + move + "    sys.meta_path.insert(0, ours)", "    assert len(seen) == 1, seen")


def test_autowrapt(world: World) -> None:
    """autowrapt, which starts from a `.pth` file as we do, patches what its plugins ask for."""
    write_distribution(
        world.overlay,
        "patcher",
        "def ready(module):\n    module.PATCHED = True\n",
        entry_points={},
        extra_files={},
    )
    entry_points = next(world.overlay.glob("patcher-*.dist-info")) / "entry_points.txt"
    entry_points.write_text("[patchers]\nprefect = patcher:ready\n")
    ran_once(world, "", "    assert prefect.PATCHED", AUTOWRAPT_BOOTSTRAP="patchers")


def test_awscli(world: World) -> None:
    """The AWS CLI asks each finder for its `__module__`, to put one of its own around Python's; the finder has one."""
    assert world.run(["-m", "awscli", "--version"], check=True).stdout.startswith("aws-cli/")
    ran_once(world, "    import awscli.clidriver")


@pytest.mark.core
def test_the_finder_answers_as_an_object_does(toy: World) -> None:
    """Although it is a module, it has all attributes that an instance of any class has; others' code relies on them."""
    code = """
        import sys
        (finder,) = [entry for entry in sys.meta_path if getattr(entry, "__name__", "") == "_prefect_preflight"]
        names = [*dir(object()), "__dict__", "__module__"]
        print(len(names) > 20, [name for name in names if not hasattr(finder, name)])
    """
    assert toy.run(code, check=True).stdout == "True []\n"


def test_beartype_claw(world: World) -> None:
    """beartype.claw checks a plugin's types, and those of an application, beside the hooks."""
    (world.overlay / "checked.py").write_text("def twice(x: int) -> int:\n    return 2 * x\n")
    before = "    from beartype.claw import beartype_packages\n    beartype_packages(('checked', 'my_plugin'))"
    after = """
    import checked
    try:
        checked.twice("x")
    except Exception as error:
        assert "beartype" in type(error).__module__, error
    else:
        raise AssertionError("not checked")
    """
    ran_once(world, before, after)


def test_typeguard(world: World) -> None:
    """Typeguard instruments an application and a plugin beside the hooks."""
    (world.overlay / "checked.py").write_text("def twice(x: int) -> int:\n    return 2 * x\n")
    before = "    import typeguard; typeguard.install_import_hook(['checked', 'my_plugin'])"
    after = """
    import checked
    try:
        checked.twice("x")
    except typeguard.TypeCheckError:
        pass
    else:
        raise AssertionError("not checked")
    """
    ran_once(world, before, after)


EDITABLE = """
import sys
from importlib.machinery import PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
MAPPING = {mapping!r}
class _EditableFinder:
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        parent, _, child = fullname.rpartition(".")
        if fullname in MAPPING:
            init = Path(MAPPING[fullname], "__init__.py")
            return spec_from_file_location(fullname, init, submodule_search_locations=[str(init.parent)])
        return None
def install():
    if not any(finder == _EditableFinder for finder in sys.meta_path):
        sys.meta_path.append(_EditableFinder)
"""


@pytest.mark.parametrize("what", ["plugin", "prefect"])
def test_editable_finders(hosts: Hosts, new_world: Callable[[Host], World], what: str) -> None:
    """A plugin, or Prefect itself, that a finder as setuptools installs it maps to a checkout elsewhere."""
    world = new_world(hosts(python="3.12"))
    checkout = world.cwd / "checkout"
    checkout.mkdir()
    if what == "plugin":
        write_distribution(
            world.overlay, "prefect", "import os\nSEEN = os.environ.get('TOKEN')\n", entry_points={}, version="3.99"
        )
        write_distribution(world.overlay, "my-plugin", None)
        name, text = "my_plugin", PLUGIN
    else:
        write_distribution(world.overlay, "prefect", None, entry_points={}, version="3.99")
        next(world.overlay.glob("prefect-*.dist-info")).joinpath("direct_url.json").write_text(
            f'{{"url": "file://{checkout}", "dir_info": {{"editable": true}}}}'
        )
        write_distribution(world.overlay, "my-plugin", PLUGIN)
        name, text = "prefect", "import os\nSEEN = os.environ.get('TOKEN')\n"
    write_distribution(checkout, name, text, entry_points={})
    for dist_info in checkout.glob("*.dist-info"):
        for file in dist_info.iterdir():
            file.unlink()
        dist_info.rmdir()
    (world.overlay / "__editable___finder.py").write_text(EDITABLE.format(mapping={name: str(checkout / name)}))
    result = world.run(
        "import __editable___finder as e; e.install(); import prefect; print(prefect.SEEN, prefect.__file__)",
        env=ENABLED,
        check=True,
    )
    assert result.stdout.startswith("set-by-the-hook "), result


def test_zipimport(world: World) -> None:
    """A plugin in a zip archive on the path."""
    write_distribution(world.cwd / "unpacked", "zipped", PLUGIN.replace("TOKEN", "ZIPPED"))
    archive = world.cwd / "plugins.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (world.cwd / "unpacked").rglob("*"):
            if path.is_file():
                file.write(path, path.relative_to(world.cwd / "unpacked"))
    ran_once(world, "", "    assert os.environ['ZIPPED'] == 'set-by-the-hook'", PYTHONPATH=f"{world.overlay}:{archive}")


def test_prefect_in_a_zip_archive(hosts: Hosts, new_world: Callable[[Host], World]) -> None:
    """Prefect itself in one: its loader is another one, and is in place afterwards."""
    world = new_world(hosts(python="3.12"))
    write_distribution(
        world.cwd / "unpacked",
        "prefect",
        "import os\nSEEN = os.environ.get('TOKEN')\n",
        entry_points={},
        version="3.99",
    )
    write_distribution(world.overlay, "my-plugin", PLUGIN)
    archive = world.cwd / "prefect.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (world.cwd / "unpacked").rglob("*"):
            if path.is_file():
                file.write(path, path.relative_to(world.cwd / "unpacked"))
    result = world.run(
        "import prefect; print(prefect.SEEN, type(prefect.__loader__).__name__)",
        env={**ENABLED, "PYTHONPATH": f"{world.overlay}:{archive}"},
        check=True,
    )
    assert result.stdout == "set-by-the-hook zipimporter\n", result


WRAPPING = """
    import sys
    events = []
    class Loader:
        def __init__(self, loader): self.loader = loader
        def __getattr__(self, name): return getattr(self.loader, name)
        def create_module(self, spec): return self.loader.create_module(spec)
        def exec_module(self, module):
            {restore}
            events.append("before")
            self.loader.exec_module(module)
            events.append("after")
    class Finder:
        busy = False
        def find_spec(self, name, path=None, target=None):
            if name != "prefect" or self.busy:
                return None
            self.busy = True
            try:
                {find}
                if spec is not None:
                    spec.loader = Loader(spec.loader)
                return spec
            finally:
                self.busy = False
    sys.meta_path.{place}
"""
FINDS = {
    "util": "import importlib.util; spec = importlib.util.find_spec(name)",
    "others": "specs = (f.find_spec(name, path, target) for f in sys.meta_path if f is not self); "
    "spec = next((spec for spec in specs if spec), None)",
}


@pytest.mark.parametrize(
    "restore", ["pass", "module.__loader__ = module.__spec__.loader = self.loader"], ids=["keeps", "restores"]
)
@pytest.mark.parametrize("place", ["insert(0, Finder())", "insert(1, Finder())", "append(Finder())"])
@pytest.mark.parametrize("find", FINDS)
def test_another_finder_that_wraps_the_loader(toy: World, find: str, place: str, restore: str) -> None:
    """A second finder that wraps the others' loader, in front of us or behind: both do their work, once."""
    appended = place.startswith("append")
    after = "" if appended else "    assert events == ['before', 'after'], events"
    ran_once(toy, WRAPPING.format(find=FINDS[find], place=place, restore=restore), after)


def test_another_finder_that_wraps_the_loader_of_prefect_itself(world: World) -> None:
    """The same with Prefect itself, whose own plugin runner is taken out of what the wrapped loader executes."""
    before = WRAPPING.format(find=FINDS["others"], place="insert(0, Finder())", restore="pass")
    ran_once(world, before, "    assert events == ['before', 'after'], events")


def test_a_loader_without_get_code(world: World) -> None:
    """A loader that instruments code in an `exec_module` of its own: the body runs as it is, the hooks still once."""
    before = """
    import sys, importlib.machinery
    class Loader(importlib.machinery.SourceFileLoader):
        def exec_module(self, module):
            code = compile(open(self.path).read(), self.path, "exec")
            exec(code, module.__dict__)
            module.INSTRUMENTED = True
    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "prefect":
                spec = importlib.machinery.PathFinder.find_spec(name, path)
                spec.loader = Loader(name, spec.origin)
                return spec
    sys.meta_path.insert(1, Finder())
    """
    ran_once(world, before, "    assert prefect.INSTRUMENTED")


def test_lazy_loader(world: World) -> None:
    """`importlib.util.LazyLoader`: the hooks run when the module is first used."""
    before = """
    import importlib.util, os, sys
    spec = importlib.util.find_spec("prefect")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules["prefect"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert "TOKEN" not in os.environ
    """
    ran_once(world, before)


def test_what_inspection_sees(world: World) -> None:
    """Resources, `inspect.getsource(prefect)`, and `pkgutil` work as without us."""
    code = """
    import importlib.resources, inspect, json, os, pkgutil, prefect, sys, linecache, traceback
    import prefect.plugins
    facts = [
        inspect.getsource(prefect), inspect.getfile(prefect), inspect.getsourcefile(prefect), prefect.__file__,
        repr(prefect), prefect.__package__, list(prefect.__path__), prefect.__cached__,
        type(prefect.__loader__).__name__, prefect.__version__, prefect.__all__,
        sorted(path.name for path in importlib.resources.files("prefect").iterdir()),
        [module.name for module in pkgutil.walk_packages(
            [os.path.dirname(prefect.__file__) + "/types"], "prefect.types.")],
        [module.name for module in pkgutil.iter_modules(prefect.__path__, "prefect.")],
        inspect.getsource(prefect.flow.__class__)[:200], inspect.getsource(prefect.plugins)[:200],
        linecache.getline(prefect.__file__, 1), prefect.__doc__, inspect.getmodule(prefect.flow).__name__,
    ]
    print(json.dumps(facts))
    """
    with_us = world.run(code, env=ENABLED, check=True)
    without = world.run(code, PREFECT_PREFLIGHT_DISABLE="1", check=True)
    assert with_us.json == without.json
