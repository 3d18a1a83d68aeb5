"""What was said and done in a session, and whether a request to a model carries it, whatever the provider's form.

    story = Story.of(server.last, ["Please build notes [[plan]]"], "Done: ...")
    assert story.missing(request) == []

A text is carried when it stands in a text of the same role; a call when the values of its arguments stand in one call's
arguments, line by line (tools and arguments have other names in another agent, and a file may become a patch); a result when each of its lines stands in the result that
belongs to that call. Everything in order. Spaces do not count.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from tests.agents.model_server import Call, Request, Result, Said

ASIDE = {"description", "instruction", "is_background", "absolute_path"}
"""Arguments that some agents' tools ask for and others do not have."""


@dataclass(frozen=True)
class Story:
    """Texts, calls and results, in order."""

    items: tuple[Said | Call | Result, ...]

    @classmethod
    def of(cls, request: Request, prompts: Sequence[str], *answers: str) -> Self:
        """Return what *request* carries of a session in which the user said *prompts*, with the *answers* that followed it."""
        found: list[Said | Call | Result] = []
        waiting = list(prompts)
        for item in request.conversation:
            if isinstance(item, Said) and item.role == "user" and waiting and waiting[0] in item.text:
                found.append(Said("user", waiting.pop(0)))
            elif found and (not isinstance(item, Said) or item.role == "assistant"):
                found.append(item)
        assert waiting == [], f"the agent itself never sent {waiting}"
        return cls((*found, *(Said("assistant", text) for text in answers)))

    def moved(self, old: str, new: str) -> Self:
        """Return the story as it reads when the project has gone from one directory to another."""
        return type(self)(tuple(_moved(item, old, new) for item in self.items))

    def missing(self, request: Request) -> list[str]:
        """Return what *request* does not carry, each in a line that says so."""
        given = request.conversation
        partner = _pairs(given)[0]
        losses: list[str] = []
        found: dict[int, int] = {}  # where an item of the story stands in the request
        at = 0
        for i, item in enumerate(self.items):
            if isinstance(item, Result):
                continue
            place = next((j for j in range(at, len(given)) if _is(item, given[j])), None)
            if place is None:
                elsewhere = any(_is(item, other) for other in given)
                losses.append(f"{'out of order' if elsewhere else 'missing'}: {_short(item)}")
            else:
                found[i] = place
                at = place if isinstance(item, Said) else place + 1  # several texts may have become one
        mine, _ = _pairs(self.items)
        for call, result in mine.items():
            if call in found:
                losses += _lost_lines(self.items[result], given[partner[found[call]]] if found[call] in partner else None)
        return losses


def unsound(request: Request) -> list[str]:
    """Return what a provider would refuse: calls without a result, and results without a call."""
    return _pairs(request.conversation)[1]


def first_request(requests: Iterable[Request], prompt: str) -> Request:
    """Return the first request to the working model (not one for a title) that says *prompt*."""
    for request in requests:
        if request.tools and any(prompt in text for text in request.said("user")):
            return request
    raise AssertionError(f"no request says {prompt!r}")


def _pairs(items: Sequence[Said | Call | Result]) -> tuple[dict[int, int], list[str]]:
    """Return which result belongs to which call, by index, and what has no partner. Without ids the order tells."""
    waiting: dict[str, list[int]] = {}
    pairs: dict[int, int] = {}
    losses: list[str] = []
    for i, item in enumerate(items):
        if isinstance(item, Call):
            waiting.setdefault(item.id, []).append(i)
        elif isinstance(item, Result):
            calls = waiting.get(item.id)
            if calls:
                pairs[calls.pop(0)] = i
            else:
                losses.append(f"a result without its call: {_short(item)}")
    losses += [f"a call without its result: {_short(items[i])}" for calls in waiting.values() for i in calls]
    return pairs, losses


def _is(wanted: Said | Call | Result, given: Said | Call | Result) -> bool:
    if isinstance(wanted, Said):
        return isinstance(given, Said) and given.role == wanted.role and _squeezed(wanted.text) in _squeezed(given.text)
    if isinstance(wanted, Call):
        if not isinstance(given, Call):
            return False
        there = [_squeezed(text) for text in _leaves(given.arguments)]
        lines = [_squeezed(line) for text in _leaves(wanted.arguments) for line in text.splitlines()]
        return all(any(line in other for other in there) for line in lines)
    return False


def _lost_lines(wanted: Any, given: Any) -> list[str]:
    if given is None:
        return [f"missing: {_short(wanted)}"]
    there = _squeezed(given.text)
    return [f"missing in a result: {line.strip()[:120]!r}" for line in wanted.text.splitlines() if _squeezed(line) not in there]


def _leaves(value: Any) -> Iterator[str]:
    """Yield the texts and figures in a call's arguments, but for those that only some tools ask for."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in ASIDE:
                yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        yield str(value)


def _moved(item: Said | Call | Result, old: str, new: str) -> Said | Call | Result:
    if isinstance(item, Call):
        return Call(item.id, item.name, _replaced(item.arguments, old, new))
    text = item.text.replace(old, new)
    return Said(item.role, text) if isinstance(item, Said) else Result(item.id, text)


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _replaced(inner, old, new) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(inner, old, new) for inner in value]
    return value.replace(old, new) if isinstance(value, str) else value


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _short(item: Said | Call | Result) -> str:
    text = repr(item)
    return text if len(text) < 200 else f"{text[:200]} ..."
