"""The specification's examples, taken from its text and run as plugins, word for word.

The text is not part of this project: the tests run where it lies beside the checkout. The other test modules
have plugins of the same shapes.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import http.server
import re
import sys
import threading
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosts import ROOT
from prefect_preflight import HookContext, SetupResult
from snippets import IMPORT_AND_TELL, Told, told
from toys import AWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hosts import Host, Hosts
    from worlds import World

TEXT = ROOT.parent / "shared" / "reference" / "prefect-plugin-system.txt"

pytestmark = [
    pytest.mark.core,
    pytest.mark.skipif(not TEXT.is_file(), reason=f"the specification does not lie at {TEXT}"),
]

LEGACY = {"PREFECT_EXPERIMENTS_PLUGINS_ENABLED": "1"}


def examples(text: str) -> list[str]:
    """Returns the specification's Python examples: from a first import on, the longest run of lines that parses."""
    lines = text.splitlines()
    found, index = [], 0
    while index < len(lines):
        if re.match(r"(from \S+ import |# \w+/__init__\.py)", lines[index]):
            code = _longest(lines[index:])
            found.append(code)
            index += len(code.splitlines())
        else:
            index += 1
    return found


def _longest(lines: list[str]) -> str:
    for end in range(len(lines), 0, -1):
        code = "\n".join(lines[:end])
        with contextlib.suppress(SyntaxError):
            body = ast.parse(code).body
            # A heading of one word parses as well.
            while isinstance(body[-1], ast.Expr) and isinstance(body[-1].value, ast.Name):
                code = "\n".join(code.splitlines()[: body.pop().lineno - 1])
            return code.rstrip() + "\n"
    raise AssertionError(lines[0])


@pytest.fixture(scope="module")
def text() -> str:
    """The specification."""
    return TEXT.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def example(text: str) -> Callable[[str], str]:
    """Finds the one example that contains the given words."""

    def find(words: str) -> str:
        (code,) = [code for code in examples(text) if words in code]
        return code

    return find


def test_all_examples_are_found(text: str) -> None:
    """The specification has eight Python examples, and no hook stands outside them."""
    found = examples(text)
    assert len(found) == 8
    assert sum(code.count("@register_hook") for code in found) == text.count("@register_hook\n")


def run(world: World, **variables: str) -> Told:
    """Runs a child with plugins enabled by the specification's own variable."""
    return told(world.run(IMPORT_AND_TELL, env={**LEGACY, **variables}))


def test_the_minimal_plugin(world: World, each_prefect: Host, example: Callable[[str], str]) -> None:
    """The first example, with credentials to fetch, sets its two variables before Prefect loads."""
    credentials = "\n\nimport types\ndef fetch_credentials():\n    return types.SimpleNamespace(token='sesame')\n"
    world.plugin("my-plugin", example("# my_plugin/__init__.py") + credentials)
    program = "import prefect, os; print(os.environ['MY_SERVICE_TOKEN'])"
    assert world.run(program, env=LEGACY, check=True).stdout == "sesame\n"
    found = run(world)
    assert found.env["MY_SERVICE_URL"] == "https://api.example.com"
    plugin = found.plugins["my_plugin"]
    assert (plugin["status"], plugin["stage"], plugin["required"]) == ("success", "early", True)
    assert plugin["note"] == "Configured my-service credentials"
    assert plugin["environment"]["MY_SERVICE_TOKEN"] == "••••••"
    (line,) = found.lines
    assert line.endswith("| prefect.my-plugin | INFO: Configured credentials")


def test_the_minimal_plugin_to_the_letter(world: World, each_prefect: Host, example: Callable[[str], str]) -> None:
    """As it stands its `fetch_credentials` gives None: that is the plugin's error, logged, and Prefect loads."""
    world.plugin("my-plugin", example("# my_plugin/__init__.py"))
    found = run(world)
    assert found.statuses == {"my_plugin": "failed"}
    (line,) = found.lines_with("ERROR")
    assert line.endswith("Plugin my_plugin failed: AttributeError: 'NoneType' object has no attribute 'token'")


