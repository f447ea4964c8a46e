"""Failure modes of the environment, of secrets, and of discovery.

row  test
6    test_06_running_loop
7    test_07_no_canary_in_any_output (its shapes one by one: test_redaction.py)
8    test_08_renderers_that_print_locals
9    test_09_putenv
24   test_24_*
26   test_26_denied_plugins_are_not_imported
27   test_27_*
28   test_28_broken_metadata
42   test_42_rendering_changes_nothing
"""

from __future__ import annotations

import base64
import textwrap
import urllib.parse
from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED
from toys import COMPANIONS, PLUGIN, PYTHONS, hook, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World


@pytest.fixture
def toy(hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world with the toy Prefect."""
    return toy_world(hosts, new_world, "3.12")


# 6: import inside a running event loop

IN_A_LOOP = """
    import asyncio, json, os
    async def main():
        ticks = []
        async def tick():
            while True:
                ticks.append(1)
                await asyncio.sleep(0.01)
        task = asyncio.ensure_future(tick())
        await asyncio.sleep(0.05)
        import prefect
        assert asyncio.get_running_loop() and asyncio.current_task() is not None
        await asyncio.sleep(0.05)
        task.cancel()
    asyncio.run(main())
"""


@pytest.mark.parametrize("stage", ["early", "late"])
def test_06_running_loop(world: World, each_prefect: Host, stage: str) -> None:
    """The environment is the same inside and outside a running loop."""
    late = "from prefect import flow\n" if stage == "late" else ""
    source = hook(late + "import asyncio\nawait asyncio.sleep(0.01)\nasyncio.get_running_loop()")
    world.plugin("asynchronous", source.replace("def setup", "async def setup").replace("TOKEN", "ASYNC"))
    world.plugin("synchronous", hook(late + "import asyncio\nasyncio.run(asyncio.sleep(0))"))
    ours = "import json, os\nprint(json.dumps({name: os.environ.get(name) for name in ('TOKEN', 'ASYNC')}))"
    outside = world.run("import prefect\n" + ours, env=ENABLED, check=True)
    inside = world.run(textwrap.dedent(IN_A_LOOP) + ours, env=ENABLED, check=True)
    assert outside.json == inside.json == {"TOKEN": "set-by-the-hook", "ASYNC": "set-by-the-hook"}


# 7: secrets printed, 8: tracebacks that print locals

CANARY = "kanarienvogel/+=Q7&z"
FORMS = (
    CANARY,
    urllib.parse.quote(CANARY, safe=""),
    urllib.parse.quote_plus(CANARY),
    base64.b64encode(CANARY.encode()).decode(),
    base64.b64encode(f"user:{CANARY}".encode()).decode(),
)
LEAKY = f"""
    import base64, logging, os, urllib.parse
    from prefect.plugins import register_hook, SetupResult
    CANARY = {CANARY!r}
    FORMS = {FORMS!r}

    @register_hook(tryfirst=True)
    def setup_environment(*, ctx):
        logger = ctx.logger_factory("leaky")
        return SetupResult(env={{
            "MY_PASSWORD": CANARY, "DATABASE_URL": "postgres://user:" + FORMS[1] + "@host/db", "AUTH_HEADER":
            "Basic " + FORMS[4], "INNOCUOUS": "see " + CANARY, "ENCODED": FORMS[3],
        }}, note="used " + CANARY + " and " + FORMS[1])
"""
LEAKY_TOO = f"""
    import logging
    from prefect.plugins import register_hook, SetupResult
    FORMS = {FORMS!r}

    @register_hook
    def setup_environment(*, ctx):
        secret = FORMS[0]
        logger = ctx.logger_factory("leaky")
        for form in FORMS:
            logger.error("with %s and %r", form, [form])
            logger.warning({{"secret": form}})
        try:
            raise ValueError(secret)
        except ValueError as cause:
            logger.exception("as %s", FORMS[2])
            raise OSError(f"could not use {{FORMS[1]}}") from cause
"""


@pytest.mark.parametrize("strict", ["0", "1"])
def test_07_no_canary_in_any_output(world: World, strict: str) -> None:
    """No canary (raw, URL-encoded, base64) appears in any output."""
    world.plugin("a-leaky", LEAKY)
    world.plugin("b-leaky", LEAKY_TOO)
    code = "import prefect, prefect_preflight as ours; print(ours.last_report(), ours.last_report().as_dict())"
    variables = {**ENABLED, "PREFECT_LOGGING_LEVEL": "DEBUG", "PREFECT_PLUGINS_STRICT": strict}
    outputs = [
        world.run(args, env=variables)
        for args in (code, ["-m", "plugins_diag"], ["-m", "plugins_diag", "--format", "json"])
    ]
    assert outputs[0].returncode == int(strict), outputs[0]
    for result in outputs:
        assert "leaky" in result.stdout + result.stderr, result
        for form in FORMS:
            assert form not in result.stdout and form not in result.stderr, (form, result)


def test_08_renderers_that_print_locals(hosts: Hosts, new_world: Callable[[Host], World]) -> None:
    """Renderers that print locals show no canary from our frames."""
    world = new_world(hosts(*COMPANIONS, python="3.12"))
    world.plugin("a-leaky", LEAKY)
    world.plugin("b-slow", hook("import time; time.sleep(60)"))
    result = world.run(
        """
        import _thread, os, signal, sys, threading, traceback, time
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the shell said that ran the tests
        from rich.console import Console
        from rich.traceback import Traceback

        def interrupt():
            while "MY_PASSWORD" not in os.environ:
                time.sleep(0.01)
            time.sleep(0.3)
            _thread.interrupt_main()

        threading.Thread(target=interrupt, daemon=True).start()
        try:
            import prefect
        except KeyboardInterrupt:
            shown = sys.exc_info()
        frames = [frame.name for frame in traceback.extract_tb(shown[2])]
        assert "exec_module" in frames and "early" in frames, frames
        console = Console(file=sys.stdout, width=300)
        console.print(Traceback.from_exception(*shown, show_locals=True, locals_max_length=999,
                                                                           locals_max_string=9999))
        print("".join(traceback.TracebackException(*shown, capture_locals=True).format()))
        import structlog
        print(structlog.tracebacks.ExceptionDictTransformer(show_locals=True, locals_max_string=9999)(shown))
        frame = shown[2]
        while frame is not None:  # one level deeper than any of them goes
            for value in list(frame.tb_frame.f_locals.values()):
                if type(value).__module__.startswith("prefect_preflight"):
                    print(repr(value))
            frame = frame.tb_next
        """,
        env=ENABLED,
    )
    assert result.returncode == 0 and "locals" in result.stdout, result
    for form in FORMS:
        # The environment itself is Python's, and a renderer that prints `os.environ` cannot be kept from it.
        assert form not in result.stdout, (form, result)


# 9: `setenv` races `getenv`

AUDIT = """
    import os, sys, threading
    seen = []
    def audit(event, args):
        if event in ("os.putenv", "os.unsetenv"):
            seen.append((event, args[0], threading.get_ident()))
    sys.addaudithook(audit)
    import prefect
    during = list(seen)
    import time, prefect_preflight
    time.sleep(0.6)
    prefect_preflight.last_report().as_dict()
    import prefect.plugins
    assert seen == during, seen[len(during):]
    assert {ident for _, _, ident in during} == {threading.get_ident()}, during
    assert b"TOKEN" in {name for _, name, _ in during}
"""


@pytest.mark.parametrize("version", PYTHONS)
def test_09_putenv(hosts: Hosts, new_world: Callable[[Host], World], version: str) -> None:
    """`os.putenv` audit events come from the importing thread only, never after the import."""
    world = toy_world(hosts, new_world, version)
    world.plugin("good", PLUGIN)
    world.plugin("asynchronous", hook("").replace("def setup", "async def setup").replace("TOKEN", "ASYNC"))
    world.plugin("late", hook("from prefect import flow").replace("TOKEN", "LATE"))
    world.plugin("stubborn", hook("import time; time.sleep(0.7)").replace("TOKEN", "STUBBORN"))
    world.run(AUDIT, env={**ENABLED, "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "0.4"}, check=True)


# 24: bad environment values

BAD = {
    "nul-value": "{'A': '1', 'B': 'x\\0', 'C': '3'}",
    "nul-name": "{'A': '1', 'B\\0': 'x', 'C': '3'}",
    "equals": "{'A': '1', 'B=C': 'x', 'C': '3'}",
    "empty-name": "{'A': '1', '': 'x', 'C': '3'}",
    "number": "{'A': '1', 'B': 2, 'C': '3'}",
    "none": "{'A': '1', 'B': None, 'C': '3'}",
    "bytes": "{'A': '1', 'B': b'x', 'C': '3'}",
    "bytes-name": "{'A': '1', b'B': 'x', 'C': '3'}",
    "high-surrogate": "{'A': '1', 'B': '\\ud800', 'C': '3'}",
    "too-long": "{'A': '1', 'B': 'x' * 10_000_000, 'C': '3'}",
    "pairs": "[('A', '1'), ('C', '3')]",
    "string": "'A=1'",
    "iterator": "iter([('A', '1')])",
    "raises-at-third": "Raises(3)",
    "exits-at-third": "Exits()",
    "changes-its-mind": "Changes()",
    "endless": None,
}
HOSTILE = """
    from collections.abc import Mapping
    class Raises(Mapping):
        def __init__(self, at): self.at = at
        def __len__(self): return 3
        def __iter__(self):
            yield "A"
            yield "B"
            self.fail()
        def __getitem__(self, name): return "x"
        def fail(self): raise OSError("no")
    class Exits(Raises):
        def __init__(self): pass
        def fail(self): raise SystemExit(3)
    class Changes(dict):
        def __init__(self): super().__init__(A="1", C="3"); self.asked = 0
        def __getitem__(self, name): self.asked += 1; return "x" if self.asked < 2 else "\\0"
        def keys(self): return ["A", "C", "B="]
        def items(self): return [("A", "1"), ("B=", "x")]
"""


@pytest.mark.parametrize("bad", [name for name in BAD if BAD[name]])
def test_24_bad_environment_values(toy: World, bad: str) -> None:
    """Any returned mapping applies wholly or not at all."""
    toy.plugin("bad", hook(f"return SetupResult(env={BAD[bad]})", HOSTILE))
    toy.plugin("good", PLUGIN)
    result = toy.run(
        """
        import json, os
        before = set(os.environ)
        import prefect, prefect_preflight, subprocess, sys
        subprocess.run([sys.executable, "-c", ""], check=True)
        plugins = {plugin.name: plugin for plugin in prefect_preflight.last_report().plugins}
        assert plugins["good"].status == "success"
        print(json.dumps([sorted(set(os.environ) - before), plugins["bad"].status]))
        """,
        env=ENABLED,
        check=True,
    )
    names, status = result.json
    if bad == "changes-its-mind":
        assert (names, status) in ((["TOKEN"], "invalid-result"), (["A", "C", "TOKEN"], "success")), result
    else:
        assert (names, status) == (["TOKEN"], "failed" if "third" in bad else "invalid-result"), result
        assert "Plugin bad failed: " in result.stderr and "Traceback" not in result.stderr, result


def test_24_values_that_are_odd_and_allowed(toy: World) -> None:
    """Whatever the operating system takes is applied exactly, to the byte, and reaches a child."""
    toy.plugin(
        "odd",
        hook("return SetupResult(env={'EMPTY': '', 'ÜMLAUT 日本': 'ß\\n\\t\\x7f', 'RAW': '\\udcff', 'LOWER x': '=='})"),
    )
    result = toy.run(
        """
        import os, prefect, subprocess, sys
        names = ("EMPTY", "ÜMLAUT 日本", "RAW", "LOWER x")
        code = f"import os; print(ascii([os.environ[name] for name in {names!a}]))"
        print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout, end="")
        """,
        env=ENABLED,
        check=True,
    )
    assert result.stdout == "['', '\\xdf\\n\\t\\x7f', '\\udcff', '==']\n", result


# 26, 27, 28: discovery


LISTS = {"deny": {"PREFECT_PLUGINS_DENY": "Legacy.Plugin"}, "allow": {"PREFECT_PLUGINS_ALLOW": "good"}}


@pytest.mark.parametrize("how", LISTS)
def test_26_denied_plugins_are_not_imported(world: World, how: str) -> None:
    """Denied modules never enter `sys.modules`, neither at the import nor when diagnosing."""
    code = "import sys, prefect, os; assert os.environ['TOKEN']; assert 'legacy_plugin' not in sys.modules"
    for args in (code, ["-m", "plugins_diag"]):
        assert_not_imported(world, args, LISTS[how])


def test_26_nor_by_prefect_itself(world: World, each_prefect: Host) -> None:
    """Nor does Prefect's command line import them, which loads plugins by a manager of its own."""
    assert_not_imported(world, ["-m", "prefect", "version"], LISTS["deny"])


