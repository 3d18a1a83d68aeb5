"""`segue decrypt`: an encrypted store in the clear again."""

import click

from segue.cli.backup import shown
from segue.cli.encrypt import told
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.core.errors import ConfirmationError


@_command("decrypt", short_help="write an encrypted store in the clear")
@click.option("--yes", is_flag=True, help="Yes: everything will lie in the clear.")
def command(frame: Frame, yes: bool) -> None:
    """Write everything in the store in the clear. Its key stays where it is: older copies of the store are still under it."""
    from segue.engine.secrecy import encrypting

    secrecy = frame.app.secrecy
    if not yes and secrecy.encryption.state().key:
        raise ConfirmationError(
            "the store will lie in the clear: whoever can read its files can read all of it", hint="segue decrypt --yes"
        )
    told(frame, encrypting.decrypt(secrecy.encryption, secrecy, shown(frame)))
