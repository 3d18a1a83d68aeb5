"""Write the generated parts of the documents, or with --check say which are not current (exit code 1)."""

import json
import sys
from pathlib import Path

import schema
import write_help
from cogapp import Cog

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "docs/reference/state.schema.json"


def pages() -> list[str]:
    """Return the pages with generated parts, relative to the project."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [str(page.relative_to(ROOT)) for page in found if "[[[cog" in page.read_text(encoding="utf-8")]


def main() -> int:
    """Run cog over all pages, and write the schema and the command line's help."""
    check = "--check" in sys.argv[1:]
    mode = ["--check", "--diff"] if check else ["-r"]
    stale = Cog().main(["cog", *mode, "-P", "--verbosity=1", "-I", str(ROOT / "scripts"), *pages()]) != 0
    text = json.dumps(schema.state(), indent=2, ensure_ascii=False) + "\n"
    if not check:
        SCHEMA.write_text(text, encoding="utf-8")
    elif not SCHEMA.exists() or SCHEMA.read_text(encoding="utf-8") != text:
        print(f"{SCHEMA.name} is not current")
        stale = True
    if not check:
        write_help.TARGET.write_text(write_help.generated(), encoding="utf-8")
    elif write_help.TARGET.read_text(encoding="utf-8") != write_help.generated():
        print(f"{write_help.TARGET.name} is not current")
        stale = True
    if stale and check:
        print("generated documents are not current: run `make docs`", file=sys.stderr)
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
