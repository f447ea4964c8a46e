"""`prefect-preflight run -- COMMAND`: activation where Python reads no `.pth` file, in COMMAND and its children."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING

import pytest

from hosts import uv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hosts import Host, Hosts
    from worlds import World

PLUGIN = """
import os
from prefect_preflight import SetupResult, register_hook

@register_hook
def setup_environment(*, ctx):
    return SetupResult(env={"TOKEN": "set-by-the-hook"})
"""

LOOK = "import os, prefect; print(os.environ.get('TOKEN'), os.environ.get('OTHER'))"
TREE = f"""
    import subprocess, sys
    code = {LOOK!r}
    subprocess.run([sys.executable, "-c", code], check=True)
    subprocess.run([sys.executable, "-c", "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])",
                    code], check=True)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written for POSIX systems")


@pytest.fixture(scope="session")
def without_us(hosts: Hosts, new_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """A copy of the newest Prefect's host from which the project was uninstalled."""
    directory = tmp_path_factory.mktemp("host") / "environment"
    shutil.copytree(new_host.directory, directory, symlinks=True)
    host = type(new_host)(directory, new_host.home)
    uv("pip", "uninstall", "--quiet", "--python", host.python, "prefect-preflight", "importlib-metadata")
    return host


@pytest.fixture(scope="session")
def target(new_host: Host, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``pip install --target`` makes of the wheel and what it needs."""
    directory = tmp_path_factory.mktemp("target") / "packages"
    uv("pip", "install", "--quiet", "--python", new_host.python, "--target", directory, wheel)
    return directory


@pytest.fixture(scope="session")
def archive(target: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a zip archive."""
    path = tmp_path_factory.mktemp("archive") / "packages.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(target.rglob("*")):
            if "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(target))
    return path


@pytest.fixture(params=["target", "archive"])
def place(request: pytest.FixtureRequest) -> Path:
    """Where the packages lie: a directory, or a zip archive."""
    path: Path = request.getfixturevalue(request.param)
    return path


@pytest.fixture
def outside(without_us: Host, new_world: Callable[[Host], World], place: Path) -> World:
    """A world whose path has the packages, but no site directory has them."""
    world = new_world(without_us)
    world.plugin("my-plugin", PLUGIN)
    return world


def path(world: World, place: Path, *more: Path) -> dict[str, str]:
    """The environment with plugins on, and on the path the plugins, the packages, and more."""
    entries = os.pathsep.join(map(str, [*more, world.overlay, place]))
    return {"PREFECT_PLUGINS_ENABLED": "1", "PYTHONPATH": entries}


RUN = ["-m", "plugins_diag.run_command"]


def test_without_it_no_hook_runs(outside: World, place: Path) -> None:
    """The premise: nothing activates the hook there, so a plain Python has no variable of the plugin's."""
    result = outside.run(
        "import os, sys, prefect_preflight; assert prefect_preflight not in sys.meta_path", env=path(outside, place)
    )
    assert result.returncode == 0, str(result)


def test_command_and_its_children(outside: World, place: Path) -> None:
    """The command's process, its children and theirs see the plugin's environment."""
    result = outside.run([*RUN, "--", outside.host.python, "-c", LOOK], env=path(outside, place))
    assert result.stdout == "set-by-the-hook None\n", str(result)
    code = "\n".join(line[4:] for line in TREE.splitlines())
    result = outside.run([*RUN, outside.host.python, "-c", code], env=path(outside, place))
    assert result.stdout == "set-by-the-hook None\n" * 2, str(result)
    assert result.stderr == ""


def test_another_sitecustomize_still_runs(outside: World, place: Path, tmp_path: Path) -> None:
    """The `sitecustomize` that would have been found is executed, once, and is what `sys.modules` has."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nos.environ['OTHER'] = os.environ.get('OTHER', '') + 'x'\nNAME = __name__\n"
    )
    code = "import sys; print(sys.modules['sitecustomize'].__file__, sys.modules['sitecustomize'].NAME)\n" + LOOK
    result = outside.run([*RUN, outside.host.python, "-c", code], env=path(outside, place, tmp_path))
    # Twice: in the command that becomes the other one, and in that.
    assert result.stdout == f"{tmp_path / 'sitecustomize.py'} sitecustomize\nset-by-the-hook xx\n", str(result)


def test_an_error_in_another_sitecustomize_is_its_own(outside: World, place: Path, tmp_path: Path) -> None:
    """It is shown as Python shows it without us, and the hook is active all the same."""
    (tmp_path / "sitecustomize.py").write_text("import a_module_that_is_not_there\n")
    variables = path(outside, place, tmp_path)
    result = outside.run([*RUN, outside.host.python, "-c", LOOK], env=variables)
    without = outside.run("pass", env=variables)
    assert result.stdout == "set-by-the-hook None\n", str(result)
    assert "a_module_that_is_not_there" in without.stderr
    assert result.stderr == without.stderr * 2, str(result)


def test_no_sitecustomize_beside_ours(outside: World, place: Path) -> None:
    """Without another one ours stays in `sys.modules`, as any `sitecustomize` does."""
    code = "import sitecustomize; print(sitecustomize.__file__)"
    result = outside.run([*RUN, outside.host.python, "-c", code], env=path(outside, place))
    assert result.stdout.startswith(str(place)) and result.stderr == "", str(result)


def test_twice_is_once(outside: World, place: Path) -> None:
    """The command within the command changes nothing."""
    code = "import os; print(os.environ['PYTHONPATH'].count('activation_path'))\n" + LOOK
    python = outside.host.python
    result = outside.run([*RUN, python, *RUN, python, "-c", code], env=path(outside, place))
    assert result.stdout == "1\nset-by-the-hook None\n", str(result)


def test_kill_switch(outside: World, place: Path) -> None:
    """`PREFECT_PREFLIGHT_DISABLE` is respected."""
    variables = {**path(outside, place), "PREFECT_PREFLIGHT_DISABLE": "1", "PREFECT_PLUGINS_ENABLED": "0"}
    result = outside.run([*RUN, outside.host.python, "-c", LOOK], env=variables)
    assert result.stdout == "None None\n", str(result)


def test_worker_of_prefect_keeps_it(outside: World, place: Path) -> None:
    """Our entry stays first on `sys.path` and in PYTHONPATH, from which Prefect's worker computes a child's path."""
    code = "import os, sys; first = os.environ['PYTHONPATH'].split(os.pathsep)[0]; print(sys.path.index(first))"
    result = outside.run([*RUN, outside.host.python, "-c", code], env=path(outside, place))
    assert result.stdout == "1\n", str(result)  # 0 is the directory of the program, here that of `-c`


def test_another_environments_python(
    new_host: Host, without_us: Host, new_world: Callable[[Host], World], tmp_path: Path
) -> None:
    """The console script of one environment activates the hook in a Python of another one, which does not have it."""
    world = new_world(without_us)
    world.plugin("my-plugin", PLUGIN)
    script = new_host.bin / "prefect-preflight"
    result = subprocess.run(
        [script, "run", "--", world.host.python, "-c", LOOK + "; import importlib_metadata"],
        env=world.host.environment({"PYTHONPATH": str(world.overlay), "PREFECT_PLUGINS_ENABLED": "1"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "set-by-the-hook None\n"), result


@pytest.mark.parametrize("status", [0, 1, 3, 255])
def test_exit_status(new_host: Host, status: int) -> None:
    """The command's exit status is ours."""
    assert new_host.run([*RUN, "sh", "-c", f"exit {status}"]).returncode == status


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        (["no-such-command"], 127, "there is no command 'no-such-command'"),
        (["/"], 126, "cannot run '/'"),
        ([], 2, "COMMAND"),
        (["--nonsense"], 127, "--nonsense"),
    ],
)
def test_commands_that_do_not_start(new_host: Host, command: list[str], status: int, words: str) -> None:
    """Exit statuses as the shell has them, and a line that names the command."""
    result = new_host.run([*RUN, *command])
    assert result.returncode == status and words in result.stderr and result.stdout == "", str(result)
    assert "Traceback" not in result.stderr


