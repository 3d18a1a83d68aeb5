"""Gemini CLI deletes a session after it went on with it; what segue wrote outlives that."""

import json
from pathlib import Path

import pytest

from segue.ports import Destination
from segue.testing.writers import plain
from segue.transcripts.gemini.writer import GeminiWriter
from tests.agents.programs import Gemini

pytestmark = pytest.mark.long


class Deleting(Gemini):
    """With the retention of sessions that it has by itself."""

    def prepare(self):
        super().prepare()
        settings = self.place.home / ".gemini" / "settings.json"
        kept = json.loads(settings.read_text())
        kept["general"].pop("sessionRetention")
        settings.write_text(json.dumps(kept))


def test_a_written_session_outlives_the_next_starts_of_gemini_cli(place):
    program, writer = Deleting(place), GeminiWriter()
    to = Destination(writer.home(program.environment()), str(place.project))
    written = writer.write(plain(), to)
    path = Path(written.files[0])
    stubs = path.parent.glob(f"session-*-{written.foreign_id[:8]}.jsonl")

    program.run("go on [[say one]]", resume=written.foreign_id)
    assert len(list(stubs)) == 1  # what the program leaves behind, and deletes with all that is named alike
    program.run("something else [[say two]]")

    assert list(path.parent.glob(f"session-*-{written.foreign_id[:8]}.jsonl")) == []
    assert writer.find(written.foreign_id, to) == str(path)
