"""`PREFECT_PREFLIGHT_REPORT_DIR`: what processes leave there, and what `prefect-preflight reports` makes of it."""

from __future__ import annotations

import json
import os
import stat
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from hosts import IS_WINDOWS
from plugins_diag import report_tree
from plugins_diag.cli import main
from snippets import ENABLED, hook, returning
from toys import install_toy_prefect

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from hosts import Host
    from worlds import World

pytestmark = pytest.mark.core

DIRECTORY = "PREFECT_PREFLIGHT_REPORT_DIR"
SECRET = "sesame-9f8e7d6c5b4a"
NO_PERMISSIONS = IS_WINDOWS or not hasattr(os, "geteuid")


@pytest.fixture
def toy(bare: Host, tmp_path: Path) -> World:
    """A world with the toy Prefect."""
    from worlds import World

    world = World.create(bare, tmp_path / "world")
    install_toy_prefect(world)
    return world


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Where the children write; it does not exist yet."""
    return tmp_path / "reports"


def read(directory: Path) -> list[dict[str, Any]]:
    """The reports in a directory, in the order of their writing."""
    assert not [path for path in directory.iterdir() if path.suffix != ".json"]
    return sorted((json.loads(path.read_text()) for path in directory.iterdir()), key=lambda data: data["written"])


def command(*arguments: str | Path, **variables: str | None) -> Result:
    """Runs `prefect-preflight reports` in this process."""
    return CliRunner(env=variables).invoke(main, ["reports", *map(str, arguments)])


class TestWriting:
    """What a process writes."""

    def test_off_by_default(self, toy: World, tmp_path: Path) -> None:
        """Without the variable, or with an empty one, nothing is written and children get no id."""
        toy.plugin("acme", returning("A"))
        program = """
            import os, sys, prefect
            print([name for name in os.environ if "REPORT" in name], "prefect_preflight._report_file" in sys.modules)
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

    def test_a_broken_prefect_is_written(self, bare: Host, tmp_path: Path, reports: Path) -> None:
        """So is an import that Prefect itself did not survive, and its error is not ours to change."""
        from worlds import World

        world = World.create(bare, tmp_path / "world")
        install_toy_prefect(world, "raise RuntimeError('broken')")
        result = world.run("import prefect", env=ENABLED, PREFECT_PREFLIGHT_REPORT_DIR=str(reports))
        assert "RuntimeError: broken" in result.stderr
        assert [data["report"]["outcome"] for data in read(reports)] == ["interrupted"]


class TestTree:
    """Processes and those that they start."""

    CHILD = "import prefect"

    def outline(self, reports: Path) -> list[tuple[int, str, str]]:
        """Depth, program and outcome of each process of the tree, in its order."""
        tree = report_tree.read(str(reports))
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


def document(identity: str, parent: str | None = None, **changes: Any) -> dict[str, Any]:
    """A report file's data."""
    plugin = {"name": "acme", "status": "success", "error": None}
    report = {"outcome": "success", "reason": None, "seconds": 0.25, "plugins": [plugin]}
    return {
        "format": 1,
        "id": identity,
        "parent": parent,
        "pid": 1000,
        "ppid": 1,
        "program": f"/opt/{identity}.py",
        "started": 1_800_000_000.0,
        "written": 1_800_000_000.5,
        "report": {**report, **changes.pop("report", {})},
        **changes,
    }


def write(directory: Path, *documents: dict[str, Any]) -> None:
    """Writes report files."""
    directory.mkdir(exist_ok=True)
    for number, data in enumerate(documents):
        (directory / f"{number:04}.json").write_text(json.dumps(data))


