"""Every store format that was ever released opens, and reads as it did. Format 1 is provisional until the first tagged release."""

import json
import re
import shutil

import pytest

from segue.core.errors import StoreTooNewError
from segue.stores.log import LogStore
from segue.testing import FakeClock, FakeIds
from segue.testing.builders import user

from .golden import ENCRYPTED, GOLDEN, build, open_golden, reading


@pytest.fixture(params=[GOLDEN, ENCRYPTED], ids=["open", "encrypted"])
def place(tmp_path, request):
    """A copy as git gives it: files only, their modes forgotten."""
    golden = request.param / "store"
    for path in sorted(golden.rglob("*")):
        if path.is_file():
            copy = tmp_path / "store" / path.relative_to(golden)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    (tmp_path / "store").chmod(0o700)
    return tmp_path / "store"


def expected():
    return json.loads((GOLDEN / "reading.json").read_text())


def test_a_store_of_format_1_reads_as_it_did(place):
    store = open_golden(place)
    assert [f for f in store.verify() if f.severity in {"damage", "gap"}] == []
    assert reading(store) == expected()
    store.close()


def test_a_store_of_format_1_can_be_gone_on_with(place):
    store = open_golden(place)
    before = expected()["sessions"]
    for session in list(store.sessions()):
        head = store.append(session, [user("and on")]).head
        assert head.seq == before[session]["head"][0] + 1
        assert [e.digest for e in store.read(session)][:-1] == [e["digest"] for e in before[session]["events"]]
    assert [f for f in store.verify() if f.severity in {"damage", "gap"}] == []
    store.close()


def test_todays_program_builds_a_store_that_reads_the_same(tmp_path):
    """But for ids and digests. A change of what is read shows here: a new format, or while provisional this one built again."""
    build(tmp_path / "store")
    store = open_golden(tmp_path / "store")
    assert without_ids(reading(store)) == without_ids(expected())
    store.close()


def without_ids(found):
    uuid = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    return json.loads(re.sub(rf'"(?:{uuid}|[0-9a-f]{{64}})"(?!:)', '""', json.dumps(found)))


def test_a_store_of_a_format_to_come_is_refused_by_its_number(place):
    (place / "format.json").write_text(json.dumps({"segue": 2}))
    with pytest.raises(StoreTooNewError, match="its format is 2, this program knows up to 1"):
        LogStore(place, clock=FakeClock(), ids=FakeIds())
