"""`segue` and `python -m segue`. Help and version are answered before anything else is imported."""

import os
import sys


def main() -> int:
    """Run the command line and return its exit code."""
    _open_streams()
    arguments = sys.argv[1:]
    if arguments in (["--help"], ["-h"]):
        from segue.cli.helptext import TEXT

        return _say(TEXT)
    if arguments == ["--version"]:
        from segue import __version__

        return _say(f"segue {__version__}\n")
    if arguments[:1] == ["hook"]:
        return hook(arguments[1:])
    if arguments == ["statusline"]:
        return statusline()
    try:
        from segue.cli.main import main as run

        return run(arguments)
    except KeyboardInterrupt:  # before or after a command catches it
        return 130


def _say(text: str) -> int:
    """Print *text* and return the exit code: a full disk or a reader that went away is no defect of ours."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as e:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more
        if isinstance(e, BrokenPipeError):
            return 130
        sys.stderr.write(f"error: the system refused: {e}\n")
        return 1
    return 0


def _open_streams() -> None:
    """Give a process that was started with a closed stream (`segue list >&-`, a daemon) an empty one in its place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w" if number else "r"))  # noqa: SIM115, PTH123 (it lives as long as the process)


def hook(arguments: list[str]) -> int:
    """Spool an agent's hook payload: `segue hook EVENT [--agent NAME]`. Silent, and 0 whatever happens: agents read both."""
    from segue import hooks
    from segue.host.config import home

    agent = arguments[arguments.index("--agent") + 1] if "--agent" in arguments[:-1] else "claude-code"
    try:
        if not agent.replace("-", "").isalnum():  # it becomes the name of a file
            return 0
        place = home(os.environ)
        (place / "spool").mkdir(mode=0o700, parents=True, exist_ok=True)
        hooks.spool(str(place), agent, arguments[0], hooks.read())
    except (OSError, IndexError, ValueError):
        return 0
    return 0


def statusline() -> int:
    """Print an agent's status line from what it says on standard input: `segue statusline`. 0 whatever happens."""
    from segue import statusline
    from segue.host.config import home

    try:
        statusline.run(str(home(os.environ)), colour="NO_COLOR" not in os.environ)
    except OSError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
