"""Write src/segue/cli/helptext.py: what `segue --help` prints before anything is imported. With --check: is it current?"""

import io
import os
import sys
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src" / "segue" / "cli" / "helptext.py"


def generated() -> str:
    """Return the module's text: the help as the command line itself gives it, 80 characters wide."""
    os.environ["COLUMNS"] = "80"
    from segue.cli.frame import Frame
    from segue.cli.main import run

    out = io.StringIO()
    run(["--help"], Frame(stdout=out))
    return f'"""What `segue --help` prints. Generated: make docs."""\n\nTEXT = """\\\n{out.getvalue()}"""\n'


def main() -> int:
    """Write it, or check it."""
    if sys.argv[1:] == ["--check"]:
        return 0 if TARGET.read_text(encoding="utf-8") == generated() else 1
    TARGET.write_text(generated(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
