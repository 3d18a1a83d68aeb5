"""The import contracts hold, and each is seen failing on a planted violation."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

# A tree that keeps every contract and has every layer that a violation below needs.
SOUND = {
    "__init__.py": '"""The package."""\n',
    "core/__init__.py": "",
    "core/a.py": "import json\n",
    "core/b.py": "from segue.core import a\n",
    "ports.py": "from segue.core import b\n",
    "engine/__init__.py": "",
    "engine/saving.py": "from segue import ports\n",
    "stores/__init__.py": "",
    "stores/memory.py": "from segue.core import a\n",
    "stores/postgres/__init__.py": "import psycopg\n",
    "transcripts/__init__.py": "",
    "transcripts/_lines.py": "",
    "transcripts/one.py": "from segue import ports\nfrom segue.transcripts import _lines\n",
    "transcripts/two.py": "from segue import ports\n",
    "host/__init__.py": "",
    "host/clock.py": "import time\n",
    "testing/__init__.py": "from segue import ports\n",
    "app.py": "from segue.engine import saving\nfrom segue.host import clock\n",
    "hooks.py": "import os, json\n",
    "cli/__init__.py": "import click\nfrom segue import app\n",
    "integrations/__init__.py": "",
    "integrations/langgraph.py": "import langgraph.checkpoint\nfrom segue import app\n",
    "integrations/google_adk.py": "import google.adk\nfrom segue import app\n",
}

# What is planted, and the contract and import that must be named.
PLANTED = {
    "core reaches up": ({"core/a.py": "from segue import app\n"}, "segue.core.a -> segue.app"),
    "core reaches up through a module in between": (
        {"core/a.py": "from segue import ports\n", "ports.py": "import segue.engine.saving\n"},
        "segue.ports -> segue.engine.saving",
    ),
    "an engine that sees a store": (
        {"engine/saving.py": "from segue.stores import memory\n"},
        "segue.engine.saving -> segue.stores.memory",
    ),
    "an engine that sees a surface lazily": (
        {"engine/saving.py": "def f():\n    from segue import cli\n    return cli\n"},
        "segue.engine.saving -> segue.cli",
    ),
    "core does I/O": ({"core/b.py": "import os.path\n"}, "segue.core.b -> os"),
    "ports do I/O through core": (
        {"core/a.py": "import sqlite3\n"},
        "segue.ports -> segue.core.b",
    ),
    "core asks the clock": ({"core/a.py": "import time\n"}, "segue.core.a -> time"),
    "core outside the standard library": (
        {"core/a.py": "import attr\n"},
        "segue.core.a -> attr",
    ),
    "a hook outside the standard library": ({"hooks.py": "import click\n"}, "segue.hooks -> click"),
    "a hook that imports segue": (
        {"hooks.py": "from segue.core import a\n"},
        "segue.hooks -> segue.core.a",
    ),
    "a reader that knows another": (
        {"transcripts/one.py": "from segue.transcripts import two\n"},
        "segue.transcripts.one -> segue.transcripts.two",
    ),
    "an adapter that knows another": (
        {"integrations/langgraph.py": "from segue.integrations import google_adk\n"},
        "segue.integrations.langgraph -> segue.integrations.google_adk",
    ),
    "psycopg outside its store": (
        {"host/clock.py": "import psycopg\n"},
        "segue.host.clock -> psycopg",
    ),
    "a framework outside its adapter": (
        {"integrations/google_adk.py": "import langgraph.graph\n"},
        "segue.integrations.google_adk -> langgraph",
    ),
    "testing that knows a store": (
        {"testing/__init__.py": "from segue.stores import memory\n"},
        "segue.testing -> segue.stores.memory",
    ),
    "a module in no layer": ({"misc.py": ""}, "segue.misc"),
}


def lint_imports(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "lint-imports", "--no-cache", "--no-logo"],
        cwd=project,
        env={"PYTHONPATH": str(project / "src"), "PATH": "/usr/bin:/bin", "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )


def plant(project: Path, files: dict[str, str]) -> Path:
    shutil.copy(ROOT / "pyproject.toml", project)
    shutil.copytree(ROOT / "tools", project / "tools", dirs_exist_ok=True)
    for name, text in files.items():
        path = project / "src" / "segue" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return project


def test_this_tree_keeps_every_contract():
    done = lint_imports(ROOT)
    assert (done.returncode, done.stdout[-200:] if done.returncode else "") == (0, "")


def test_a_sound_tree_keeps_every_contract(tmp_path):
    done = lint_imports(plant(tmp_path, SOUND))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_violation_is_reported(tmp_path, what):
    files, expected = PLANTED[what]
    done = lint_imports(plant(tmp_path, SOUND | files))
    assert done.returncode == 1, done.stdout
    assert expected in done.stdout.replace("\n", " "), done.stdout


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("from datetime import datetime\n\nNOW = datetime.now()\n", "DTZ005"),
        ("from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)\n", "TID251"),
        ("import uuid\n\nID = uuid.uuid4()\n", "TID251"),
        ("import pickle\n\nLOAD = pickle.loads\n", "TID251"),
    ],
)
def test_core_that_asks_for_time_or_chance_is_reported(tmp_path, line, rule):
    project = plant(tmp_path, SOUND | {"core/a.py": f'"""A."""\n\n{line}'})
    done = subprocess.run(
        [BIN / "ruff", "check", "--no-cache", "--output-format", "concise", "src/segue/core/a.py"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, rule in done.stdout) == (1, True), done.stdout
