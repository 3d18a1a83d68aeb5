"""Hypothesis strategies: JSON values, bodies of every kind, drafts. Imports hypothesis."""

from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, is_typeddict

from hypothesis import strategies as st

from segue.core.log.events import ABSENT, MAIN, Draft
from segue.core.log.kinds import KINDS, fields
from segue.core.together.conversation import Accepts, Conversation, Turn

__all__ = ["bodies", "conversations", "drafts", "names", "stories", "texts", "typed_bodies", "values"]

Bodies = st.SearchStrategy[dict[str, Any]]

_ODD = ["", "\0", "\ud800", "\udfff tail", "$blob", "$literal", ',"digest":"', '"}\n{"', "\u2028\x85\x1f"]

texts: st.SearchStrategy[str] = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(_ODD) | st.just(9000).map("é".__mul__)
)
"""Any text, lone surrogates, NUL and look-alikes of our own marks among it."""

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
"""Any JSON value."""

bodies: Bodies = st.dictionaries(texts, values, max_size=4)
"""Any JSON object."""

names: st.SearchStrategy[str] = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12
)
"""Any actor, stream, node or key."""


@cache
def typed_bodies(kind: str) -> Bodies:
    """Return bodies of a known *kind*, made from its type."""
    return _of(KINDS[kind].body)


def drafts(
    *,
    kinds: st.SearchStrategy[str] | None = None,
    keys: st.SearchStrategy[str | None] | None = None,
    streams: st.SearchStrategy[str] | None = None,
    scopes: st.SearchStrategy[str] | None = None,
) -> st.SearchStrategy[Draft]:
    """Return drafts of *kinds* (all) with bodies of their type, *keys* (few), *streams* (few) and changes to *scopes* (none)."""
    few = st.sampled_from(["a", "b", "c"])
    deltas = st.dictionaries(few, st.none() | values, max_size=2)
    kinds = st.sampled_from(sorted(KINDS)) if kinds is None else kinds
    return kinds.flatmap(
        lambda kind: st.builds(
            Draft,
            kind=st.just(kind),
            body=typed_bodies(kind) if kind in KINDS else bodies,
            actor=st.just("") | names,
            stream=st.sampled_from([MAIN, "sub"]) if streams is None else streams,
            node=st.none() | few,
            parent=st.just(ABSENT) | st.none() | few,
            key=st.none() | few if keys is None else keys,
            at=st.none() | st.just("2026-01-15T09:30:00Z"),
            source=st.none() | bodies,
            scopes=st.none() if scopes is None else st.none() | st.dictionaries(scopes, deltas, max_size=2),
        )
    )


def stories(*, wild: bool = False) -> st.SearchStrategy[list[Draft]]:
    """Return drafts that speak of the same few things, as a session's events do; *wild*: fields may have any type as well."""
    few = st.sampled_from(["a", "b", "c"])

    @st.composite
    def told(draw: st.DrawFn) -> Draft:
        draft: Draft = draw(drafts())
        body: dict[str, Any] = {k: draw(few) if isinstance(v, str) and k not in _WORDS else v for k, v in draft.body.items()}
        known = st.sampled_from(sorted(fields(KINDS[draft.kind].body)))
        more = draw(st.dictionaries(known, values, max_size=2)) if wild else {}
        kind = draw(st.sampled_from([draft.kind] * 9 + ["next.year"]))
        return draft._replace(kind=kind, body=body | more, actor=draw(few), parent=draw(st.sampled_from(_PARENTS)))

    return st.lists(told(), max_size=15)


_WORDS = {"role", "status", "action", "reason"}
"""Fields whose words are fixed."""
_PARENTS = [ABSENT, ABSENT, ABSENT, None, "a", "b", "c", "lost"]


def conversations(accepts: Accepts) -> st.SearchStrategy[Conversation]:
    """Return conversations that keep what `Turn` promises to a writer that *accepts* so much, of hostile texts and values."""
    said = texts.filter(lambda t: bool(t.strip()))
    parts = said.map(lambda t: {"type": "text", "content": t})
    asides = st.sampled_from(["user", "system"] if accepts.system else ["user"])
    ids = st.text(_PLAIN, min_size=1, max_size=8)
    calls = st.lists(st.tuples(ids, st.dictionaries(texts, values, max_size=3)), max_size=4)
    flags = st.booleans()

    @st.composite
    def held(draw: st.DrawFn) -> Conversation:
        turns: list[Turn] = []

        def add(role: Any, found: list[Any], *, meta: bool = False) -> None:
            at = f"2026-01-15T09:{len(turns):02}:00Z"
            turns.append(Turn(role, tuple(found), at, f"n{len(turns)}", f"m{len(turns)}", "model-x", meta=meta))

        add("user", draw(st.lists(parts, min_size=1, max_size=2)))
        for number in range(draw(st.integers(0, 4))):
            chosen = [(f"{name}-{number}-{i}", arguments) for i, (name, arguments) in enumerate(draw(calls))]
            made = [{"type": "tool_call", "id": i, "name": draw(ids), "arguments": a} for i, a in chosen]
            add("assistant", draw(st.lists(parts, min_size=0 if made else 1, max_size=2)) + made)
            if made:
                answers = [{"type": "tool_call_response", "id": i, "response": draw(texts)} for i, _ in chosen]
                add("tool", [a | {"is_error": True} if a["response"].strip() and draw(flags) else a for a in answers])
            if not made or draw(flags):
                add(draw(asides), draw(st.lists(parts, min_size=1, max_size=2)), meta=draw(flags))
        return Conversation("s", len(turns), "d" * 64, "codex", "", draw(texts), "/w", "", tuple(turns))

    return held()


_PLAIN = "abcXYZ019_-"


def _of(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of a body's annotation."""
    origin, args = get_origin(hint), get_args(hint)
    if is_typeddict(hint):
        made = {name: _of(h) for name, h in fields(hint).items()}
        required = hint.__required_keys__
        return st.fixed_dictionaries(
            {name: s for name, s in made.items() if name in required},
            optional={name: s for name, s in made.items() if name not in required},
        )
    if origin is list:
        return st.lists(_of(args[0]), max_size=3)
    if origin is Literal:
        return st.sampled_from(args)
    if origin in {Union, UnionType}:
        return st.one_of(*map(_of, args))
    if origin is dict or hint in {dict, Mapping}:
        return bodies
    plain = {
        Any: values,
        str: texts,
        int: st.integers(),
        float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
        bool: st.booleans(),
        NoneType: st.none(),
    }
    return plain[hint]
