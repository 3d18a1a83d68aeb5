"""Tools in each other's words: a table per pair, and what comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.together import patching
from segue.core.together.tools import VOCABULARIES, map_call, names

ADD = "*** Begin Patch\n*** Add File: a.py\n+x = 1\n*** End Patch"
UPDATE = "*** Begin Patch\n*** Update File: a.py\n@@ def f\n a\n-b\n+c\n*** End Patch"
TWO = "*** Begin Patch\n*** Update File: a.py\n@@\n-b\n+c\n*** Delete File: b.py\n*** End Patch"


def mapped(source, target, name, **arguments):
    found = map_call(source, target, name, arguments)
    return found and (found.name, found.arguments)


@pytest.mark.parametrize(
    ("source", "call", "target", "expected"),
    [
        (
            "claude-code",
            ("Bash", {"command": "ls", "description": "list"}),
            "codex",
            ("exec_command", {"cmd": "ls", "description": "list"}),
        ),
        ("claude-code", ("Bash", {"command": "ls"}), "gemini-cli", ("run_shell_command", {"command": "ls"})),
        ("claude-code", ("Bash", {"command": "ls", "timeout": 5}), "opencode", ("bash", {"command": "ls", "timeout": 5})),
        ("codex", ("exec_command", {"cmd": "ls", "workdir": "/x"}), "claude-code", ("Bash", {"command": "ls", "workdir": "/x"})),
        (
            "codex",
            ("exec_command", {"cmd": "ls", "workdir": "/x"}),
            "gemini-cli",
            ("run_shell_command", {"command": "ls", "dir_path": "/x"}),
        ),
        ("codex", ("shell", {"command": ["bash", "-lc", "a | b"]}), "qwen-code", ("run_shell_command", {"command": "a | b"})),
        ("codex", ("shell", {"command": ["ls", "a b"]}), "opencode", ("bash", {"command": "ls 'a b'"})),
        (
            "claude-code",
            ("Edit", {"file_path": "/a", "old_string": "x", "new_string": "y", "replace_all": True}),
            "gemini-cli",
            ("replace", {"file_path": "/a", "old_string": "x", "new_string": "y", "allow_multiple": True}),
        ),
        (
            "gemini-cli",
            ("replace", {"file_path": "/a", "old_string": "x", "new_string": "y", "instruction": "why"}),
            "claude-code",
            ("Edit", {"file_path": "/a", "old_string": "x", "new_string": "y", "instruction": "why"}),
        ),
        (
            "claude-code",
            ("Edit", {"file_path": "a.py", "old_string": "b\nc", "new_string": ""}),
            "codex",
            ("apply_patch", {"input": "*** Begin Patch\n*** Update File: a.py\n@@\n-b\n-c\n+\n*** End Patch"}),
        ),
        ("claude-code", ("Write", {"file_path": "a.py", "content": "x = 1\n"}), "codex", ("apply_patch", {"input": ADD})),
        ("codex", ("apply_patch", {"input": ADD}), "claude-code", ("Write", {"file_path": "a.py", "content": "x = 1\n"})),
        (
            "codex",
            ("apply_patch", {"input": UPDATE}),
            "gemini-cli",
            ("replace", {"file_path": "a.py", "old_string": "a\nb", "new_string": "a\nc"}),
        ),
        ("codex", ("apply_patch", {"input": TWO}), "claude-code", ("Bash", {"command": f"apply_patch <<'PATCH'\n{TWO}\nPATCH"})),
        ("codex", ("apply_patch", {"input": TWO}), "opencode", ("apply_patch", {"patchText": TWO})),
        ("claude-code", ("Read", {"file_path": "/a b"}), "codex", ("exec_command", {"cmd": "cat -n '/a b'"})),
        (
            "claude-code",
            ("Read", {"file_path": "/a", "offset": 11, "limit": 10}),
            "codex",
            ("exec_command", {"cmd": "cat -n /a | sed -n '11,20p'"}),
        ),
        (
            "claude-code",
            ("Read", {"file_path": "/a", "offset": 11, "limit": 10}),
            "gemini-cli",
            ("read_file", {"file_path": "/a", "start_line": 11, "end_line": 20}),
        ),
        (
            "gemini-cli",
            ("read_file", {"file_path": "/a", "start_line": 11, "end_line": 20}),
            "qwen-code",
            ("read_file", {"file_path": "/a", "offset": 10, "limit": 10}),
        ),
        ("qwen-code", ("read_file", {"absolute_path": "/a", "offset": 0}), "opencode", ("read", {"filePath": "/a", "offset": 1})),
        (
            "claude-code",
            ("Grep", {"pattern": "x y", "glob": "*.py"}),
            "codex",
            ("exec_command", {"cmd": "rg -n -g '*.py' -e 'x y' ."}),
        ),
        ("claude-code", ("Glob", {"pattern": "**/*.py"}), "codex", ("exec_command", {"cmd": "rg --files -g '**/*.py' ."})),
        (
            "claude-code",
            ("TodoWrite", {"todos": [{"content": "a", "status": "pending", "activeForm": "doing a"}]}),
            "codex",
            ("update_plan", {"plan": [{"step": "a", "status": "pending", "activeForm": "doing a"}]}),
        ),
        ("messages", ("Bash", {"command": "ls"}), "codex", ("exec_command", {"cmd": "ls"})),
    ],
)
def test_a_call_is_said_in_the_targets_words(source, call, target, expected):
    assert mapped(source, target, call[0], **call[1]) == expected


@pytest.mark.parametrize(
    ("source", "name", "arguments", "target"),
    [
        ("claude-code", "mcp__files__read", {"path": "/a"}, "codex"),  # nobody else's
        ("claude-code", "Bash", {"command": 7}, "codex"),  # not what the tool takes
        ("claude-code", "Bash", {}, "gemini-cli"),
        ("claude-code", "Edit", {"file_path": "/a", "old_string": "x", "new_string": "y", "replace_all": True}, "codex"),
        ("claude-code", "Task", {"prompt": "look", "subagent_type": "explore"}, "codex"),
        ("claude-code", "Grep", {"pattern": "x", "output_mode": "count"}, "codex"),
        ("codex", "exec_command", {"cmd": "ls", "command": "rm"}, "claude-code"),  # the word is taken
        ("claude-code", "Bash", {"command": "ls"}, "messages"),
    ],
)
def test_what_the_target_has_no_words_for_is_not_mapped(source, name, arguments, target):
    assert map_call(source, target, name, arguments) is None


lines = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
paths = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=12)


@given(paths, lines.filter(bool), lines)
def test_an_edit_comes_back_from_a_patch_as_it_was(path, old, new):
    arguments = {"file_path": path, "old_string": old, "new_string": new}
    there = map_call("claude-code", "codex", "Edit", arguments)
    assert there is not None
    back = map_call("codex", "claude-code", there.name, there.arguments)
    assert back is not None
    assert (back.name, back.arguments) == ("Edit", arguments)


@given(paths, lines)
def test_a_new_file_comes_back_from_a_patch_with_its_last_line_ended(path, content):
    there = map_call("claude-code", "codex", "Write", {"file_path": path, "content": content})
    assert there is not None
    back = map_call("codex", "claude-code", there.name, there.arguments)
    whole = not content or content.endswith("\n")
    assert back is not None
    assert back.arguments["content"] == (content if whole else content + "\n")
    assert (there.note == "") == whole


FAITHFUL = [a for a in VOCABULARIES if a != "codex"]
ARGUMENTS = {
    "run": {"command": "make test"},
    "read": {"path": "/a", "first": 3, "count": 9},
    "write": {"path": "/a", "content": "x"},
    "edit": {"path": "/a", "old": "x", "new": "y"},
    "search": {"pattern": "x"},
    "find": {"pattern": "*.py"},
    "list": {"path": "/a"},
    "plan": {"steps": [{"text": "a", "status": "pending"}]},
}


@pytest.mark.parametrize("there", FAITHFUL)
@pytest.mark.parametrize("home", FAITHFUL)
@pytest.mark.parametrize("op", ARGUMENTS)
def test_a_call_comes_back_as_it_was(home, there, op):
    from segue.core.together.tools import Meant, _in_words

    call = _in_words(VOCABULARIES[home], Meant(op, dict(ARGUMENTS[op]), {"_own": 1}))
    assert call is not None
    away = map_call(home, there, call.name, call.arguments)
    assert away is not None
    back = map_call(there, home, away.name, away.arguments)
    assert back == call


def test_a_patch_that_is_none_is_none():
    for text in ("", "*** Begin Patch\n*** End Patch", "*** Begin Patch\n*** Update File: a\n*** End Patch", "x" + ADD):
        assert patching.parse(text) is None


def test_an_agents_tools_are_named_by_what_they_do():
    assert names("codex") == {"run": "exec_command", "patch": "apply_patch", "plan": "update_plan"}
    assert names("nobody") == {}
