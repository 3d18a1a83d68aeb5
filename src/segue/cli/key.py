"""`segue key`: the key of an encrypted store."""

import click

from segue.cli import records
from segue.cli.backup import shown
from segue.cli.encrypt import NEW, place_of, places, told
from segue.cli.frame import Frame
from segue.cli.params import CONTEXT, common
from segue.cli.params import command as _command
from segue.core.errors import UsageError


@click.group("key", context_settings=CONTEXT, invoke_without_command=True, short_help="the key of an encrypted store")
@common
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show under which key the store is, and where that key is. The key itself is not shown."""
    if ctx.invoked_subcommand is not None:
        return
    frame: Frame = ctx.obj
    state = frame.app.secrecy.encryption.state()

    def render(_: object) -> str:
        if not state.key:
            return "the store is not encrypted\n" if not state.changing else "the store is being decrypted: segue key continue\n"
        older = f"keys before it: {', '.join(state.older)}\n" if state.older else ""
        unfinished = "not everything is under it yet: segue key continue\n" if state.changing else ""
        return f"the store is under key {state.key}, which is in {state.place.removeprefix('file:')}\n{older}{unfinished}"

    frame.answer(records.encrypted(state, None, []), render)


@_command("rotate")
@places
def rotate(frame: Frame, keyring: bool, key_file: str | None, key_env: bool) -> None:
    """Put the store under a new key, and write everything in it anew. Copies made before stay under the old one."""
    from segue.engine.secrecy import encrypting

    secrecy = frame.app.secrecy
    place = place_of(keyring, key_file, key_env)
    key = secrecy.new_key(NEW if key_env else None)
    done = encrypting.rotate(secrecy.encryption, key, place, secrecy.keep, secrecy, shown(frame))
    told(frame, done)


@_command("continue")
def continue_(frame: Frame) -> None:
    """Finish a change of the key that was interrupted. Harmless where none was."""
    from segue.engine.secrecy import encrypting

    secrecy = frame.app.secrecy
    told(frame, encrypting.go_on(secrecy.encryption, secrecy, shown(frame)))


@_command("show")
def show(frame: Frame) -> None:
    """Print the key itself, to be kept elsewhere: whoever has it can read the store."""
    from segue.core.log.storekeys import to_text

    app = frame.app
    state = app.secrecy.encryption.state()
    if not state.key:
        raise UsageError("there is no key: the store is not encrypted", hint="segue encrypt")
    text = to_text(app.keys.key(state.key, state.place))
    frame.answer({"key": state.key, "secret": text}, lambda _: f"{text}\n")


@_command("new")
def new(frame: Frame) -> None:
    """Print a new key, for SEGUE_KEY. It is kept nowhere else."""
    from segue.core.log.storekeys import id_of, to_text

    key = frame.app.secrecy.new_key()
    frame.answer({"key": id_of(key), "secret": to_text(key)}, lambda _: f"{to_text(key)}\n")


for _one in (rotate, continue_, show, new):
    command.add_command(_one)
