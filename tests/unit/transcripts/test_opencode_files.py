"""opencode's exports and the tree of its older versions; and its records of any shape, in whatever state the files are.

Its databases, in whatever state they are: `test_opencode_databases`.
"""

import json
from base64 import b64decode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segue.core.log.codec import encode_content
from segue.core.log.kinds import validate
from segue.core.session.tree import active_chain
from segue.host.clock import SystemIds
from segue.stores.log import LogStore
from segue.testing import FakeClock
from segue.transcripts import transcripts
from segue.transcripts.opencode.reader import OpenCode
from tests.unit.transcripts.opencode_files import Store
from tests.unit.transcripts.test_any_shape import spoilt
from tests.unit.transcripts.test_opencode import EXPORT, SESSION, export, said, told, took

RECORDS = [EXPORT["info"], *(r for m in EXPORT["messages"] for r in (m["info"], *m["parts"]))]


@pytest.fixture
def segue(tmp_path):
    return LogStore(tmp_path / "store", clock=FakeClock(), ids=SystemIds())


def read_file(path, foreign_id=SESSION):
    return [d for batch in OpenCode().read(str(path), foreign_id) for d in batch.drafts]


def write_tree(root, whole, *, oldest=False):
    """Write an export as the tree of versions before 1.2, and return the session's own file."""

    def put(value, *below):
        file = root.joinpath("storage", *below[:-1], f"{below[-1]}.json")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))
        return file

    session = whole["info"]["id"]
    for message in whole["messages"]:
        name = message["info"]["id"]
        put(message["info"], *(("session", "message") if oldest else ("message",)), session, name)
        for part in message["parts"]:
            put(part, *(("session", "part", session) if oldest else ("part",)), name, part["id"])
    return put(whole["info"], "session", "info" if oldest else "global", session)


def raws(drafts):
    return [
        b64decode(d.source["raw_b64"]) if "raw_b64" in d.source else d.source["raw"].encode("utf-8", "surrogatepass")
        for d in drafts
        if {"raw", "raw_b64"} & set(d.source)
    ]


# --- exports and trees


def test_an_export_tells_what_the_database_tells(tmp_path, segue):
    database = Store(tmp_path / "opencode.db")
    database.whole(export())
    (tmp_path / "export.json").write_text(json.dumps(EXPORT, indent=2))
    first = took(segue, database.path)
    again = took(segue, tmp_path / "export.json")
    assert (again.sessions[0].id, again.sessions[0].new_events) == (first.sessions[0].id, 0)


@pytest.mark.parametrize("oldest", [False, True])
def test_the_tree_of_older_versions_tells_the_same(tmp_path, segue, oldest):
    (tmp_path / "export.json").write_text(json.dumps(EXPORT))
    first = took(segue, tmp_path / "export.json")
    write_tree(tmp_path / "old", export(), oldest=oldest)
    again = took(segue, tmp_path / "old")
    assert [(s.id, s.new_events, s.losses) for s in again.sessions] == [(first.sessions[0].id, 0, ())]


def test_every_record_of_an_export_is_kept_byte_for_byte(tmp_path):
    file = tmp_path / "export.json"
    file.write_text(json.dumps(EXPORT, indent=2))
    text = file.read_text()
    found = [raw.decode() for raw in raws(read_file(file))]
    assert [json.loads(raw) for raw in found] == RECORDS
    assert all(raw in text for raw in found)


def test_an_export_is_known_whoever_named_it(tmp_path):
    file = tmp_path / "what I did.json"
    file.write_text("\ufeff" + json.dumps(EXPORT))
    found = list(transcripts().find([str(tmp_path)]))
    assert [(f.path, f.reader.agent, f.foreign_id) for f in found] == [(str(file), "opencode", SESSION)]
    assert [d.kind for d in read_file(file)].count("message") == len(told(EXPORT))


@pytest.mark.parametrize(
    "head", [b"", b"{}", b'{"info": {"id": 1}}', b'{"info":{"title":"a"},"messages":[]}', b"SQLite format 3\0"]
)
def test_a_strangers_file_is_not_its_own(tmp_path, head):
    file = tmp_path / "package.json"
    file.write_bytes(head)
    assert not OpenCode().sniff(str(file), head)


def test_an_export_of_a_subagent_is_a_stream_of_its_session(tmp_path):
    whole = export()
    whole["info"]["parentID"] = "ses_parent"
    file = tmp_path / "export.json"
    file.write_text(json.dumps(whole))
    assert OpenCode().identify(str(file), file.read_bytes()) == "ses_parent"
    assert {d.stream for d in read_file(file, "ses_parent")} == {SESSION}


# --- damage to files