def test_the_minimal_plugins_metadata(text: str) -> None:
    """The entry point that the specification shows is the one that the tests here give a plugin."""
    assert '[project.entry-points."prefect.plugins"]\nmy_plugin = "my_plugin"' in text


@pytest.mark.parametrize("needed", [True, False])
def test_the_function_plugin(world: World, each_prefect: Host, example: Callable[[str], str], needed: bool) -> None:
    """The example of the hook specification sets its variable, or returns None and changes nothing."""
    world.plugin("my-plugin", example("should_configure()") + f"\ndef should_configure():\n    return {needed}\n")
    found = run(world)
    plugin = found.plugins["my_plugin"]
    assert plugin["status"] == "success", found.result
    assert found.env.get("KEY") == ("value" if needed else None)
    assert plugin["note"] == ("Short description" if needed else None)
    version = found.report["prefect"]["version"]
    assert found.lines[0].endswith(f"| prefect.my-plugin | INFO: Running with Prefect {version}")


def test_the_class_plugin(world: World, each_prefect: Host, example: Callable[[str], str]) -> None:
    """The example of an instance, named `my_plugin:Plugin`."""
    world.plugin("my-plugin", example("class MyPlugin"), entry_points={"my-plugin": "my_plugin:Plugin"})
    found = run(world)
    assert found.statuses == {"my-plugin": "success"}, found.result
    assert found.env["KEY"] == "value" and found.lines == ()


