"""What a command works with: the streams, the application, and the two ways to answer (`--json`, or text for people)."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import IO, Any, TextIO

from segue.app import App
from segue.cli.render import json_text, line, safe
from segue.core.errors import NotFoundError, SegueError, UsageError
from segue.ports import Clock, Ids, Store, Target


class Frame:
    """One call of the command line. Everything it touches is handed in, so that tests can hold it."""

    def __init__(
        self,
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdin: IO[bytes] | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
        store: Store | None = None,
    ) -> None:
        """Take the process's own environment and streams where none are given."""
        self.env = os.environ if env is None else env
        self.cwd = cwd
        self.stdin = stdin or sys.stdin.buffer
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.json = False
        self.store_flag: str | None = None
        self._clock, self._ids, self._store = clock, ids, store
        self._shown = False

    # --- what is there

    @cached_property
    def app(self) -> App:
        """The application."""
        return App(
            self.env,
            flags={"store": self.store_flag},
            cwd=self.cwd,
            clock=self._clock,
            ids=self._ids,
            store=self._store,
            progress=lambda done, of: self.progress(f"indexing: {done:,} of {of:,} sessions"),
        )

    @property
    def width(self) -> int:
        """Characters of a line: COLUMNS, the terminal's, else 100."""
        columns = self.env.get("COLUMNS", "")
        if columns.isascii() and columns.isdigit() and int(columns) >= 40:
            return int(columns)
        if self.stdout.isatty():
            import shutil

            return max(shutil.get_terminal_size((100, 24)).columns, 40)
        return 100

    @property
    def colour(self) -> bool:
        """Whether text may be coloured: on a terminal, unless NO_COLOR or TERM=dumb says otherwise."""
        return self.stdout.isatty() and not self.env.get("NO_COLOR") and self.env.get("TERM") != "dumb"

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked."""
        return not self.json and self.stdin.isatty() and self.stdout.isatty()

    def now(self) -> float:
        """Return seconds since 1970, UTC."""
        return self.app.clock.now()

    def session(self, ref: str | None) -> Target:
        """Return the session (and position) of a reference; without one, what the person picks, else that of this workspace.

        Raises:
            NotFoundError, AmbiguousError: nothing fits, or several do.
            UsageError: none was given, and this workspace has none.
        """
        if ref is not None:
            return self.app.resolve(ref)
        if self.interactive:
            from segue.cli.pick import pick

            return Target(pick(self))
        try:
            return self.app.resolve("current")
        except NotFoundError as e:
            there = "give one: segue list shows them; or `last`"
            none = 'begin one: segue start --task "..."; or bring in what your agents did: segue import --all'
            hint = there if self.app.index.sessions(limit=1) else none
            raise UsageError("no session was given, and this workspace has none", hint=hint) from e

    # --- answers

    def progress(self, text: str) -> None:
        """Show on the terminal's standard error what takes long; the next answer takes its place. Elsewhere nothing is shown."""
        if self.json or not self.stderr.isatty() or self.env.get("TERM") == "dumb":
            return
        self._shown = bool(text)
        self.stderr.write("\r" + safe(line(text, self.width - 1)) + "\x1b[K")
        self.stderr.flush()

    def answer(self, document: Any, text: Callable[[Any], str]) -> None:
        """Print *document* as JSON, or what *text* makes of it."""
        if self.json:
            self.record(document)
        else:
            self.write(text(document))

    def record(self, document: Any) -> None:
        """Print one JSON document on one line, at once."""
        self.stdout.write(json_text(document) + "\n")
        self.stdout.flush()

    def write(self, text: str) -> None:
        """Print text for people: control characters of whoever wrote it are shown, not obeyed."""
        self._clear()
        text = safe(text, colour=self.colour)
        self.stdout.write(text if text.endswith("\n") or not text else text + "\n")

    def raw(self, text: str) -> None:
        """Print text as it is; only on a terminal its control characters are shown, not obeyed."""
        self._clear()
        self.stdout.write(safe(text) if self.stdout.isatty() else text)

    def warn(self, text: str) -> None:
        """Say on standard error what a person should know; nothing on standard output changes."""
        self.stderr.write(safe(f"warning: {text}\n"))

    def fail(self, error: SegueError) -> int:
        """Print *error* on standard error and return its exit code."""
        self._clear()
        if self.json:
            self.stderr.write(json_text({"error": error.to_json()}, compact=False) + "\n")
        else:
            self.stderr.write(safe(f"error: {error.message}\n" + (f"hint: {error.hint}\n" if error.hint else "")))
        self.stderr.flush()
        return error.exit_code

    def damage(self, places: Iterable[Any], session: str) -> None:
        """Warn of damaged places that were passed over."""
        count = len(list(places))
        if count:
            were = "place was" if count == 1 else "places were"
            self.warn(f"{count} damaged {were} passed over: segue validate {session}")

    def tend(self) -> None:
        """Have what waits in the background done, if something does."""
        if "app" in self.__dict__:
            self.app.tend()

    def close(self) -> None:
        """Let go of what was opened."""
        self._clear()
        if "app" in self.__dict__:
            self.app.close()

    def _clear(self) -> None:
        if self._shown:
            self.progress("")