def assert_not_imported(world: World, args: str | list[str], lists: dict[str, str]) -> None:
    """Asserts that a child succeeds, and that ``legacy-plugin`` is neither loaded nor run in it."""
    world.plugin("legacy-plugin", hook("os.write(2, b'RUN')", "os.write(2, b'LOAD')"))
    world.plugin("good", PLUGIN)
    result = world.run(args, env={**ENABLED, **lists})
    assert result.returncode == 0, result
    assert "LOAD" not in result.stderr and "RUN" not in result.stderr, result


def test_27_duplicate_entry_points(toy: World) -> None:
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
def test_27_two_names_are_one_plugin(toy: World, kind: str) -> None:
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
def test_27_another_name_is_required(toy: World, source: str, reason: str) -> None:
    """In strict mode a plugin that is required under its second name is required under its first."""
    toy.plugin("my-plugin", source, entry_points=TWO_NAMES["module"])
    variables = {**ENABLED, "PREFECT_PLUGINS_STRICT": "1", "PREFECT_PLUGINS_REQUIRED": "old-name"}
    result = toy.run("import prefect", env=variables)
    last = result.stderr.splitlines()[-1]
    assert (result.returncode, last) == (1, f"[plugins] required plugin 'new-name' {reason}"), result
    # Without a list of required plugins only a failure counts, as for a plugin with one name.
    result = toy.run("import prefect", env=variables, PREFECT_PLUGINS_REQUIRED=None)
    assert result.returncode == (1 if "failed" in reason else 0), result


