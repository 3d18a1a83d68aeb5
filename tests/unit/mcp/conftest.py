"""The MCP server in process: a client that says what it likes, on a store in memory, with a fixed clock."""

import itertools
import json
from queue import Queue

import pytest

from segue.app import App
from segue.core.log.events import Draft
from segue.core.log.times import stamp
from segue.mcp.peer import Exchange, Peer
from segue.mcp.server import Server
from segue.testing.fakes import FakeClock, FakeIds

PATIENCE = 60
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "tester", "version": "7"}}


class Client:
    """A client of the server."""

    def __init__(self, server, since, *, foreign_id="", roots=None):
        self.server, self.roots = server, roots
        self.asked = []
        self.notified = []
        self.peer = Peer(since, self._heard if roots is not None else None, foreign_id)
        self._numbers = itertools.count(1)

    def _heard(self, message):
        """Answer what the server asks."""
        self.asked.append(message["method"])
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": {"roots": [{"uri": uri} for uri in self.roots]}}
        self.server.take(self.peer, answer, Exchange(lambda _: None, lambda *_: None))

    def raw(self, data):
        """Send bytes as they are and return what comes of them."""
        came = Queue()
        exchange = Exchange(came.put, lambda method, params: self.notified.append((method, params)))
        self.server.receive(self.peer, data, exchange)
        return came.get(timeout=PATIENCE)

    def send(self, message):
        return self.raw(json.dumps(message).encode())

    def ask(self, method, **params):
        """Make a request and return its result, or its error."""
        answer = self.send({"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params})
        return answer["result"] if "result" in answer else answer["error"]

    def hello(self, **more):
        found = self.ask("initialize", **(HELLO | more))
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return found

    def call(self, name, /, **arguments):
        """Call a tool and return what it says; an error of the tool's begins with `error: `."""
        result = self.ask("tools/call", name=name, arguments=arguments)
        (content,) = result["content"]
        return f"error: {content['text']}" if result["isError"] else content["text"]

    def read(self, uri):
        return self.ask("resources/read", uri=uri)


class Place:
    """A store in memory, a project, and a server of it."""

    def __init__(self, path, *, cwd=""):
        self.clock, self.ids = FakeClock(), FakeIds()
        self.project = path / "shop"
        self.project.mkdir(exist_ok=True)
        self.env = {"SEGUE_HOME": str(path / "home"), "SEGUE_STORE": "memory://", "SEGUE_UPKEEP": "off", "HOME": str(path)}
        self.app = App(self.env, cwd=cwd or str(self.project), clock=self.clock, ids=self.ids)
        self.store = self.app.opened()
        self.server = Server(self.app)

    def client(self, name="tester", **more):
        client = Client(self.server, self.clock.now(), **more)
        capabilities = {} if client.roots is None else {"roots": {"listChanged": True}}
        client.hello(capabilities=capabilities, clientInfo={"name": name, "version": "7"})
        return client

    def session(self, task="sell pears", workspace=None, **header):
        """Begin a session in which something was said."""
        made = self.store.create(task=task, workspace=str(workspace or self.project), **header)
        body = {"role": "user", "parts": [{"type": "text", "content": f"please {task}"}]}
        made.append(Draft("message", body, at=stamp(self.clock.now())))
        self.clock.advance(1)
        return made


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.server.close()
    place.app.close()


@pytest.fixture
def client(place):
    return place.client()
