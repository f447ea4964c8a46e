"""`prefect-preflight new`: a project that passes its own tests, nothing overwritten, names that cannot be used."""

from __future__ import annotations

import ast
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from hosts import IS_WINDOWS, Host, Hosts, uv
from prefect_preflight._command_line.main import main
from prefect_preflight._command_line.new import contents

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from worlds import World

pytestmark = pytest.mark.core


def new(*arguments: str | Path) -> Result:
    """Runs the command in this process."""
    return CliRunner().invoke(main, ["new", *map(str, arguments)])


def read(directory: Path) -> dict[str, str]:
    """The files of a directory."""
    return {
        path.relative_to(directory).as_posix(): path.read_text(encoding="utf-8")
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_it_passes_its_own_tests(tmp_path: Path, wheel: Path, hosts: Hosts) -> None:
    """Installed into a fresh environment as its README says, a project's tests pass, with warnings as errors."""
    names = ["acme-credentials", "Acme.Secrets_2"]
    for name in names:
        assert new(name, "--directory", tmp_path).exit_code == 0
    environment = hosts.fresh(tmp_path / "environment")
    projects = [part for name in names for part in ("-e", tmp_path / name)]
    uv("pip", "install", "--quiet", "--python", environment.python, wheel, "pytest", *projects)
    for name in names:
        result = environment.run(["-W", "error", "-m", "pytest", "-p", "no:cacheprovider"], cwd=tmp_path / name)
        assert result.returncode == 0 and "4 passed" in result.stdout, str(result)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Acme.Taken", "Acme.Taken 0.1.0 is installed in this environment"),
        ("other-name", "acme-taken 0.1.0 has a plugin 'Other_Name' in this environment"),
        ("acme-module", "a module 'acme_module' is there already"),
        ("click", "click "),
    ],
)
def test_a_name_that_is_taken(world: World, name: str, says: str) -> None:
    """By a distribution, a plugin or a module in this environment: it is refused, with who has it and a way out."""
    world.plugin("acme-taken", "", entry_points={"Other_Name": "acme_taken"}, extra_files={"acme_module.py": ""})
    result = world.run((str(world.host.bin / "prefect-preflight"), "new", name))
    assert result.returncode == 2 and says in " ".join(result.stderr.split()), result
    assert f"take another name, such as '{name}-plugin'" in " ".join(result.stderr.split())
    assert not list(world.cwd.iterdir())


def test_its_tests_can_fail(tmp_path: Path, hosts: Hosts) -> None:
    """Where the project is importable and not installed, its tests say that the entry point is missing."""
    project = tmp_path / "acme-credentials"
    assert new("acme-credentials", "--directory", tmp_path).exit_code == 0
    result = hosts("pytest>=8.3").run(
        ["-m", "pytest", "-p", "no:cacheprovider"], cwd=project, env={"PYTHONPATH": str(project / "src")}
    )
    assert result.returncode == 1 and "not installed: pip install -e ." in result.stdout, str(result)
    assert "3 passed" in result.stdout


def test_the_files(tmp_path: Path) -> None:
    """The files are those that are listed, complete, and nothing is left of the templates."""
    result = new("acme-credentials", "--directory", tmp_path)
    found = read(tmp_path / "acme-credentials")
    assert found == contents("acme-credentials")
    assert sorted(found) == [
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "src/acme_credentials/__init__.py",
        "src/acme_credentials/py.typed",
        "tests/test_acme_credentials.py",
    ]
    assert "$" not in "".join(found.values())
    for path, text in found.items():
        assert str(tmp_path / "acme-credentials" / path) in result.output
        if path.endswith(".py"):
            assert ast.get_docstring(ast.parse(text))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Where anything of that name exists, the command says so and leaves it alone."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "mine.txt").write_text("mine")
    (tmp_path / "acme-file").write_text("mine")
    for name in ("acme", "acme-file"):
        result = new(name, "--directory", tmp_path)
        assert result.exit_code == 1
        assert f"{tmp_path / name} exists; it is left as it is" in result.output
    assert read(tmp_path) == {"acme/mine.txt": "mine", "acme-file": "mine"}


@pytest.mark.skipif(IS_WINDOWS, reason="directories have no such permissions there")
def test_it_cannot_be_written(bare: Host, tmp_path: Path) -> None:
    """A failure is one line, and nothing is left; here a directory that is a file."""
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [str(bare.bin / "prefect-preflight"), "new", "acme", "--directory", str(tmp_path / "file" / "below")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: cannot write ") and done.stderr.count("\n") == 1
    assert read(tmp_path) == {"file": ""}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("1acme", "begin with a letter"),
        ("acme-", "end with a letter or a digit"),
        ("acme credentials", "no name for a package"),
        ("../acme", "no name for a package"),
        ("acme\n", "no name for a package"),
        ("ácme", "ASCII"),
        ("", "no name for a package"),
        ("a" * 101, "100 characters at most"),
        ("class", "a keyword of Python"),
        ("Prefect", "would be hidden; take another name, such as 'Prefect-plugin'"),
        ("prefect.preflight", "would be hidden"),
        ("sys", "would be hidden"),
        ("tests", "would be hidden"),
    ],
)
def test_bad_names(tmp_path: Path, name: str, reason: str) -> None:
    """A name that cannot be used is a wrong command line, with the reason, and nothing is written."""
    result = new("--directory", tmp_path, "--", name)
    assert result.exit_code == 2
    assert reason in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())
