"""What Gemini CLI demands of a transcript, where it looks for it, and a strict check of it.

Read in the loader of 0.61.0 and tried on it. It lists every file `session-*.jsonl` of the project's directory, and finds a
session by the id in the header. A prompt that begins with `/`, `?`, `<session_context>` or `<hook_context>` is left out when a
session goes on. The project's directory is that of `projects.json`, else the one whose `.project_root` names the workspace.
"""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Any, Final, NamedTuple

from segue.ports import Noted
from segue.transcripts._lines import open_file
from segue.transcripts._records import dict_of, list_of, parse, text_of, time_of


class Profile(NamedTuple):
    """The form that versions from `version` on take."""

    version: str


PROFILES: Final = (Profile("0.61.0"),)
NEWEST: Final = "0.61.0"
"""The latest version that was tried."""

MEDIA: Final = frozenset({"image", "document", "audio", "video"})
ROOT: Final = ".project_root"
_MARK: Final = "\u200b"
_IGNORED = re.compile(
    r"[\s\ufeff\u200b]*(?:[/?]|<session_context>|<hook_context>|Here is the user's editor context as a JSON|\Z)"
)
_SLUG = re.compile(r"[a-z0-9-]+\Z")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_LIMIT: Final = 16 * 1024 * 1024
_TYPES: Final = frozenset({"user", "gemini", "info", "error", "warning"})


# --- a prompt that the program would leave out


def marked(text: str) -> str:
    """Return a prompt so that it is not left out: with a space of no width in front where it would be."""
    return f"{_MARK}{text}" if _IGNORED.match(text) else text


def unmarked(text: str) -> str:
    """Return a prompt as it was before `marked`."""
    return text[1:] if text.startswith(_MARK) and _IGNORED.match(text) else text


# --- the project's directory


def project_hash(workspace: str) -> str:
    """Return what the header calls the project."""
    return sha256(workspace.encode("utf-8", "surrogatepass")).hexdigest()


def project_directory(home: str, workspace: str) -> str | None:
    """Return the name of the directory in `tmp` that is the workspace's; None where it has none yet."""
    named = _registry(home).get(workspace)
    if named and _owner(home, named) in {"", workspace}:
        return named
    return next((slug for slug in _directories(home) if _owner(home, slug) == workspace), None)


def free_directories(home: str, workspace: str) -> Iterator[str]:
    """Yield names for a directory of *workspace* that are no other project's, as the program would choose them."""
    stem = re.sub(r"[^a-z0-9]+", "-", PurePath(workspace).name.lower()).strip("-") or "project"
    taken = {slug for path, slug in _registry(home).items() if path != workspace}
    number = 0
    while True:
        slug = f"{stem}-{number}" if number else stem
        number += 1
        if slug not in taken and _owner(home, slug) in {"", workspace}:
            yield slug


def _registry(home: str) -> dict[str, str]:
    try:
        with Path(home, "projects.json").open("rb") as file:
            found = json.loads(file.read(_LIMIT))
    except (OSError, ValueError, RecursionError):
        return {}
    projects = dict_of(found, "projects") if isinstance(found, dict) else {}
    sound = {path: slug for path, slug in projects.items() if isinstance(slug, str) and _SLUG.match(slug)}
    return sound if len(sound) == len(projects) else {}  # one that is not sound and the program knows none


def _owner(home: str, slug: str) -> str:
    """Return the workspace that a directory says it is of; empty: it says nothing."""
    for base in ("tmp", "history"):
        try:
            with Path(home, base, slug, ROOT).open("rb") as file:
                return file.read(_LIMIT).decode("utf-8", "surrogateescape").strip()
        except OSError:
            continue
    return ""


def _directories(home: str) -> list[str]:
    found: list[str] = []
    for base in ("tmp", "history"):
        try:
            found += sorted(entry.name for entry in Path(home, base).iterdir() if (entry / ROOT).is_file())
        except OSError:
            continue
    return found


# --- what the loader makes of a file


class Loaded(NamedTuple):
    """A session as the program loads it."""

    header: dict[str, Any]
    messages: dict[str, tuple[int, dict[str, Any]]]
    """By id, with their lines."""
    noted: list[tuple[int, str]]


def load(path: str) -> Loaded:
    """Return what the program loads of the transcript at *path*. Raises OSError."""
    with open_file(path) as opened:
        data = opened.read()
    found = Loaded({}, {}, [])
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        parsed = parse(line)
        if parsed.record is None or parsed.flaw:
            found.noted.append((number, f"it is skipped: {parsed.flaw}"))
        if parsed.record is None:
            continue
        _take(found, number, parsed.record)
    return found


def _take(found: Loaded, number: int, record: dict[str, Any]) -> None:
    header, messages = found.header, found.messages
    change = dict_of(record, "$set")
    if to := text_of(record, "$rewindTo"):
        ids = list(messages)
        for identity in ids[ids.index(to) if to in messages else 0 :]:
            del messages[identity]
    elif identity := text_of(record, "id"):
        if identity in messages:
            found.noted.append((number, f"it replaces an earlier message: id {identity} occurs twice"))
        messages[identity] = (number, record)
    elif change:
        header.update(change)
        if isinstance(change.get("messages"), list):
            messages.clear()
        told = [m for m in list_of(change, "messages") if isinstance(m, dict)]
        messages.update({name: (number, m) for m in told if (name := text_of(m, "id"))})
    elif text_of(record, "sessionId") and text_of(record, "projectHash"):
        header.update(record)
    else:
        found.noted.append((number, "it is skipped: neither a header nor a message"))


