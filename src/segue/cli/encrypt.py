"""`segue encrypt`: the store under a key."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from segue.cli import records
from segue.cli.backup import shown
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import plural
from segue.core.errors import UsageError

if TYPE_CHECKING:
    from segue.engine.secrecy.encrypting import Outcome

NEW = "SEGUE_NEW_KEY"


def places(call: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the key is kept."""
    told = "The key is in the variable SEGUE_KEY; for rotate, the new one in SEGUE_NEW_KEY."
    call = click.option("--key-env", is_flag=True, help=told)(call)
    call = click.option("--key-file", metavar="PATH", help="Keep the key in a file, mode 0600 (made where it is missing).")(call)
    return click.option("--keyring", is_flag=True, help="Keep the key in the system's keyring (the default).")(call)


def place_of(keyring: bool, key_file: str | None, key_env: bool) -> str:
    """Return where the options say that the key is kept. Raises UsageError."""
    if keyring + key_env + (key_file is not None) > 1:
        raise UsageError("a key is kept in one place: give one of --keyring, --key-file, --key-env")
    return f"file:{key_file}" if key_file is not None else "environment" if key_env else "keyring"


@_command("encrypt", short_help="put the store under a key")
@places
def command(frame: Frame, keyring: bool, key_file: str | None, key_env: bool) -> None:
    """Encrypt the store (AES-256-GCM): logs, large values, cached states, the index, and names that would tell something.

    A key is made and kept in the system's keyring, in a file, or (yours, of segue key new) in SEGUE_KEY; never in an argument.
    Without it nobody can read the store: keep a copy elsewhere (segue key show). Others may use the store meanwhile; what is
    interrupted is gone on with: segue key continue. Backups that are there already stay as they are, and are named.
    """
    from segue.engine.secrecy import encrypting

    secrecy = frame.app.secrecy
    place = place_of(keyring, key_file, key_env)
    key = secrecy.new_key("SEGUE_KEY" if key_env else None)
    done = encrypting.encrypt(secrecy.encryption, key, place, secrecy.keep, secrecy, shown(frame))
    told(frame, done)


def told(frame: Frame, done: "Outcome") -> None:
    """Answer with what a change came to, and warn of what is not under the store's key."""
    app, state = frame.app, done.state
    elsewhere = app.secrecy.backups_elsewhere()
    for one in elsewhere:
        kind = "under another key" if _has_key(one.path) else "in the clear"
        frame.warn(f"backup {one.name} is {kind}: {one.path}")
    for what in done.left:
        frame.warn(f"it stays as it is: {what}")
    app.index.catch_up()

    def render(_: object) -> str:
        changed = done.changed
        what = f"{plural(changed.logs, 'log')}, {plural(changed.blobs, 'large value')} and {plural(changed.others, 'other file')}"
        if not state.key:
            return f"the store is in the clear: {what} written anew\n"
        return f"the store is encrypted under key {state.key}: {what} written anew\n{where(state.place)}\n"

    frame.answer(records.encrypted(state, done.changed, [one.path for one in elsewhere]), render)


def where(place: str) -> str:
    """Return the sentence that says where the key is."""
    if place == "keyring":
        return "the key is in the system's keyring; keep a copy elsewhere: segue key show"
    if place == "environment":
        return "the key is the one in your environment: segue needs it there (SEGUE_KEY) from now on"
    return f"the key is in {place.removeprefix('file:')}; keep a copy elsewhere: without it nobody can read the store"


def _has_key(backup: str) -> bool:
    from pathlib import Path

    return Path(backup, "store", "encryption.json").exists()
