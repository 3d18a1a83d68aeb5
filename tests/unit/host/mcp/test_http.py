"""Servers at an address of loopback: JSON or a stream of events, sessions, sign-ins, redirections, and hostile ones."""

import json
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from segue.host.mcp.listing import Servers
from segue.ports.mcp import Listing, Server

from .server import TOOLS


class Site(ThreadingHTTPServer):
    """Answers as its `mode` says, and keeps what it was sent."""

    daemon_threads = True
    mode = "json"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen = []
        self.over = Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_DELETE(self):
        self.server.seen.append(("DELETE", self.headers["Mcp-Session-Id"]))
        self.send(204, b"")

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((message["method"], self.headers["Mcp-Session-Id"], self.headers["Authorization"]))
        mode = self.server.mode
        if mode in {"401", "403", "404", "405", "500"}:
            self.send(int(mode), b"no")
        elif mode == "302":
            self.send(302, b"", Location="http://elsewhere.example/mcp?token=1")
        elif mode == "html":
            self.send(200, b"<html>Sign in</html>", **{"Content-Type": "text/html"})
        elif mode == "drip":
            self.drip()
        elif "id" not in message:
            self.send(202, b"")
        else:
            self.result(message, mode)

    def result(self, message, mode):
        result = {"tools": TOOLS}
        if message["method"] == "initialize":
            result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "site"}}
        text = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result})
        if mode == "events":
            said = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
            half = text.index(",") + 1
            stream = f": hello\n\nevent: message\ndata: {said}\n\nid: 7\ndata: {text[:half]}\r\ndata:{text[half:]}\n\n"
            self.send(200, stream.encode(), **{"Content-Type": "text/event-stream; charset=utf-8"})
        elif mode == "silent":
            self.send(200, b": nothing\n\n", **{"Content-Type": "text/event-stream"})
        else:
            self.send(200, text.encode(), **{"Content-Type": "application/json", "Mcp-Session-Id": "s-1"})

    def drip(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        while not self.server.over.is_set():
            self.wfile.write(b"d")
            time.sleep(0.02)

    def send(self, status, data, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle(self):
        with suppress(OSError):  # the client cut the connection, as it should
            super().handle()


@pytest.fixture
def site():
    with Site() as site:
        thread = Thread(target=site.serve_forever, args=(0.01,))
        thread.start()
        yield site
        site.over.set()
        site.shutdown()
        thread.join()


def listed(site, limit=120.0):
    url = f"http://127.0.0.1:{site.server_port}/mcp?key=abcdefgh"
    server = Server("codex", "site", "user", "/x", "http", url=url, headers={"Authorization": "Bearer secret-of-fruit"})
    (found,) = Servers({}, "/", limit=limit).list([server])
    return found._replace(seconds=0.0)


def test_a_session_is_kept_over_all_messages_and_ended(site):
    assert listed(site) == Listing(tuple(TOOLS), version="site")
    sent = "Bearer secret-of-fruit"
    assert site.seen == [
        ("initialize", None, sent),
        ("notifications/initialized", "s-1", sent),
        ("tools/list", "s-1", sent),
        ("DELETE", "s-1"),
    ]


def test_answers_come_as_streams_of_events_too(site):
    site.mode = "events"
    assert listed(site) == Listing(tuple(TOOLS), version="site")


@pytest.mark.parametrize(
    ("mode", "failure"),
    [
        ("401", "it asks for a sign-in (HTTP 401)"),
        ("403", "it asks for a sign-in (HTTP 403)"),
        ("302", "it redirects to elsewhere.example (HTTP 302), which is not followed"),
        ("404", "there is no MCP at its address, or an older transport of it (HTTP 404)"),
        ("500", "it answers HTTP 500"),
        ("html", "it answers with no message (text/html)"),
        ("silent", "it did not answer initialize"),
    ],
)
def test_one_that_lists_nothing_is_told_with_the_reason(site, mode, failure):
    site.mode = mode
    assert listed(site) == Listing(failure=failure)


def test_one_whose_bytes_drip_for_ever_is_given_up(site):
    site.mode = "drip"
    assert listed(site, limit=0.5) == Listing(failure="it did not answer within 0.5 s")


def test_nobody_at_the_address_is_told():
    with Site() as site:
        pass  # closed: the port is free
    assert listed(site) == Listing(failure="it cannot be reached: Connection refused")
