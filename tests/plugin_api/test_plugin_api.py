"""The plugin API: its names in all three places, the marker, the context, the result, the API version."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

import prefect_preflight
from prefect_preflight import HookContext, HookSpec, SetupResult, SetupSummary, register_hook
from snippets import ENABLED, IMPORT_AND_TELL, Told, hook, returning, told

if TYPE_CHECKING:
    from hosts import Host
    from worlds import World

pytestmark = pytest.mark.core

NAMES = (
    "PREFECT_PLUGIN_API_VERSION",
    "HookContext",
    "HookSpec",
    "SetupResult",
    "SetupSummary",
    "register_hook",
    "run_startup_hooks",
)
PLACES = ("prefect_preflight", "prefect.plugins", "prefect._experimental.plugins")

OPTIONS = ("wrapper", "hookwrapper", "optionalhook", "tryfirst", "trylast", "specname")
OFF = {**dict.fromkeys(OPTIONS, False), "specname": None}
ATTRIBUTE = "prefect-experimental_impl"  # what pluggy's marker for Prefect's project name sets

LOOK_AT_NAMES = f"""
import importlib, json, warnings
warnings.simplefilter("ignore")  # newer Prefects call `prefect._experimental` deprecated
def look():
    found = {{}}
    for place in {PLACES!r}:
        module = importlib.import_module(place)
        found[place] = [name for name in {NAMES!r} if hasattr(module, name)]
    return found
"""


class TestMarker:
    """`register_hook`, in this process."""

    def test_bare(self) -> None:
        """`@register_hook` returns the function itself, marked with every option off."""

        @register_hook
        def setup_environment() -> None: ...

        assert vars(setup_environment)[ATTRIBUTE] == OFF

    def test_called_without_options(self) -> None:
        """`@register_hook()` means the same."""

        @register_hook()
        def setup_environment() -> None: ...

        assert vars(setup_environment)[ATTRIBUTE] == OFF

    @pytest.mark.parametrize("option", OPTIONS)
    def test_with_an_option(self, option: str) -> None:
        """Each of pluggy's options can be given, and arrives."""
        value: object = "setup_environment" if option == "specname" else True

        def function() -> None: ...

        assert register_hook(**{option: value})(function) is function  # type: ignore[call-overload]
        assert vars(function)[ATTRIBUTE] == {**OFF, option: value}

    def test_as_pluggy_does(self) -> None:
        """The attributes are those that pluggy's own markers set, for implementations and specifications."""
        pluggy = pytest.importorskip("pluggy")  # pytest's own dependency

        def theirs() -> None: ...

        def ours() -> None: ...

        pluggy.HookimplMarker("prefect-experimental")(theirs, trylast=True, specname="setup_environment")
        register_hook(ours, trylast=True, specname="setup_environment")
        assert vars(ours) == vars(theirs)

        class Specification:
            @pluggy.HookspecMarker("prefect-experimental")
            def setup_environment(self) -> None: ...

        assert vars(HookSpec.setup_environment) == vars(Specification.setup_environment)

    def test_pluggy_accepts_our_specification(self) -> None:
        """A plugin manager of pluggy's takes `HookSpec` and finds a hook that our marker has marked."""
        pluggy = pytest.importorskip("pluggy")

        class Plugin:
            @register_hook
            def set_database_connection_params(self, connection_url: str, settings: object) -> dict[str, object]:
                return {"url": connection_url, "settings": settings}

        manager = pluggy.PluginManager("prefect-experimental")
        manager.add_hookspecs(HookSpec)
        manager.register(Plugin())
        manager.check_pending()
        found = manager.hook.set_database_connection_params(connection_url="u", settings=None)
        assert found == [{"url": "u", "settings": None}]


