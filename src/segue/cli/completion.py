"""`segue completion`: make a shell complete segue's words."""

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command


@_command("completion", short_help="print what makes a shell complete segue's words")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(frame: Frame, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash:  echo 'eval "$(segue completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(segue completion zsh)"' >> ~/.zshrc
    fish:  segue completion fish > ~/.config/fish/completions/segue.fish
    """  # noqa: D301 (click wants the character)
    from click.shell_completion import get_completion_class

    from segue.cli.main import cli

    found = get_completion_class(shell)
    if found is None:  # click knows the three
        raise AssertionError(shell)
    script = found(cli, {}, "segue", "_SEGUE_COMPLETE").source()
    frame.answer({"shell": shell, "script": script}, lambda d: str(d["script"]))
