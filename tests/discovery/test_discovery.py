"""Discovery: which plugins there are, which of them may run, and in what order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from prefect_preflight._discovery import Candidate, canonical
from snippets import ENABLED, TELL, Told, hook, returning, told

if TYPE_CHECKING:
    from worlds import World

pytestmark = pytest.mark.core

# Which of the plugins' modules were imported, told together with the rest.
PROGRAM = (
    "import prefect, os, sys\n"
    "os.environ['IMPORTED'] = ','.join(sorted(n for n in sys.modules if n.startswith('plugin_')))\n" + TELL
)


def run(world: World, **variables: str) -> Told:
    """Runs a child with plugins enabled."""
    return told(world.run(PROGRAM, env={**ENABLED, **variables}))


def imported(told: Told) -> list[str]:
    """The plugins whose modules the child imported."""
    return [name for name in told.env["IMPORTED"].split(",") if name]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("legacy-plugin", "legacy_plugin"),
        ("Legacy.Plugin", "legacy-plugin"),
        ("legacy--_.plugin", "LEGACY-PLUGIN"),
        ("a", "A"),
    ],
)
def test_names_that_are_the_same(one: str, other: str) -> None:
    """Names compare as package names do: case, and runs of `-`, `_` and `.`, do not matter."""
    assert canonical(one) == canonical(other)


def test_names_that_differ() -> None:
    """Everything else does matter."""
    assert len({canonical(name) for name in ("plugin", "plugins", "plug-in", "plugin1", "plugin 1")}) == 5


@pytest.mark.parametrize(
    ("value", "module", "attribute"),
    [
        ("package", "package", ""),
        ("package.module:object", "package.module", "object"),
        ("package : object.part", "package", "object.part"),
        ("package:object [extra, another]", "package", "object"),
        ("package [extra]", "package", ""),
        ("", "", ""),
        (":object", "", "object"),
    ],
)
def test_entry_point_values(value: str, module: str, attribute: str) -> None:
    """An entry point's value is read as the entry points specification says, extras left aside."""
    candidate = Candidate("name", value, None, None)
    assert (candidate.module, candidate.attribute) == (module, attribute)


class TestLists:
    """The allow list and the deny list."""

    @pytest.fixture
    def three(self, world: World) -> World:
        """A world with three plugins."""
        for name in ("plugin-a", "plugin-b", "plugin-c"):
            world.plugin(name, returning(name[-1].upper() * 3))
        return world

    def test_none(self, three: World) -> None:
        """Without lists all plugins run."""
        found = run(three)
        assert found.statuses == dict.fromkeys(("plugin_a", "plugin_b", "plugin_c"), "success")

    def test_deny(self, three: World) -> None:
        """A denied plugin's module is never imported; names compare like package names."""
        found = run(three, PREFECT_PLUGINS_DENY="Plugin.A, plugin-b")
        assert imported(found) == ["plugin_c"]
        assert found.plugins["plugin_a"]["status"] == "filtered"
        assert found.plugins["plugin_a"]["reason"] == "in deny list"
        assert "AAA" not in found.env and found.env["CCC"] == "CCC"

    def test_allow(self, three: World) -> None:
        """With an allow list no other plugin's module is imported."""
        found = run(three, PREFECT_PLUGINS_ALLOW="PLUGIN-A")
        assert imported(found) == ["plugin_a"]
        assert found.plugins["plugin_b"]["reason"] == "not in allow list"

    def test_both(self, three: World) -> None:
        """What is on both lists is denied."""
        found = run(three, PREFECT_PLUGINS_ALLOW="plugin_a,plugin_b", PREFECT_PLUGINS_DENY="plugin_a")
        assert imported(found) == ["plugin_b"]

    def test_an_empty_allow_list(self, three: World) -> None:
        """`ALLOW=""` lets nothing through."""
        found = run(three, PREFECT_PLUGINS_ALLOW="")
        assert imported(found) == [] and set(found.statuses.values()) == {"filtered"}

    def test_json_lists(self, three: World) -> None:
        """The lists may be written as JSON too, as for Prefect."""
        assert imported(run(three, PREFECT_PLUGINS_ALLOW='["plugin_c"]')) == ["plugin_c"]

    def test_legacy_names(self, three: World) -> None:
        """The specification's names of the variables work, with the new ones in front of them."""
        assert imported(run(three, PREFECT_EXPERIMENTS_PLUGINS_DENY="plugin-a,plugin-b")) == ["plugin_c"]
        found = run(three, PREFECT_PLUGINS_ALLOW="plugin-a", PREFECT_EXPERIMENTS_PLUGINS_DENY="plugin-a")
        assert imported(found) == []

    def test_safe_mode(self, three: World) -> None:
        """Safe mode loads the plugins and calls no hook."""
        found = run(three, PREFECT_PLUGINS_SAFE_MODE="1")
        assert imported(found) == ["plugin_a", "plugin_b", "plugin_c"]
        assert set(found.statuses.values()) == {"loaded"} and found.report["outcome"] == "safe-mode"
        assert "AAA" not in found.env


COUNTING = hook(
    """
count = str(int(os.environ.get("COUNT", "0")) + 1)
return SetupResult(env={"COUNT": count})
"""
)