class TestData:
    """`HookContext`, `SetupResult` and `SetupSummary`, in this process."""

    def test_version(self) -> None:
        """The API's version is the specification's."""
        assert prefect_preflight.PREFECT_PLUGIN_API_VERSION == "0.1"

    def test_fields(self) -> None:
        """The fields are the specification's, in its order, and ours come last."""

        def names(kind: type) -> list[str]:
            return [field.name for field in dataclasses.fields(kind)]

        assert names(HookContext) == ["prefect_version", "api_url", "logger_factory"]
        assert names(SetupResult) == ["env", "note", "required", "expires_at", "inherit"]
        assert names(SetupSummary) == ["plugin", "env_preview", "note", "error"]

    def test_defaults(self) -> None:
        """Only `env` has to be given."""
        result = SetupResult({"A": "1"})
        assert (result.note, result.required, result.expires_at, result.inherit) == (None, False, None, False)

    def test_the_repr_shows_no_value(self) -> None:
        """A result's repr, which ends in logs and tracebacks, shows names but neither values nor the note."""
        result = SetupResult({"MY_NAME": "my-value"}, "my-note", True, datetime(2030, 1, 1, tzinfo=timezone.utc))
        assert "MY_NAME" in repr(result) and "2030" in repr(result)
        assert "my-value" not in repr(result) and "my-note" not in repr(result)

    def test_the_repr_of_nonsense(self) -> None:
        """The repr works whatever `env` is."""
        assert repr(SetupResult(env=None)).startswith("SetupResult(env=...")  # type: ignore[arg-type]

    def test_annotations_are_readable(self) -> None:
        """The public classes' annotations resolve at run time, on the oldest Python too."""
        import typing

        for kind in (HookContext, SetupResult, SetupSummary):
            assert typing.get_type_hints(kind)

    def test_a_union_with_none(self) -> None:
        """`-> SetupResult | None`, as the specification writes it, can be evaluated on every Python."""
        from typing import Optional

        assert SetupResult | None == Optional[SetupResult]  # the left side is what is tested

    def test_is_a_dataclass_class(self) -> None:
        """Results compare and can be changed as dataclasses can."""
        assert SetupResult({"A": "1"}) == SetupResult({"A": "1"})
        assert dataclasses.replace(SetupResult({"A": "1"}), note="n").note == "n"


USES = {
    "compared": "assert a == SetupResult({'A': '1'}) and a != SetupResult({}) and a != 3",
    "printed": """
assert repr(HookContext(3, None, 1)) == "HookContext(prefect_version=3, api_url=None, logger_factory=1)"
""",
    "recognised": "import dataclasses; assert dataclasses.is_dataclass(a) and dataclasses.is_dataclass(HookContext)",
    "replaced": "import dataclasses; assert dataclasses.replace(a, note='n') == SetupResult({'A': '1'}, 'n')",
    "copied": "import copy, pickle; assert copy.deepcopy(a) == pickle.loads(pickle.dumps(a)) == a",
    "as a dict": "import dataclasses; assert dataclasses.asdict(a)['env'] == {'A': '1'}",
    "derived": """
import dataclasses
@dataclasses.dataclass
class Own(SetupResult):
    extra: int = 3
assert Own({}, extra=4).extra == 4 and [f.name for f in dataclasses.fields(Own)][0::5] == ['env', 'extra']
""",
    "derived, plain": """
import dataclasses
class Own(SetupResult):
    pass
assert dataclasses.fields(Own) == dataclasses.fields(SetupResult) and Own({}) == Own({}) != SetupResult({})
""",
    "hashed": """
try:
    hash(a)
except TypeError:
    pass
else:
    raise AssertionError("it can be hashed")
""",
    "matched": """
import sys
if sys.version_info >= (3, 10):
    exec("match a:\\n case SetupResult(env, None): assert env == {'A': '1'}\\n case _: raise AssertionError")
""",
    "replaced from Python 3.13 on": "import copy; assert copy.replace(a, required=True).required",
    "in threads": """
import threading
barrier, found = threading.Barrier(8), []
def compare():
    barrier.wait()
    found.append((SetupResult({}) == SetupResult({}), repr(a), SetupResult.__dataclass_fields__))
threads = [threading.Thread(target=compare) for _ in range(8)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
assert len(found) == 8 and all(same for same, _, _ in found) and len({text for _, text, _ in found}) == 1
""",
}


@pytest.mark.parametrize("use", USES)
def test_a_data_class_at_its_first_use(bare: Host, use: str) -> None:
    """The classes are data classes in every way that shows, although `dataclasses` is not imported before."""
    code = f"""
import sys
from prefect_preflight import HookContext, SetupResult
a = SetupResult({{'A': '1'}})
assert a.env == {{'A': '1'}} and ("dataclasses" not in sys.modules or sys.version_info[:2] == (3, 14))
{USES[use]}
"""
    if sys.version_info < (3, 13) and "Python 3.13" in use:
        code = code.replace("assert copy.replace(a, required=True).required", "assert not hasattr(a, '__replace__')")
    bare.run(code, check=True)


def test_the_names_before_prefect(world: World, each_prefect: Host) -> None:
    """All names can be imported from all three places, also when nothing has imported Prefect yet; one object each."""
    program = (
        LOOK_AT_NAMES
        + """
from prefect_preflight import register_hook as ours
from prefect.plugins import SetupResult, register_hook, run_startup_hooks
import prefect_preflight, prefect._experimental.plugins as old
print(json.dumps([look(), SetupResult is prefect_preflight.SetupResult,
                  run_startup_hooks is prefect_preflight.run_startup_hooks]))
"""
    )
    found, same_result, same_runner = world.run(program, env=ENABLED, check=True).json
    assert found == {place: list(NAMES) for place in PLACES}
    assert same_result and same_runner


