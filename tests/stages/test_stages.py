"""The three stages of `import prefect`: who runs early, who runs late, and that Prefect sees what they set."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED, IMPORT_AND_TELL, TELL, Told, hook, returning, told
from toys import AWS

if TYPE_CHECKING:
    from hosts import Host, Hosts
    from worlds import World

pytestmark = pytest.mark.core

API_MODULES = {
    "prefect.plugins",
    "prefect._experimental",
    "prefect._experimental.plugins",
    "prefect._experimental.plugins.spec",
    "prefect._experimental.plugins.manager",
    "prefect._experimental.plugins.diagnostics",
}

# What a hook sees of Prefect, and how often it was called in this process.
SEEN = """
seen = sorted(name for name in sys.modules if name.startswith("prefect."))
calls = str(int(os.environ.get("CALLS_{name}", "0")) + 1)
return SetupResult(env={{"SEEN_{name}": json.dumps(seen), "CALLS_{name}": calls{more}}})
"""


def seeing(name: str, before: str = "", first: str = "", more: str = "", keyword: str = "def") -> str:
    """Returns a plugin that tells what it saw in ``SEEN_name`` and ``CALLS_name``; ``more`` are items of its env."""
    body = first + SEEN.format(name=name, more=more and f", {more}")
    return hook(body, before=before, keyword=keyword)


# A plugin that cannot be built on `seeing`, since it may import nothing but what it shows.
ONLY_FROM = """
import json, os, sys
from {module} import HookContext, SetupResult, register_hook

@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult:
    seen = sorted(name for name in sys.modules if name.startswith("prefect."))
    return SetupResult(env={{"SEEN_{name}": json.dumps(seen)}})
"""

CLASS = """
from prefect_preflight import SetupResult, register_hook

class Plugin:
    def __init__(self, prefix="CLASS"):
        self.prefix = prefix
        self.state = {f"{prefix}_STATE": "kept"}

    @register_hook
    def setup_environment(self, *, ctx):
        return SetupResult(env=self.state)

    @register_hook(specname="setup_environment")
    async def another(self, *, ctx):
        return SetupResult(env={f"{self.prefix}_ANOTHER": "called"})

class Holder:
    plugin = Plugin("HELD")
"""

LATE = {
    # by the entry point's name: the plugin's text, and what defers it
    "late_flow": (
        seeing("flow", "from prefect import flow", more='"FLOW": flow.__module__'),
        "prefect",
    ),
    "late_submodule": (
        seeing("submodule", "import prefect.blocks.core as core", more='"CORE": core.__name__'),
        "prefect.blocks.core",
    ),
    "late_in_the_hook": (
        seeing("lazy", first="from prefect.settings import get_current_settings\n"),
        "prefect.settings",
    ),
    "late_attribute": (
        seeing("attribute", "import prefect", first="task = prefect.task\n", more='"TASK": str(callable(task))'),
        "prefect",
    ),
    "late_swallowed": (
        seeing(
            "swallowed",
            "try:\n    from prefect import flow\nexcept ImportError:\n    flow = None",
            more='"SWALLOWED": str(flow is None)',
        ),
        "prefect",
    ),
    "late_swallowed_in_the_hook": (
        seeing(
            "swallowed_in_hook",
            first="found = 'lost'\ntry:\n    import prefect.flows\n    found = 'found'\nexcept Exception: pass\n",
            more='"SWALLOWED_IN_HOOK": found',
        ),
        "prefect.flows",
    ),
    "late_in_a_thread": (
        seeing(
            "in_thread",
            first=(
                "def look():\n    from prefect.states import Completed\n    return Completed.__name__\n"
                "name = await asyncio.to_thread(look)\n"
            ),
            more='"IN_THREAD": name',
            keyword="async def",
        ),
        "prefect.states",
    ),
    "late_in_a_dependency": (
        seeing(
            "dependency",
            "from late_in_a_dependency import needs_prefect as needs",
            more='"NEEDS": str(needs.flow is None)',
        ),
        "prefect",
    ),
    "late_dunders": (
        seeing("dunders", "import prefect", more='"VERSION": prefect.__version__, "PATH_OF": prefect.__path__[0]'),
        "prefect",
    ),
    "late_package": (
        """
import prefect.plugins
from prefect import plugins

@prefect.plugins.register_hook
def setup_environment(*, ctx):
    return plugins.SetupResult(env={"ATTRIBUTE_ACCESS": "works"})