def test_a_torn_export_gives_every_record_before_the_tear(tmp_path):
    file = tmp_path / "export.json"
    text = json.dumps(EXPORT, indent=2)
    ends = []
    at = 0
    for record in RECORDS[1:]:
        at = text.index(f'"{record["id"]}"', at)
        ends.append(min(at + 400, len(text) - 5))
    for cut in ends[::3]:
        file.write_text(text[:cut])
        drafts = read_file(file)
        whole = [r["id"] for r in RECORDS if _ends_before(text, r, cut)]
        kept = [d.source["record"] for d in drafts if d.kind != "loss" and "raw" in d.source]
        assert kept == whole
        assert [d.kind for d in drafts].count("loss") == 1


def _ends_before(text, record, cut):
    """Return whether a record of the indented export ends before *cut*."""
    for indent in (2, 6, 8):
        lines = json.dumps(record, indent=2).replace("\n", "\n" + " " * indent)
        if lines in text:
            return text.index(lines) + len(lines) <= cut
    raise AssertionError(record)


@pytest.mark.parametrize("garbage", ["\x00\x00", "}", "{", '"', "garbage,", "]", '{"id": ', "\ud800"])
def test_garbage_between_messages_hides_none_of_them(tmp_path, garbage):
    texts = [json.dumps(m) for m in EXPORT["messages"]]
    for place in range(len(texts) + 1):
        broken = ", ".join([*texts[:place], garbage + texts[place]] if place < len(texts) else [*texts, garbage]) + (
            ", " + ", ".join(texts[place + 1 :]) if place + 1 < len(texts) else ""
        )
        file = tmp_path / "export.json"
        file.write_bytes(f'{{"info": {json.dumps(EXPORT["info"])}, "messages": [{broken}]}}'.encode("utf-8", "surrogatepass"))
        drafts = read_file(file)
        found = [d.source["record"] for d in drafts if d.kind != "loss" and "raw" in d.source]
        missing = {r["id"] for r in RECORDS} - set(found)
        assert missing == set(), place
        assert [d for d in drafts if d.kind == "loss"] or garbage == "garbage,"


def test_a_file_of_the_tree_that_is_damaged_hides_no_other(tmp_path, segue):
    write_tree(tmp_path, export())
    part = EXPORT["messages"][1]["parts"][1]["id"]
    broken = next(tmp_path.glob(f"storage/part/*/{part}.json"))
    broken.write_bytes(b'{"type": "te')
    report = took(segue, tmp_path)
    assert [(n.where, n.reason.split(":")[0]) for n in report.sessions[0].losses] == [(f"{broken}#{part}", "not JSON")]
    assert len(said(active_chain(segue.read(report.sessions[0].id)))) == len(told(EXPORT)) - 1


def test_what_an_export_of_next_year_has_beside_messages_is_kept_and_named(tmp_path):
    whole = json.loads(json.dumps(EXPORT))
    whole["messages"][1]["votes"] = {"up": 1}
    whole["messages"].append("later")
    file = tmp_path / "export.json"
    file.write_text(json.dumps({**whole, "shared": [1, 2]}))
    sound = tmp_path / "sound.json"
    sound.write_text(json.dumps(EXPORT))
    drafts = read_file(file)
    lost = [d for d in drafts if d.kind == "loss"]
    assert [d.body["reason"] for d in lost] == [
        "not known: member 'votes' of a message; it is kept as it is",
        "not known: a message that is no object; it is kept as it is",
        "not known: member 'shared' of the export; it is kept as it is",
    ]
    assert [json.loads(raw) for raw in raws(lost)] == [{"up": 1}, "later", [1, 2]]
    assert [d.key for d in drafts if d not in lost] == [d.key for d in read_file(sound)]


def test_an_empty_export_is_noted(tmp_path):
    file = tmp_path / "export.json"
    file.write_bytes(b"")
    assert [n.reason for b in OpenCode().read(str(file), SESSION) for n in b.noted] == ["empty file"]


# --- any shape


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_records_of_any_shape_are_events_or_named_losses(tmp_path_factory, data):
    whole = export()
    holders = [(m, "info") for m in whole["messages"]] + [
        (m["parts"], i) for m in whole["messages"] for i in range(len(m["parts"]))
    ]
    for holder, key in data.draw(
        st.lists(st.sampled_from(range(len(holders))), min_size=1, max_size=4, unique=True).map(lambda c: [holders[i] for i in c])
    ):
        holder[key] = data.draw(spoilt(holder[key]))
    file = tmp_path_factory.mktemp("any") / "export.json"
    file.write_text(json.dumps(whole))
    drafts = read_file(file)
    kept = {raw.decode() for raw in raws(drafts)}
    records = [whole["info"], *(r for m in whole["messages"] for r in (m["info"], *m["parts"]))]
    assert kept >= {json.dumps(r) for r in records if r.get("id")}
    for draft in drafts:
        validate(draft.kind, draft.body)
        encode_content(draft, "0" * 32)
