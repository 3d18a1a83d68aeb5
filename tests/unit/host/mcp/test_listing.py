"""Servers that are programs, well behaved or not: what is listed, why not, and that nothing of them is left."""

import os
import sys
from pathlib import Path

import pytest

from segue.host.mcp import stdio
from segue.host.mcp.listing import Servers
from segue.ports.mcp import Listing, Server

from .server import TOOLS

PROGRAM = str(Path(__file__).with_name("server.py"))
LONG, SHORT = 120.0, 1.0
"""Seconds: for those that answer whatever the load, and for those that never do."""
KEY = "hunter2-of-fruit"


def program(mode, **env):
    return Server(
        "claude-code", mode, "user", "/x", "stdio", (sys.executable, "-S", "-E", PROGRAM, mode), env={"FRUIT_KEY": KEY, **env}
    )


def listed(tmp_path, *servers, limit=LONG):
    found = Servers(dict(os.environ), str(tmp_path), limit=limit).list(servers)
    return [one._replace(seconds=0.0) for one in found]


def test_a_server_lists_its_tools_instructions_and_version(tmp_path):
    assert listed(tmp_path, program("good")) == [Listing(tuple(TOOLS), "Weigh first.", "fruit 1.2")]


@pytest.mark.parametrize("mode", ["pages", "garbage", "batch", "stubborn"])
def test_tools_are_listed_over_pages_between_garbage_and_in_the_older_form(tmp_path, mode):
    (found,) = listed(tmp_path, program(mode))
    assert (found.tools, found.failure) == (tuple(TOOLS), "")


def test_what_is_no_tool_is_left_out_of_the_objects(tmp_path):
    (found,) = listed(tmp_path, program("odd_tools"))
    bent = {"name": "bent", "inputSchema": "none"}
    assert found.tools == (*TOOLS, {"name": 7}, bent, {"description": "nameless"})


def test_a_server_without_tools_has_none(tmp_path):
    assert listed(tmp_path, program("no_tools")) == [Listing((), "", "fruit 1.2")]


def test_what_a_server_asks_its_user_for_is_refused_and_told(tmp_path):
    (found,) = listed(tmp_path, program("asks"))
    assert found == Listing(tuple(TOOLS), notes=("it asks its user for something", "it asks for a model"))


@pytest.mark.parametrize(
    ("mode", "failure"),
    [
        ("crash", "it ended with exit code 7; its last words: RuntimeError: the key [FRUIT_KEY] was refused"),
        ("killed", "it was ended by SIGKILL"),
        ("flood", "it said more than 32 MB"),
        ("endless", "its list of tools never ends: page follows page"),
        ("round_and_round", "its list of tools never ends: page follows page"),
        ("thousands", "it lists more than 5,000 tools"),
        ("nothing_but_garbage", "it ended with exit code 0; 1 of its lines are no messages"),
        ("insists", "it ended with exit code 1; it asks its user for something"),
        ("refuses", "it refuses initialize: Missing API key: set [FRUIT_KEY]"),
        ("odd", "its answer to initialize is no object"),
        ("odd_list", "its list of tools is no list"),
        ("half_open", "it ended with exit code 4"),
    ],
)
def test_a_server_that_lists_nothing_is_told_with_the_reason(tmp_path, monkeypatch, mode, failure):
    if "it ended" in failure:
        monkeypatch.setattr(stdio, "_GRACE", LONG)  # between its last output and its end a machine may be busy
    assert listed(tmp_path, program(mode)) == [Listing(failure=failure)]


def test_bytes_of_any_kind_are_no_messages(tmp_path, monkeypatch):
    monkeypatch.setattr(stdio, "_GRACE", LONG)
    (found,) = listed(tmp_path, program("binary"))
    assert found.failure.startswith("it ended with exit code 0; ")


@pytest.mark.parametrize(("mode", "method"), [("hang", "initialize"), ("hang_later", "(initialize|tools/list)")])
def test_a_server_that_hangs_is_given_up(tmp_path, mode, method):
    import re

    (found,) = listed(tmp_path, program(mode), limit=SHORT)
    assert re.fullmatch(rf"it did not answer {method} within 1 s", found.failure)


def test_what_cannot_be_started_or_asked_is_told(tmp_path):
    absent = Server("codex", "absent", "user", "/x", "stdio", ("no-such-program-anywhere",))
    nowhere = program("good")._replace(cwd=str(tmp_path / "gone"))
    broken = Server("codex", "broken", "user", "/x", problem="it has no command")
    far = Server("codex", "far", "user", "/x", "http", url="https://example.invalid/mcp?key=abcdefgh")
    older = Server("codex", "older", "user", "/x", "sse", url="http://localhost:1/sse")
    assert [one.failure for one in listed(tmp_path, absent, nowhere, broken, far, older)] == [
        "it cannot be started: No such file or directory",
        "it cannot be started: No such file or directory",
        "it has no command",
        "it is on another machine (example.invalid), which is asked only with --remote",
        "it speaks the older transport over HTTP (SSE), which segue does not",
    ]


def test_one_that_misbehaves_disturbs_no_other(tmp_path):
    found = listed(tmp_path, program("crash"), program("good"), program("odd"), program("good"), program("refuses"))
    assert [bool(one.failure) for one in found] == [True, False, True, False, True]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process in a session of its own cannot be found")
def test_no_process_of_a_server_is_left_wherever_it_went(tmp_path):
    pids = tmp_path / "pids"
    (found,) = listed(tmp_path, program("brood", PIDS=str(pids)))
    assert found.failure == ""
    started = pids.read_text().split()
    assert len(started) == 4
    assert [pid for pid in started if Path("/proc", pid).exists()] == []


class Left(BaseException):
    """Somebody wants to leave, as Ctrl-C says it."""


def test_who_leaves_in_the_middle_waits_for_nobody_and_leaves_nobody(tmp_path):
    def leave(_done):
        raise Left

    before = children()
    with pytest.raises(Left):
        Servers(dict(os.environ), str(tmp_path), limit=100_000.0).list(
            [program("good"), program("hang"), program("hang_later")], leave
        )
    assert children() <= before


def children():
    from segue.host.mcp.brood import descendants

    return set(descendants(os.getpid()))


def test_secrets_of_any_form_are_not_in_what_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(stdio, "_GRACE", LONG)
    quoted = program("crash", FRUIT_KEY='p"ass\\word')
    (found,) = listed(tmp_path, quoted)
    assert found.failure == "it ended with exit code 7; its last words: RuntimeError: the key [FRUIT_KEY] was refused"