def test_the_data_classes(example: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`HookContext` and `SetupResult` begin with the fields that the specification lists, its defaults included."""
    for words, ours in (("class HookContext", HookContext), ("class SetupResult", SetupResult)):
        module = types.ModuleType("specification")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        # Its annotations are of Python 3.10.
        exec(compile("from __future__ import annotations\n" + example(words), words, "exec"), vars(module))
        theirs = dataclasses.fields(getattr(module, words.split()[1]))
        pairs = list(zip(theirs, dataclasses.fields(ours)))
        assert [(one.name, one.default) for one, _ in pairs] == [(other.name, other.default) for _, other in pairs]
        assert len(pairs) == len(theirs)


def test_the_sync_and_the_async_plugin(world: World, each_prefect: Host, example: Callable[[str], str]) -> None:
    """Both hooks of the example on async support run; in one module, as it stands, the second one is the module's."""
    code = example("await fetch_data()")
    fetch = "\n\nasync def fetch_data():\n    return 'fetched'\n"
    world.plugin("both", code + fetch)
    sync = code.partition("# Asynchronous plugin")[0]
    world.plugin("sync", sync)
    found = run(world)
    assert found.statuses == {"both": "success", "sync": "success"}
    assert found.plugins["both"]["environment"]["KEY"] == found.plugins["sync"]["environment"]["KEY"] == "••••••" or (
        found.plugins["both"]["environment"] and found.env["KEY"] == "value"
    )
    alone = told(world.run(IMPORT_AND_TELL, env=LEGACY, PREFECT_EXPERIMENTS_PLUGINS_DENY="sync"))
    assert alone.env["KEY"] == "fetched"


def test_the_version_requirement(world: World, each_prefect: Host, example: Callable[[str], str]) -> None:
    """The example on versions, module level and a class: it runs, and a higher version in its place is fenced out."""
    code = example("# At module level in your plugin")
    world.plugin("fitting", code, entry_points={"fitting": "fitting:Plugin"})
    world.plugin("my-plugin", code.replace(">=0.1,<1", ">=1.0"), entry_points={"my-plugin": "my_plugin:Plugin"})
    world.plugin("invalid", code.replace(">=0.1,<1", "not-valid"), entry_points={"invalid": "invalid:Plugin"})
    found = run(world, PREFECT_LOGGING_LEVEL="DEBUG")
    assert found.statuses == {"fitting": "success", "invalid": "success", "my-plugin": "incompatible"}
    assert found.plugins["fitting"]["api_requirement"] == ">=0.1,<1"


def test_the_log_lines_on_versions(world: World, each_prefect: Host, text: str) -> None:
    """Both log lines that the specification shows appear word for word, level included."""
    for words in ("Skipping plugin my-plugin", "Plugin my-plugin has invalid"):
        (expected,) = [line for line in text.splitlines() if words in line]
        requires = re.search(r"version (>=\S+),|'(\S+)'", expected)
        assert requires is not None
        plugin = world.plugin(
            "my-plugin",
            f"PREFECT_PLUGIN_API_REQUIRES = {requires[1] or requires[2]!r}\n"
            "from prefect.plugins import register_hook\n@register_hook\ndef setup_environment(*, ctx): return None\n",
            entry_points={"my-plugin": "my_plugin"},
        )
        found = run(world, PREFECT_LOGGING_LEVEL="DEBUG")
        assert len([line for line in found.lines if line.endswith(f"| {expected}")]) == 1, found.result
        plugin.uninstall()


STS = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>the-secret</SecretAccessKey>
<SessionToken>the-session</SessionToken><Expiration>2040-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"""


@pytest.fixture
def sts() -> Iterator[tuple[str, list[bytes]]]:
    """A server on a free port of this machine that answers as AWS's STS does, and the requests that it got."""
    requests: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.end_headers()
            self.wfile.write(STS.encode())

        def log_message(self, *args: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()


@pytest.fixture
def aws_world(hosts: Hosts, each_prefect: Host, new_world: Callable[[Host], World]) -> World:
    """A world with botocore beside Prefect, on the host of the tests of prefect-aws."""
    name = "old" if "3.9" in Path(each_prefect.site).parent.name else "new"
    requirements, python, _ = AWS[name]
    return new_world(hosts(*requirements, python=python))


def test_the_aws_plugin(
    aws_world: World, sts: tuple[str, list[bytes]], example: Callable[[str], str], text: str
) -> None:
    """The complete AWS example, with the real botocore: one request, four variables, three of them redacted."""
    url, requests = sts
    aws_world.plugin(
        "prefect-aws-setup",
        example("# prefect_aws_setup/__init__.py"),
        entry_points={"aws_setup": "prefect_aws_setup"},
    )
    variables = {
        "PREFECT_EXPERIMENTS_PLUGINS_ALLOW": "aws-setup",
        "PREFECT_AWS_SETUP_ROLE_ARN": "arn:aws:iam::123456789012:role/PrefectRole",
        "AWS_REGION": "us-west-2",
        "AWS_ENDPOINT_URL_STS": url,
        "AWS_ACCESS_KEY_ID": "before",
        "AWS_SECRET_ACCESS_KEY": "before",
    }
    found = run(aws_world, **variables)
    assert found.lines == () and len(requests) == 1 and b"PrefectRole" in requests[0]
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION")
    assert [found.env[name] for name in names] == ["ASIAEXAMPLE", "the-secret", "the-session", "us-west-2"]
    plugin = found.plugins["aws_setup"]
    assert (plugin["status"], plugin["stage"]) == ("success", "early")
    shown = [line.strip() for line in text.splitlines() if line.strip().partition("=")[0] in names and "•" in line]
    assert [f"{name}={plugin['environment'][name]}" for name in names] == [*shown, "AWS_REGION=us-west-2"]
    assert plugin["note"] == "Assumed role PrefectRole"

    silent = run(aws_world, PREFECT_EXPERIMENTS_PLUGINS_ALLOW="aws-setup")
    assert silent.statuses["aws_setup"] == "success" and silent.lines == () and len(requests) == 1

    variables.update(AWS_ENDPOINT_URL_STS="http://127.0.0.1:1", PREFECT_AWS_SETUP_REQUIRED="1", AWS_MAX_ATTEMPTS="1")
    result = aws_world.run("import prefect", env={**LEGACY, **variables}, PREFECT_EXPERIMENTS_PLUGINS_STRICT="1")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("[plugins] required plugin 'aws_setup' failed: ")
