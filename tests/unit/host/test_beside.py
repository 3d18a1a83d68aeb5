"""Temporary files beside the file that they are to become."""

import os
import subprocess
import sys

from segue.host.beside import beside


def test_what_killed_processes_left_is_removed_and_what_others_are_at_is_not(tmp_path):
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    gone = int(done.stdout)
    for pid in (gone, os.getppid()):
        (tmp_path / f".hooks.json.segue-{pid}").touch()
    (tmp_path / ".hooks.json.segue-kept").touch()
    assert beside(tmp_path / "hooks.json") == tmp_path / f".hooks.json.segue-{os.getpid()}"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".hooks.json.segue-{os.getppid()}", ".hooks.json.segue-kept"]


def test_a_directory_that_is_not_there_yet_has_nothing_left_in_it(tmp_path):
    assert beside(tmp_path / "none" / "a").parent == tmp_path / "none"
