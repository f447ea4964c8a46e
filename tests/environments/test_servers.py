"""Servers, workers and schedulers that import Prefect, the newest one, in what they start."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from commands import RUNS
from conftest import AS_EARLY, bench_on, pins

from hosts import NEW, unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Bench

    from hosts import Host, Hosts
    from worlds import World

TASKS = """
import os
from celery import Celery

for name in ("queue", "control", "results"):
    os.makedirs(name, exist_ok=True)
app = Celery("tasks", broker="filesystem://", backend="file://" + os.path.abspath("results"))
app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}

@app.task(name="look")
def look():
    import app as application
    return application.look()

if __name__ == "__main__":
    print(look.delay().get(timeout=60))
"""
SCHEDULE = """
import multiprocessing, time
from concurrent.futures import Future
from apscheduler.events import EVENT_JOB_EXECUTED
from apscheduler.executors.pool import ProcessPoolExecutor, ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from app import look

def looked_at(executor):
    result = Future()
    scheduler = BackgroundScheduler(executors={"default": executor})
    scheduler.add_listener(lambda event: result.set_result(event.retval), EVENT_JOB_EXECUTED)
    scheduler.start()
    scheduler.add_job(look)
    found = result.result(60)
    scheduler.shutdown()
    return found

if __name__ == "__main__":
    contexts = map(multiprocessing.get_context, ("spawn", "forkserver", "fork"))
    executors = [ProcessPoolExecutor(1, pool_kwargs={"mp_context": context}) for context in contexts]
    print([looked_at(executor) for executor in [*executors, ThreadPoolExecutor(1)]])
"""


def test_gunicorn(bench: Bench) -> None:
    """Each worker imports Prefect in its first request."""
    assert bench.served("gunicorn") == AS_EARLY


def test_gunicorn_preload(bench: Bench) -> None:
    """Prefect is imported before the workers are forked."""
    assert bench.served("gunicorn_preload") == AS_EARLY


def test_uwsgi(bench: Bench) -> None:
    """A worker of uWSGI, without threads, imports Prefect in a request."""
    assert bench.served("uwsgi") == AS_EARLY


def test_uwsgi_early(bench: Bench) -> None:
    """The same, imported before uWSGI forks its workers."""
    assert bench.served("uwsgi_early") == AS_EARLY


def test_mod_wsgi(hosts: Hosts, new_world: Callable[[Host], World]) -> None:
    """Apache with mod_wsgi, in its daemon processes."""
    host = hosts(*NEW.requirements, *pins("mod_wsgi-standalone"), python="3.12")
    assert bench_on(host, new_world).served("mod_wsgi", as_somebody(host)) == AS_EARLY


def as_somebody(host: Host) -> str:
    """What to put before a command that does not serve as root, where the tests run as root: nothing elsewhere."""
    if os.geteuid() != 0:
        return ""
    if not shutil.which("setpriv"):
        unavailable("the tests run as root, and there is no setpriv to become somebody else")
    # Somebody else may not read root's Python.
    may = "+dac_override,+dac_read_search"
    return f"setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps {may} --ambient-caps {may} "


@pytest.mark.parametrize("name", ["celery_prefork", "celery_threads", "celery_early"])
def test_celery(bench: Bench, name: str) -> None:
    """A Celery worker whose task imports Prefect, or whose module does, before the pool is forked."""
    (bench.cwd / "tasks.py").write_text(TASKS)
    (bench.cwd / "early_tasks.py").write_text("import prefect\nfrom tasks import app\n")
    with bench.running(RUNS[name].command):
        assert bench.run("", "python tasks.py") == AS_EARLY


def test_apscheduler(bench: Bench) -> None:
    """A scheduler's jobs in processes, by each start method, and in threads."""
    (bench.cwd / "schedule.py").write_text(SCHEDULE)
    assert bench.run("apscheduler") == str([AS_EARLY] * 4)
