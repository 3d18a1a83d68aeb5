"""Ids made from names."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from segue.core.log.ids import is_uuid, named_uuid


def test_the_same_name_gives_the_same_id_in_every_process_and_release():
    assert named_uuid("langgraph", "thread-1", "0") == "16815453-6cfb-8e95-b16f-1c356a7dfada"


def test_the_parts_of_a_name_do_not_run_together():
    assert named_uuid("a", "b") != named_uuid("ab") != named_uuid("a,b")


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_name_gives_a_uuid_of_version_8(parts):
    made = named_uuid(*parts)

    assert is_uuid(made)
    assert (UUID(made).version, UUID(made).variant) == (8, "specified in RFC 4122")