class TestReading:
    """What is made of a directory, whatever lies in it."""

    def test_text(self, reports: Path) -> None:
        """Processes are indented below those that started them; failures say why."""
        error = {"message": "it was still running when the 20 s that all plugins share were over"}
        plugins = [{"name": "vault", "status": "timed-out", "error": error}, *document("x")["report"]["plugins"]]
        failing = {"outcome": "failures", "seconds": 20.01, "plugins": plugins}
        write(
            reports,
            document("worker"),
            document("engine", "worker", pid=1002, written=1_800_000_002.0, report=failing),
            document("early", "worker", pid=1001, written=1_800_000_001.0, report={"plugins": [], "seconds": None}),
        )
        result = command(reports)
        assert result.exit_code == 1
        assert result.output == (
            f"3 processes in {reports}, 1 failed\n"
            "\n"
            "2027-01-15 UTC\n"
            "  08:00:00 /opt/worker.py (pid 1000): success in 0.25 s (1 success)\n"
            "    08:00:00 /opt/early.py (pid 1001): success, no plugins\n"
            "    08:00:00 /opt/engine.py (pid 1002): failures in 20.01 s (1 success, 1\n"
            "             timed-out)\n"
            "             vault timed-out: it was still running when the 20 s that all\n"
            "               plugins share were over\n"
        )

    def test_json(self, reports: Path) -> None:
        """The same as data: a flat list in the tree's order, with depths."""
        write(reports, document("worker"), document("engine", "worker", pid=1001))
        result = command(reports, "--format", "json")
        data = json.loads(result.stdout)
        assert result.exit_code == 0
        assert (data["schema_version"], data["directory"], data["healthy"]) == (1, str(reports), True)
        assert [(one["id"], one["parent"], one["depth"]) for one in data["processes"]] == [
            ("worker", None, 0),
            ("engine", "worker", 1),
        ]
        assert data["processes"][0]["plugins"] == [{"name": "acme", "status": "success", "error": None}]

    def test_the_variable_is_the_default(self, reports: Path) -> None:
        """Where processes write is where the command looks."""
        write(reports, document("worker"))
        assert "1 process in" in command(PREFECT_PREFLIGHT_REPORT_DIR=str(reports)).output
        assert command(PREFECT_PREFLIGHT_REPORT_DIR=None).exit_code == 2

    def test_reused_process_ids(self, reports: Path) -> None:
        """Two processes with the same ID, one after the other, keep their own children."""
        later: dict[str, Any] = {"started": 1_800_090_000.0, "written": 1_800_090_000.5}
        write(
            reports,
            document("first", pid=1000),
            document("second", pid=1000, **later),
            document("child-of-second", "second", pid=1001, ppid=1000, **later),
            document("child-of-first", "first", pid=1001, ppid=1000, started=1_800_050_000.0, written=1_800_050_001.0),
        )
        tree = report_tree.read(str(reports))
        assert [(process.id, process.parent) for process in tree.processes] == [
            ("first", None),
            ("child-of-first", "first"),
            ("second", None),
            ("child-of-second", "second"),
        ]

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "no JSON"),
            (b'{"format": 1, "id": "', "no JSON"),
            (b"\xff\xfe", "no JSON"),
            (b"[" * 100_000, "no JSON"),
            (b"[]", "'format' is missing"),
            (b"null", "'format' is missing"),
            (json.dumps(document("x", format=2)).encode(), "its format is 2"),
            (json.dumps(document("x", pid="1")).encode(), "'pid' is missing or wrong"),
            (json.dumps(document("x", pid=True)).encode(), "'pid' is missing or wrong"),
            (json.dumps(document("x", started=float("nan"))).encode(), "'started' is no time"),
            (json.dumps(document("x", started=1e300)).encode(), "'started' is no time"),
            (json.dumps(document("x", started=10**400)).encode(), "is no time"),
            (json.dumps(document("x", report={"plugins": [1]})).encode(), "'name' is missing or wrong"),
            (json.dumps(document("good")).encode(), "a copy of 0000.json"),
        ],
    )
    def test_broken_files(self, reports: Path, content: bytes, reason: str) -> None:
        """A file that is no report is named with the reason, and hides no other."""
        write(reports, document("good"))
        (reports / "broken.json").write_bytes(content)
        result = command(reports)
        assert result.exit_code == 1
        assert "/opt/good.py (pid 1000): success" in result.output
        assert "Not readable: 1 file\n  broken.json: " in result.output and reason in result.output

    def test_other_files(self, reports: Path) -> None:
        """Files of others, files that are being written, and directories do no harm."""
        write(reports, document("good"))
        (reports / "notes.txt").write_text("mine")
        (reports / ".0123.tmp").write_text('{"half')
        (reports / "directory.json").mkdir()
        result = command(reports)
        assert "notes" not in result.output and "0123" not in result.output
        assert "directory.json: it is no file" in result.output

    def test_circles(self, reports: Path) -> None:
        """Forged reports that are one another's ancestors are all shown, once."""
        write(reports, document("a", "b", pid=1), document("b", "a", pid=2), document("c", "c", pid=3))
        assert sorted(process.id for process in report_tree.read(str(reports)).processes) == ["a", "b", "c"]

    def test_a_long_chain(self, reports: Path) -> None:
        """Thousands of generations are shown, in lines that can still be read."""
        ids = [f"p{number:05}" for number in range(1200)]
        write(reports, *(document(one, parent, pid=n + 2) for n, (one, parent) in enumerate(zip(ids, [None, *ids]))))
        tree = report_tree.read(str(reports))
        assert [process.depth for process in tree.processes] == list(range(1200))
        assert command(reports, "--format", "json").exit_code == 0
        assert max(map(len, command(reports).output.splitlines())) <= 120

    def test_control_characters(self, reports: Path) -> None:
        """What a file holds cannot move a terminal's cursor or add lines."""
        write(reports, document("x", program="\x1b[2Jevil\nline"))
        assert "\\x1b[2Jevil\\nline (pid" in command(reports).output

    def test_no_directory(self, tmp_path: Path) -> None:
        """A directory that is not there is one line and the status 2."""
        result = command(tmp_path / "missing")
        assert result.exit_code == 2
        assert f"cannot read '{tmp_path / 'missing'}'" in result.output and result.output.count("\n") == 1

    def test_an_empty_directory(self, reports: Path) -> None:
        """No process has written anything: that is healthy."""
        reports.mkdir()
        result = command(reports)
        assert (result.exit_code, result.output) == (0, f"0 processes in {reports}, none failed\n")
