"""In an encrypted store's home a hook spools where to find what was said, and nothing of it; the log gets the same events."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from segue import hooks
from segue.app import App
from segue.core.log.storekeys import id_of
from segue.engine.capture.spooling import STREAM, Ingested, ingest
from segue.host.clock import SystemClock, SystemIds
from segue.host.hookfile import hook_text
from segue.host.spool import SEALED, Spools
from segue.stores.log import LogStore
from segue.stores.log.cipher import SCHEME, Scheme, write_scheme
from segue.stores.memory import MemoryStore
from segue.transcripts import transcripts
from tests.encryption import KEY, Ring

FIXTURES = Path(__file__).parents[1] / "fixtures"
SESSION = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"
CANARY = "CANARY-7741"
TRANSCRIPT = "/home/dev/.claude/projects/-p/7dcc6b33.jsonl"
SEALING = {"segue_sealed": True}


@pytest.fixture
def sealed(tmp_path):
    (tmp_path / "spool").mkdir()
    Spools(tmp_path).seal()
    return tmp_path


@pytest.fixture
def store():
    return MemoryStore(clock=SystemClock(), ids=SystemIds())


def pointed(payload):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return json.loads(hooks.pointer(data))


def payloads(agent):
    return [json.loads(line) for line in (FIXTURES / "hooks" / f"{agent}.jsonl").read_bytes().splitlines()]


AGENTS = ["claude-code", "codex", "gemini-cli", "qwen-code", "opencode"]
KEPT = {*(key.decode() for key in (*hooks.IDS, *hooks.PATHS, *hooks.WORDS))}


@pytest.mark.parametrize("agent", AGENTS)
def test_of_what_agents_really_send_ids_paths_and_words_stay(agent):
    for payload in payloads(agent):
        assert pointed(payload) == SEALING | {name: value for name, value in payload.items() if name in KEPT}, payload


@pytest.mark.parametrize("agent", AGENTS)
def test_nothing_else_of_what_agents_really_send_stays(agent):
    """Each text that is no id, path or word has a canary in it, keys of what is nested as well."""
    for payload in payloads(agent):
        planted = {name: value if name in KEPT else planting(value) for name, value in payload.items()}
        assert CANARY.encode() in json.dumps(planted).encode()
        for form in (json.dumps(planted), json.dumps(planted, indent=2), json.dumps(planted, ensure_ascii=False)):
            assert CANARY.encode() not in hooks.pointer(form.encode())
            assert pointed(form.encode()) == pointed(payload)


def planting(value):
    if isinstance(value, dict):
        return {name + CANARY: planting(one) for name, one in value.items()}
    return [planting(one) for one in value] if isinstance(value, list) else f"{value}{CANARY}"


@pytest.mark.parametrize(
    "payload",
    [
        {"prompt": f'"transcript_path":"/{CANARY}.jsonl"', "session_id": "a"},
        {"prompt": f'\\","transcript_path":"/{CANARY}.jsonl', "session_id": "a"},
        {"prompt": f'\\\\","transcript_path":"/{CANARY}.jsonl","x":"\\', "session_id": "a"},
        {"prompt": "}", "tool_input": {"transcript_path": f"/{CANARY}.jsonl", "session_id": CANARY}, "session_id": "a"},
        {"tool_input": [{"session_id": CANARY}, ["session_id", CANARY]], "session_id": "a"},
        {"tool_input": {"a": {"b": [{"c": {"session_id": CANARY}}]}}, "session_id": "a"},
        {"session_id": "a", "tool_use_id": f"{CANARY} and more"},
        {"session_id": "a", "tool_use_id": CANARY + "x" * 64},
        {"session_id": "a", "transcript_path": f"{CANARY}"},
        {"session_id": "a", "transcript_path": f"/{CANARY}\n.jsonl\n/x"},
        {"session_id": "a", "transcript_path": f"/{CANARY}" + "x" * 5000 + ".jsonl"},
        {"session_id": "a", "reason": CANARY, "source": CANARY, "trigger": CANARY, "permission_mode": CANARY},
        {"session_id": "a", CANARY: "session_id", "prompt": "session_id", "x": CANARY},
        {"session_id": "a", "session_id ": CANARY, "sessionid": CANARY},
    ],
)
def test_no_text_within_a_payload_is_taken_for_a_member_of_it(payload):
    for form in (json.dumps(payload), json.dumps(payload, indent=1), json.dumps(payload, separators=(",", ":"))):
        assert pointed(form.encode()) == SEALING | {"session_id": "a"}


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"{", b"}", b"[]", b"\xff\xfe", b'"', b'"session_id"', b'{"session_id":"a"', b'{"session_id":"a', b"[" * 5000, b"{" * 5000,
        b'["session_id","a"]', b'[{"session_id":"a"}]', b'{}{"session_id":"a"}', b'x{"session_id":"a"}', b'{"session_id":"a"}}',
        b'{"session_id":"a"} "b"', b'\xef\xbb\xbf{"session_id":"a"}', b"null", b"{}",
    ],
)  # fmt: skip
def test_what_is_no_object_leaves_nothing(payload):
    assert pointed(payload) in ({}, SEALING)


def test_of_any_damaged_payload_no_more_stays_than_ids_paths_and_words():
    random_ = random.Random(20261121)
    whole = json.dumps({"session_id": "a", "transcript_path": TRANSCRIPT, "prompt": f'say "{CANARY}!" \\ {{[', "reason": "other"})
    for _ in range(3000):
        data = bytearray(whole.encode())
        for _ in range(random_.randint(1, 3)):
            at = random_.randrange(len(data))
            data[at : at + random_.randint(0, 2)] = random_.choice(
                [b"", b'"', b"\\", b"{", b"}", b":", b",", b"\n", b"\x00", b"]"]
            )
        found = hooks.pointer(bytes(data))
        assert CANARY.encode() not in found
        assert found.count(b'":"') <= 3


def test_many_texts_are_looked_through_once():
    """Work that grows with the square of the payload would not end: 8 MB is what a hook takes."""
    payload = {"tool_response": ['x\\"}{' * 3] * (1 << 18), "session_id": "a"}
    assert pointed(payload) == SEALING | {"session_id": "a"}


# --- in the home


def test_a_sealed_spool_holds_nothing_of_what_was_said(sealed):
    hook = sealed / "hook.py"
    hook.write_text(hook_text(str(sealed), "claude-code"))
    payload = {"session_id": "a", "transcript_path": TRANSCRIPT, "prompt": CANARY, "tool_input": {"command": CANARY}}
    done = subprocess.run(
        [sys.executable, "-S", "-E", hook, "Stop"],
        input=json.dumps(payload).encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    data = (sealed / "spool" / "claude-code").read_bytes()
    assert CANARY.encode() not in data
    ((frame,),) = [taken.frames for taken in Spools(sealed).take()]
    assert (frame.event, json.loads(frame.payload)) == ("Stop", SEALING | {"session_id": "a", "transcript_path": TRANSCRIPT})


def test_the_command_seals_as_the_file_does(sealed):
    env = {**os.environ, "SEGUE_HOME": str(sealed)}
    payload = json.dumps({"session_id": "a", "prompt": CANARY}).encode()
    subprocess.run([sys.executable, "-m", "segue", "hook", "Stop"], input=payload, env=env, check=True, timeout=60)
    assert CANARY.encode() not in (sealed / "spool" / "claude-code").read_bytes()


def test_where_it_cannot_be_told_whether_the_store_is_encrypted_nothing_is_spooled(sealed):
    (sealed / SEALED).unlink()
    (sealed / SEALED).symlink_to(SEALED)  # leads to itself
    with pytest.raises(OSError, match="symbolic"):
        hooks.spool(str(sealed), "claude-code", "Stop", b"{}")
    assert (sealed / "spool" / "claude-code").read_bytes() == b""


def test_sealing_is_repeatable_and_taken_back(tmp_path):
    spools = Spools(tmp_path / "new" / "home")
    for _ in range(2):
        spools.seal()
    assert spools.is_sealed
    assert (tmp_path / "new" / "home" / SEALED).stat().st_mode & 0o777 == 0o600
    for _ in range(2):
        spools.unseal()
    assert (spools.is_sealed, list((tmp_path / "new" / "home").iterdir())) == (False, [])


def test_a_lost_payload_is_still_counted(sealed):
    hooks.spool(str(sealed), "claude-code", "Stop", None)
    assert (Spools(sealed).dropped(), Spools(sealed).is_sealed) == (1, True)


CALLS = """
import sys
from segue import hooks
print(flush=True)
for _ in range(150):
    hooks.spool(sys.argv[1], "claude-code", "Stop", sys.argv[2].encode())
