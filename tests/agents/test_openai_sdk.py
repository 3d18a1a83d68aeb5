"""The OpenAI Agents SDK's own tests of sessions, from its source distribution, with our session in the place of its own.

Which cases, and why not the others: `tests/integrations/openai_sdk/segue_sessions.py`. They are fetched at the locked version into
`.cache`; nothing of theirs is kept with us.
"""

import os
import re
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = (
    "memory/test_session.py",
    "memory/test_session_limit.py",
    "memory/test_session_context_wrapper.py",
    "memory/test_compaction_suffix.py",
    "memory/test_compaction_model_visibility.py",
    "memory/test_openai_responses_compaction_session.py",
    "extensions/memory/test_advanced_sqlite_session.py",
    "extensions/memory/test_async_sqlite_session.py",
    "extensions/memory/test_encrypt_session.py",
)
pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture(scope="session")
def sources():
    """The source distribution of the installed release, unpacked."""
    release = version("openai-agents")
    place = ROOT / ".cache" / "sdists"
    found = place / f"openai_agents-{release}"
    if not found.exists():
        place.mkdir(parents=True, exist_ok=True)
        ask = ("download", "--quiet", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", f"openai-agents=={release}")
        subprocess.run([sys.executable, "-m", "pip", *ask, "--dest", place], check=True, timeout=600)
        with tarfile.open(place / f"{found.name}.tar.gz") as archive:
            archive.extractall(place, filter="data")
    return found


@pytest.mark.parametrize("kind", ["log", "memory"])
def test_the_sdks_own_session_tests_pass_with_our_session(sources, tmp_path, kind):
    paths = (ROOT / "src", ROOT / "tests/integrations/openai_sdk", sources, ROOT)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "SEGUE_STORE": kind, "SEGUE_ROOM": str(tmp_path)}
    plugins = ("-p", "segue_sessions", "-p", "no:cacheprovider", "-p", "no:randomly")
    ask = [sys.executable, "-m", "pytest", "-q", *plugins, "--basetemp", tmp_path / "base", *(f"tests/{name}" for name in FILES)]

    done = subprocess.run(ask, cwd=sources, env=env, capture_output=True, text=True, timeout=1_000, check=False)

    print(done.stdout[-4_000:], done.stderr[-2_000:])
    passed = re.search(r"(\d+) passed", done.stdout)
    assert (done.returncode, "failed" in done.stdout) == (0, False)
    assert passed is not None
    assert int(passed[1]) >= 280
