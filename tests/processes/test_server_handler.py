"""A web application that imports Prefect inside a request, where an event loop runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from counting import Counting

# A real uvicorn on a free port of the loopback interface; the client asks from another thread and stops it at the end.
SERVER = """
    import asyncio, json, os, socket, threading, time, urllib.request
    import uvicorn
    from fastapi import FastAPI
    app, opener = FastAPI(), urllib.request.build_opener(urllib.request.ProxyHandler({}))

    @app.get("/health")
    async def health():
        return "fine"

    @app.get("/async")
    async def in_the_loop():
        asyncio.get_running_loop()
        import prefect
        return [os.environ.get("HOOK_TOKEN"), callable(prefect.flow)]

    @app.get("/sync")
    def in_a_thread():
        import prefect
        return [os.environ.get("HOOK_TOKEN"), callable(prefect.flow)]

    listening = socket.create_server(("127.0.0.1", 0))
    url = "http://127.0.0.1:" + str(listening.getsockname()[1])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    seen = {}

    def ask(path):
        with opener.open(url + path, timeout=40) as answer:
            return json.load(answer)

    def client():
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                try:
                    ask("/health")
                    break
                except OSError:
                    time.sleep(0.1)
            seen["first"] = ask("/FIRST")
            seen["again"] = ask("/sync")
        finally:
            server.should_exit = True

    thread = threading.Thread(target=client, daemon=True)
    thread.start()
    server.run(sockets=[listening])
    thread.join(60)
    print(json.dumps(seen))
"""


@pytest.mark.parametrize("handler", ["async", "sync"])
@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_import_in_a_request(counting: Counting, handler: str, keyword: str) -> None:
    """A handler that imports Prefect, in the loop or in a thread, sees the variables of hooks of both kinds."""
    counting.install(keyword=keyword)
    told = counting.json(SERVER.replace("FIRST", handler), timeout=120)
    assert told["first"][0] and told["first"] == told["again"] and told["first"][1] is True, told
    assert counting.runs == 1
