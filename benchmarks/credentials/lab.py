"""What all scenarios stand on: the fronts, a Prefect server, an environment for each row, and the processes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from benchmarks.credentials.rows import PROFILE, RENEWAL, Row
from benchmarks.environments import write_distribution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent.parent
INSIDE = Path(__file__).resolve().parent / "inside"
FRONT = ROOT / "tests" / "processes" / "inside" / "sts_server.py"
ROLE = "arn:aws:iam::123456789012:role/PrefectRole"
CONFIG = """[profile base]
aws_access_key_id = base
aws_secret_access_key = base
"""
EXAMPLE, SILENT = "aws_setup", "silent_setup"
"""The plugins' names; the second is its module's, too."""
READY_SECONDS = 120.0
BUSY_SECONDS = 30.0
SPACING = 1.5  # seconds between two starts: the import of Prefect takes a processor for two


class Lab:
    """A directory in which everything happens, and what runs in it.

    Args:
        directory: for logs, reports and homes.
        lease: how long keys live, in seconds.
    """

    def __init__(self, directory: Path, lease: int) -> None:
        self.directory = directory
        self.lease = lease
        self.faults: list[str] = []
        """What went wrong with the lab itself."""
        self.api = ""
        self._turn = threading.Lock()
        self._fronts: dict[bool, str] = {}
        self._silent = directory / "silent"  # where the plugin that tells no expiry is installed

    @contextlib.contextmanager
    def open(self, rows: Sequence[Row], with_server: bool) -> Iterator[None]:
        """Has the fronts run that the rows need, and a Prefect server."""
        write_distribution(self._silent, SILENT, f"{SILENT} = {SILENT}")
        shutil.copy(INSIDE / f"{SILENT}.py", self._silent)
        with contextlib.ExitStack() as stack:
            for trusts in sorted({row.trusts_itself for row in rows}):
                self._fronts[trusts] = stack.enter_context(self._front(trusts))
            if with_server:
                variables = {**self._plain("server"), "PREFECT_PLUGINS_ENABLED": "0"}
                self.api = stack.enter_context(self.serving("server", variables))
            yield

    def environment(self, row: Row) -> dict[str, str]:
        """Returns the environment of a row's processes: small, and nothing of the user's."""
        base = (
            {"AWS_CONFIG_FILE": str(self._config()), "PREFECT_AWS_SETUP_PROFILE": "base"}
            if row.base == PROFILE
            else {"AWS_ACCESS_KEY_ID": "base", "AWS_SECRET_ACCESS_KEY": "base"}
        )
        return {
            **self._plain(row.name),
            **self.own(row),
            **base,
            **({"PREFECT_AWS_SETUP_INHERIT": "1"} if row.inherit else {}),
            **({"PREFECT_PREFLIGHT_RENEW": "1"} if row.fresh == RENEWAL else {}),
            **({"PREFECT_API_URL": self.api} if self.api else {}),
            **({"PREFECT_PREFLIGHT_DISABLE": "1"} if row.native else {}),
            "PREFECT_PLUGINS_ENABLED": "1",
            "PREFECT_PLUGINS_ALLOW": SILENT if row.silent else EXAMPLE,
            "PYTHONPATH": str(self._silent),
            "PREFECT_AWS_SETUP_ROLE_ARN": ROLE,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self._fronts[row.trusts_itself],
        }

    def own(self, row: Row) -> dict[str, str]:
        """Returns the variables by which a row's requests and reports are told from others'."""
        return {
            "AWS_SDK_UA_APP_ID": row.name,
            "PREFECT_PREFLIGHT_REPORT_DIR": str(self.directory / "reports" / row.name),
            "LAB_REQUESTS": str(self.requests(row)),
        }

    def requests(self, row: Row) -> Path:
        """Returns where the applications of a row write what came of their requests."""
        return self.directory / f"{row.name}.requests"

    def front_logs(self) -> list[Path]:
        """Returns the logs of the fronts."""
        return sorted(self.directory.glob("front-*.jsonl"))

    @contextlib.contextmanager
    def running(self, name: str, args: Sequence[str], variables: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
        """Runs Python on ``args`` until the block ends, with its output in a file; ends it and its children."""
        directory = self.directory / "cwd" / name
        directory.mkdir(parents=True, exist_ok=True)
        with self._turn:
            time.sleep(SPACING)
            with open(self.output(name), "w") as output:
                child = _start(args, variables, directory, output)
        try:
            yield child
        finally:
            _end(child)

    def run(self, name: str, args: Sequence[str], variables: Mapping[str, str], seconds: float) -> None:
        """Runs Python on ``args`` to its end; it is a fault of the lab if that fails or takes too long."""
        with self.running(name, args, variables) as child:
            try:
                status = child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.faults.append(f"{name}: still there after {seconds:g} s")
                return
        if status:
            self.faults.append(f"{name}: exit status {status}; its last words: {self.output(name).read_text()[-500:]}")

    def output(self, name: str) -> Path:
        """Returns the file with what a process has printed."""
        return self.directory / f"{name}.output"

    @contextlib.contextmanager
    def serving(self, name: str, variables: Mapping[str, str]) -> Iterator[str]:
        """Runs a Prefect server; gives the address of its API."""
        port = _free_port()
        args = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        with self.running(name, args, variables) as child:
            api = f"http://127.0.0.1:{port}/api"
            if not _healthy(f"{api}/health", child):
                raise RuntimeError(f"{name} does not answer:\n{self.output(name).read_text()}")
            yield api

    def call(self, path: str, data: Mapping[str, Any] | None = None) -> Any:
        """Asks the Prefect server's API: GET without data, else POST."""
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.api + path, body, {"Content-Type": "application/json"})
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                with _opener().open(request, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                # SQLite is locked, which Prefect's own clients meet by asking again, too.
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def plain(self, name: str) -> dict[str, str]:
        """Returns an environment in which plugins are off, for what the lab itself does with Prefect."""
        return {**self._plain(name), "PREFECT_PLUGINS_ENABLED": "0", "PREFECT_API_URL": self.api}

    def _plain(self, name: str) -> dict[str, str]:
        home = self.directory / "homes" / name
        home.mkdir(parents=True, exist_ok=True)
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "DO_NOT_TRACK": "1",
        }

    def _config(self) -> Path:
        file = self.directory / "aws-config"
        if not file.exists():
            file.write_text(CONFIG)
        return file

    @contextlib.contextmanager
    def _front(self, trusts_itself: bool) -> Iterator[str]:
        name = "front-trusting" if trusts_itself else "front"
        log, json_log = self.directory / f"{name}.log", self.directory / f"front-{int(trusts_itself)}.jsonl"
        json_log.touch()
        options = ["--json-log", str(json_log), "--lease", str(self.lease)]
        command = [sys.executable, str(FRONT), str(log), *options, *(["--trusts-itself"] if trusts_itself else [])]
        variables = {**self._plain(name), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
        with (
            open(self.output(name), "w") as errors,
            subprocess.Popen(
                command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as front,
        ):
            assert front.stdin is not None and front.stdout is not None
            try:
                url = front.stdout.readline().strip()
                if not url:
                    raise RuntimeError(f"{name} does not start:\n{self.output(name).read_text()}")
                yield url
            finally:
                front.stdin.close()  # its sign to stop
                with contextlib.suppress(subprocess.TimeoutExpired):
                    front.wait(10)
                front.kill()


def _start(args: Sequence[str], variables: Mapping[str, str], cwd: Path, output: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *args],
        env=dict(variables),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        text=True,
        start_new_session=True,  # so that it can be ended with all that it has started
    )


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(20)
    if sys.platform != "win32":  # where it has no process group
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy would not reach loopback


def _healthy(url: str, child: subprocess.Popen[str]) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        try:
            with _opener().open(url, timeout=5) as answer:
                if answer.status == 200:
                    return True
        except OSError:
            time.sleep(0.3)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
