"""An MCP server that behaves as its argument says: well, badly, or hostile. Run as a program; standard library only."""

import json
import os
import pathlib
import subprocess
import sys
import time

TOOLS = [
    {
        "name": "weigh",
        "description": "Weighs fruit.",
        "inputSchema": {"type": "object", "properties": {"fruit": {"type": "string"}}},
    },
    {"name": "price", "title": "Price", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object"}},
]


def say(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


def answer(request, result):
    say({"id": request["id"], "result": result})


def hello(capabilities=None, **more):
    request = hear()
    offered = {"tools": {}} if capabilities is None else capabilities
    about = {"name": "fruit", "version": "1.2"}
    answer(request, {"protocolVersion": "2025-06-18", "capabilities": offered, "serverInfo": about, **more})
    assert hear()["method"] == "notifications/initialized"


def good():
    hello(instructions="Weigh first.")
    answer(hear(), {"tools": TOOLS})
    hear()


def pages():
    hello()
    request = hear()
    answer(request, {"tools": TOOLS[:1], "nextCursor": "2"})
    request = hear()
    assert request["params"] == {"cursor": "2"}
    answer(request, {"tools": TOOLS[1:]})
    hear()


def endless():
    hello()
    for number in range(10_000):
        answer(hear(), {"tools": TOOLS, "nextCursor": f"page {number}"})


def round_and_round():
    hello()
    while True:
        answer(hear(), {"tools": TOOLS, "nextCursor": "again"})


def thousands():
    hello()
    answer(hear(), {"tools": [{"name": f"tool_{i}", "inputSchema": {}} for i in range(10_000)]})
    hear()


def hang():
    time.sleep(3_600)


def hang_later():
    hello()
    hang()


def crash():
    hello()
    sys.stderr.write(f"Traceback: no plums\nRuntimeError: the key {os.environ.get('FRUIT_KEY')} was refused\n")
    sys.exit(7)


def killed():
    os.kill(os.getpid(), 9)


def flood():
    block = "x" * 2**20
    while True:
        sys.stdout.write(block)


def garbage():
    sys.stdout.write("Welcome to FRUIT!\n\x00\xff not JSON\n[]\n{}\n[[[[\n" + "[" * 100_000 + "\n")
    good()


def nothing_but_garbage():
    sys.stdout.write("Listening on port 8080\n")
    sys.exit(0)


def binary():
    sys.stdout.buffer.write(bytes(range(256)) * 100 + b"\n")
    sys.exit(0)


def asks():
    """Asks for everything before it answers, and goes on when it is refused."""
    request = hear()
    for number, method in enumerate(("ping", "roots/list", "elicitation/create", "sampling/createMessage", "made/up")):
        say({"id": f"s{number}", "method": method, "params": {}})
        reply = hear()
        assert reply["id"] == f"s{number}"
        assert ("result" in reply) == (method == "ping"), reply
    answer(request, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}})
    hear()
    say({"method": "notifications/message", "params": {"level": "info", "data": "hi"}})
    answer(hear(), {"tools": TOOLS})
    hear()


def insists():
    hear()
    say({"id": 1, "method": "elicitation/create", "params": {"message": "Your password?"}})
    hear()
    sys.exit(1)


def refuses():
    request = hear()
    say(
        {
            "id": request["id"],
            "error": {"code": -32000, "message": "Missing   API key:\n set " + os.environ.get("FRUIT_KEY", "?")},
        }
    )
    hear()


def odd():
    """Answers with what is no answer."""
    request = hear()
    say({"id": request["id"], "result": ["no", "object"]})
    hear()


def odd_list():
    hello()
    answer(hear(), {"tools": {"weigh": {}}})
    hear()


def odd_tools():
    hello()
    answer(
        hear(),
        {"tools": [*TOOLS, None, "weigh", {"name": 7}, {"name": "bent", "inputSchema": "none"}, {"description": "nameless"}]},
    )
    hear()


def no_tools():
    hello(capabilities={"prompts": {}})
    hear()


def batch():
    request = hear()
    result = {"protocolVersion": "2025-03-26", "capabilities": {"tools": {}}}
    sys.stdout.write(json.dumps([{"jsonrpc": "2.0", "id": request["id"], "result": result}]) + "\r\n")
    sys.stdout.flush()
    hear()
    answer(hear(), {"tools": TOOLS})
    hear()


def brood():
    """Leaves processes behind: a child, one in a session of its own, and one whose parent is gone."""
    keep = "import time; time.sleep(3600)"
    children = [
        subprocess.Popen([sys.executable, "-S", "-E", "-c", keep]),
        subprocess.Popen([sys.executable, "-S", "-E", "-c", keep], start_new_session=True),
    ]
    orphan = (
        "import subprocess, sys; "
        f"print(subprocess.Popen([sys.executable, '-S', '-E', '-c', {keep!r}], start_new_session=True, stdout=2).pid)"
    )
    told = subprocess.run([sys.executable, "-S", "-E", "-c", orphan], stdout=subprocess.PIPE, check=True)
    pids = [os.getpid(), *(child.pid for child in children), int(told.stdout)]
    pathlib.Path(os.environ["PIDS"]).write_text(" ".join(map(str, pids)), encoding="ascii")
    good()


def stubborn():
    """Does not leave when it is asked to."""
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hello()
    answer(hear(), {"tools": TOOLS})
    hang()


def half_open():
    """Ends, and leaves one that holds its output open."""
    subprocess.Popen([sys.executable, "-S", "-E", "-c", "import time; time.sleep(3600)"])
    sys.exit(4)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
