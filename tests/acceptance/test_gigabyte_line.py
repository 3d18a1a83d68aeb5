"""A line, or a value, of a gigabyte in a transcript: each reader names it, reads the rest, and takes no more memory than for others."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.test_gigabytes import MEGABYTE, PEAK, RUN

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

SIZE = int(os.environ.get("SEGUE_LINE_MB") or 1024) * MEGABYTE
IN_DOCUMENT = 24 * MEGABYTE
"""More than a value may have to be read; a whole document may have 128 MiB."""
FIXTURES = Path(__file__).parent.parent / "fixtures" / "transcripts"
NAME = "01a1fbd8-9c48-7761-9e13-fd4d63b0070c"

LINE = b'{"type":"user","text":"', b'"}\n'
VALUE = b'{"a":"', b'"},'

AGENTS = {
    "claude-code": ("claude/headless-plan.jsonl", f"{NAME}.jsonl", None, LINE),
    "codex": ("codex/exec-plan-and-resume.jsonl", f"rollout-2026-01-15T10-00-00-{NAME}.jsonl", None, LINE),
    "gemini-cli": ("gemini/headless-plan-and-resume.jsonl", "session-2026-01-15T10-00-01a1fbd8.jsonl", None, LINE),
    "qwen-code": ("qwen/headless-plan.jsonl", f"{NAME}.jsonl", None, LINE),
    "messages": ("messages/openai.jsonl", "openai.jsonl", None, LINE),
    "opencode": ("opencode/export-plan.json", "export.json", b'"messages": [', VALUE),
    "atif": ("atif/trajectory.json", "trajectory.json", b'"steps": [', VALUE),
    "aider": ("aider/.aider.chat.history.md", ".aider.chat.history.md", b"\n\n#### ", (b"", b"\n")),
}
"""Of each agent: a sample, the name that it has at home, behind what the long one stands (the first line), and what is around it."""


DOCUMENTS = ("opencode", "atif")
"""One document each, read at once: nothing is known of it before its end."""


@pytest.fixture
def write(tmp_path):
    """Returns a writer of an agent's sample, sound or with so many bytes put in; the files go with the test."""
    files = []

    def write(agent, size=0):
        sample, name, behind, (before, after) = AGENTS[agent]
        whole = (FIXTURES / sample).read_bytes()
        cut = whole.index(behind) + len(behind) if behind else whole.index(b"\n") + 1
        file = tmp_path / str(size) / name
        file.parent.mkdir()
        files.append(file)
        with file.open("wb") as out:
            out.write(whole[:cut] + (before if size else b""))
            for _ in range(size // MEGABYTE):
                out.write("ö".encode() * (MEGABYTE // 2))
            out.write((after if size else b"") + whole[cut:])
        return file

    yield write
    for file in files:
        file.unlink()


def taken(place, agent, file):
    """Import a file in a home of its own; return the code, the answer, and the peak of memory in megabytes."""
    env = {k: v for k, v in os.environ.items() if k in {"PATH", "LANG", "PYTHONPATH"}}
    env |= {"HOME": str(place), "SEGUE_HOME": str(place / "segue"), "SEGUE_UPKEEP": "off"}
    command = [sys.executable, "-c", RUN, "import", str(file), "--agent", agent, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    return done.returncode, json.loads(done.stdout), int(done.stderr.split()[-1])


@pytest.mark.parametrize(("agent", "size"), [(a, IN_DOCUMENT if a in DOCUMENTS else SIZE) for a in AGENTS], ids=[*AGENTS])
def test_a_line_of_a_gigabyte_is_named_and_the_rest_is_read(tmp_path, write, agent, size):
    (_, sound, _), (code, spoilt, peak) = (taken(tmp_path / f"home-{n}", agent, write(agent, n)) for n in (0, size))
    (before,), (after,) = sound["sessions"], spoilt["sessions"]
    assert (code, before["losses"]) == (0, [])
    assert after["events"] > before["events"]
    assert [loss["reason"] for loss in after["losses"]] != [] or agent == "aider"  # there a line is text, of any length
    assert peak <= PEAK, f"{peak} MB"


@pytest.mark.parametrize("agent", DOCUMENTS)
def test_a_document_of_a_gigabyte_is_named(tmp_path, write, agent):
    code, answer, peak = taken(tmp_path, agent, write(agent, SIZE))
    losses = answer["losses"] + [loss for session in answer["sessions"] for loss in session["losses"]]
    assert [loss["reason"] for loss in losses] == ["longer than can be read: more than 128 MiB in one document"]
    assert (code, peak <= PEAK) == (1, True), f"{peak} MB"