def is_resumable(message: Mapping[str, Any]) -> bool:
    """Return whether a message makes a session one that can go on."""
    if message.get("type") == "user":
        return not _ignored(message)
    return message.get("type") == "gemini" and any(message.get(name) for name in ("content", "toolCalls", "thoughts"))


def _ignored(message: Mapping[str, Any]) -> bool:
    said = "".join(_shown(part) for part in _parts(message)).strip().strip("\ufeff").strip()
    return not said or bool(re.match(r"[/?]|<(session|hook)_context>", said))


def _is_own(message: Mapping[str, Any]) -> bool:
    """Return whether the program itself put a message in: what it is told of its surroundings, and answers it wrote anew."""
    said = "".join(_shown(part) for part in _parts(message)).lstrip()
    return said.startswith(("<session_context>", "<hook_context>")) or text_of(message, "id").endswith("_response")


def _shown(part: Mapping[str, Any]) -> str:
    """Return a part as the program shows it: one that is no text is shown as something."""
    text = text_of(part, "text")
    return text if "text" in part and "thought" not in part else f"[{text or 'part'}]"


def _parts(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    items = content if isinstance(content, list) else [content] if content else []
    return [item if isinstance(item, dict) else {"text": str(item)} for item in items]


# --- the check


def check(path: str) -> list[Noted]:
    """Return what Gemini CLI's loader would refuse, drop or misread in the transcript at *path*. Raises OSError."""
    pure = PurePath(path)
    found: list[Noted] = []
    if not (pure.name.startswith("session-") and pure.suffix == ".jsonl"):
        found.append(Noted(path, "it is not listed: its name is not session-*.jsonl"))
    loaded = load(path)
    found += [Noted(path, reason) for reason in _header(loaded.header, pure)]
    messages = list(loaded.messages.values())
    if not any(is_resumable(message) for _, message in messages):
        found.append(Noted(path, "it is not listed, and deleted by the next start: nothing was said in it"))
    notes = [*loaded.noted, *_pairing(messages)]
    for number, message in messages:
        notes += [(number, reason) for reason in _message(message)]
    return found + [Noted(f"{path}:{number}", reason) for number, reason in sorted(notes)]


def _header(header: Mapping[str, Any], path: PurePath) -> Iterator[str]:
    if not text_of(header, "sessionId") or not text_of(header, "projectHash"):
        yield "it is not loaded: a header with sessionId and projectHash is missing"
        return
    if header.get("kind") == "subagent":
        yield "it is not listed: it is a subagent's"
    for name in ("startTime", "lastUpdated"):
        if time_of(header.get(name)) is None:
            yield f"its age is not known: the header's {name} is no time"
    try:
        root = Path(path.parent.parent, ROOT).read_text("utf-8", "surrogateescape").strip()
    except OSError:
        yield f"it is not found: there is no {ROOT} two directories above that says which project it is of"
        return
    if project_hash(root) != header["projectHash"]:
        yield f"it is of another project than {root}"


def _message(message: Mapping[str, Any]) -> Iterator[str]:
    kind = message.get("type")
    if kind not in _TYPES:
        yield f"it is left out: its type is {kind!r}"
    if time_of(message.get("timestamp")) is None:
        yield "it has no timestamp"
    if kind == "user" and _ignored(message) and not _is_own(message):
        yield "it is left out: a prompt that is blank or begins with / or ? is no message"
    if kind == "gemini" and not is_resumable(message):
        yield "it is left out: it says nothing"
    for call in list_of(message, "toolCalls"):
        yield from _call(call if isinstance(call, dict) else {})


def _call(call: Mapping[str, Any]) -> Iterator[str]:
    identity, name = text_of(call, "id"), text_of(call, "name")
    if not _NAME.match(identity) or not _NAME.match(name):
        yield f"the request is refused: the id or the name of call {identity!r} is not of letters, digits, _ and -"
    if not isinstance(call.get("args"), dict):
        yield f"the request is refused: the arguments of call {identity} are no object"
    result = call.get("result")
    answers = [dict_of(part, "functionResponse") for part in result if isinstance(part, dict)] if isinstance(result, list) else []
    own = [answer for answer in answers if text_of(answer, "id") == identity]
    if not own:
        yield f"the request is refused: call {identity} has no answer"
    elif any(text_of(answer, "name") != name or not isinstance(answer.get("response"), dict) for answer in own):
        yield f"the request is refused: the answer of call {identity} has another name, or is no object"


def _pairing(messages: list[tuple[int, dict[str, Any]]]) -> Iterator[tuple[int, str]]:
    said = [(number, m) for number, m in messages if is_resumable(m)]
    if said and said[0][1].get("type") != "user":
        yield said[0][0], "the request is refused: the conversation does not begin with the user"
    calls: set[str] = set()
    for number, message in said:
        told = message.get("type") == "user" and not _is_own(message)
        answers = (text_of(dict_of(part, "functionResponse"), "id") for part in _parts(message) if told)
        for answer in answers:
            if answer in calls:
                yield number, f"the answer of call {answer} is sent twice: it stands with the call as well"
        for identity in (text_of(c, "id") for c in list_of(message, "toolCalls") if isinstance(c, dict)):
            if identity in calls:
                yield number, f"call {identity} occurs twice"
            calls.add(identity)
