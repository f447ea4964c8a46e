"""Failure modes of start-up, packaging, and the rest of the machine."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

import interpreters
import standin
from hosts import uv
from snippets import ENABLED
from toys import PLUGIN, PYTHONS, hook, toy_world
from worlds import write_distribution

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hosts import Host, Hosts
    from worlds import World

FILE = "prefect_preflight.pth"
FINDERS = "import sys; print(sum('prefect_preflight' in repr(finder) for finder in sys.meta_path))"


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_installing_and_uninstalling(hosts: Hosts, wheel: Path, tmp_path: Path, installer: str) -> None:
    """Install and uninstall by pip and uv leave no stray file; Python starts cleanly after each."""
    host = hosts.fresh(tmp_path / "environment")
    before = {path for path in host.site.rglob("*") if "__pycache__" not in path.parts}
    for action in (
        ["install", "--no-deps", wheel],
        ["install", "--no-deps", "--force-reinstall", wheel],
        ["uninstall"],
    ):
        arguments = [str(argument) for argument in action]
        if installer == "pip":
            yes = ["--yes", "prefect-preflight"] if arguments == ["uninstall"] else []
            host.run(["-m", "pip", "-q", "--disable-pip-version-check", *arguments, *yes], check=True)
        else:
            name = ["prefect-preflight"] if arguments == ["uninstall"] else []
            uv("pip", "--quiet", *arguments, *name, "--python", host.python)
        result = host.run(FINDERS, check=True)
        assert (result.stdout.strip(), result.stderr) == ("0" if arguments == ["uninstall"] else "1", ""), result
    assert {path for path in host.site.rglob("*") if "__pycache__" not in path.parts} == before


@pytest.mark.parametrize("version", PYTHONS)
def test_orphaned_start_up_file(hosts: Hosts, wheel: Path, tmp_path: Path, version: str) -> None:
    """What Python itself says of a `.pth` whose package was deleted by hand is loud; ours needs `import` to work."""
    host = hosts.fresh(tmp_path / "environment", python=version)
    uv("pip", "install", "--quiet", "--no-deps", "--python", host.python, wheel)
    (host.site / "_prefect_preflight.py").unlink()
    result = host.run("print('started')")
    # A start-up file can only name its module. Python tells which line failed, and starts.
    assert (result.returncode, result.stdout) == (0, "started\n"), result


@pytest.mark.parametrize("version", PYTHONS)
def test_one_finder(hosts: Hosts, version: str) -> None:
    """Exactly one finder in an interpreter, although a venv runs each `.pth` line twice."""
    host = hosts(python=version)
    for code in (
        FINDERS,
        f"import prefect_preflight; prefect_preflight.init(); {FINDERS}",
        f"import site; site.main(); site.addsitedir({str(host.site)!r}); {FINDERS}",
    ):
        result = host.run(code, check=True)
        assert (result.stdout.strip(), result.stderr) == ("1", ""), result


@pytest.mark.parametrize("kind", ["success", "failure", "problems", "internal"])
def test_nothing_on_stdout(world: World, each_prefect: Host, kind: str) -> None:
    """Nothing on stdout at import, ever."""
    world.plugin("my-plugin", hook("raise OSError" if kind == "failure" else ""))
    variables: dict[str, str | None] = {**ENABLED, "PREFECT_LOGGING_LEVEL": "DEBUG"}
    if kind == "problems":
        variables.update(PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="soon", PREFECT_PLUGINS_ALOW="x")
        (world.cwd / "prefect.toml").write_text("[[[")
    if kind == "internal":
        (world.overlay / "packaging").mkdir()
        (world.overlay / "packaging" / "__init__.py").write_text("raise OSError\n")
        world.plugin("fenced", hook("", "PREFECT_PLUGIN_API_REQUIRES = '>=0.1'"))
    result = world.run("import prefect", env=variables)
    assert result.stdout == "", result
    result = world.run("import prefect_preflight; prefect_preflight.last_report()", env=variables, check=True)
    assert result.stdout == "", result


def test_scanners(hosts: Hosts) -> None:
    """The start-up file is in RECORD, ASCII, with no `exec` and no semicolon, which scanners flag."""
    host = hosts(python="3.12")
    record = next(host.site.glob("prefect_preflight-*.dist-info/RECORD")).read_text()
    assert re.search(rf"^{re.escape(FILE)},sha256=[\w-]+,\d+$", record, re.MULTILINE), record
    text = (host.site / FILE).read_bytes().decode("ascii")
    assert not re.search(r"exec|eval|compile|base64|__import__|open|subprocess|socket|http|;", text), text
    package = host.site / "prefect_preflight"
    for file in (host.site / "_prefect_preflight.py", *package.rglob("*.py")):
        assert not re.search(r"\b(exec|eval)\(", file.read_text("utf-8")), file


DISABLED: dict[str, dict[str, str | None]] = {
    "off": {},
    "said-so": {"PREFECT_PLUGINS_ENABLED": "0", "PREFECT_PLUGINS_STRICT": "1"},
}


@pytest.mark.parametrize("how", DISABLED)
def test_disabled_adds_no_module(world: World, how: str) -> None:
    """Disabled adds no module but our own, and leaves `sys.meta_path` as it was."""
    world.plugin("my-plugin", PLUGIN)
    code = """
        import sys
        import prefect
        import json
        finders = [getattr(finder, "__name__", type(finder).__name__) for finder in sys.meta_path]
        print(json.dumps([finders, sorted(sys.modules)]))
    """
    without = world.run(code, env={**DISABLED[how], "PREFECT_PREFLIGHT_DISABLE": "1"}, check=True).json
    having = world.run(code, env=DISABLED[how], check=True).json
    assert without[0] == having[0]
    assert "prefect_preflight._stages" not in having[1], "hooks were looked for"
    added = set(having[1]) - set(without[1])
    assert {name.partition(".")[0] for name in added} == {"prefect_preflight"}, added
    assert set(without[1]) <= set(having[1])


@pytest.mark.parametrize("encoding", ["C", "POSIX", "C.UTF-8"])
def test_start_up_files_are_ascii(hosts: Hosts, encoding: str) -> None:
    """The files are ASCII, so Python starts in any locale."""
    host = hosts(python="3.12")
    assert (host.site / FILE).read_bytes().isascii()
    for coerce in ("0", "1"):
        env = {"LANG": None, "LC_ALL": encoding, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": coerce}
        result = host.run(FINDERS, env=env, check=True)
        assert (result.stdout.strip(), result.stderr) == ("1", ""), result


def test_read_only(hosts: Hosts, wheel: Path, tmp_path: Path, new_world: Callable[[Host], World]) -> None:
    """We write no file: everything works where nothing can be written, and nothing has changed afterwards."""
    host = hosts.fresh(tmp_path / "environment")
    uv("pip", "install", "--quiet", "--python", host.python, wheel)
    world = new_world(host)
    standin.install(world)
    world.plugin("good", PLUGIN)
    world.plugin("late", hook("from prefect import flow").replace("TOKEN", "LATE"))
    opened = world.run(
        """
        import sys
        written = []
        def audit(event, args):
            if event == "open" and isinstance(args[2], int) and args[2] & 0o1103:  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
                written.append(args[0])
            elif event in ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.truncate"):
                written.append((event, args))
        sys.addaudithook(audit)
        import prefect, prefect_preflight
        prefect_preflight.last_report().as_dict()
        assert prefect.SEEN and not written, written
        """,
        env={**ENABLED, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert opened.returncode == 0, opened


@pytest.mark.parametrize(
    "argv", [["-c", "import prefect"], ["-I", "-c", "import prefect"], ["-E", "-c", "import prefect"]]
)
def test_empty_environment(world: World, real_prefect: Host, argv: list[str]) -> None:
    """`env -i python -c "import prefect"` is as silent as without us."""
    world.plugin("my-plugin", PLUGIN)
    outputs = []
    for extra in ({"PREFECT_PREFLIGHT_DISABLE": "1"}, {}):
        done = subprocess.run(
            [world.host.python, *argv], env=extra, cwd="/", capture_output=True, text=True, check=False
        )
        # Prefect itself wants a HOME, and logs a time.
        outputs.append((done.returncode, done.stdout, re.sub(r"\d", "9", done.stderr)))
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(
    "flag", ["-I", "-E", "-s", "-B", "-O", "-OO", "-X dev", "-X importtime", "-X frozen_modules=off", "-S"]
)
def test_interpreter_options(hosts: Hosts, tmp_path: Path, wheel: Path, flag: str) -> None:
    """`-I`, `-E` still run `.pth`; `-S` never does."""
    host = hosts.fresh(tmp_path / "environment")
    uv("pip", "install", "--quiet", "--python", host.python, wheel)
    write_distribution(
        host.site, "prefect", "import os\nSEEN = os.environ.get('TOKEN')\n", entry_points={}, version="3.99"
    )
    write_distribution(host.site, "my-plugin", PLUGIN)
    code = (
        f"import sys; sys.path.append({str(host.site)!r}) if {flag == '-S'} else 0; import prefect; print(prefect.SEEN)"
    )
    result = host.run([*flag.split(), "-c", code], env=ENABLED, check=True)
    assert result.stdout == ("None\n" if flag == "-S" else "set-by-the-hook\n"), result


@pytest.mark.parametrize("version", PYTHONS)
def test_no_argv_no_stderr(hosts: Hosts, wheel: Path, tmp_path: Path, version: str) -> None:
    """Start-up works without either, as in a program that embeds Python, and so do the hooks, even failing ones."""
    host = hosts.fresh(tmp_path / "environment", python=version)
    uv("pip", "install", "--quiet", "--python", host.python, wheel)
    (host.site / "a_first.pth").write_text(
        "import sys; sys.__dict__.pop('argv', None); sys.stderr = sys.stdout = None; sys.__stderr__ = None\n"
    )
    write_distribution(
        host.site, "prefect", "import os\nSEEN = os.environ.get('TOKEN')\n", entry_points={}, version="3.99"
    )
    write_distribution(host.site, "my-plugin", PLUGIN)
    write_distribution(host.site, "bad", hook("raise OSError('no')"))
    code = """