def test_27_two_instances_are_two_plugins(toy: World) -> None:
    """Two objects of one class are two plugins: each is called."""
    points = {"a": "my_plugin:plugin", "b": "my_plugin:second"}
    toy.plugin("my-plugin", hook("", CLASS + "second = Plugin()"), entry_points=points)
    assert toy.run("import prefect", env=ENABLED, check=True).stderr.count("RUN") == 2


def test_28_broken_metadata(toy: World) -> None:
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


# 42: rendering a report changes live data


def test_42_rendering_changes_nothing(world: World) -> None:
    """Rendering leaves `os.environ` as it was."""
    world.plugin("good", PLUGIN)
    world.run(
        """
        import os, sys, prefect, prefect_preflight
        before = dict(os.environ)
        report = prefect_preflight.last_report()
        os.environ["TOKEN"] = before["TOKEN"] = "since changed"
        data = report.as_dict()
        repr(report), str(report)
        data["plugins"][0]["environment"].clear() if isinstance(data["plugins"][0]["environment"], dict) else None
        assert prefect_preflight.last_report() == report and report.plugins[0].environment
        try:
            report.outcome = "mine"
        except Exception as error:
            assert type(error).__name__ == "FrozenInstanceError"
        from prefect_preflight._command_line.main import main
        for arguments in (["diagnose"], ["diagnose", "--format", "json"]):
            try:
                main(arguments)
            except SystemExit as error:
                assert not error.code
        assert dict(os.environ) == before
        """,
        env=ENABLED,
        check=True,
    )
