"""The MCP server as a process of its own, over both transports, and the official SDK's client."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from segue.app import App

SERVE = [sys.executable, "-m", "segue", "mcp", "serve"]
PATIENCE = 60


class Shop:
    """A store in files and a project, with a session at work in it."""

    def __init__(self, place: Path):
        self.project = place / "shop"
        self.project.mkdir()
        kept = {k: v for k, v in os.environ.items() if k in {"PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV"}}
        self.env = {**kept, "HOME": str(place), "SEGUE_HOME": str(place / "segue"), "SEGUE_UPKEEP": "off"}
        app = App(self.env, cwd=str(self.project))
        session = app.opened().create(task="sell pears")
        session.append("message", {"role": "user", "parts": [{"type": "text", "content": "sell pears by weight"}]})
        self.name = session.name
        app.close()

    def say(self, text):
        """Say something in the session, as another process than the server."""
        body = {"role": "user", "parts": [{"type": "text", "content": text}]}
        with self.opened() as store:
            store.session(self.name).append("message", body)

    @contextlib.contextmanager
    def opened(self):
        """Yield the store, open in this process."""
        app = App(self.env, cwd=str(self.project))
        try:
            yield app.opened()
        finally:
            app.close()

    def start(self, *arguments):
        """Start a server on pipes."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([*SERVE, *arguments], env=self.env, cwd=self.project, **pipes)

    @contextlib.contextmanager
    def http(self, *arguments):
        """Serve over HTTP; yield the URL and the token."""
        server = self.start("--http", "--port", "0", "--json", *arguments)
        try:
            told = json.loads(server.stdout.readline())
            yield told["url"], Path(told["token_file"]).read_text().strip()
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE)


@contextlib.asynccontextmanager
async def connected(shop, transport, mode, **more):
    """Yield the SDK's client, connected over `stdio` or `http`."""
    import mcp_types
    from mcp import Client, StdioServerParameters
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client

    me = mcp_types.Implementation(name="python-client", version="2")
    if transport == "stdio":
        started = StdioServerParameters(command=SERVE[0], args=SERVE[1:], env=shop.env, cwd=shop.project)
        async with Client(started, mode=mode, client_info=me, read_timeout_seconds=PATIENCE, **more) as client:
            yield client
        return
    with shop.http() as (url, token):
        async with (
            create_mcp_http_client(headers={"Authorization": f"Bearer {token}"}) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode, client_info=me, **more) as client,
        ):
            yield client


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 3 * PATIENCE))
