"""Which plugins are left out: denied ones, duplicates, second names, broken distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED
from toys import PLUGIN, hook, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World


@pytest.fixture
def toy(hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world with the toy Prefect."""
    return toy_world(hosts, new_world, "3.12")


# Discovery


LISTS = {"deny": {"PREFECT_PLUGINS_DENY": "Legacy.Plugin"}, "allow": {"PREFECT_PLUGINS_ALLOW": "good"}}


@pytest.mark.parametrize("how", LISTS)
def test_denied_plugins_are_not_imported(world: World, how: str) -> None:
    """Denied modules never enter `sys.modules`, neither at the import nor when diagnosing."""
    code = "import sys, prefect, os; assert os.environ['TOKEN']; assert 'legacy_plugin' not in sys.modules"
    for args in (code, ["-m", "plugins_diag"]):
        assert_not_imported(world, args, LISTS[how])


def test_nor_by_prefect_itself(world: World, each_prefect: Host) -> None:
    """Nor does Prefect's command line import them, which loads plugins by a manager of its own."""
    assert_not_imported(world, ["-m", "prefect", "version"], LISTS["deny"])


def assert_not_imported(world: World, args: str | list[str], lists: dict[str, str]) -> None:
    """Asserts that a child succeeds, and that ``legacy-plugin`` is neither loaded nor run in it."""
    world.plugin("legacy-plugin", hook("os.write(2, b'RUN')", "os.write(2, b'LOAD')"))
    world.plugin("good", PLUGIN)
    result = world.run(args, env={**ENABLED, **lists})
    assert result.returncode == 0, result
    assert "LOAD" not in result.stderr and "RUN" not in result.stderr, result


def test_duplicate_entry_points(toy: World) -> None:
    """Each plugin runs once: a distribution on the path twice, an entry point in two of them, a stale egg-info."""
    source = hook("os.write(2, b'RUN\\n')")
    toy.plugin("my-plugin", source)
    toy.plugin("my-plugin", None, version="0.0.9", entry_points={"my_plugin": "my_plugin"})
    toy.plugin("my-plugin-too", None, entry_points={"my_plugin": "my_plugin"}, module="my_plugin")
    egg = toy.overlay / "My_Plugin.egg-info"
    egg.mkdir()
    (egg / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: My.Plugin\nVersion: 0.0.8\n")
    (egg / "entry_points.txt").write_text("[prefect.plugins]\nmy_plugin = my_plugin\n")
    result = toy.run(
        "import sys, prefect",
        env={**ENABLED, "PYTHONPATH": f"{toy.overlay}:{toy.overlay}/../overlay:{toy.overlay}/"},
        check=True,
    )
    assert result.stderr.count("RUN") == 1, result


TWO_NAMES = {
    "module": {"new-name": "my_plugin", "old-name": "my_plugin"},
    "renamed-package": {"new-name": "my_plugin", "old-name": "old_plugin"},
    "instance": {"new-name": "my_plugin:plugin", "old-name": "old_plugin:moved"},
    "class": {"new-name": "my_plugin:Plugin", "old-name": "my_plugin:Plugin"},
    "late": {"new-name": "late_plugin", "old-name": "late_plugin"},
}
CLASS = """
class Plugin:
    @register_hook
    def setup_environment(self, *, ctx):
        os.write(2, b'RUN\\n')
        return SetupResult(env={'TOKEN': 'set-by-the-hook'})
plugin = Plugin()
"""


@pytest.mark.parametrize("kind", TWO_NAMES)
def test_two_names_are_one_plugin(toy: World, kind: str) -> None:
    """A plugin that keeps its old name beside the new one runs once, and the report says where the other one went."""
    for module, head in (("my_plugin", CLASS), ("late_plugin", "from prefect import flow")):
        files = {"old_plugin.py": "from my_plugin import *\nfrom my_plugin import plugin as moved\n"}
        source = hook("os.write(2, b'RUN\\n')", head)
        toy.plugin(module, source, entry_points=TWO_NAMES[kind] if head == CLASS else {}, extra_files=files)
    code = (
        "import prefect, prefect_preflight as p; print([(x.name, x.status, x.reason) for x in p.last_report().plugins])"
    )
    result = toy.run(code, env=ENABLED, check=True)
    other = ("old-name", "filtered", "another name of plugin 'new-name', which runs once")
    assert result.stdout.strip() == str([("new-name", "success", None), other]), result
    assert result.stderr.count("RUN") == 1, result
    # A program need not read that from a text.
    fields = "import prefect, prefect_preflight as p; print([x.another_name_of for x in p.last_report().plugins])"
    assert toy.run(fields, env=ENABLED, check=True).stdout == "[None, 'new-name']\n"
    # The first name is excluded: the other one runs.
    result = toy.run(code, env={**ENABLED, "PREFECT_PLUGINS_DENY": "new-name"}, check=True)
    assert result.stdout.strip() == str([("new-name", "filtered", "in deny list"), ("old-name", "success", None)])
    # Whichever name is required, the plugin is; both at once are no contradiction.
    strict = {**ENABLED, "PREFECT_PLUGINS_STRICT": "1"}
    for required in (None, "new-name", "old-name", "old-name,new-name"):
        toy.run(code, env=strict, PREFECT_PLUGINS_REQUIRED=required, check=True)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (hook("raise OSError('no')"), "failed: OSError: no"),
        ("PREFECT_PLUGIN_API_REQUIRES = '>=9'", "requires plugin API version >=9"),
        ("", "has no hook, so it cannot have done what it is required for"),
    ],
    ids=["fails", "fenced", "no-hook"],
)
def test_another_name_is_required(toy: World, source: str, reason: str) -> None:
    """In strict mode a plugin that is required under its second name is required under its first."""
    toy.plugin("my-plugin", source, entry_points=TWO_NAMES["module"])
    variables = {**ENABLED, "PREFECT_PLUGINS_STRICT": "1", "PREFECT_PLUGINS_REQUIRED": "old-name"}
    result = toy.run("import prefect", env=variables)
    last = result.stderr.splitlines()[-1]
    assert (result.returncode, last) == (1, f"[plugins] required plugin 'new-name' {reason}"), result
    # Without a list of required plugins only a failure counts, as for a plugin with one name.
    result = toy.run("import prefect", env=variables, PREFECT_PLUGINS_REQUIRED=None)
    assert result.returncode == (1 if "failed" in reason else 0), result


