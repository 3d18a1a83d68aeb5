"""JSON-RPC 2.0, as MCP has it: what a message is, and what is wrong with one that is none."""

import json
from collections.abc import Mapping
from typing import Any, Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
RESOURCE_NOT_FOUND: Final = -32002
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022

LONGEST: Final = 4 * 1024 * 1024
"""Bytes of a message."""
MOST_IN_BATCH: Final = 100

Message = dict[str, Any]
Id = str | int | float | None


class RpcError(Exception):
    """A request that is refused: what its answer says."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        """Refuse with *code*, one of JSON-RPC's or MCP's."""
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def answer(self, id_: Id) -> Message:
        """Return the answer to the request *id_*; None: to one whose id is not known."""
        error: Message = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        return {"jsonrpc": "2.0", "id": id_, "error": error}


def parse(raw: bytes) -> Any:
    """Return the JSON of a message. Raises RpcError."""
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError as e:
        raise RpcError(PARSE_ERROR, f"the message is not UTF-8: {e.reason} at byte {e.start}") from None
    except json.JSONDecodeError as e:
        raise RpcError(PARSE_ERROR, f"the message is not JSON: {e.msg} at character {e.pos}") from None
    except (ValueError, RecursionError):
        raise RpcError(PARSE_ERROR, "the message is nested too deep, or has a number that JSON has not") from None


def _refuse(name: str) -> Any:
    raise ValueError(name)


def dumps(message: Any) -> bytes:
    """Return *message* as JSON on one line, UTF-8; what UTF-8 cannot have is JSON's own escape."""
    try:
        return json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        return json.dumps(message, separators=(",", ":"), allow_nan=False).encode()


def id_of(message: Any) -> Id:
    """Return the id of a message as far as it has one that may be answered to."""
    found = message.get("id") if isinstance(message, dict) else None
    return found if isinstance(found, str | int | float) and not isinstance(found, bool) else None


def check(message: Any) -> Message:
    """Return *message*, one request, notification or answer. Raises RpcError."""
    if not isinstance(message, dict):
        raise RpcError(INVALID_REQUEST, "a message is an object")
    if message.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, 'a message has "jsonrpc": "2.0"')
    if "method" not in message:
        if "id" in message and ("result" in message) != ("error" in message):
            return message
        raise RpcError(INVALID_REQUEST, "it is neither a request, nor a notification, nor an answer")
    if not isinstance(message["method"], str):
        raise RpcError(INVALID_REQUEST, "method is a string")
    if "id" in message and id_of(message) is None:
        raise RpcError(INVALID_REQUEST, "an id is a string or a number")
    if not isinstance(message.get("params", {}), dict):
        raise RpcError(INVALID_PARAMS if "id" in message else INVALID_REQUEST, "params is an object")
    return message


def text_of(params: Mapping[str, Any], name: str) -> str:
    """Return a parameter that must be a string. Raises RpcError."""
    found = params.get(name)
    if not isinstance(found, str):
        raise RpcError(INVALID_PARAMS, f"{name} is missing, or is no string")
    return found


def object_of(params: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a parameter that must be an object, empty where it is left out. Raises RpcError."""
    found = params.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise RpcError(INVALID_PARAMS, f"{name} is no object")
    return found
