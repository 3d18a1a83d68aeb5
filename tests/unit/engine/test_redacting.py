"""A store that takes secrets out of what comes in, whichever way that is; nothing of them is left below the store and its home."""

import base64
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue import hooks
from segue.app.wiring import App
from segue.core.errors import StorageFullError
from segue.core.log.events import Draft
from segue.core.redaction.masking import masked, unmasked
from segue.core.redaction.redactor import Redactor
from segue.engine.capture.importing import import_paths
from segue.engine.capture.spooling import ingest
from segue.engine.secrecy.redacting import redacting, without_secrets
from segue.host.emergency import EmergencyFiles
from segue.ports import Asked
from segue.stores.log import zstd
from segue.stores.log.store import LogStore
from segue.stores.memory import MemoryStore
from segue.testing.builders import user
from segue.testing.fakes import FakeClock, FakeIds
from segue.transcripts import transcripts
from tests.unit.core.redaction.corpus import ALNUM, KINDS, Planted, _some

TOKEN = "gh" + "p_" + _some(Random(11), ALNUM, 36)
SESSION = "0d2f6a4e-7f5e-4b0e-9d3c-1f2a3b4c5d6e"
ENV_SECRET = "Zuper-secret/42+x"  # noqa: S105 - planted


def planted(seed: int) -> list[Planted]:
    r = Random(seed)
    return [make(r) for make in KINDS]


def line(uuid: str, parent: str | None, role: str, content: object, **more: object) -> str:
    message = {"role": role, "content": content} | ({"id": f"msg_{uuid}", "model": "m"} if role == "assistant" else {})
    record = {
        "type": role, "uuid": uuid, "parentUuid": parent, "sessionId": SESSION, "cwd": "/home/me/shop", "version": "2.1.0",
        "timestamp": "2026-01-15T10:00:00.000Z", "isSidechain": False, "userType": "external", "message": message, **more,
    }  # fmt: skip
    return json.dumps(record)


def transcript(place: Path, secrets: list[Planted]) -> Path:
    """Write a conversation with each secret in what was typed, said, given to a tool, and given back by it."""
    lines, parent = [], None
    for i, one in enumerate(secrets):
        ids = [f"{i:08d}-0000-4000-8000-00000000000{n}" for n in range(4)]
        output = f"$ env\nX={one.text}\n" + base64.b64encode(one.text.encode()).decode() + "\n" + quote(one.text, safe="")
        lines += [
            line(ids[0], parent, "user", f"please use {one.text} from now on"),
            line(
                ids[1],
                ids[0],
                "assistant",
                [{"type": "tool_use", "id": f"toolu_{i}", "name": "Bash", "input": {"command": one.text}}],
            ),
            line(
                ids[2],
                ids[1],
                "user",
                [{"type": "tool_result", "tool_use_id": f"toolu_{i}", "content": output * (200 if i % 5 == 0 else 1)}],
            ),
            line(ids[3], ids[2], "assistant", [{"type": "text", "text": f"I used {one.text}"}]),
        ]
        parent = ids[3]
    path = place / "projects" / "-home-me-shop" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def everything(place: Path) -> bytes:
    """Return every byte below *place*, and what is packed in it unpacked."""
    found = []
    for path in place.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            found += [str(path).encode(), data, *unpacked(data)]
    return b"\n".join(found)


def unpacked(data: bytes) -> Iterator[bytes]:
    """Yield what every zstd frame and every zlib stream in *data* holds."""
    at = data.find(zstd.MAGIC)
    while at >= 0:
        with suppress(zstd.BadFrame):
            yield zstd.split(data[at:], 1 << 28)[0]
        at = data.find(zstd.MAGIC, at + 1)
    for head in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"):
        at = data.find(head)
        while at >= 0:
            with suppress(zlib.error):
                yield zlib.decompressobj().decompress(data[at:])
            at = data.find(head, at + 1)


def forms(secret: str) -> list[bytes]:
    """Return a secret as it is, as JSON, a URL and base64 write it."""
    found = [secret, json.dumps(secret)[1:-1], quote(secret, safe=""), secret.encode().hex()]
    encoded = [base64.b64encode(b" " * n + secret.encode())[(0, 2, 3)[n] :].rstrip(b"=")[:-1] for n in range(3)]
    return [*(one.encode() for one in found), *encoded]


