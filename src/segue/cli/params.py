"""Options that several commands share."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

import click

from segue.cli.frame import Frame

F = TypeVar("F", bound=Callable[..., Any])

COUNT: Final = click.IntRange(1, 1_000_000_000)
"""How many at most: what SQLite, `islice` and a list of this machine can count to."""

_TOKENS: Final = re.compile(r"(\d[\d,_]{0,15}(?:\.\d{1,9})?) ?([km]?)\Z", re.IGNORECASE | re.ASCII)
_TIMES: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_MOST_TOKENS: Final = 1_000_000_000

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def common(function: F) -> F:
    """Add `--json` and `--store` to a command; both are kept in the frame."""
    function = click.option(
        "--store",
        metavar="URL",
        expose_value=False,
        callback=_set_store,
        help="Use this store (log:///directory, memory://, or a path).",
    )(function)
    return click.option(
        "--json", is_flag=True, expose_value=False, callback=_set_json, help="Answer in JSON, on standard output alone."
    )(function)


def command(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function whose first argument is the frame the command *name*, with the common options."""

    def wrap(function: Callable[..., Any]) -> click.Command:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return function(click.get_current_context().find_object(Frame), *args, **kwargs)

        make: Callable[[Any], click.Command] = click.command(name, click.Command, context_settings=CONTEXT, **attributes)
        return make(common(call))

    return wrap


def session(function: F) -> F:
    """Add the argument SESSION, which may be left out."""
    return click.argument("session", required=False, shell_complete=_complete)(function)


class _Agent(click.ParamType[Any]):
    """The name of an agent, or the beginning of just one: `claude` is claude-code."""

    name = "agent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the whole name; what is no agent's is left as it is, for the command to say what it takes."""
        fits = self._names(ctx, value)
        return fits[0] if len(fits) == 1 and value else value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Return the names that begin so."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in self._names(ctx, incomplete)]

    @staticmethod
    def _names(ctx: click.Context | None, begin: str) -> list[str]:
        frame = (ctx.find_object(Frame) if ctx else None) or Frame()
        return [place.agent for place in frame.app.places.all() if place.agent.startswith(begin.lower())]


class Tokens(click.ParamType[int]):
    """A number of tokens, from the *least* on, as people write it: 25000, 25,000, 25k or 1.5M."""

    name = "tokens"

    def __init__(self, least: int = 1) -> None:
        """Take no fewer."""
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number. What is none, or too small or large a one, is said."""
        said = _TOKENS.match(str(value).strip())
        tokens = round(float(said[1].replace(",", "").replace("_", "")) * _TIMES[said[2].lower()]) if said else 0
        if not self.least <= tokens <= _MOST_TOKENS:
            self.fail(f"{value!r} is not a number of tokens from {self.least:,} on, such as 25000 or 25k", param, ctx)
        return tokens


AGENT: Final = _Agent()
"""An agent, by its name or the beginning of it."""


def _complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[Any]:
    """Return names of sessions that begin so. Completion never fails: it has nothing to say then."""
    from click.shell_completion import CompletionItem

    from segue.core.errors import SegueError

    frame = ctx.find_object(Frame) or Frame()
    try:
        rows = frame.app.index.sessions(limit=50)
    except (SegueError, OSError):
        return []
    words = [(word, "") for word in ("last", "current", "paused")] + [(r.name or r.id, r.about) for r in rows]
    return [CompletionItem(word, help=what[:60] or None) for word, what in words if word.lower().startswith(incomplete.lower())]


def _set_json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.obj.json = True


def _set_store(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value:
        ctx.obj.store_flag = value
