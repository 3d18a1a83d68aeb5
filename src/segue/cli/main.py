"""The command line as a whole: which commands there are, and how a call ends."""

import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import IO, Any, Final

import click

from segue import __version__
from segue.cli.frame import Frame
from segue.cli.params import CONTEXT, common
from segue.core.errors import SegueError, UsageError

SECTIONS: Final = {
    "Work": {
        "start": "begin a session",
        "status": "where a session is: its state, what is open, what it used",
        "restore": "print the context to go on with, within a token budget",
        "budget": "how full the context is and of what, what was used and what it cost",
        "pause": "stop for now, and say what is next",
        "resume": "go on with a session, here or in another agent",
        "end": "close a session",
        "checkpoint": "name a position to come back to, or list them",
        "forget": "let checkpoints go that no rule keeps",
        "fork": "begin a session that shares another's past",
    },
    "Look": {
        "list": "sessions, latest activity first",
        "delta": "what changed while a session was away",
        "show": "a session's state as a document, or one event of it",
        "log": "a session's events",
        "search": "find what was said and done",
        "watch": "follow a session live",
        "predict": "what will likely be needed next: files, notes, and why",
        "note": "notes of the library: find, show, make, change, link, check",
    },
    "Take in": {
        "statusline": "print an agent's status line, and take its figures in",
        "init": "capture coding agents as they work: hooks and slash commands",
        "follow": "take in what every agent writes, as it is written",
        "import": "bring coding agents' transcripts in; with --follow as they are written",
        "why": "why a file is not in the log, or how it is",
        "moved": "tell that a project is in another directory now",
        "restore-transcript": "put a transcript that its agent deleted back in its place",
        "append": "add events, each acknowledged once it is on disk",
    },
    "Care": {
        "scan": "tell where secrets stand in files or sessions, without showing them",
        "validate": "check every byte, and name what is damaged",
        "recover": "put the store together from all copies there are",
        "reconstruct": "make sessions of whatever is left of them, files of any origin",
        "repair": "set aside what is damaged, keep all that is intact",
        "backup": "take a verified copy of the store, or list them",
        "restore-store": "make the store anew from a backup",
        "erase": "take contents away for good, everywhere, with a proof",
        "encrypt": "put the store under a key",
        "decrypt": "write an encrypted store in the clear",
        "key": "the key of an encrypted store: show, rotate",
        "mcp": "what agents' MCP servers cost; switch them off and on; be one",
        "doctor": "check this machine: locks, disk, permissions, agents",
        "config": "settings, and where each comes from",
        "completion": "print what makes a shell complete segue's words",
    },
}
"""Section -> command -> what it does, as the help shows it."""

HIDDEN: Final = ("git-hook", "upkeep")
_MODULES: Final = {"import": "import_"}
_INTERRUPTED: Final = 130


class Commands(click.Group):
    """The commands, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands that are shown."""
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, its module loaded now; None where there is none of that name."""
        if cmd_name not in self.list_commands(ctx) and cmd_name not in HIDDEN:
            return None
        module = importlib.import_module(f"segue.cli.{_MODULES.get(cmd_name, cmd_name.replace('-', '_'))}")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """See click; a word that is no command is answered with the nearest one."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), 1)
            hint = f"did you mean: segue {near[0]}" if near else "segue --help lists the commands"
            raise UsageError(f"there is no command {args[0]!r}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, without loading any."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings=CONTEXT,
    epilog="A session is given as an id or the beginning of one, a name (SESSION-...), a slug, an agent's own id, "
    "`last`, `current` (that of this workspace) or `paused` (the one paused here last). "
    "Every command takes --json and --store URL.",
)
@common
@click.version_option(__version__, message="segue %(version)s")
@click.pass_context
def cli(ctx: click.Context, /) -> None:
    """Keep the work of AI agents from being lost.

    Without a command: where you were in this workspace. Enter goes on from there.
    """
    if ctx.invoked_subcommand is None:
        from segue.cli.here import here

        here(ctx.obj)


def main(arguments: Sequence[str]) -> int:
    """Run the command line of this process and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # What cannot be encoded is shown as an escape; of JSON that is JSON's own.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if "--json" in arguments:
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    frame = Frame()
    if "_SEGUE_COMPLETE" in os.environ:  # a shell asks: click answers, and exits
        cli.main(list(arguments), prog_name="segue", obj=frame)
    code = run(arguments, frame)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _INTERRUPTED
    except OSError as e:  # a full disk is noticed at the last moment
        code = frame.fail(_refused(e))
        _let_go(sys.stdout)
    if code == _INTERRUPTED:
        _let_go(sys.stdout)
    return code


def run(arguments: Sequence[str], frame: Frame) -> int:
    """Run one command line within *frame* and return its exit code. No error but a defect of ours leaves it."""
    frame.json = "--json" in arguments
    try:
        with contextlib.redirect_stdout(frame.stdout):  # click's own texts: help
            result = call(arguments, frame)
        frame.tend()
        return result if isinstance(result, int) else 0
    except SegueError as e:
        return frame.fail(e)
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.ClickException as e:
        return frame.fail(_usage(e))
    except (KeyboardInterrupt, click.Abort):
        if frame.stdout.isatty():
            frame.stdout.write("\n")  # the shell's next prompt begins a line
        return _INTERRUPTED
    except BrokenPipeError:
        return _INTERRUPTED
    except OSError as e:
        return frame.fail(_refused(e))
    except MemoryError:
        return frame.fail(SegueError("there is not enough memory for this", hint="ulimit -v shows a limit, where there is one"))
    except ImportError as e:
        return frame.fail(SegueError(f"a library cannot be loaded: {e}", hint="install segue again, or free memory"))
    finally:
        with contextlib.suppress(BrokenPipeError):
            frame.close()


def call(arguments: Sequence[str], frame: Frame) -> Any:
    """Run one command line and return what the command returned. Click's own `main` has its own view of interruptions."""
    with cli.make_context("segue", list(arguments), obj=frame) as ctx:
        return cli.invoke(ctx)


def _refused(error: OSError) -> SegueError:
    return SegueError(f"the system refused: {error}", hint="segue doctor")


def _usage(error: click.ClickException) -> UsageError:
    """Return click's complaint in our words."""
    message = "missing command" if isinstance(error, click.exceptions.NoArgsIsHelpError) else error.format_message().rstrip(".")
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "segue"
    return UsageError(message[:1].lower() + message[1:], hint=f"{command} --help")


def _let_go(stream: IO[str]) -> None:
    """Keep the interpreter from complaining, on its way out, of a reader that went away."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