def test_the_names_after_prefect(world: World, each_prefect: Host) -> None:
    """They are there afterwards too, beside what Prefect's own module has always had."""
    program = (
        "import prefect\n"
        + LOOK_AT_NAMES
        + """
import prefect.plugins
natives = ("load_prefect_collections", "safe_load_entrypoints", "load_extra_entrypoints")
print(json.dumps([look(), [n for n in natives if callable(getattr(prefect.plugins, n, None))]]))
"""
    )
    found, natives = world.run(program, env=ENABLED, check=True).json
    assert found == {place: list(NAMES) for place in PLACES}
    assert natives[:2] == ["load_prefect_collections", "safe_load_entrypoints"]


SUMMARIES = """
import asyncio, importlib, json, warnings
warnings.simplefilter("ignore")
import prefect
from prefect_preflight import HookContext
ctx = HookContext("x", None, None)
found = []
for place in ("prefect_preflight", "prefect.plugins", "prefect._experimental.plugins"):
    run_startup_hooks = importlib.import_module(place).run_startup_hooks
    found.append([[s.plugin, s.env_preview, s.note, s.error] for s in asyncio.run(run_startup_hooks(ctx))])
print(json.dumps(found))
"""


def test_run_startup_hooks_tells_of_our_run(world: World, each_prefect: Host) -> None:
    """`run_startup_hooks`, wherever it comes from, runs nothing again: it tells what the hooks did, redacted."""
    world.plugin(
        "counting",
        hook(
            """
count = str(int(os.environ.get("COUNT", "0")) + 1)
return SetupResult(env={"COUNT": count, "MY_TOKEN": "sesame"}, note="counted")
"""
        ),
    )
    world.plugin("failing", hook('raise ValueError("no")'))
    world.plugin("filtered", returning("FILTERED"))
    found = world.run(SUMMARIES, env=ENABLED, PREFECT_PLUGINS_DENY="filtered", check=True).json
    assert found[0] == [
        ["counting", {"COUNT": "1", "MY_TOKEN": "••••••"}, "counted", None],
        ["failing", {}, None, "ValueError: no"],
    ]
    assert found[1] == found[0] and found[2] == found[0]


CONTEXT = hook(
    """
logger = ctx.logger_factory("my-plugin")
values = {
    "version": ctx.prefect_version,
    "url": ctx.api_url,
    "logger": logger.name,
    "same": ctx.logger_factory("prefect.my-plugin") is logger,
    "type": type(ctx).__name__,
}
return SetupResult(env={"CONTEXT": json.dumps(values)})
"""
)


def test_the_context(world: World, each_prefect: Host) -> None:
    """A hook is told Prefect's version and API URL, and gets loggers below Prefect's."""
    world.plugin("plugin", CONTEXT)
    url = "http://127.0.0.1:4200/api"
    run = told(world.run(IMPORT_AND_TELL, env=ENABLED, PREFECT_API_URL=url))
    assert run.env["CONTEXT"] == (
        f'{{"version": "{run.report["prefect"]["version"]}", "url": "{url}", "logger": "prefect.my-plugin", '
        '"same": true, "type": "HookContext"}'
    )
    run = told(world.run(IMPORT_AND_TELL, env=ENABLED))
    assert '"url": null' in run.env["CONTEXT"]


def test_prefects_own_manager_finds_the_other_hook(world: World, real_prefect: Host, hosts: object) -> None:
    """Prefect's server still finds `set_database_connection_params` in a plugin that was loaded early."""
    world.plugin(
        "database",
        """
        from prefect.plugins import register_hook
        setup_environment = None  # so that it is loaded to find out what it has

        @register_hook
        def set_database_connection_params(connection_url, settings):
            return {"application_name": connection_url}
        """,
    )
    result = world.run(
        """
        import json, prefect, pluggy, sys
        from prefect_preflight import last_report
        (plugin,) = last_report().plugins
        manager = pluggy.PluginManager("prefect-experimental")
        options = manager.parse_hookimpl_opts(sys.modules["database"], "set_database_connection_params")
        print(json.dumps([plugin.status, plugin.stage, plugin.hook_names, plugin.warnings, options is not None]))
        """,
        env=ENABLED,
    )
    if "No module named 'pluggy'" in result.stderr:
        pytest.skip("this Prefect comes without pluggy")
    assert result.json == ["no-hook", "early", ["set_database_connection_params"], [], True]


