"""`prefect-preflight reports DIR`: the tree of processes that is made of a directory, whatever lies in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from prefect_preflight._command_line.main import main
from prefect_preflight._command_line.reports import reading

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

pytestmark = pytest.mark.core


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Where the children write; it does not exist yet."""
    return tmp_path / "reports"


def command(*arguments: str | Path, **variables: str | None) -> Result:
    """Runs `prefect-preflight reports` in this process."""
    return CliRunner(env=variables).invoke(main, ["reports", *map(str, arguments)])


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


def words(result: Result) -> str:
    """The output on one line, wherever it was wrapped."""
    return " ".join(result.output.split())


def test_text(reports: Path) -> None:
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
    title, _, rest = result.output.partition("\n\n")
    assert " ".join(title.split()) == f"3 processes in {reports}, 1 failed"
    assert rest == (
        "2027-01-15 UTC\n"
        "  08:00:00 /opt/worker.py (pid 1000): success in 0.25 s (1 success)\n"
        "    08:00:00 /opt/early.py (pid 1001): success, no plugins\n"
        "    08:00:00 /opt/engine.py (pid 1002): failures in 20.01 s (1 success, 1\n"
        "             timed-out)\n"
        "             vault timed-out: it was still running when the 20 s that all\n"
        "               plugins share were over\n"
    )


def test_a_strict_exit_says_once_why(reports: Path) -> None:
    """The reason of the exit has the required plugin's error already; the other plugins' errors stand below it."""
    plugins = [{"name": name, "status": "failed", "error": {"message": f"{name} broke"}} for name in ("db", "etc")]
    reason = "[plugins] required plugin 'db' failed: db broke"
    write(reports, document("x", report={"outcome": "strict-exit", "reason": reason, "plugins": plugins}))
    assert command(reports).output.endswith(
        "ended by strict mode in 0.25 s (2 failed)\n"
        "           [plugins] required plugin 'db' failed: db broke\n"
        "           etc failed: etc broke\n"
    )


def test_json(reports: Path) -> None:
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
    assert [(plugin["name"], plugin["status"]) for plugin in data["processes"][0]["plugins"]] == [("acme", "success")]


def test_the_variable_is_the_default(reports: Path) -> None:
    """Where processes write is where the command looks."""
    write(reports, document("worker"))
    assert "1 process in" in command(PREFECT_PREFLIGHT_REPORT_DIR=str(reports)).output
    assert command(PREFECT_PREFLIGHT_REPORT_DIR=None).exit_code == 2


def test_reused_process_ids(reports: Path) -> None:
    """Two processes with the same ID, one after the other, keep their own children."""
    later: dict[str, Any] = {"started": 1_800_090_000.0, "written": 1_800_090_000.5}
    write(
        reports,
        document("first", pid=1000),
        document("second", pid=1000, **later),
        document("child-of-second", "second", pid=1001, ppid=1000, **later),
        document("child-of-first", "first", pid=1001, ppid=1000, started=1_800_050_000.0, written=1_800_050_001.0),
    )
    tree = reading.read(str(reports))
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
def test_broken_files(reports: Path, content: bytes, reason: str) -> None:
    """A file that is no report is named with the reason, and hides no other."""
    write(reports, document("good"))
    (reports / "broken.json").write_bytes(content)
    result = command(reports)
    assert result.exit_code == 1
    assert "/opt/good.py (pid 1000): success" in result.output
    assert "Not readable: 1 file\n  broken.json: " in result.output and reason in result.output


def test_other_files(reports: Path) -> None:
    """Files of others, files that are being written, and directories do no harm."""
    write(reports, document("good"))
    (reports / "notes.txt").write_text("mine")
    (reports / ".0123.tmp").write_text('{"half')
    (reports / "directory.json").mkdir()
    result = command(reports)
    assert "notes" not in result.output and "0123" not in result.output
    assert "directory.json: it is no file" in result.output


def test_circles(reports: Path) -> None:
    """Forged reports that are one another's ancestors are all shown, once."""
    write(reports, document("a", "b", pid=1), document("b", "a", pid=2), document("c", "c", pid=3))
    assert sorted(process.id for process in reading.read(str(reports)).processes) == ["a", "b", "c"]


def test_a_long_chain(reports: Path) -> None:
    """Thousands of generations are shown, in lines that can still be read."""
    ids = [f"p{number:05}" for number in range(1200)]
    write(reports, *(document(one, parent, pid=n + 2) for n, (one, parent) in enumerate(zip(ids, [None, *ids]))))
    tree = reading.read(str(reports))
    assert [process.depth for process in tree.processes] == list(range(1200))
    assert command(reports, "--format", "json").exit_code == 0
    _, *lines = command(reports).output.splitlines()  # the first names the directory, however long its path is
    assert len(lines) >= 1200 and max(map(len, lines)) <= 120


def test_control_characters(reports: Path) -> None:
    """What a file holds cannot move a terminal's cursor or add lines."""
    write(reports, document("x", program="\x1b[2Jevil\nline"))
    assert "\\x1b[2Jevil\\nline (pid" in command(reports).output


def test_no_directory(tmp_path: Path) -> None:
    """A directory that is not there is one line and the status 2."""
    result = command(tmp_path / "missing")
    assert result.exit_code == 2
    assert f"cannot read '{tmp_path / 'missing'}'" in result.output and result.output.count("\n") == 1


def test_an_empty_directory(reports: Path) -> None:
    """No process has written anything: that is healthy."""
    reports.mkdir()
    result = command(reports)
    assert (result.exit_code, words(result)) == (0, f"0 processes in {reports}, none failed")


def test_many_machines(reports: Path) -> None:
    """Process IDs are those of a machine; the tree says on which, and one may be asked for."""
    write(
        reports,
        document("one", machine="node-1", pid=7),
        document("two", machine="node-2", pid=7),
        document("child", None, machine="node-2", pid=8, ppid=7, started=1_800_000_000.1, written=1_800_000_000.4),
        document("older-version", pid=9),
    )
    tree = reading.read(str(reports))
    assert tree.machines == ("node-1", "node-2")
    assert {process.id: process.parent for process in tree.processes}["child"] == "two"
    result = command(reports)
    assert words(result).startswith(f"4 processes of 2 machines in {reports}, none failed")
    assert "/opt/one.py (pid 7 on node-1)" in result.output and "/opt/older-version.py (pid 9)" in result.output
    result = command(reports, "--machine", "node-1")
    assert words(result).startswith("1 process in ") and "/opt/one.py (pid 7)" in result.output
