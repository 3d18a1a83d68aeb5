"""The part of the reference that tells what the MCP server offers: called by cog from docs/reference/mcp.md."""

from collections.abc import Mapping
from typing import Any

from segue.mcp.definitions import TOOLS, Definition
from segue.mcp.prompts import PROMPTS
from segue.mcp.resources import LIST, TEMPLATES
from segue.mcp.schema import LONGEST


def offers() -> None:
    """Write the tools, the resources and the prompts."""
    prompts: Any = PROMPTS
    print("\n## Tools")
    for tool in TOOLS:
        _tool(tool)
    print(f"\n## Resources\n\n| URI | is |\n| --- | --- |\n| `{LIST}` | The sessions of this project, and which one is yours. |")
    for one in TEMPLATES:
        print(f"| `{one['uriTemplate']}` | {one['description']} |")
    print("\nEach can be subscribed to: [how](../how-to/mcp-serve.md#resources-and-prompts).")
    print("\n## Prompts\n\n| name | arguments | does |\n| --- | --- | --- |")
    for one in prompts:
        takes = ", ".join(f"`{argument['name']}`" for argument in one["arguments"])
        print(f"| `{one['name']}` | {takes} | {one['description']} |")


def _tool(tool: Definition) -> None:
    kind = "Reads." if tool.reads else "Writes; called again it changes nothing more." if tool.repeatable else "Writes."
    print(f"\n### `{tool.name}`\n{tool.what} {kind}\n")
    print("| argument | takes | about |\n| --- | --- | --- |")
    for name, one in tool.takes.items():
        needed = ", needed" if name in tool.needs else ""
        print(f"| `{name}` | {_limits(one)}{needed} | {one.get('description', '')} |")


def _limits(one: Mapping[str, Any]) -> str:
    if "enum" in one:
        return ", ".join(f"`{word}`" for word in one["enum"])
    if one["type"] == "string":
        return f"text, at most {one.get('maxLength', LONGEST):,} characters"
    if "minimum" in one:
        return f"{one['minimum']:,} to {one['maximum']:,}"
    return "true or false" if one["type"] == "boolean" else str(one["type"])