import sys
assert sys.stderr is None
sys.__dict__.pop('argv', None)
import os, prefect
os.write(1, prefect.SEEN.encode())
"""
    variables = {**ENABLED, "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "soon", "PREFECT_LOGGING_LEVEL": "DEBUG"}
    result = host.run(code, env=variables)
    assert (result.returncode, result.stdout) == (0, "set-by-the-hook"), result


@pytest.mark.skipif(os.name == "nt", reason="file descriptors are closed by the shell")
def test_closed_descriptors(hosts: Hosts, new_world: Callable[[Host], World]) -> None:
    """Nor does it matter whether stdin, stdout and stderr are open, or read by anybody."""
    world = toy_world(hosts, new_world, "3.12")
    world.plugin("bad", hook("raise OSError('no')"))
    world.plugin("good", PLUGIN)
    code = "import prefect; open('seen', 'w').write(prefect.SEEN)"
    for redirection in ("<&- >&- 2>&-", "2>&-", "2>/dev/full", "2>&1 | true"):
        command = f'"{world.host.python}" -c "{code}" {redirection}'
        environment = world.host.environment({**ENABLED, "PYTHONPATH": str(world.overlay)})
        subprocess.run(command, shell=True, env=environment, cwd=world.cwd, check=False, timeout=30)
        assert (world.cwd / "seen").read_text() == "set-by-the-hook", redirection
        (world.cwd / "seen").unlink()


@pytest.mark.parametrize("version", ["3.12", "3.15"])
def test_somebody_elses_start_file(hosts: Hosts, wheel: Path, tmp_path: Path, version: str) -> None:
    """The diagnosis names a `.start` file (PEP 829) where one is there, on a Python that reads it."""
    if not interpreters.find(version):
        pytest.skip(f"no Python {version} on this machine")
    host = hosts.fresh(tmp_path / "environment", python=version)
    uv("pip", "install", "--quiet", "--python", host.python, wheel)
    start, pth = host.site / "prefect_preflight.start", host.site / FILE

    def activation() -> dict[str, Any]:
        found: dict[str, Any] = host.run(["-m", "plugins_diag", "--format", "json"]).json["activation"]
        return found

    assert [file["path"] for file in activation()["startup_files"]] == [str(pth)]
    start.write_text("_prefect_preflight:environ.copy\n")
    reads = version == "3.15"
    found = activation()
    assert [file["kind"] for file in found["startup_files"]] == ["pth", *(["start"] if reads else [])], found
    assert (found["state"], found["by"]) == ("active", str(start if reads else pth)), found
