"""Many servers asked at once, each on its own; whatever one does, the others are heard."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Final

from segue.core.redaction.known import LEAST, of_environment
from segue.core.redaction.redactor import Redactor
from segue.host.mcp import http, stdio
from segue.host.mcp.asking import Failed, Hide
from segue.host.mcp.brood import brood
from segue.ports.mcp import Listing, Server

AT_ONCE: Final = 4
LIMIT: Final = 30.0
"""Seconds: `npx` may have to fetch a server first."""
_SHORTEST: Final = 4
_HARMLESS: Final = re.compile(
    r"true|false|production|development|info|debug|warn|error|none|stdio|http|node|python|utf-8", re.IGNORECASE
)
"""Values that are no secret, and words of many a message."""


class Servers:
    """See `ports.mcp.Lister`."""

    def __init__(self, env: Mapping[str, str], workspace: str, *, limit: float = LIMIT, remote: bool = False) -> None:
        """Start servers in *workspace* with *env*, for *limit* seconds each; ask other machines only where *remote* says so."""
        self._env, self._workspace, self._limit, self._remote = env, workspace, limit, remote
        self._over = Event()

    def list(self, servers: Sequence[Server], heard: Callable[[int], None] = lambda _: None) -> list[Listing]:
        """See `Lister.list`."""
        from concurrent.futures import ThreadPoolExecutor, as_completed

        with brood(), ThreadPoolExecutor(AT_ONCE) as pool:
            waiting = [pool.submit(self._one, server) for server in servers]
            try:
                for done, _ in enumerate(as_completed(waiting), 1):
                    heard(done)
            except BaseException:  # somebody wants to leave: nobody waits for those that hang
                self._over.set()
                pool.shutdown(cancel_futures=True)
                raise
            return [one.result() for one in waiting]

    def _one(self, server: Server) -> Listing:
        if server.problem:
            return Listing(failure=server.problem)
        if not server.is_local and not self._remote:
            return Listing(failure=f"it is on another machine ({server.host or 'no address'}), which is asked only with --remote")
        hide = hiding([server], self._env)
        try:
            if server.transport == "stdio":
                return stdio.ask(server, self._env, self._workspace, self._limit, hide, self._over)
            if server.transport == "http":
                return http.ask(server, self._limit, hide)
        except Failed as e:
            return Listing(failure=str(e))
        return Listing(failure="it speaks the older transport over HTTP (SSE), which segue does not")


def hiding(servers: Sequence[Server], env: Mapping[str, str]) -> Hide:
    """Return what takes out of a text the values that *servers* were configured with, and what else looks like a secret."""
    values: dict[str, str] = {}
    known = of_environment(env)
    for server in servers:
        for name, value in {**server.env, **server.headers}.items():
            if len(value) >= _SHORTEST and not _HARMLESS.fullmatch(value):
                values[value] = f"[{name}]"
                values[json.dumps(value, ensure_ascii=False)[1:-1]] = f"[{name}]"
            if len(value) >= LEAST:
                known.append((f"env:{name}", value))
        if server.url.rstrip("/").count("/") > 2 or "@" in server.url:
            values[server.url] = f"[address at {server.host}]"
    redactor = Redactor(known)

    def hide(text: str) -> str:
        for value in sorted(values, key=len, reverse=True):
            text = text.replace(value, values[value])
        return redactor.text(text)[0]

    return hide