def test_arguments_arrive_as_they_are(new_host: Host) -> None:
    """Options of the command are the command's, those that look like ours too, and empty ones."""
    arguments = ["--help", "-h", "--", "", "a b", "--run", "ü"]
    result = new_host.run([*RUN, "--", "printf", "%s\\n", *arguments])
    assert result.stdout.split("\n")[:-1] == arguments, str(result)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_command(new_host: Host, number: signal.Signals) -> None:
    """The command has our process ID, so a signal reaches it, and its end by a signal is seen as such."""
    code = (
        "import os, signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: (signal.signal({int(number)}, signal.SIG_DFL), "
        f"os.write(1, b'caught'), os.kill(os.getpid(), {int(number)})))\n"
        "os.write(1, f'{os.getpid()} '.encode())\n"
        "time.sleep(30)\n"
    )
    with new_host.start([*RUN, new_host.python, "-c", code]) as child:
        assert child.stdout is not None
        pid = b""
        descriptor = child.stdout.fileno()
        deadline = time.monotonic() + 30
        while not pid.endswith(b" ") and time.monotonic() < deadline:
            pid += os.read(descriptor, 1)
        child.send_signal(number)
        output, _ = child.communicate(timeout=30)
    assert int(pid) == child.pid
    assert output == "caught"
    assert child.returncode == -number


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux's /proc")
def test_ignored_signals_are_not_left_behind(new_host: Host) -> None:
    """Python ignores SIGPIPE; the command starts with it as the shell would start it."""
    show = ["grep", "SigIgn", "/proc/self/status"]
    plain = subprocess.run(show, capture_output=True, text=True, check=True, restore_signals=True).stdout
    assert new_host.run([*RUN, *show]).stdout == plain


def test_nothing_is_written(new_host: Host, tmp_path: Path) -> None:
    """No temporary directory is made, so none is left, and what outlives the command loses nothing."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    result = new_host.run([*RUN, new_host.python, "-c", "import prefect_preflight"], env={"TMPDIR": str(temporary)})
    assert result.returncode == 0, str(result)
    assert list(temporary.iterdir()) == []
