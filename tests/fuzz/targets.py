"""All that is fuzzed, by name."""

from collections.abc import Callable
from functools import partial

from tests.fuzz.databases import Pages, Rows
from tests.fuzz.reading import Reading
from tests.fuzz.spools import Hooks
from tests.fuzz.subjects import agents
from tests.fuzz.target import Target
from tests.fuzz.writing import Writing

TARGETS: dict[str, Callable[[], Target]] = {agent: partial(Reading, agent) for agent in agents()}
TARGETS |= {one.name: one for one in (Rows, Pages, Hooks, Writing)}
