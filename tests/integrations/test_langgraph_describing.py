"""A list of messages is described by what was known of it, whichever objects it has and whatever was done to them."""

from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from segue.integrations.langgraph._describing import describe
from segue.integrations.langgraph._values import Codec, Element, loaded

SERDE = JsonPlusSerializer()

_numbers = st.integers(0, 7)
_changes = st.lists(st.tuples(st.sampled_from(["content", "deep", "anew", "same"]), _numbers), max_size=3)
_versions = st.lists(st.tuples(_changes, st.lists(_numbers, max_size=14)), max_size=8)


def message(n):
    kind = AIMessage if n % 2 else HumanMessage
    return kind(f"message {n}", id=str(n), additional_kwargs={"deep": {"list": [n]}})


def change(pool, how, n):
    if how == "content":
        pool[n].content += "!"
    elif how == "deep":
        pool[n].additional_kwargs["deep"]["list"].append(n)
    elif how == "anew":
        pool[n] = message(n)
    else:
        pool[n] = pool[n].model_copy(deep=True)


@settings(max_examples=50, deadline=None)
@given(_versions, st.booleans())
def test_a_list_reads_as_it_was_described_though_its_messages_change(versions, is_loaded):
    codec = Codec(SERDE.dumps_typed, SERDE.loads_typed, repeats=True, joins=True)
    pool, base, seq = [message(n) for n in range(8)], [], None
    for number, (changes, chosen) in enumerate(versions):
        for how, n in changes:
            change(pool, how, n)
        values = [pool[n] for n in chosen]

        made = []

        def keep(i, plain, seen, last, made=made):
            made.append(Element(None, len(made), plain))
            made[-1].seen = seen
            return {"ahead": len(made)}

        items = describe(values, base, seq, codec, keep)["items"]

        after, new = [], iter(made)
        for item in items:
            after += [next(new)] if isinstance(item, dict) else base[item[0] : item[1]]
        assert [e.plain(codec) for e in after] == [SERDE.dumps_typed(value) for value in values]
        known = {e.plain(codec) for e in base}
        assert all(e.plain(codec) not in known for e in made)
        if is_loaded:
            assert loaded(after, codec) == values
        base, seq = after, number
