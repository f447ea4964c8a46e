"""`PREFECT_PREFLIGHT_REPORT_DIR`: what processes leave there, and how they find their parents."""

from __future__ import annotations

import json
import os
import stat
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

import standin
from hosts import IS_WINDOWS
from prefect_preflight._command_line.reports import reading
from snippets import ENABLED, hook, returning

if TYPE_CHECKING:
    from pathlib import Path

    from hosts import Host
    from worlds import World

pytestmark = pytest.mark.core

DIRECTORY = "PREFECT_PREFLIGHT_REPORT_DIR"
SECRET = "sesame-9f8e7d6c5b4a"
NO_PERMISSIONS = IS_WINDOWS or not hasattr(os, "geteuid")


EXPIRING = """
import sys
from datetime import datetime, timedelta, timezone
sys.runs = getattr(sys, "runs", 0) + 1
expires_at = datetime.now(timezone.utc) + timedelta(seconds=-5 if sys.runs == 1 else 3600)
if os.environ.get("BREAK"):
    raise OSError("no more")
return SetupResult({"A": str(sys.runs)}, expires_at=expires_at, required=True)
"""
"""The body of a hook whose first values have expired, and whose second ones have not."""


@pytest.fixture
def toy(bare: Host, tmp_path: Path) -> World:
    """A world with the toy Prefect."""
    from worlds import World

    world = World.create(bare, tmp_path / "world")
    standin.install(world)
    return world


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Where the children write; it does not exist yet."""
    return tmp_path / "reports"


def read(directory: Path) -> list[dict[str, Any]]:
    """The reports in a directory, in the order of their writing."""
    assert not [path for path in directory.iterdir() if path.suffix != ".json"]
    return sorted((json.loads(path.read_text()) for path in directory.iterdir()), key=lambda data: data["written"])


class TestWriting:
    """What a process writes."""

    def test_off_by_default(self, toy: World, tmp_path: Path) -> None:
        """Without the variable, or with an empty one, nothing is written and children get no id."""
        toy.plugin("acme", returning("A"))
        program = """
            import os, sys, prefect
            print([name for name in os.environ if "REPORT" in name], "prefect_preflight._reports.file" in sys.modules)
        """
        for value, names in ((None, []), ("", [DIRECTORY])):
            result = toy.run(program, env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR=value)
            assert result.stdout == f"{names} False\n"
        assert not list(toy.cwd.iterdir())

    def test_content(self, world: World, each_prefect: Host, reports: Path) -> None:
        """The file says who the process was and what happened in it, redacted."""
        world.plugin("acme", returning("A", MY_TOKEN=SECRET))
        began = time.time()
        result = world.run(
            "import os, prefect; print(os.getpid())", env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR=str(reports)
        )
        (data,) = read(reports)
        assert (data["format"], data["pid"], data["ppid"]) == (1, int(result.stdout), os.getpid())
        assert (data["program"], data["parent"]) == ("python -c", None)
        assert began - 1 < data["started"] <= data["written"] < time.time() + 1
        assert data["report"]["outcome"] == "success"
        assert data["report"]["plugins"][0]["environment"] == {"A": "A", "MY_TOKEN": "••••••"}
        assert SECRET not in "".join(path.read_text() for path in reports.iterdir())

    @pytest.mark.skipif(NO_PERMISSIONS, reason="there are no such permissions")
    def test_permissions(self, toy: World, reports: Path) -> None:
        """A new directory and the files are their owner's alone, also under a generous umask."""
        toy.run(
            "import os; os.umask(0); import prefect", env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR=str(reports)
        )
        (file,) = reports.iterdir()
        assert stat.S_IMODE(reports.stat().st_mode) == 0o700
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    @pytest.mark.skipif(NO_PERMISSIONS, reason="there are no such permissions")
    def test_an_existing_directory_keeps_its_mode(self, toy: World, reports: Path) -> None:
        """Whoever made the directory decides who may list it."""
        reports.mkdir(mode=0o755)
        toy.run("import prefect", env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR=str(reports))
        assert stat.S_IMODE(reports.stat().st_mode) == 0o755 and len(read(reports)) == 1

    def test_relative_directory(self, toy: World) -> None:
        """A relative directory is the same one for children with another working directory."""
        program = """
            import os, subprocess, sys, prefect
            os.mkdir("elsewhere")
            subprocess.run([sys.executable, "-c", "import prefect"], cwd="elsewhere", check=True)
        """
        toy.run(program, env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR="reports")
        assert len(read(toy.cwd / "reports")) == 2

    def test_home(self, toy: World) -> None:
        """`~` is the home directory, as nobody expands it in a container's configuration."""
        toy.run("import prefect", env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR="~/reports")
        assert len(read(toy.home / "reports")) == 1

    @pytest.mark.parametrize("place", ["file", "file/below"])
    def test_it_cannot_be_written(self, toy: World, tmp_path: Path, place: str) -> None:
        """A failure is one line on stderr: Prefect loads, and the environment is set."""
        toy.plugin("acme", returning("A"))
        (tmp_path / "file").write_text("")
        program = "import prefect, os; print(os.environ['A'])"
        result = toy.run(program, env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR=str(tmp_path / place))
        assert result.stdout == "A\n"
        assert result.stderr.startswith(f"prefect-preflight: the report was not written to {DIRECTORY}, ")
        assert result.stderr.count("\n") == 1

    def test_a_full_disk_leaves_nothing(self, toy: World, reports: Path) -> None:
        """What cannot be written as a whole is not there at all."""
        pytest.importorskip("resource")
        program = """
            import os, resource, signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
            import prefect
            print("loaded")
        """
        result = toy.run(program, env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR=str(reports))
        assert result.stdout == "loaded\n" and "File too large" in result.stderr
        assert not list(reports.iterdir())

    def test_a_strict_exit_is_written(self, toy: World, reports: Path) -> None:
        """The process that strict mode ends is the one that somebody will ask about."""
        toy.plugin("acme", hook(f'raise OSError("no {SECRET}")', before=f'os.environ["A_TOKEN"] = "{SECRET}"'))
        result = toy.run(
            "import prefect", env=ENABLED, PREFECT_PLUGINS_STRICT="1", PREFECT_PREFLIGHT_REPORT_DIR=str(reports)
        )
        assert result.returncode == 1
        (data,) = read(reports)
        assert data["report"]["outcome"] == "strict-exit" and "required plugin 'acme'" in data["report"]["reason"]

    @pytest.mark.parametrize(
        "variables",
        [
            {"PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": f"x-{SECRET}", "MY_TOKEN": SECRET},
            {"PREFECT_PLUGINS_REQUIRED": "missing"},
        ],
        ids=["a bad setting", "a missing plugin"],
    )
    def test_a_strict_exit_before_any_plugin_is_written(
        self, toy: World, reports: Path, variables: dict[str, str]
    ) -> None:
        """Strict mode says the same in the report as on stderr, also where it lets no plugin run."""
        result = toy.run(
            "import prefect",
            env={**ENABLED, **variables},
            PREFECT_PLUGINS_STRICT="1",
            PREFECT_PREFLIGHT_REPORT_DIR=str(reports),
        )
        assert result.returncode == 1
        (data,) = read(reports)
        assert data["report"]["outcome"] == "strict-exit"
        assert data["report"]["reason"] == result.stderr.strip()

    def test_after_a_refusal_the_next_import_tells_its_own_story(self, toy: World, reports: Path) -> None:
        """A program that survives the exit and corrects the setting has one report: the last one."""
        toy.plugin("acme", returning("A"))
        program = """
            import os
            try:
                import prefect
            except SystemExit:
                os.environ["PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS"] = "5"
            import prefect, prefect_preflight
            print(os.environ["A"], prefect_preflight.last_report().outcome)
        """
        variables = {"PREFECT_PLUGINS_STRICT": "1", "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "x"}
        result = toy.run(program, env={**ENABLED, **variables}, check=True, PREFECT_PREFLIGHT_REPORT_DIR=str(reports))
        assert result.stdout == "A success\n"
        assert [data["report"]["outcome"] for data in read(reports)] == ["success"]

    def test_a_refresh_is_written(self, toy: World, reports: Path) -> None:
        """The report of a process is that of its latest run; children before and after are the same process'."""
        toy.plugin("acme", hook(EXPIRING))
        program = """
            import subprocess, sys, os, json, prefect, prefect_preflight
            child = [sys.executable, "-c", "import prefect"]
            subprocess.run(child, check=True)
            before = os.listdir(os.environ["PREFECT_PREFLIGHT_REPORT_DIR"])
            prefect_preflight.refresh()
            subprocess.run(child, check=True)
            prefect_preflight.refresh()  # nothing has expired
            print(len(before), os.environ["A"])
        """
        result = toy.run(program, env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR=str(reports))
        assert result.stdout == "2 2\n"
        tree = reading.read(str(reports))
        assert [process.depth for process in tree.processes] == [0, 1, 1]
        data = json.loads((reports / tree.processes[0].file).read_text())
        assert data["started"] <= data["written"]
        assert data["report"]["plugins"][0]["expires_at"] > datetime.now(timezone.utc).isoformat()

    def test_a_failed_refresh_is_written(self, toy: World, reports: Path) -> None:
        """A process that `refresh` ends in strict mode says so in its report."""
        toy.plugin("acme", hook(EXPIRING.replace("-5", "1")))
        program = """
            import os, time, prefect, prefect_preflight
            os.environ["BREAK"] = "1"
            time.sleep(1)
            prefect_preflight.refresh()
        """
        result = toy.run(program, env=ENABLED, PREFECT_PLUGINS_STRICT="1", PREFECT_PREFLIGHT_REPORT_DIR=str(reports))
        assert result.returncode == 1, str(result)
        (data,) = read(reports)
        assert data["report"]["outcome"] == "strict-exit" and "no more" in data["report"]["reason"]

    @pytest.mark.skipif(IS_WINDOWS, reason="there is no fork")
    def test_a_refresh_in_a_forked_child(self, toy: World, reports: Path) -> None:
        """A forked child writes a report of its own, and leaves its parent's as it is."""
        toy.plugin("acme", hook(EXPIRING))
        program = """
            import os, prefect, prefect_preflight
            if not os.fork():
                prefect_preflight.refresh()
                os._exit(0)
            os.wait()
        """
        toy.run(program, env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR=str(reports))
        parent, child = reading.read(str(reports)).processes
        assert (child.depth, child.parent, child.ppid) == (1, parent.id, parent.pid)

    def test_a_broken_prefect_is_written(self, bare: Host, tmp_path: Path, reports: Path) -> None:
        """So is an import that Prefect itself did not survive, and its error is not ours to change."""
        from worlds import World

        world = World.create(bare, tmp_path / "world")
        standin.install(world, body="raise RuntimeError('broken')")
        result = world.run("import prefect", env=ENABLED, PREFECT_PREFLIGHT_REPORT_DIR=str(reports))
        assert "RuntimeError: broken" in result.stderr
        assert [data["report"]["outcome"] for data in read(reports)] == ["interrupted"]


class TestTree:
    """Processes and those that they start."""

    CHILD = "import prefect"

    def outline(self, reports: Path) -> list[tuple[int, str, str]]:
        """Depth, program and outcome of each process of the tree, in its order."""
        tree = reading.read(str(reports))
        assert not tree.unreadable
        return [(process.depth, process.program, process.outcome) for process in tree.processes]

    def test_children(self, toy: World, reports: Path) -> None:
        """Children and grandchildren are found, in the order in which they ran."""
        (toy.cwd / "middle.py").write_text(
            "import subprocess, sys, prefect\nsubprocess.run([sys.executable, '-c', 'import prefect'], check=True)\n"
        )
        program = """
            import subprocess, sys, prefect
            subprocess.run([sys.executable, "middle.py"], check=True)
            subprocess.run([sys.executable, "-m", "prefect.flows"], check=True)
        """
        toy.run(program, env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR=str(reports))
        module = "python -m prefect.flows" if toy.run("import sys; sys.orig_argv").returncode == 0 else "python -m"
        assert self.outline(reports) == [
            (0, "python -c", "success"),
            (1, "middle.py", "success"),
            (2, "python -c", "success"),
            (1, module, "success"),
        ]

    def test_multiprocessing(self, toy: World, reports: Path) -> None:
        """The children of a spawn pool are found, and told apart from other commands."""
        (toy.cwd / "pool.py").write_text(
            "import multiprocessing, prefect\n"
            "def work(n):\n    import prefect\n    return n\n"
            "if __name__ == '__main__':\n"
            "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
            "        assert pool.map(work, [1]) == [1]\n"
        )
        toy.run(["pool.py"], env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR=str(reports))
        (_, parent, _), (depth, child, _) = self.outline(reports)
        assert (parent, depth) == ("pool.py", 1) and child.endswith("pool.py (SpawnPoolWorker-1)")

    @pytest.mark.skipif(IS_WINDOWS, reason="there is no such thing as exec")
    def test_another_program_in_the_same_process(self, toy: World, reports: Path) -> None:
        """A process that becomes another program, as Prefect's workers do, is the child of what it was."""
        program = "import os, sys, prefect; os.execv(sys.executable, [sys.executable, '-c', 'import prefect'])"
        toy.run(program, env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR=str(reports))
        first, second = read(reports)
        assert first["pid"] == second["pid"]
        assert [depth for depth, _, _ in self.outline(reports)] == [0, 1]

    def test_started_by_a_hook(self, toy: World, reports: Path) -> None:
        """A process that a hook starts is the child of the process whose hook it was, and not of that one's parent."""
        toy.plugin(
            "acme", hook("import subprocess\nsubprocess.run([sys.executable, '-c', 'import prefect'], check=True)")
        )
        program = """
            import subprocess, sys, prefect
            subprocess.run([sys.executable, "-c", "import prefect"], check=True)
        """
        toy.run(program, env=ENABLED, check=True, PREFECT_PREFLIGHT_REPORT_DIR=str(reports))
        assert [(depth, outcome) for depth, _, outcome in self.outline(reports)] == [
            (0, "success"),
            (1, "inside-hook"),
            (1, "success"),
            (2, "inside-hook"),
        ]