def test_duplicate_entry_points(world: World) -> None:
    """The same plugin declared twice, by a second copy of its metadata further down the path, runs once."""
    world.plugin("plugin-twice", COUNTING)
    second = world.cwd / "second"
    shadowed = "Metadata-Version: 2.1\nName: Plugin_Twice\nVersion: 0.0.9\n"
    points = "[prefect.plugins]\nplugin_twice = plugin_twice\nold_name = plugin_twice\n"
    _metadata(second / "Plugin_Twice-0.0.9.dist-info", shadowed, points)
    found = run(world, PYTHONPATH=f"{world.overlay}:{second}")
    assert found.env["COUNT"] == "1"
    assert list(found.plugins) == ["plugin_twice"]
    assert found.plugins["plugin_twice"]["version"] == "0.1.0"


def _metadata(dist_info, metadata: str | None, points: str | None) -> None:  # type: ignore[no-untyped-def]
    """Writes a metadata directory, whole or broken."""
    dist_info.mkdir(parents=True)
    if metadata is not None:
        (dist_info / "METADATA").write_text(metadata)
    if points is not None:
        (dist_info / "entry_points.txt").write_text(points)


def test_broken_distributions_hide_no_other(world: World) -> None:
    """Metadata that is empty, nameless, missing or garbled keeps no other plugin from running."""
    _metadata(world.overlay / "empty-1.dist-info", None, None)
    _metadata(world.overlay / "nameless-1.dist-info", "Metadata-Version: 2.1\n", None)
    _metadata(world.overlay / "blank-1.dist-info", "", "")
    _metadata(world.overlay / "garbled-1.dist-info", "Name: garbled\nVersion: 1\n", "[prefect.plugins\nx\n= y\n")
    (world.overlay / "latin-1.dist-info").mkdir()
    (world.overlay / "latin-1.dist-info" / "METADATA").write_bytes(b"Name: latin\nVersion: 1\nAuthor: \xe9\n")
    (world.overlay / "latin-1.dist-info" / "entry_points.txt").write_bytes(b"[prefect.plugins]\n\xe9 = \xe9\n")
    (world.overlay / "file-1.dist-info").write_text("not a directory")
    _metadata(world.overlay / "undeclared-1.dist-info", None, "[prefect.plugins]\nplugin_free = plugin_free\n")
    (world.overlay / "plugin_free.py").write_text(returning("FREE"))
    world.plugin("plugin-good", returning("GOOD"))
    found = run(world)
    assert found.statuses["plugin_good"] == "success" and found.env["GOOD"] == "GOOD"
    assert found.statuses["plugin_free"] == "success" and found.env["FREE"] == "FREE"


def test_several_plugins_of_a_distribution(world: World) -> None:
    """A distribution may declare several plugins; each runs, in the order of the names, and knows where it is from."""
    points = {"zz": "plugin_many.z", "aa": "plugin_many.a", "mm": "plugin_many:plugin"}
    text = returning("MMM") + "\nimport types\nplugin = types.SimpleNamespace(setup_environment=setup_environment)\n"
    files = {"plugin_many/z.py": returning("ZZZ"), "plugin_many/a.py": returning("AAA")}
    world.plugin("plugin-many", text, entry_points=points, version="2.5", extra_files=files)
    found = run(world)
    assert list(found.statuses.items()) == [("aa", "success"), ("mm", "success"), ("zz", "success")]
    assert {(plugin["distribution"], plugin["version"]) for plugin in found.plugins.values()} == {
        ("plugin-many", "2.5")
    }


def test_a_plugin_in_a_plain_egg_info(world: World) -> None:
    """Development installs of old, with an `.egg-info` directory, are found as well."""
    egg = world.overlay / "plugin_egg.egg-info"
    egg.mkdir()
    (egg / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: plugin-egg\nVersion: 3\n")
    (egg / "entry_points.txt").write_text("[prefect.plugins]\nplugin_egg = plugin_egg\n")
    (world.overlay / "plugin_egg.py").write_text(returning("EGG"))
    found = run(world)
    assert found.statuses == {"plugin_egg": "success"} and found.plugins["plugin_egg"]["version"] == "3"


def test_enabled_without_plugins(world: World) -> None:
    """With plugins enabled and none installed, nothing that runs plugins is loaded, and all is well."""
    program = """
        import json, sys, prefect
        ours = sorted(name for name in sys.modules if name.startswith("prefect_preflight."))
        from prefect_preflight import last_report
        print(json.dumps([ours, last_report().outcome, last_report().plugins]))
    """
    result = world.run(program, env=ENABLED, check=True)
    modules, outcome, plugins = result.json
    assert (outcome, plugins, result.stderr) == ("success", [], "")
    assert not {"prefect_preflight._running.waves", "prefect_preflight.api", "prefect_preflight._redaction"} & set(
        modules
    )


def test_other_groups_are_not_ours(world: World) -> None:
    """An entry point of another group is no plugin."""
    points = "[prefect.collections]\nplugin_other = plugin_other\n[console_scripts]\nx = plugin_other:x\n"
    _metadata(world.overlay / "plugin_other-1.dist-info", "Name: plugin-other\nVersion: 1\n", points)
    (world.overlay / "plugin_other.py").write_text(returning("OTHER"))
    found = run(world)
    assert found.plugins == {} and json.loads(json.dumps(imported(found))) == []
