"""The product at work, on a machine without an AWS account: ``python -m nox -s demo``.

A plugin assumes an AWS role before Prefect loads. Nothing in the flow knows of it, and yet the flow and
the child process that it starts act as that role. STS is played by moto, on a free port of the loopback
interface. Then hooks that hang, and strict mode, beside the same programs with Prefect's own plugin system.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).resolve().parent
ROLE = "arn:aws:iam::123456789012:role/PrefectRole"
ASSUMED = "identity     arn:aws:sts::123456789012:assumed-role/PrefectRole/"
HEALTH_SECONDS = 30
QUIET_SECONDS = 3  # of a child, after which we say what it is doing

PLUGIN_SETTINGS = {
    "PREFECT_PLUGINS_ENABLED": "1",
    "PREFECT_AWS_SETUP_ROLE_ARN": ROLE,
    "AWS_REGION": "us-west-2",
}


def main() -> int:
    """Shows each step with its real output. Returns 0 if both processes of the flow had the role, else 1."""
    heading("An STS server on this machine", "moto plays it; no AWS account is involved. Starting it …")
    with tempfile.TemporaryDirectory() as home, sts_server() as url:
        base = base_environment(home, url)
        print(f"It answers at {url}.", flush=True)

        heading("Without the plugin", "A script that imports Prefect has the machine's own identity.")
        run(["whoami.py"], base, "Python compiles Prefect, which is imported for the first time")

        heading(
            "With the plugin: a real flow, and a child process of it",
            "The same import assumes a role first. The flow's code does nothing about credentials.",
            *(f"{name}={value}" for name, value in PLUGIN_SETTINGS.items()),
        )
        output = run(
            ["flow.py"], {**base, **PLUGIN_SETTINGS}, "Prefect starts a server of its own and makes its database"
        )

        heading("What ran, and what it set", "Secrets are redacted.")
        run(["-m", "plugins_diag"], {**base, **PLUGIN_SETTINGS}, "Prefect is imported")

        heading(
            "Hooks that hang, and strict mode, beside Prefect's own plugin system",
            f"What the same program prints, and when. The deadline is {side_by_side.DEADLINE} s.",
            "Running each of four programs twice: half a minute …",
        )
        found = side_by_side.compare(base, Path(home, "plugins"))
        print(f"\n{side_by_side.table(found)}", flush=True)
        strict = found[2][1][side_by_side.OURS].stderr.strip()
        print(f"What strict mode says:\n{textwrap.fill(strict, 78, break_long_words=False)}", flush=True)

    succeeded = output.count(ASSUMED) == 2 and side_by_side.kept(found)
    success = "Both processes of the flow acted as the role, and no hook held up an import."
    heading(success if succeeded else "FAILED: see above.")
    return 0 if succeeded else 1


def base_environment(home: str, url: str) -> dict[str, str]:
    """Returns an environment that knows our STS and an identity to start from, and nothing of the user's."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return {
        **kept,
        "HOME": home,
        "USERPROFILE": home,
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PREFECT_HOME": str(Path(home, "prefect")),
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",  # the first start compiles and sets up a database
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
        "AWS_ENDPOINT_URL_STS": url,
    }


@contextlib.contextmanager
def sts_server() -> Iterator[str]:
    """Runs moto's server while the block runs, and gives its address."""
    command = [sys.executable, str(HERE / "sts_server.py")]
    # stderr, where moto logs its requests, is of interest only if it does not come up.
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        assert server.stdin is not None and server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            if not url or not healthy(url):
                log.seek(0)
                raise RuntimeError(f"moto's server does not answer:\n{log.read()}")
            yield url
        finally:
            server.stdin.close()  # its sign to stop
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(timeout=10)
            server.kill()


def healthy(url: str) -> bool:
    """Returns whether the server answers within `HEALTH_SECONDS`."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy would not reach loopback
    deadline = time.monotonic() + HEALTH_SECONDS
    while time.monotonic() < deadline:
        try:
            with opener.open(f"{url}/moto-api/", timeout=5) as answer:
                if answer.status == 200:
                    return True
        except OSError:
            time.sleep(0.2)
    return False


def heading(title: str, *lines: str) -> None:
    """Prints a heading and what there is to say under it."""
    print(f"\n{title}\n{'─' * len(title)}", *lines, sep="\n", flush=True)


def run(args: list[str], environment: Mapping[str, str], doing: str) -> str:
    """Runs Python on ``args``, shows its output as it comes, indented, and returns it.

    Args:
        args: The arguments of ``python``.
        environment: The child's environment.
        doing: What it does while it says nothing.

    Raises:
        SystemExit: Its own exit status was not 0; the demo ends with 1.
    """
    print(f"\n$ python {' '.join(args)}", flush=True)
    command = [sys.executable, *args]
    lines = []
    with subprocess.Popen(
        command,
        cwd=HERE,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as child:
        assert child.stdout is not None
        ended = threading.Event()
        threading.Thread(target=tell_while_quiet, args=(doing, lines, ended), daemon=True).start()
        for line in child.stdout:
            print(f"    {line.rstrip()}".rstrip(), flush=True)
            lines.append(line)
        ended.set()
    if child.returncode:
        sys.exit(f"\nFAILED: exit status {child.returncode}")
    return "".join(lines)


def tell_while_quiet(doing: str, lines: list[str], ended: threading.Event) -> None:
    """Says what a child is doing, each time that no line has come for `QUIET_SECONDS`."""
    started = time.monotonic()
    seen = len(lines)
    while not ended.wait(QUIET_SECONDS):
        if len(lines) == seen:
            print(f"    … {doing} ({time.monotonic() - started:.0f} s)", flush=True)
        seen = len(lines)


if __name__ == "__main__":
    sys.exit(main())
