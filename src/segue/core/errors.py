"""Every error of segue, one tree.

    SegueError                    1  failed
    ├── UsageError                2  the call's words are off
    │   ├── AmbiguousError           a reference fits several things
    │   └── InvalidEventError        an event that cannot be written
    ├── ConfirmationError         3  a person must verify
    │   └── UnverifiedError          what a session relies on is gone or contradicted
    ├── NotFoundError             4
    │   └── GoneError                it was there, and was deleted
    ├── ConflictError             5  somebody else was there first
    │   ├── HeadMovedError           an append expected another head
    │   ├── DuplicateKeyError        the idempotency key is taken
    │   ├── LeaseHeldError           another drives the session
    │   ├── FencedError              a stale driver's append
    │   ├── IllegalTransitionError   the lifecycle does not allow it
    │   ├── ExistsError              it is there already
    │   ├── ChangedError             a file was written by somebody else meanwhile
    │   └── UnfinishedRestoreError   a restore of code was interrupted before
    ├── DamagedError              6  stored bytes are not what was written
    ├── WrongKeyError             7
    ├── StoreTooNewError          8
    ├── StoreUnusableError        1  this place cannot hold a store
    ├── ConfigurationError        1  a file of an agent's configuration cannot be changed
    ├── WorkspaceError            1  a workspace snapshot cannot be taken or read
    ├── MirrorError               1  the mirror of the store cannot be written or read
    ├── InterruptionError       130  a run's limit is reached, or it was interrupted
    ├── WithdrawnError          130  an append whose caller went away before it began
    ├── RestoreError              1  a checkpoint could not be restored, or one half of it
    ├── StorageFullError          1  nothing was stored
    └── OutcomeUnknownError       1  the disk did not confirm

A message is one sentence: what could not be done, to what, why. The hint, apart, is the command to run next.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

LONGEST: Final = 1_000
"""Characters of a message, and of each field that is shown: what somebody passed in may be a file by mistake."""


class SegueError(Exception):
    """The root: an error with a stable code, an exit code, typed fields and a hint."""

    code: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, **fields: Any) -> None:
        """Keep *message*, the *hint* and the typed *fields* that `--json` shows."""
        self.message = _cut(message)
        super().__init__(self.message)
        self.hint = hint
        self.fields = fields

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `--json` prints under `error`."""
        fields = {name: _cut(value) if isinstance(value, str) else value for name, value in self.fields.items()}
        return {"code": self.code, "message": self.message, "hint": self.hint, **fields}

    def own(self) -> "SegueError":
        """Return the same error as an object of its own: for each of several who are told of one."""
        error = type(self).__new__(type(self), *self.args)
        error.__dict__.update(self.__dict__, fields=dict(self.fields))
        error.__cause__ = self.__cause__
        return error


def _cut(text: str) -> str:
    """Return *text*, the middle left out where it is too long to be read."""
    left = len(text) - LONGEST
    return text if left <= 0 else f"{text[: LONGEST // 2]}[... {left:,} characters ...]{text[-LONGEST // 2 :]}"


class UsageError(SegueError):
    """The call's words are off."""

    code = "usage"
    exit_code = 2


class AmbiguousError(UsageError):
    """A reference fits several things; `candidates` names them."""

    code = "ambiguous"

    def __init__(self, ref: str, candidates: Sequence[str], what: str = "sessions", *, hint: str = "") -> None:
        """Name the reference, what it fits, and what that is; *hint* says how to name one where a candidate is no name."""
        shown = ", ".join(candidates[:8]) + (", ..." if len(candidates) > 8 else "")
        super().__init__(
            f"reference {ref!r} fits {len(candidates)} {what}: {shown}",
            hint=hint or f"name the one you mean in full, such as {candidates[0]}",
            ref=ref,
            candidates=list(candidates),
        )


class InvalidEventError(UsageError):
    """An event that cannot be written; `reason` says why."""

    code = "invalid-event"

    def __init__(self, reason: str, *, kind: str | None = None) -> None:
        """Say what is wrong with the event."""
        what = f"event of kind {kind!r}" if kind else "event"
        super().__init__(f"{what} cannot be written: {reason}", kind=kind, reason=reason)


class ConfirmationError(SegueError):
    """A person must verify before this goes on."""

    code = "needs-confirmation"
    exit_code = 3


