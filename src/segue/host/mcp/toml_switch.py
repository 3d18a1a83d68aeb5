"""A server switched in Codex's `config.toml`: the line `enabled` in its table, edited as text and checked by its meaning."""

import copy
import json
import re

from segue.host.install import tables


class NotSwitchableError(ValueError):
    """A file that cannot be changed by itself; the message says why."""


def switched(text: str, name: str, *, on: bool) -> str:
    """Return *text* with the server *name* on or off. Raises NotSwitchableError."""
    try:
        wanted = copy.deepcopy(tables.parse(text))
    except tables.NotTomlError as e:
        raise NotSwitchableError(str(e)) from e
    entry = wanted.get("mcp_servers", {}).get(name) if isinstance(wanted.get("mcp_servers"), dict) else None
    if not isinstance(entry, dict):
        raise NotSwitchableError(f"mcp_servers.{name} is no table")
    if entry.get("enabled", True) is on:
        return text
    entry["enabled"] = on
    after = _edited(text, name, on=on)
    try:
        if after is not None and tables.parse(after) == wanted:
            return after
    except tables.NotTomlError:
        pass
    raise NotSwitchableError(f"mcp_servers.{name} is written in a form that cannot be changed by itself")


def _edited(text: str, name: str, *, on: bool) -> str | None:
    word = "true" if on else "false"
    keys = "|".join(re.escape(form) for form in (name, json.dumps(name, ensure_ascii=False), f"'{name}'"))
    header = re.search(rf"(?m)^[ \t]*\[[ \t]*mcp_servers[ \t]*\.[ \t]*(?:{keys})[ \t]*\].*$", text)
    if header is None:
        return None
    end = re.compile(r"(?m)^[ \t]*\[").search(text, header.end())
    body = text[header.end() : end.start() if end else len(text)]
    line = re.compile(r"(?m)^([ \t]*enabled[ \t]*=[ \t]*)(?:true|false)").search(body)
    if line is not None:
        start = header.end() + line.start()
        return text[:start] + line[1] + word + text[header.end() + line.end() :]
    line_end = "\r\n" if "\r\n" in text else "\n"
    at = header.end() - text[: header.end()].endswith("\r")
    return f"{text[:at]}{line_end}enabled = {word}{text[at:]}"
