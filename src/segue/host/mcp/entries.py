"""One server of a configuration file, as its agent reads it: commands, addresses, variables in them.

All agents write nearly the same entry. What differs: opencode has the command as a list and `environment`, Codex has headers
whose values are named variables, and of `url` alone Qwen Code thinks that it is the older transport.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from segue.ports.mcp import Server, Transport

Expand = Callable[[str], str]
_BRACED: Final = re.compile(r"\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}")
_BARE: Final = re.compile(r"\$([A-Za-z_]\w*)")
_OPENCODE: Final = re.compile(r"\{(env|file):([^}]*)\}")
_EDITOR: Final = re.compile(r"\$\{(env|input|command|config):([^}]*)\}")
_FILE_LIMIT: Final = 65_536
_TRANSPORTS: Final[Mapping[str, Transport]] = {
    "stdio": "stdio",
    "local": "stdio",
    "http": "http",
    "streamable-http": "http",
    "streamableHttp": "http",
    "remote": "http",
    "sse": "sse",
}


class Unfit(Exception):  # noqa: N818 - a reason, not a defect
    """An entry that cannot be used; the message says why."""


def server(agent: str, name: str, scope: str, path: Path, entry: Any, expand: Expand) -> Server:
    """Return the server of an *entry*; where it cannot be understood, with the `problem`."""
    known = Server(agent, name, scope, str(path))
    if not isinstance(entry, Mapping):
        return known._replace(problem="its entry is no object")
    try:
        return _understood(known, entry, expand)
    except Unfit as e:
        return known._replace(problem=str(e))


def _understood(known: Server, entry: Mapping[str, Any], expand: Expand) -> Server:
    only, without = _names(entry, "includeTools", "enabled_tools"), _names(entry, "excludeTools", "disabled_tools")
    known = known._replace(only=only, without=without or ())
    kind = entry.get("type", "")
    transport = _TRANSPORTS.get(kind, "") if isinstance(kind, str) else ""
    if kind and not transport:
        raise Unfit(f"it is reached by {str(kind)[:40]!r}, which segue does not know")
    address = next((entry[key] for key in ("httpUrl", "url", "serverUrl") if entry.get(key)), None)
    if address is None or transport == "stdio":
        return _program(known, entry, expand)
    if not isinstance(address, str):
        raise Unfit("its address is no text")
    if not transport:
        transport = "sse" if known.agent == "qwen-code" and "httpUrl" not in entry else "http"
    url = expand(address)
    if not url.startswith(("http://", "https://")):
        raise Unfit("its address is not one of http or https")
    return known._replace(transport=transport, url=url, headers=_headers(entry, expand))


def _program(known: Server, entry: Mapping[str, Any], expand: Expand) -> Server:
    command, arguments = entry.get("command"), entry.get("args", [])
    given = [*(command if isinstance(command, list) else [command]), *(arguments if isinstance(arguments, list) else [None])]
    words = [word for word in given if isinstance(word, str)]
    if len(words) < len(given) or not words or not words[0]:
        raise Unfit("its command is no text, or its arguments are no list of texts" if command else "it has no command")
    cwd = entry.get("cwd", "")
    variables = _texts(entry.get("environment", entry.get("env", {})), "variables", expand)
    return known._replace(
        transport="stdio",
        command=tuple(_sound(expand(word)) for word in words),
        env={name: value for name, value in variables.items() if name and "=" not in name},
        cwd=_sound(expand(cwd)) if isinstance(cwd, str) else "",
    )


def _headers(entry: Mapping[str, Any], expand: Expand) -> dict[str, str]:
    headers = _texts(entry.get("headers", entry.get("http_headers", {})), "headers", expand)
    for name, variable in _texts(entry.get("env_http_headers", {}), "headers", str).items():
        headers[name] = expand(f"${{{variable}}}")
    if isinstance(token := entry.get("bearer_token_env_var"), str):
        headers["Authorization"] = "Bearer " + expand(f"${{{token}}}")
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[\x00-\x1f\x7f]|[^\x00-\xff]", value):
            raise Unfit("it has a header that cannot be sent")
    return headers


def _texts(found: Any, what: str, expand: Expand) -> dict[str, str]:
    if not isinstance(found, Mapping):
        raise Unfit(f"its {what} are no object")
    return {str(name): _sound(expand(v if isinstance(v, str) else _plain(v))) for name, v in found.items() if v is not None}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else ""


def _sound(text: str) -> str:
    if "\0" in text:
        raise Unfit("a text of its entry holds a NUL")
    return text


def _names(entry: Mapping[str, Any], *keys: str) -> tuple[str, ...] | None:
    found = next((entry[key] for key in keys if isinstance(entry.get(key), list)), None)
    return None if found is None else tuple(name.partition("(")[0] for name in found if isinstance(name, str))


# --- variables


def braced(env: Mapping[str, str], *, strict: bool = True) -> Expand:
    """Return what replaces `${NAME}` and `${NAME:-else}` (Claude Code, Codex). *strict*: one that is not set is Unfit."""

    def replace(found: "re.Match[str]") -> str:
        name, otherwise = found[1], found[2]
        value = env.get(name) or otherwise
        if value is None and strict:
            raise Unfit(f"the variable {name} that it needs is not set")
        return found[0] if value is None else value

    return lambda text: _BRACED.sub(replace, text)


def bare(env: Mapping[str, str]) -> Expand:
    """Return what replaces `$NAME` as well, and leaves what is not set (Gemini CLI, Qwen Code)."""
    inner = braced(env, strict=False)
    return lambda text: _BARE.sub(lambda found: env.get(found[1], found[0]), inner(text))


def in_braces(env: Mapping[str, str], folder: Path) -> Expand:
    """Return what replaces `{env:NAME}` and `{file:PATH}` (opencode)."""

    def replace(found: "re.Match[str]") -> str:
        if found[1] == "env":
            return env.get(found[2], "")
        try:
            with (folder / Path(found[2]).expanduser()).open("rb") as file:
                return file.read(_FILE_LIMIT).decode("utf-8", "replace").strip()
        except (OSError, RuntimeError):
            raise Unfit("a file that its entry refers to cannot be read") from None

    return lambda text: _OPENCODE.sub(replace, text)


def expanded(value: Any, expand: Expand) -> Any:
    """Return a value of JSON with *expand* done to every text in it. Raises Unfit."""
    if isinstance(value, str):
        return expand(value)
    if isinstance(value, Mapping):
        return {key: expanded(inner, expand) for key, inner in value.items()}
    return [expanded(inner, expand) for inner in value] if isinstance(value, list) else value


def editor(env: Mapping[str, str], workspace: str) -> Expand:
    """Return what replaces `${env:NAME}`, `${workspaceFolder}` and `${userHome}` (Cursor, VS Code)."""

    def replace(found: "re.Match[str]") -> str:
        if found[1] != "env":
            raise Unfit(f"its editor asks a person for {found[1]} {found[2][:40]!r}")
        return env.get(found[2], "")

    names = {
        "${workspaceFolder}": workspace,
        "${userHome}": env.get("HOME", ""),
        "${workspaceFolderBasename}": Path(workspace).name,
    }

    def expand(text: str) -> str:
        for name, value in names.items():
            text = text.replace(name, value)
        return _EDITOR.sub(replace, text)

    return expand