""",
        "prefect",
    ),
    "late_native_name": (
        seeing(
            "native", "from prefect.plugins import load_prefect_collections as load", more='"NATIVE": load.__name__'
        ),
        "prefect.plugins",
    ),
}

EARLY = {
    "early_ours": seeing("ours"),
    "early_plugins": ONLY_FROM.format(module="prefect.plugins", name="plugins"),
    "early_experimental": ONLY_FROM.format(module="prefect._experimental.plugins", name="experimental"),
    "early_async": seeing("async", first="await asyncio.sleep(0.01)\n", keyword="async def"),
    "early_to_thread": seeing(
        "to_thread",
        first="name = await asyncio.to_thread(lambda: __import__('prefect.plugins', fromlist=['x']).__name__)\n",
        more='"TO_THREAD": name',
        keyword="async def",
    ),
    "early_stdlib": seeing("stdlib", first="import wsgiref.simple_server, sqlite3, xml.dom.minidom, imaplib\n"),
    "early_none": hook("return None"),
}


@pytest.fixture(scope="module")
def run(module_world: World) -> Told:
    """One child with all these plugins, which imports Prefect in the plain way."""
    for name, text in EARLY.items():
        # asyncio.to_thread is as old as the oldest Python that is supported.
        module_world.plugin(name, text)
    for name, (text, _) in LATE.items():
        module_world.plugin(
            name,
            text,
            extra_files={
                f"{name}/needs_prefect.py": "try:\n    from prefect import flow\nexcept ImportError:\n    flow = None\n"
            },
        )
    points = {"class_instance": "class_plugin:Holder.plugin", "class_itself": "class_plugin:Plugin"}
    module_world.plugin("class-plugin", CLASS, entry_points=points)
    return told(module_world.run(IMPORT_AND_TELL, env=ENABLED))


def test_every_plugin_succeeds(run: Told) -> None:
    """Whatever of Prefect a plugin uses, and from where, it runs before `import prefect` returns, without a complaint.

    Only the class that an entry point names instead of an instance gets a line that says so.
    """
    assert set(run.statuses.values()) == {"success"}, run.statuses
    assert run.report["outcome"] == "success" and run.report["reason"] is None
    assert [line for line in run.lines if "names a class" not in line] == []


@pytest.mark.parametrize("name", EARLY)
def test_runs_early(run: Told, name: str) -> None:
    """A hook that needs only the plugin API runs in the early stage."""
    assert (run.plugins[name]["stage"], run.plugins[name]["deferred_by"]) == ("early", None)


@pytest.mark.parametrize("name", LATE)
def test_runs_late(run: Told, name: str) -> None:
    """A plugin that needs more of Prefect waits for the late stage, and the report says for which module."""
    plugin = run.plugins[name]
    assert plugin["stage"] == "late"
    assert plugin["deferred_by"] == LATE[name][1]


def test_early_hooks_see_no_prefect_code(run: Told) -> None:
    """While an early hook runs, no module of Prefect is loaded but for the API names."""
    seen = {name: set(json.loads(run.env[f"SEEN_{name}"])) for name in ("ours", "plugins", "experimental", "async")}
    for name, modules in seen.items():
        assert modules <= API_MODULES, name
    assert "prefect.plugins" in seen["plugins"]
    assert "prefect._experimental.plugins" in seen["experimental"]


def test_late_hooks_see_all_of_prefect(run: Told) -> None:
    """Whoever waited gets the real thing, also where an ImportError would have been swallowed."""
    assert (run.env["FLOW"], run.env["CORE"], run.env["TASK"]) == ("prefect.flows", "prefect.blocks.core", "True")
    assert (run.env["SWALLOWED"], run.env["SWALLOWED_IN_HOOK"]) == ("False", "found")
    assert (run.env["NEEDS"], run.env["IN_THREAD"]) == ("False", "Completed")
    assert "prefect.flows" in json.loads(run.env["SEEN_flow"])
    assert run.env["NATIVE"] == "load_prefect_collections"


def test_each_hook_counts_once(run: Told) -> None:
    """A hook is called once: native runners run nothing again, and a hook that waits goes on where it waited."""
    calls = {name: value for name, value in run.env.items() if name.startswith("CALLS_")}
    assert len(calls) >= 12 and set(calls.values()) == {"1"}, calls
    for plugin in run.plugins.values():
        assert all(call["seconds"] is not None for call in plugin["hooks"]), plugin["name"]


def test_the_package_is_the_real_one(run: Told) -> None:
    """`prefect.__version__` and `prefect.__path__` are Prefect's own: a plugin that needs the package waits for it."""
    assert run.env["VERSION"] == run.report["prefect"]["version"]
    assert run.env["PATH_OF"] == run.report["prefect"]["location"]


def test_attribute_access_to_the_api(run: Told) -> None:
    """`import prefect.plugins` and then `prefect.plugins.register_hook` works, late."""
    assert run.env["ATTRIBUTE_ACCESS"] == "works"


def test_instances_keep_their_state(run: Told) -> None:
    """An entry point may name an object's attribute; a hook by `specname` is called as well as one by its name."""
    assert run.plugins["class_instance"]["environment"] == {"HELD_STATE": "kept", "HELD_ANOTHER": "called"}
    assert len(run.plugins["class_instance"]["hooks"]) == 2


def test_a_class_is_instantiated(run: Told) -> None:
    """An entry point that names a class is made an instance of, and one warning tells what to write instead."""
    plugin = run.plugins["class_itself"]
    assert plugin["status"] == "success" and plugin["environment"]["CLASS_STATE"] == "kept"
    (line,) = run.lines_with("names a class")
    assert "class_itself" in line and "Plugin()" in line


