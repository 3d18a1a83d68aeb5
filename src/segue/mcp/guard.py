"""Who is let in over HTTP: who knows the token, and is no web page that was led here by its name (DNS rebinding)."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from segue.mcp.messages import HEADER_MISMATCH, RpcError

PATH: Final = "/mcp"
_NAMED: Final[Mapping[str, str]] = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Of these methods a stateless request names the parameter in a header too."""


class Refused(Exception):  # noqa: N818 - an answer, not a defect
    """A request that is not let in: the status, what is said of it, and further headers."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        """Refuse with an HTTP *status*."""
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Guard:
    """Looks at every request before anything of it is read."""

    def __init__(self, port: int, token: str) -> None:
        """Let in who knows *token*, and calls us by a name of this machine's loopback and *port*."""
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        self._token = token.encode()

    def check(self, path: str, host: Sequence[str], origin: Sequence[str], authorization: Sequence[str]) -> None:
        """Let a request in, of which these are the headers of each name. Raises Refused."""
        if len(host) != 1 or host[0].strip().lower() not in self._hosts:
            raise Refused(403, "this is not the host that was asked for")
        if origin and (len(origin) > 1 or origin[0].strip().lower() not in {f"http://{name}" for name in self._hosts}):
            raise Refused(403, "requests of other origins are not let in")
        if path.partition("?")[0] != PATH:
            raise Refused(404, f"there is only {PATH}")
        scheme, _, given = (authorization[0] if len(authorization) == 1 else "").partition(" ")
        known = hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._token)
        if scheme.lower() != "bearer" or not known:
            raise Refused(401, "the token is missing or wrong", WWW_Authenticate='Bearer realm="segue"')


def check_stateless(message: Mapping[str, Any], version: str, method: Sequence[str], name: Sequence[str]) -> None:
    """Compare a stateless request with its headers `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name`. Raises RpcError."""
    from segue.mcp.revisions import META_VERSION

    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    if not isinstance(meta, dict) or meta.get(META_VERSION) != version:
        raise RpcError(HEADER_MISMATCH, "mcp-protocol-version is not the revision in _meta")
    if list(method) != [message.get("method")]:
        raise RpcError(HEADER_MISMATCH, "mcp-method is not the method")
    key = _NAMED.get(str(message.get("method")))
    value = params.get(key) if key and isinstance(params, dict) else None
    if isinstance(value, str) and (len(name) != 1 or _decoded(name[0]) != value):
        raise RpcError(HEADER_MISMATCH, f"mcp-name is not the {key}")


def _decoded(value: str) -> str | None:
    """Return a header's value, which is in base64 where it has characters that no header has."""
    import base64
    import binascii

    if not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