"""


def test_no_hook_that_is_at_work_while_the_home_is_sealed_leaves_content_behind(tmp_path):
    """Whoever was before the seal is in what is taken after it."""
    place = tmp_path / "home"
    (place / "spool").mkdir(parents=True)
    spools = Spools(place)
    payload = json.dumps({"session_id": "a", "prompt": CANARY})
    callers = [
        subprocess.Popen([sys.executable, "-c", CALLS, str(place), payload], env=os.environ, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    for caller in callers:
        caller.stdout.readline()
    hooks.spool(str(place), "claude-code", "Stop", payload.encode())

    spools.seal()
    taken = spools.take()

    for caller in callers:
        caller.communicate(timeout=120)
    before = [frame.payload for one in taken for frame in one.frames]
    for one in taken:
        spools.done(one)
    after = [frame.payload for one in spools.take() for frame in one.frames]
    assert len(before) + len(after) == 451
    assert payload.encode() in before
    assert set(after) <= {hooks.pointer(payload.encode())}


# --- into the log


def about(event, **more):
    path = str(FIXTURES / "transcripts" / "claude" / "headless-plan.jsonl")
    return {"session_id": SESSION, "transcript_path": path, "hook_event_name": event, **more}


def run(store, sealed):
    return ingest(store, Spools(sealed), transcripts(), clock=SystemClock())


def spool(sealed, payload, event):
    hooks.spool(str(sealed), "claude-code", event, json.dumps(payload).encode())


def taken_in(store):
    (session,) = store.sessions()
    events = list(store.read(session))
    return [(e.kind, e.body, (e.key or "").partition("@")[0], e.stream) for e in events], [
        e for e in events if e.stream == STREAM
    ]


def test_the_log_gets_the_same_events_from_a_sealed_spool(sealed, tmp_path):
    """All but the verbatim payload, which it has no more."""
    calls = [
        (about("SessionStart", source="startup"), "SessionStart"),
        (about("UserPromptSubmit", prompt=CANARY, permission_mode="default"), "UserPromptSubmit"),
        (about("PreToolUse", tool_input={"command": CANARY}, tool_use_id="toolu_1"), "PreToolUse"),
        (about("SessionEnd", reason="prompt_input_exit"), "SessionEnd"),
    ]
    open_home = tmp_path / "open"
    (open_home / "spool").mkdir(parents=True)
    found = []
    for place in (open_home, sealed):
        store = MemoryStore(clock=SystemClock(), ids=SystemIds())
        for payload, event in calls:
            spool(place, payload, event)
        assert run(store, place) == Ingested(4, 51, 0, 0)
        found.append(taken_in(store))
    (open_events, _), (sealed_events, sealed_hooks) = found
    assert sealed_events == open_events
    raws = [json.loads(event.source["raw"]) for event in sealed_hooks]
    paths = {"session_id": SESSION, "transcript_path": calls[0][0]["transcript_path"]}
    assert raws == [
        SEALING | paths | {"source": "startup"},
        SEALING | paths | {"permission_mode": "default"},
        SEALING | paths | {"tool_use_id": "toolu_1"},
        SEALING | paths | {"reason": "prompt_input_exit"},
    ]


def test_what_was_spooled_before_is_taken_in_whole_and_its_file_is_gone(store, sealed):
    Spools(sealed).unseal()
    spool(sealed, about("Stop", last_assistant_message=CANARY), "Stop")
    Spools(sealed).seal()

    assert run(store, sealed) == Ingested(1, 48, 0, 0)

    _, (event,) = taken_in(store)
    assert json.loads(event.source["raw"]) == about("Stop", last_assistant_message=CANARY)
    assert [p for p in (sealed / "spool").rglob("*") if p.is_file()] == []


def test_what_waits_for_its_session_loses_what_was_said(store, sealed, tmp_path):
    Spools(sealed).unseal()
    late = tmp_path / "late.jsonl"
    spool(sealed, about("Stop", prompt=CANARY) | {"transcript_path": str(late)}, "Stop")
    Spools(sealed).seal()
    for _ in range(2):
        assert run(store, sealed) == Ingested(0, 0, 1, 0)
        assert [CANARY.encode() in p.read_bytes() for p in (sealed / "spool").rglob("*") if p.is_file()] == [False]

    late.write_bytes((FIXTURES / "transcripts" / "claude" / "headless-plan.jsonl").read_bytes())

    assert run(store, sealed) == Ingested(1, 48, 0, 0)


def test_whoever_opens_an_encrypted_store_seals_its_home(tmp_path):
    """An uninstalled segue takes the spool along; the next one must not begin to spool in the clear."""
    path = tmp_path / "store"
    env = {"SEGUE_HOME": str(tmp_path / "home"), "SEGUE_STORE": f"log://{path}"}
    ring = Ring(KEY)
    LogStore(path, clock=SystemClock(), ids=SystemIds()).close()
    app = App(env, store=LogStore(path, clock=SystemClock(), ids=SystemIds(), keys=ring))
    assert (app.store.url, Spools(tmp_path / "home").is_sealed) == (f"log://{path}", False)
    app.close()

    write_scheme(path / SCHEME, Scheme(id_of(KEY)))
    app = App(env, store=LogStore(path, clock=SystemClock(), ids=SystemIds(), keys=ring))
    assert (app.store.url, Spools(tmp_path / "home").is_sealed) == (f"log://{path}", True)
    app.close()
