"""Write the generated parts of the documents, or with --check say which are not current (exit code 1)."""

import sys
from pathlib import Path

from cogapp import Cog

ROOT = Path(__file__).parents[1]


def pages() -> list[str]:
    """Return the pages with generated parts, relative to the project."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [str(page.relative_to(ROOT)) for page in found if "[[[cog" in page.read_text(encoding="utf-8")]


def main() -> int:
    """Run cog over all pages."""
    mode = ["--check", "--diff"] if "--check" in sys.argv[1:] else ["-r"]
    done = Cog().main(["cog", *mode, "-P", "--verbosity=1", "-I", str(ROOT / "scripts"), *pages()])
    if done and "--check" in mode:
        print("generated documents are not current: run `make docs`", file=sys.stderr)
    return int(bool(done))


if __name__ == "__main__":
    sys.exit(main())