def test_a_plugin_without_changes(run: Told) -> None:
    """A hook that returns None has succeeded and changed nothing."""
    assert run.plugins["early_none"]["environment"] == {}


def test_nothing_of_the_stages_is_left(world: World, each_prefect: Host) -> None:
    """After the import Prefect is as without us: its modules, its attributes, its finders; the API is real."""
    world.plugin("early", ONLY_FROM.format(module="prefect._experimental.plugins", name="early"))
    world.plugin("late", seeing("late", "from prefect import flow"))
    result = world.run(
        """
        import json, sys
        import prefect, prefect.plugins
        from prefect import flow
        homes = {f: getattr(f, "__module__", None) or f.__name__ for f in sys.meta_path}
        ours = [f for f, home in homes.items() if home.lstrip("_").startswith("prefect_preflight")]
        print(json.dumps({
            "spec": type(prefect.__spec__).__name__,
            "spec loader": type(prefect.__spec__.loader).__name__,
            "loader": type(prefect.__loader__).__name__,
            "native": callable(prefect.plugins.load_prefect_collections),
            "file": prefect.plugins.__file__.endswith("plugins.py"),
            "finders": sorted(getattr(f, "__name__", type(f).__name__) for f in ours),
        }))
        """,
        env=ENABLED,
        check=True,
    )
    assert result.json == {
        "spec": "ModuleSpec",
        "spec loader": "SourceFileLoader",
        "loader": "SourceFileLoader",
        "native": True,
        "file": True,
        "finders": ["ApiFinder"],
    }


@pytest.mark.parametrize("before", ["", "from prefect import flow"], ids=["early", "late"])
def test_api_url_reaches_prefects_settings(world: World, each_prefect: Host, before: str) -> None:
    """A plugin that returns `PREFECT_API_URL` changes Prefect's settings, early or late."""
    url = "http://plugin.invalid/api"
    world.plugin("url", hook(f"return SetupResult(env={{'PREFECT_API_URL': {url!r}}})", before=before))
    result = world.run(
        """
        import prefect
        from prefect.settings import PREFECT_API_URL, get_current_settings
        print(get_current_settings().api.url, PREFECT_API_URL.value())
        """,
        env=ENABLED,
        check=True,
    )
    assert result.stdout.split() == [url, url]


def test_a_warning_of_prefects_is_attributed_to_prefect(world: World, each_prefect: Host) -> None:
    """When Prefect reads its settings again after a late plugin, what it warns its caller of names no file of ours."""
    world.plugin("key", hook("return SetupResult(env={'PREFECT_API_KEY': 'x'})", before="from prefect import flow"))
    unusable = str(world.cwd / "file")  # no directory can be made below a file, which Prefect warns of
    (world.cwd / "file").touch()
    result = world.run("import prefect", env={**ENABLED, "HOME": unusable, "PYTHONWARNINGS": "always"}, check=True)
    lines = [line for line in result.stderr.splitlines() if "Failed to create the Prefect home directory" in line]
    assert len(lines) == 2, result  # by Prefect's own body, and again afterwards
    assert all(f"{os.sep}prefect{os.sep}context.py" in line for line in lines), result


def test_inside_a_running_loop(world: World, each_prefect: Host) -> None:
    """Importing Prefect inside a running event loop gives the same environment as outside, async hooks included."""
    world.plugin("sync", returning("SYNC_VALUE"))
    world.plugin("async", seeing("async", first="await asyncio.sleep(0.01)\n", keyword="async def"))
    world.plugin("late", seeing("late", "from prefect import task", keyword="async def"))
    run = told(
        world.run(
            "import asyncio\nasync def main():\n    import prefect\nasyncio.run(main())" + TELL,
            env=ENABLED,
        )
    )
    assert set(run.statuses.values()) == {"success"}
    assert {"SYNC_VALUE", "CALLS_async", "CALLS_late"} <= set(run.env)
    assert run.lines == ()


@pytest.mark.parametrize("which", AWS)
def test_prefect_aws(hosts: Hosts, new_world, which: str, request: pytest.FixtureRequest) -> None:
    """With prefect-aws installed `import prefect` works, and where it has an entry point it is not loaded."""
    if request.config.getoption("--prefect") not in (None, which):
        pytest.skip("--prefect asks for the other Prefect")
    requirements, python, in_group = AWS[which]
    world = new_world(hosts(*requirements, python=python))
    world.plugin("mine", returning("MINE"))
    run = told(
        world.run("import prefect, sys\nassert 'boto3' not in sys.modules\nimport prefect_aws\n" + TELL, env=ENABLED)
    )
    assert run.env["MINE"] == "MINE" and run.lines == ()
    if in_group:
        aws = run.plugins["aws"]
        assert (aws["stage"], aws["status"], aws["error"]) == (None, "no-startup-hook", None)
    else:
        assert list(run.plugins) == ["mine"]
