"""Gemini CLI's sessions as older versions write them: one JSON document."""

import json

import pytest

from segue.testing.transcripts import read
from segue.transcripts import transcripts
from segue.transcripts.gemini.reader import Gemini
from tests.unit.transcripts.gemini_records import AT, SESSION, header, model, user


def document(*said, **more):
    return json.dumps({**header(), "messages": list(said), **more}, indent=2)


@pytest.fixture
def older(tmp_path):
    def run(text):
        file = tmp_path / "session-2025-10-15T09-30-11111111.json"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        assert Gemini().sniff(str(file), file.read_bytes()[:4096])
        return read(Gemini(), file)

    return run


def test_a_document_is_read_whole_message_by_message(older):
    found = older(document(user("u1", "one"), model("g1", "1 € \ud83d\ude00"), summary="Counts"))
    assert [(d.kind, d.node) for d in found.drafts] == [("record", f"@{AT}/1"), ("message", "u1"), ("message", "g1")]
    assert [json.loads(d.source["raw"]).get("content") for d in found.drafts] == [None, [{"text": "one"}], "1 € 😀"]
    assert (found.position, found.noted, found.facts["title"]) == (None, [], "Counts")


def test_a_document_that_grows_adds_only_what_is_new(older):
    first = older(document(user("u1", "one"), model("g1", "1")))
    second = older(document(user("u1", "one"), model("g1", "1"), user("u2", "two"), lastUpdated="2026-01-15T09:31:00.000Z"))
    new = {d.key for d in second.drafts} - {d.key for d in first.drafts}
    assert [d.node for d in second.drafts if d.key in new] == [f"@{AT}/1", "u2"]


def test_a_damaged_message_of_a_document_hides_no_other(older):
    text = document(user("u1", "one"), model("g1", "1"), user("u2", "two")).encode()
    found = older(text.replace(b'"type": "gemini"', b'"type": gemini', 1))
    assert [d.node for d in found.events] == [f"@{AT}/1", "u1", "u2"]
    assert found.losses == ["not JSON: a damaged message of the document"]
    assert b'"g1"' in found.drafts[-1].source["raw"].encode()


def test_a_document_that_was_cut_is_read_as_far_as_it_is_whole(older):
    text = document(user("u1", "one"), model("g1", "1"))
    found = older(text[: text.index('"type": "gemini"')])
    assert [d.node for d in found.events] == [f"@{AT}/1", "u1"]
    assert found.losses == [
        "not JSON: a damaged message of the document",
        "the document is cut short; what is whole in it was read",
    ]


def test_a_document_of_bytes_that_are_not_utf8_is_kept(older):
    text = document(user("u1", "café"), model("g1", "1")).encode().replace(b"caf\\u00e9", b"caf\xe9")
    found = older(text)
    assert [d.kind for d in found.drafts] == ["record", "loss", "message", "message"] or found.losses
    assert "raw_b64" in next(d for d in found.drafts if d.node == "u1").source


def test_documents_are_found_in_a_directory(tmp_path):
    (tmp_path / "session-2025-10-15T09-30-11111111.json").write_text(document(user("u1", "one")))
    (tmp_path / "settings.json").write_text("{}")
    (found,) = transcripts().find([str(tmp_path)])
    assert (found.reader.agent, found.foreign_id) == ("gemini-cli", SESSION)
