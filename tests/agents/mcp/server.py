"""An MCP server whose tools have all that agents treat in ways of their own. Standard library only."""

import json
import pathlib
import sys

TOOLS = json.loads(pathlib.Path(__file__).with_name("tools.json").read_text(encoding="utf-8"))
ANSWERS = {
    "initialize": {
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "fruit", "version": "1"},
        "instructions": "Weigh first. " * 300,
    },
    "tools/list": {"tools": TOOLS},
    "tools/call": {"content": [{"type": "text", "text": "7 pears"}]},
}

for line in sys.stdin:
    message = json.loads(line)
    if "id" in message and "method" in message:
        known = ANSWERS.get(message["method"])
        answer = {"result": known} if known else {"error": {"code": -32601, "message": "no such method"}}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)
