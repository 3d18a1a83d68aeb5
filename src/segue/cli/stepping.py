"""How `segue resume` reads where a session goes on from a step of its task, or from an earlier place."""

from typing import TYPE_CHECKING

from segue.cli.render import beside, plural

if TYPE_CHECKING:
    from segue.engine.context.stepping import Beginning


def about(begins: "Beginning") -> list[str]:
    """Return from where it goes on, a line each; nothing where that is simply where it is."""
    where = begins.told() if begins.is_asked else ""
    lines = [f"goes on   {where}"] if where else []
    if begins.left:
        what = f"{plural(begins.left, 'later event')} {'stays' if begins.left == 1 else 'stay'} there"
        lines.append(f"begins    at event {begins.position} of {begins.name}; {what}: segue status {begins.name}")
    if begins.files:
        lines.append(f"files     as they are now; as they were then: segue checkpoint restore {begins.files} --code")
    return lines


def told(begins: "Beginning", name: str, width: int) -> str:
    """Return what is said below the picture of the session that goes on, *name*."""
    hint = beside(width, f"what the agent needs: segue restore {name}", f"in an agent: segue resume {name} --in AGENT")
    return "\n" + "".join(f"{line}\n" for line in about(begins)) + hint
