"""`segue` and `python -m segue`. Help and version are answered before anything else is imported."""

import sys


def main() -> int:
    """Run the command line and return its exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--help"], ["-h"]):
        from segue.cli.helptext import TEXT

        sys.stdout.write(TEXT)
        return 0
    if arguments == ["--version"]:
        from segue import __version__

        sys.stdout.write(f"segue {__version__}\n")
        return 0
    from segue.cli.main import main as run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