def test_what_hooks_spool_is_redacted_as_it_is_taken_in_and_its_file_overwritten(app, tmp_path):
    path = transcript(tmp_path / "claude", planted(23)[:2])
    home = Path(app.config.home)
    (home / "spool").mkdir(parents=True)
    payload = {
        "session_id": SESSION,
        "transcript_path": str(path),
        "prompt": f"use {TOKEN}",
        "hook_event_name": "UserPromptSubmit",
    }
    hooks.spool(str(home), "claude-code", "UserPromptSubmit", json.dumps(payload).encode())
    spooled = home / "spool" / "claude-code"
    beside = tmp_path / "beside"
    beside.hardlink_to(spooled)  # to see what becomes of its blocks

    done = ingest(app.store, app.spools, app.transcripts, clock=app.clock)
    app.store.upkeep()

    assert (done.payloads, done.waiting, done.broken) == (1, 0, 0)
    assert beside.read_bytes().strip(b"\0") == b""
    left = everything(home)
    assert b"use [REDACTED:github-token]" in left
    assert TOKEN.encode() not in left
    payload_hash = blake2b(json.dumps(payload).encode(), digest_size=16).hexdigest()
    assert payload_hash.encode() not in left


def test_without_its_key_a_position_is_not_known_and_the_transcript_adds_nothing(app, tmp_path):
    path = transcript(tmp_path / "claude", planted(24)[:3])
    first = import_paths(app.store, transcripts(), [str(path)], clock=app.clock)
    app.close()
    (Path(app.config.home) / "redaction.key").unlink()
    again = App(app.env, cwd=str(tmp_path), clock=FakeClock(), ids=FakeIds())

    second = import_paths(again.store, transcripts(), [str(path)], clock=again.clock)
    again.close()

    assert first.sessions[0].new_events > 10
    assert (second.sessions[0].new_events, second.sessions[0].losses) == (1, ()), "how far it was read, masked anew"


@given(
    st.recursive(
        st.none() | st.integers() | st.just(10**40) | st.text(max_size=10) | st.binary(min_size=16, max_size=33).map(bytes.hex),
        lambda inner: st.dictionaries(st.text(max_size=8), inner, max_size=4) | st.lists(inner, max_size=3),
    ),
    st.binary(min_size=32, max_size=32),
)
@settings(deadline=None, derandomize=True)
def test_what_is_masked_can_be_had_back_with_its_key_alone(value, key):
    position = {"offset": 7, "digest": "0123456789abcdef" * 2, "state": value}

    hidden = masked(position, key)

    assert hidden["digest"] != position["digest"]
    assert hidden == masked(position, key)
    assert unmasked(hidden, key) == position
    assert unmasked(hidden, bytes(b ^ 1 for b in key)) is None


@pytest.fixture
def app(tmp_path):
    env = {
        "SEGUE_HOME": str(tmp_path / "home"), "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run"), "SEGUE_UPKEEP": "off",
        "SEGUE_REDACT": "on", "DEPLOY_TOKEN": ENV_SECRET,
    }  # fmt: skip
    found = App(env, cwd=str(tmp_path), clock=FakeClock(), ids=FakeIds())
    yield found
    found.close()


def test_of_all_kinds_of_secrets_in_a_transcript_no_byte_is_left_below_the_store_and_its_home(app, tmp_path):
    secrets = planted(21)
    path = transcript(tmp_path / "claude", secrets)
    home = Path(app.config.home)

    result = import_paths(app.store, app.transcripts, [str(path)], clock=app.clock, seen=app.seen)
    session = app.opened().session(result.sessions[0].id)
    session.checkpoint(f"before {secrets[0].text}")
    session.append("decision.made", {"title": f"rotate {secrets[5].text}", "reason": TOKEN})
    session.state()
    app.index.search("please")
    app.store.rest(session.id)
    app.store.upkeep()

    left = everything(home)
    assert b"please use" in left
    assert [(one.kind, form) for one in secrets for form in forms(one.secret) if form in left] == []
    assert dict(result.sessions[0].redacted)["github-token"] >= 8


def test_importing_again_adds_nothing_and_no_hash_of_a_secret_is_in_the_log(app, tmp_path):
    path = transcript(tmp_path / "claude", planted(22))

    def taken():
        result = import_paths(app.store, transcripts(), [str(path)], clock=app.clock)
        return result.sessions[0].new_events

    first, again = taken(), taken()
    text = path.read_text()
    path.write_text(text.replace("\n", "\n\n", 1))  # read again from the start
    once_more = import_paths(app.store, transcripts(), [str(path)], clock=app.clock)

    assert first > 90
    assert again == 0
    assert [loss.reason[:9] for loss in once_more.sessions[0].losses] == ["rewritten"]
    assert once_more.sessions[0].new_events <= 2, "the loss, and how far it was read"
    logged = everything(Path(app.config.home))
    reader = next(app.transcripts.find([str(path)]))
    positions = [batch.position for batch in reader.reader.read(reader.path, reader.foreign_id)]
    hashes_of_file = [position[name].encode() for position in positions for name in ("digest", "chain") if position[name]]
    assert [one for one in hashes_of_file if one in logged] == []
    hashes = [blake2b(one.encode(), digest_size=16).hexdigest().encode() for one in text.split("\n") if one]
    assert [one for one in hashes if one in logged] == []


