"""What GitHub runs and shows agrees with the rest of the project: its Pythons, its sessions, its address.

Whether the files are what GitHub takes is checked by `nox -s lint`, with GitHub's own schemas.
"""

from __future__ import annotations

import ast
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from markdown_it import MarkdownIt

import interpreters
from hosts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted(GITHUB.glob("workflows/*.yml"))}
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md")


def sessions(job: dict[str, Any]) -> Iterator[str]:
    """The names after `nox -s` in a job, once for each value of the matrix."""
    matrix = job.get("strategy", {}).get("matrix", {})
    for step in job["steps"]:
        _, found, rest = step.get("run", "").partition("nox -s ")
        words = shlex.split(rest) if found else []
        for word in words[: words.index("--") if "--" in words else None]:
            named, dollar, variable = word.partition("$")
            if dollar:
                key = step["env"][variable].strip("${} ").removeprefix("matrix.")
                yield from (named + value for value in matrix.get(key) or [each[key] for each in matrix["include"]])
            else:
                yield word


def run_by(workflow: str) -> set[str]:
    """All the sessions that a workflow runs."""
    return {name for job in WORKFLOWS[workflow]["jobs"].values() for name in sessions(job)}


def in_the_noxfile() -> set[str]:
    """The names of the sessions; the core's are made in a loop, with a Python's version in each."""
    text = (ROOT / "noxfile.py").read_text("utf-8")
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    marks = {node.name: [ast.unparse(mark) for mark in node.decorator_list] for node in functions}
    assert text.count('name=f"core-{version}"') == 1
    cores = {f"core-{version}" for version in interpreters.VERSIONS}
    return cores | {name for name, found in marks.items() if any(mark.startswith("nox.session") for mark in found)}


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_a_workflow_has_the_supported_pythons(name: str) -> None:
    """It installs those of `interpreters.VERSIONS`, and its matrix, if it has one, goes through all of them."""
    workflow = WORKFLOWS[name]
    assert tuple(workflow["env"]["PYTHONS"].split()) == interpreters.VERSIONS
    matrices = [job.get("strategy", {}).get("matrix", {}) for job in workflow["jobs"].values()]
    assert {tuple(matrix["python"]) for matrix in matrices if "python" in matrix} <= {interpreters.VERSIONS}


def test_ci_runs_the_core_on_each_python_and_system() -> None:
    """Three systems, each supported Python, on the wheel that another job has built once."""
    job = WORKFLOWS["ci"]["jobs"]["core"]
    systems = {system.partition("-")[0] for system in job["strategy"]["matrix"]["system"]}
    assert systems == {"ubuntu", "macos", "windows"}
    assert set(sessions(job)) == {f"core-{version}" for version in interpreters.VERSIONS}
    assert (job["needs"], job["env"]["PREFLIGHT_WHEEL"]) == ("build", "dist")


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_a_workflow_runs_sessions_that_there_are(name: str) -> None:
    """A session that is renamed is renamed there too."""
    assert len(run_by(name)) > 2
    assert run_by(name) - in_the_noxfile() == set()


def test_ci_runs_what_the_projects_own_check_runs() -> None:
    """`.ci/run` and the workflow cannot drift apart."""
    own = re.findall(r"^run (.+?)(?: --.*)?$", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    wanted = {session for line in own for session in line.split()}
    assert {"lint", "tests", "compat"} <= wanted  # the expression above still finds them
    assert wanted - run_by("ci") == set()


def test_the_project_has_one_address() -> None:
    """Whatever leads to the repository leads where pyproject.toml says that it is."""
    pages = [ROOT / name for name in (*PAGES, "CHANGELOG.md", "pyproject.toml")]
    pages += [*GITHUB.rglob("*.yml"), *GITHUB.rglob("*.md"), *(ROOT / "docs").glob("*.md")]
    text = "\n".join(page.read_text("utf-8") for page in pages)
    addresses = re.findall(r"https://github\.com/[\w-]+/prefect-preflight\b", text)
    assert len(addresses) > 8
    assert set(addresses) == {re.search(r'^Source = "(.+)"$', text, re.MULTILINE)[1]}


@pytest.mark.parametrize("name", PAGES)
def test_a_pages_links_lead_to_files_of_the_repository(name: str) -> None:
    """The documentation's own links are checked when the site is built; these pages are no part of it."""
    tokens = MarkdownIt().parse((ROOT / name).read_text("utf-8"))
    links = [child.attrGet("href") for token in tokens for child in token.children or () if child.type == "link_open"]
    local = [link.partition("#")[0] for link in links if not link.startswith("https://")]
    assert local
    assert [link for link in local if not (ROOT / link).is_file()] == []
