"""`segue config`: settings, and where each comes from."""

from typing import Any

import click

from segue.cli.frame import Frame
from segue.cli.params import CONTEXT, common
from segue.cli.params import command as _command
from segue.cli.render import style
from segue.host.config import KEYS, Setting


@click.group("config", context_settings=CONTEXT, invoke_without_command=True, short_help="settings, and where each comes from")
@common
@click.pass_context
def command(ctx: click.Context, /) -> None:
    """Print every setting with its value and where it comes from: a flag, the environment, the file, or the default."""
    if ctx.invoked_subcommand is None:
        _show(ctx.obj)


def _show(frame: Frame) -> None:
    config = frame.app.config

    def render(document: dict[str, Any]) -> str:
        lines = []
        for s in document["settings"]:
            lines.append(f"{style('bold', s['key'])} = {s['value']}  {style('dim', '(' + s['source'] + ')')}")
            lines.append(style("dim", f"    {s['what']}"))
        lines.append(f"written to {document['file']} by: segue config set KEY VALUE")
        return "\n".join(lines) + "\n"

    document = {"home": str(config.home), "file": str(config.file), "settings": [_record(s) for s in config.settings()]}
    frame.answer(document, render)


@_command("get")
@click.argument("key", type=click.Choice([k.name for k in KEYS]), metavar="KEY")
def get(frame: Frame, key: str) -> None:
    """Print the value of KEY."""
    frame.answer(_record(frame.app.config.setting(key)), lambda d: f"{d['value']}\n")


@_command("set")
@click.argument("key", type=click.Choice([k.name for k in KEYS]), metavar="KEY")
@click.argument("value")
def set_(frame: Frame, key: str, value: str) -> None:
    """Write KEY = VALUE into the configuration file."""
    if key in {"prices", "windows"} or key.startswith("budget."):
        from segue.app.budgets import rules
        from segue.host.config import Config

        rules(Config(frame.env, {key: value}))  # what makes no sense together is refused before it is written
    _write(frame, key, value)


@_command("unset")
@click.argument("key", type=click.Choice([k.name for k in KEYS]), metavar="KEY")
def unset(frame: Frame, key: str) -> None:
    """Take KEY out of the configuration file."""
    _write(frame, key, None)


def _write(frame: Frame, key: str, value: str | None) -> None:
    from segue.host.config import Config

    frame.app.config.write(key, value)
    now = Config(frame.env, {"store": frame.store_flag}).setting(key)
    if value is not None and now.value != value:
        frame.warn(f"{key} is {now.value!r} all the same: {now.source} wins over the file")
    frame.answer(_record(now), lambda d: f"{d['key']} = {d['value']}  (from {d['source']})\n")


def _record(s: Setting) -> dict[str, Any]:
    return {
        "key": s.key.name,
        "value": s.value,
        "source": s.source,
        "default": s.key.default,
        "variable": s.key.variable,
        "choices": list(s.key.choices),
        "what": s.key.what,
    }


for one in (get, set_, unset):
    command.add_command(one)
