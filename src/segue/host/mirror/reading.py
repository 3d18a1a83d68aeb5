"""Objects out of a repository that may be damaged: one git is asked for all of them, and another where it gives up."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, NamedTuple

from segue.core.errors import MirrorError
from segue.host.mirror.objects import Kind
from segue.host.workspace.gitting import Git


class Object(NamedTuple):
    """An object of git's."""

    kind: str
    data: bytes


class Reader:
    """Gives objects by name. Passes for `trees.Objects`, as long as nothing is put."""

    def __init__(self, git: Git, place: str) -> None:
        """Ask *git*; errors name *place*. Nothing is started yet."""
        self._git, self._place = git, place
        self._stack = ExitStack()
        self._talk: tuple[IO[bytes], IO[bytes]] | None = None

    def find(self, id: str) -> Object:
        """Return an object. Raises MirrorError."""
        try:
            if self._talk is None:
                self._talk = self._stack.enter_context(self._git.talk("cat-file", "--batch"))
            asked, answers = self._talk
            asked.write(id.encode() + b"\n")
            asked.flush()
            head = answers.readline().split()
            if len(head) == 3 and head[2].isdigit():
                data = answers.read(int(head[2]) + 1)
                if len(data) == int(head[2]) + 1:
                    return Object(head[1].decode(), data[:-1])
            elif head[1:] == [b"missing"]:
                raise MirrorError(self._place, f"object {id} is missing")
        except OSError as e:
            self.close()
            raise MirrorError(self._place, f"git gave up: {e}") from e
        self.close()
        raise MirrorError(self._place, f"object {id} is damaged")

    def get(self, id: str) -> bytes:
        """See `Objects.get`."""
        return self.find(id).data

    def put(self, kind: Kind, data: bytes) -> str:
        """Nothing is written: who mends a mirror asks for another."""
        raise NotImplementedError("a mirror that is read is not written")

    def close(self) -> None:
        """Ask no more for now."""
        self._talk = None
        try:
            self._stack.close()
        except BrokenPipeError:
            self._stack = ExitStack()


@contextmanager
def reading(git: Git, place: str) -> Iterator[Reader]:
    """Read objects with *git*."""
    reader = Reader(git, place)
    try:
        yield reader
    finally:
        reader.close()