class UnverifiedError(ConfirmationError):
    """What a session relies on is gone or contradicted; nothing was done.

    `failures` says what (`text`) and the way back (`hint`), `checks` all that was compared.
    """

    code = "unverified"

    def __init__(self, session: str, failures: Sequence[tuple[str, str]], checks: Sequence[Any]) -> None:
        """Name the session, what failed, and the checks."""
        shown = "; ".join(text for text, _ in failures[:3]) + (f"; and {len(failures) - 3} more" if len(failures) > 3 else "")
        super().__init__(
            f"session {session!r} does not go on until a person has verified: {shown}",
            hint=f"look at it: segue resume {session} --check; then go on with --verified, or with the minimum: --emergency",
            session=session,
            failures=[{"text": text, "hint": hint} for text, hint in failures],
            checks=list(checks),
        )


class NotFoundError(SegueError):
    """Nothing fits the reference."""

    code = "not-found"
    exit_code = 4

    def __init__(self, what: str, ref: str, *, hint: str | None = None) -> None:
        """Name what was looked for, and how."""
        super().__init__(f"{what} {ref!r} was not found", hint=hint, what=what, ref=ref)


class GoneError(NotFoundError):
    """It was there and was deleted; its id is never used again."""

    code = "gone"


class ConflictError(SegueError):
    """Somebody else was there first."""

    code = "conflict"
    exit_code = 5


class HeadMovedError(ConflictError):
    """An append expected one head and met another; nothing was written."""

    code = "head-moved"

    def __init__(self, session: str, expected: int, actual: int) -> None:
        """Name the head that was expected and the one that is there."""
        super().__init__(
            f"append to session {session!r} was refused: it expected head {expected}, the log is at {actual}",
            hint="read what is new and decide again",
            session=session,
            expected=expected,
            actual=actual,
        )


class DuplicateKeyError(ConflictError):
    """The idempotency key is taken and the caller asked for refusal; nothing was written."""

    code = "duplicate-key"

    def __init__(self, session: str, key: str, seq: int | None) -> None:
        """Name the key and the event that has it; None where the append itself has it twice."""
        where = "occurs twice in it" if seq is None else f"is taken by event {seq}"
        super().__init__(
            f"append to session {session!r} was refused: key {key!r} {where}",
            session=session,
            key=key,
            seq=seq,
        )


class LeaseHeldError(ConflictError):
    """Another drives the session until `until`."""

    code = "lease-held"

    def __init__(self, session: str, holder: str, until: str) -> None:
        """Name the holder and the end of the lease."""
        super().__init__(
            f"session {session!r} cannot be driven: it is driven by {holder!r} until {until}",
            hint="wait, or take it over with: --take-over",
            session=session,
            holder=holder,
            until=until,
        )


class FencedError(ConflictError):
    """A stale driver's append; nothing was written, the events can go to a fork."""

    code = "fenced"

    def __init__(self, session: str, token: int, current: int | None) -> None:
        """Name the stale token and the current one."""
        now = "no lease is held" if current is None else f"token {current} drives it now"
        super().__init__(
            f"append to session {session!r} was refused: token {token} no longer drives it, {now}",
            hint="take the lease again, or append to a fork",
            session=session,
            token=token,
            current=current,
        )


class IllegalTransitionError(ConflictError):
    """The lifecycle does not allow it; `state` and `allowed` say what it does."""

    code = "illegal-transition"

    def __init__(self, session: str, verb: str, state: str, allowed: Sequence[str]) -> None:
        """Name the state and what is allowed from there."""
        can = ", ".join(allowed) or "nothing"
        super().__init__(
            f"session {session!r} cannot be {verb}: it is {state}; allowed now: {can}",
            session=session,
            verb=verb,
            state=state,
            allowed=list(allowed),
        )


class ExistsError(ConflictError):
    """It is there already."""

    code = "exists"

    def __init__(self, what: str, ref: str) -> None:
        """Name what exists."""
        super().__init__(f"{what} {ref!r} exists already", what=what, ref=ref)


class ChangedError(ConflictError):
    """A file was written by somebody else meanwhile; nothing was done to it."""

    code = "changed"

    def __init__(self, path: str) -> None:
        """Name the file."""
        super().__init__(f"file {path!r} was not changed: somebody else wrote it meanwhile", hint="try again", path=path)


class TakenAwayError(ConflictError):
    """There is no fork at a position before one where contents were taken away that its state consists of; none was begun."""

    code = "taken-away"

    def __init__(self, session: str, position: int, by: int) -> None:
        """Name the session, the position, and the event that took them away."""
        super().__init__(
            f"session {session!r} cannot be forked at event {position}: event {by} took away what was there",
            hint=f"fork it as it is now: segue fork {session}",
            session=session,
            position=position,
            by=by,
        )