REQUIRES = {
    # the plugin's text, its entry point, and what the fence should read
    "on_the_module": (
        'PREFECT_PLUGIN_API_REQUIRES = ">=5"\n' + returning("X"),
        "on_the_module",
        (">=5", "incompatible"),
    ),
    "on_the_class": (
        """
from prefect_preflight import SetupResult, register_hook
class Kind:
    PREFECT_PLUGIN_API_REQUIRES = ">=6"
    @register_hook
    def setup_environment(self, *, ctx):
        return SetupResult(env={"X": "1"})
Plugin = Kind()
""",
        "on_the_class:Plugin",
        (">=6", "incompatible"),
    ),
    "on_the_object": (
        """
from prefect_preflight import SetupResult, register_hook
class Kind:
    @register_hook
    def setup_environment(self, *, ctx):
        return SetupResult(env={"X": "1"})
Plugin = Kind()
Plugin.PREFECT_PLUGIN_API_REQUIRES = "==7"
PREFECT_PLUGIN_API_REQUIRES = ">=0.1"
""",
        "on_the_object:Plugin",
        ("==7", "incompatible"),
    ),
    "on_the_objects_module": (
        """
from prefect_preflight import SetupResult, register_hook
PREFECT_PLUGIN_API_REQUIRES = ">=8"
class Plugin:
    @register_hook
    def setup_environment(self, *, ctx):
        return SetupResult(env={"X": "1"})
plugin = Plugin()
""",
        "on_the_objects_module:plugin",
        (">=8", "incompatible"),
    ),
    "on_the_class_module": (
        "from on_the_class_module.kind import Plugin\nplugin = Plugin()\n",
        "on_the_class_module:plugin",
        (">=9", "incompatible"),
    ),
    "nowhere": (returning("NOWHERE"), "nowhere", (">=0.1,<1", "success")),
    "fitting": ('PREFECT_PLUGIN_API_REQUIRES = ">=0.1"\n' + returning("FITTING"), "fitting", (">=0.1", "success")),
    "exact": ('PREFECT_PLUGIN_API_REQUIRES = "==0.1"\n' + returning("EXACT"), "exact", ("==0.1", "success")),
    "invalid": (
        'PREFECT_PLUGIN_API_REQUIRES = "not-valid"\n' + returning("INVALID"),
        "invalid",
        ("not-valid", "success"),
    ),
    "no_text": ("PREFECT_PLUGIN_API_REQUIRES = 1\n" + returning("NO_TEXT"), "no_text", ("1", "success")),
}
KIND = """
from prefect_preflight import SetupResult, register_hook
PREFECT_PLUGIN_API_REQUIRES = ">=9"
class Plugin:
    @register_hook
    def setup_environment(self, *, ctx):
        return SetupResult(env={"X": "1"})
"""


@pytest.fixture(scope="module")
def fenced(module_world: World) -> Told:
    """One child with all the plugins of `REQUIRES`, its log at DEBUG."""
    for name, (text, value, _) in REQUIRES.items():
        module_world.plugin(name, text, entry_points={name: value}, extra_files={f"{name}/kind.py": KIND})
    return told(module_world.run(IMPORT_AND_TELL, env=ENABLED, PREFECT_LOGGING_LEVEL="DEBUG"))


class TestFence:
    """`PREFECT_PLUGIN_API_REQUIRES`, wherever a plugin has it."""

    @pytest.mark.parametrize("name", REQUIRES)
    def test_is_found(self, fenced: Told, name: str) -> None:
        """It is found on the object, its class, or the module of either, and decides whether the hook is called."""
        plugin = fenced.plugins[name]
        assert (plugin["api_requirement"], plugin["status"]) == REQUIRES[name][2]

    def test_fenced_out_means_not_called(self, fenced: Told) -> None:
        """A plugin that is fenced out sets nothing; one whose specifier is no specifier runs."""
        assert "X" not in fenced.env
        assert {"NOWHERE", "FITTING", "EXACT", "INVALID", "NO_TEXT"} <= set(fenced.env)

    def test_the_specifications_log_lines(self, fenced: Told) -> None:
        """The lines are the specification's, word for word."""
        skipped = "WARNING: Skipping plugin on_the_module: requires API version >=5, current version is 0.1"
        invalid = "DEBUG: Plugin invalid has invalid version specifier 'not-valid', ignoring version check"
        for expected in (skipped, invalid):
            assert len([line for line in fenced.lines if line.endswith(expected)]) == 1, expected


@pytest.mark.parametrize(
    ("requires", "fits"),
    [
        (">=0.1,<1", True),
        (">=0.1", True),
        ("==0.1", True),
        ("~=0.1", True),
        ("", True),
        (">=0.2", False),
        ("<0.1", False),
        (">=1.0", False),
        ("!=0.1", False),
        ("not-valid", None),
        ("0.1", None),
        (None, None),
        (0.1, None),
        ([">=0.1"], None),
    ],
)
def test_compatible(requires: object, fits: bool | None) -> None:
    """A requirement is compared by PEP 440; what is no specifier has no answer."""
    module = importlib.import_module("prefect_preflight._plugins.entry_point")
    assert module.compatible(requires) is fits
