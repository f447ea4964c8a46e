"""Runs `inside/sts_server.py`: an STS on a free port of the loopback interface."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

from counting import INSIDE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hosts import Host


@contextlib.contextmanager
def serving(host: Host, directory: Path, *arguments: str) -> Iterator[str]:
    """Runs it with these arguments while the block runs, what it says in a file of ``directory``; gives its address."""
    errors = directory / "sts.stderr"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [host.python, str(INSIDE / "sts_server.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=host.environment({"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}),
        ) as server,
    ):
        assert server.stdin is not None and server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            assert url, errors.read_text()
            yield url
        finally:
            server.stdin.close()  # its sign to stop
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