class UnfinishedRestoreError(ConflictError):
    """A restore of code was interrupted; it is to be finished or undone before another begins."""

    code = "unfinished-restore"

    def __init__(self, root: str, snapshot: str, before: str) -> None:
        """Name the workspace, the snapshot that was to be restored and the one of what was there before."""
        super().__init__(
            f"workspace {root!r} cannot be restored: an earlier restore of it was interrupted",
            hint="segue checkpoint restore --finish, or --undo",
            root=root,
            snapshot=snapshot,
            before=before,
        )


class DamagedError(SegueError):
    """Stored bytes are not what was written; `findings` lists where."""

    code = "damaged"
    exit_code = 6

    def __init__(self, what: str, reason: str, **fields: Any) -> None:
        """Name the damaged thing and the reason."""
        super().__init__(f"{what} is damaged: {reason}", hint="segue validate", what=what, reason=reason, **fields)


class WrongKeyError(SegueError):
    """The key does not open the store."""

    code = "wrong-key"
    exit_code = 7


class StoreTooNewError(SegueError):
    """The store was written by a newer program."""

    code = "store-too-new"
    exit_code = 8

    def __init__(self, where: str, found: int, known: int) -> None:
        """Name the store's format and the newest known one."""
        super().__init__(
            f"store {where!r} cannot be opened: its format is {found}, this program knows up to {known}",
            hint="upgrade segue: pip install --upgrade segue",
            where=where,
            found=found,
            known=known,
        )


class StoreUnusableError(SegueError):
    """This place cannot hold a store; the message says why."""

    code = "store-unusable"


class ConfigurationError(SegueError):
    """A file of an agent's configuration cannot be read or changed; nothing was changed."""

    code = "configuration"

    def __init__(self, path: str, reason: str, *, hint: str | None = None) -> None:
        """Name the file and the reason."""
        super().__init__(f"file {path!r} cannot be changed: {reason}", hint=hint, path=path, reason=reason)


class WorkspaceError(SegueError):
    """A workspace snapshot cannot be taken, read or restored; the message says why."""

    code = "workspace"

    def __init__(self, root: str, reason: str, *, hint: str | None = None) -> None:
        """Name the directory and the reason."""
        super().__init__(f"workspace {root!r} cannot be saved or restored: {reason}", hint=hint, root=root, reason=reason)


class MirrorError(SegueError):
    """The mirror of a store cannot be written or read; the message says why. Nothing is wrong with the store."""

    code = "mirror"

    def __init__(self, place: str, reason: str, *, hint: str | None = None) -> None:
        """Name the repository and the reason."""
        super().__init__(f"mirror {place!r} cannot be written or read: {reason}", hint=hint, place=place, reason=reason)


class InterruptionError(SegueError):
    """A run has to stop: it was interrupted, or a limit of its is reached. What it did is saved, the session is paused."""

    code = "interrupted"
    exit_code = 130

    def __init__(self, session: str, reason: str, note: str, command: str) -> None:
        """Name the session, the reason (`budget`, `timeout`, ...) in a word and in a line, and what to go on with."""
        why = f"{reason}: {note}" if note else reason
        super().__init__(f"session {session!r} is interrupted ({why})", hint=command, session=session, reason=reason, note=note)


class WithdrawnError(SegueError):
    """Whoever asked for it was cancelled before it began: nothing was written."""

    code = "withdrawn"
    exit_code = 130

    def __init__(self, what: str, ref: str) -> None:
        """Name what was asked for, and of what."""
        super().__init__(f"{what} {ref!r} was cancelled before it began: nothing was written", what=what, ref=ref)


class RestoreError(SegueError):
    """A checkpoint could not be restored, or one half of it: `done` names what is as it was at the checkpoint."""

    code = "restore"

    def __init__(self, checkpoint: str, half: str, reason: str, *, done: Sequence[str], before: str) -> None:
        """Name the checkpoint, the half that failed and why, what was restored before it, and the way back, if one is needed."""
        if half == "code":
            rest = "the conversation stays as it is"
        else:
            rest = "the code is as it was there" if done else "code stays as it is"
        super().__init__(
            f"the {half} of checkpoint {checkpoint!r} could not be restored, and {rest}: {reason}",
            hint=f"what was there: segue checkpoint restore {before} --code" if before else "segue doctor",
            checkpoint=checkpoint,
            half=half,
            reason=reason,
            done=list(done),
            before=before,
        )


class StorageFullError(SegueError):
    """The disk has no room; nothing of the append was stored."""

    code = "storage-full"

    def __init__(self, message: str, *, hint: str | None = None, **fields: Any) -> None:
        """See `SegueError`; without a *hint* the one that always helps."""
        super().__init__(message, hint=hint or "make room, and do the same again: segue doctor says how much there is", **fields)


class OutcomeUnknownError(SegueError):
    """The disk did not confirm the append: it may or may not be there; repeat it with the same keys."""

    code = "outcome-unknown"