def test_what_was_taken_out_is_counted_by_kind(app):
    session = app.opened().create(task="x")
    session.append("message", user(f"use {TOKEN} and {ENV_SECRET}").body)
    session.append("memory.set", {"path": "/k", "value": {"password": "hunter2!x"}})

    events = [(e.body, e.source) for e in session.events() if e.source]

    assert events == [
        (
            user("use [REDACTED:github-token] and [REDACTED:env:DEPLOY_TOKEN]").body,
            {"redacted": {"env:DEPLOY_TOKEN": 1, "github-token": 1}},
        ),
        ({"path": "/k", "value": {"password": "[REDACTED:password]"}}, {"redacted": {"password": 1}}),
    ]
    counts = session.state().metrics["counts"]
    assert {name: n for name, n in counts.items() if name.startswith("redacted")} == {
        "redacted": 3, "redacted:env:DEPLOY_TOKEN": 1, "redacted:github-token": 1, "redacted:password": 1,
    }  # fmt: skip


@pytest.mark.parametrize("kind", [MemoryStore, LogStore])
def test_several_appends_at_once_are_redacted_and_counted_once(kind, tmp_path):
    place = [tmp_path / "store"] if kind is LogStore else []
    store = redacting(kind, Redactor())(*place, clock=FakeClock(), ids=FakeIds())
    session = FakeIds().uuid7()
    store.create(session, [user("hello")])

    store.append_each(session, [Asked([user(f"use {TOKEN}")]), Asked([user("x", scopes={"app:x": {"k": TOKEN}})])])

    assert [e.body["parts"][0]["content"] for e in store.read(session)] == ["hello", "use [REDACTED:github-token]", "x"]
    assert store.scope("app:x").values == {"k": "[REDACTED:github-token]"}
    assert store.taken_out(session) == {"github-token": 2}


def test_a_record_that_is_no_json_or_no_text_is_redacted_too():
    store = redacting(MemoryStore, Redactor())(clock=FakeClock(), ids=FakeIds())
    raw = f'{{"torn": "{TOKEN}'
    binary = b"\xff\xfe " + TOKEN.encode()
    drafts = [
        Draft("loss", {"where": "f:1", "reason": "torn"}, source={"raw": raw}),
        Draft("loss", {"where": "f:2", "reason": "bytes"}, source={"raw_b64": base64.b64encode(binary).decode()}),
    ]

    one, two = without_secrets(store, drafts)

    assert one.source == {"raw": '{"torn": "[REDACTED:github-token]', "redacted": {"github-token": 1}}
    assert base64.b64decode(two.source["raw_b64"]) == b"\xff\xfe [REDACTED:github-token]"
    assert without_secrets(store, [one, two]) == [one, two], "redacted once"


def test_large_texts_are_redacted_before_they_are_stored_apart(tmp_path):
    store = redacting(LogStore, Redactor())(tmp_path / "store", clock=FakeClock(), ids=FakeIds())
    session = FakeIds().uuid7()
    text = ("a line of a large output\n" * 4000) + TOKEN + "\n" + ("and another one\n" * 4000)

    store.create(session, [user(text)])
    name = store.put_blob(b"\x00\x01" + TOKEN.encode())
    store.close()

    left = everything(tmp_path)
    assert b"a line of a large output" in left
    assert TOKEN.encode() not in left
    assert name


def test_a_key_that_holds_a_secret_is_known_without_it():
    store = redacting(MemoryStore, Redactor())(clock=FakeClock(), ids=FakeIds())
    session = FakeIds().uuid7()
    draft = user("hello")._replace(key=f"mine:{TOKEN}")

    store.create(session, [draft])
    again = store.append(session, [draft])

    assert again.entries[0].new is False
    assert store.lookup(session, f"mine:{TOKEN}") == again.entries[0]
    assert [e.key for e in store.read(session)] == ["mine:[REDACTED:github-token]"]


def test_what_is_kept_in_an_emergency_is_redacted_before_it_is_written(app, tmp_path, monkeypatch):
    session = app.opened().create(task="x")

    def full(*_args, **_named):
        raise StorageFullError(session.id)

    def work():
        with session.running():
            monkeypatch.setattr(LogStore, "append", full)
            session.append("message", user(f"use {TOKEN}").body)

    with pytest.raises(StorageFullError):
        work()

    left = everything(tmp_path)
    assert b"use [REDACTED:github-token]" in left
    assert TOKEN.encode() not in left
    assert not EmergencyFiles(Path(app.config.home), app.env).is_empty()