def test_two_instances_are_two_plugins(toy: World) -> None:
    """Two objects of one class are two plugins: each is called."""
    points = {"a": "my_plugin:plugin", "b": "my_plugin:second"}
    toy.plugin("my-plugin", hook("", CLASS + "second = Plugin()"), entry_points=points)
    assert toy.run("import prefect", env=ENABLED, check=True).stderr.count("RUN") == 2


def test_broken_metadata(toy: World) -> None:
    """A broken distribution hides no other plugin."""
    toy.plugin("good", PLUGIN)
    for name, files in {
        "empty": {},
        "nameless": {"METADATA": "Metadata-Version: 2.1\n"},
        "bytes": {"METADATA": "\xff\xfe\x00", "entry_points.txt": "\xff\xfe\x00[prefect.plugins]"},
        "syntax": {
            "METADATA": "Name: syntax\nVersion: 1\n",
            "entry_points.txt": "[prefect.plugins\nx = \n = y\n[[]]\nz",
        },
        "headless": {"METADATA": "Name: headless\nVersion: 1\n", "entry_points.txt": "x = y\n[prefect.plugins]\n"},
        "no_value": {"METADATA": "Name: no_value\nVersion: 1\n", "entry_points.txt": "[prefect.plugins]\nx =\n"},
    }.items():
        directory = toy.overlay / f"{name}-1.dist-info"
        directory.mkdir()
        for file, text in files.items():
            (directory / file).write_bytes(text.encode("latin-1"))
    (toy.overlay / "file-1.dist-info").write_text("not a directory")
    (toy.overlay / "dangling-1.dist-info").symlink_to(toy.overlay / "nowhere")
    (toy.overlay / "-1.dist-info").mkdir()
    result = toy.run(
        "import prefect; print(prefect.SEEN)", env={**ENABLED, "PYTHONPATH": f"{toy.overlay}:/nowhere:"}, check=True
    )
    assert result.stdout == "set-by-the-hook\n", result
    assert "Traceback" not in result.stderr, result
