"""`segue init`: what it says, what it changes, and that nothing is left of it."""

import json
import sys
import tomllib

import pytest

from segue.core.errors import ChangedError
from segue.host.install import Receipt, Setup, apply, plan, plan_removal, undo
from segue.host.install.agents import CLAUDE_CODE
from tests.cli.configured import FOUND, tree

SETTINGS = '{\n  // mine\n  "model": "opus",\n  "hooks": {\n    "Stop": [\n      {"hooks": [{"type": "command", "command": "true"}]}\n    ]\n  }\n}\n'


@pytest.fixture
def settings(cli):
    path = cli.home / ".claude" / "settings.json"
    path.parent.mkdir(parents=True)
    path.write_text(SETTINGS)
    return path


def ours(settings):
    return {e: len([g for g in gs if "/hook/claude-code.py" in json.dumps(g)]) for e, gs in settings["hooks"].items()}


def test_it_installs_says_so_and_the_second_time_changes_nothing(cli, settings):
    first = cli("init", "--yes")
    assert (first.code, first.out.splitlines()[-2:]) == (
        0,
        [
            "installed for claude-code: 7 files. Take it out with: segue init --remove",
            "work as always; in a project's directory `segue` shows where you were",
        ],
    )
    there = tree(cli.home)
    assert cli.says("init", "--yes") == "$ segue init --yes\nnothing to change: segue is installed for claude-code\n"
    assert tree(cli.home) == there


def test_what_changes_in_the_users_file_is_shown_line_by_line_and_of_new_files_the_names(cli, settings):
    shown = cli("init", "--yes", "--no-import").out
    assert (shown.count("\n+++ "), shown.count("\nnew  ")) == (1, 6)
    assert "new  /home/dev/.claude/commands/segue/status.md\n" in shown
    taken_out = cli("init", "--yes", "--remove").out
    assert (taken_out.count("\n+++ "), taken_out.count("\ngone ")) == (1, 6)


def test_every_event_has_one_hook_of_ours_and_the_users_stay(cli, settings):
    cli("init", "--yes")
    document = json.loads(settings.read_text().replace("  // mine\n", ""))
    assert set(ours(document).values()) == {1}
    assert document["model"] == "opus"
    assert document["hooks"]["Stop"][0] == {"hooks": [{"type": "command", "command": "true"}]}


def test_a_dry_run_shows_every_change_and_makes_none(cli, settings):
    before = tree(cli.home)
    said = cli("init", "--dry-run").out
    assert tree(cli.home) == before
    assert said.count("\n+++ ") == 7
    assert said.splitlines()[-1] == "would change 7 files"


def test_remove_leaves_every_byte_and_mode_as_it_was(cli, settings):
    settings.chmod(0o640)
    before = tree(cli.home)
    cli("init", "--yes", "--no-import")
    said = cli("init", "--remove", "--yes")
    assert tree(cli.home) == before
    assert said.out.splitlines()[-1] == "taken out of claude-code: 7 files as before. What was captured stays: segue list"


def test_remove_without_an_installation_changes_nothing(cli, settings):
    before = tree(cli.home)
    said = cli("init", "--remove", "--yes")
    assert said.out == "nothing of segue is in the agents' configuration\n"
    assert tree(cli.home) == before


def test_remove_finds_the_hooks_though_the_list_of_what_was_done_is_lost(cli, settings):
    cli("init", "--yes", "--no-import")
    for path in (cli.home / "segue" / "init").iterdir():
        path.unlink()
    cli("init", "--remove", "--yes")
    assert settings.read_text() == SETTINGS


def test_what_the_user_changed_meanwhile_stays(cli, settings):
    cli("init", "--yes", "--no-import")
    settings.write_text(settings.read_text().replace('"opus"', '"sonnet",\n  "theme": "dark"'))
    cli("init", "--remove", "--yes")
    assert settings.read_text() == SETTINGS.replace('"opus"', '"sonnet",\n  "theme": "dark"')


def test_a_settings_file_of_ours_that_the_user_went_on_with_stays_with_that(cli):
    (cli.home / ".claude").mkdir(parents=True)
    cli("init", "--yes", "--no-import")
    settings = cli.home / ".claude" / "settings.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"model": "opus"}, indent=2) + "\n")
    cli("init", "--remove", "--yes")
    assert settings.read_text() == '{\n  "model": "opus"\n}\n'


def test_a_link_stays_a_link_and_what_it_leads_to_is_changed(cli, settings, tmp_path):
    real = tmp_path / "dotfiles" / "claude.json"
    real.parent.mkdir()
    settings.rename(real)
    settings.symlink_to(real)
    cli("init", "--yes", "--no-import")
    assert settings.readlink() == real
    assert "/hook/claude-code.py" in real.read_text()
    assert [p.name for p in real.parent.iterdir()] == ["claude.json"]
    cli("init", "--remove", "--yes")
    assert (settings.readlink(), real.read_text()) == (real, SETTINGS)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_text('{"a": 1'), "it is not JSON that is understood: line 1, column 8: it ends too early"),
        (lambda path: path.write_bytes(b'{"a": "\xff"}'), "it is not UTF-8: invalid start byte at byte 7"),
        (lambda path: path.chmod(0o400), "it is read-only"),
        (lambda path: (path.unlink(), path.symlink_to("gone")), "it is a link to a file that is gone"),
        (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
        (lambda path: path.write_text('{"hooks": []}'), "it is not JSON that is understood: line 1: 'hooks' is not an object"),
    ],
)
def test_a_file_that_cannot_be_changed_is_named_and_nothing_is_changed(cli, settings, damage, reason):
    damage(settings)
    before = tree(cli.home)
    said = cli("init", "--yes", "--json")
    assert (said.code, said.error["code"], said.error["reason"], said.error["path"]) == (
        1,
        "configuration",
        reason,
        "/home/dev/.claude/settings.json",
    )
    assert tree(cli.home) == before


def test_a_command_of_the_users_that_has_our_name_is_not_touched(cli, settings):
    mine = cli.home / ".claude" / "commands" / "segue" / "pause.md"
    mine.parent.mkdir(parents=True)
    mine.write_text("my own")
    before = tree(cli.home)
    said = cli("init", "--yes", "--json")
    assert (said.code, said.error["reason"]) == (1, "it is there already, and is not ours")
    assert tree(cli.home) == before


def test_nobody_is_there_to_say_yes(cli, settings):
    before = tree(cli.home)
    said = cli("init")
    assert (said.code, said.err) == (
        3,
        "error: change 7 files? nobody was there to say so\nhint: segue init --yes; or --dry-run to look\n",
    )
    assert tree(cli.home) == before


def test_a_person_is_asked_and_may_say_no(cli, settings):
    before = tree(cli.home)
    said = cli("init", typed="no\n")
    assert (said.code, "Change 7 files? Enter does it" in said.out) == (130, True)
    assert tree(cli.home) == before
    assert cli("init", typed="\n").code == 0
    assert tree(cli.home) != before


def test_what_it_did_is_told_to_scripts(cli, settings):
    told = cli("init", "--yes", "--json", "--no-import").json
    assert (told["agents"], told["changed"], told["imported"]) == (["claude-code"], 7, None)
    assert [(f["action"], f["path"].removeprefix("/home/dev/")) for f in told["files"]] == [
        ("change", ".claude/settings.json"),
        ("create", ".claude.json"),
        *(("create", f".claude/commands/segue/{n}.md") for n in ("status", "budget", "checkpoint", "pause", "resume")),
    ]


def test_without_an_agent_it_says_which_can_be_named(cli):
    said = cli("init", "--yes")
    assert (said.code, said.err) == (
        2,
        "error: no coding agent was found on this machine\nhint: name one: segue init claude-code\n",
    )


def test_an_agent_that_is_not_known_is_refused(cli):
    said = cli("init", "emacs", "--yes")
    assert (said.code, said.err.splitlines()[0]) == (2, "error: agent 'emacs' has no hooks that segue knows")


def test_in_a_project_only_its_own_configuration_is_changed(cli, settings):
    cli("init", "--project", "--yes", "--no-import")
    assert settings.read_text() == SETTINGS
    local = cli.workspace / ".claude" / "settings.local.json"
    assert set(ours(json.loads(local.read_text())).values()) == {1}
    cli("init", "--project", "--remove", "--yes")
    assert tree(cli.workspace) == {}


def test_the_users_and_the_projects_are_taken_out_apart(cli, settings):
    cli("init", "--yes", "--no-import")
    cli("init", "--project", "--yes", "--no-import")
    cli("init", "--remove", "--yes")
    assert settings.read_text() == SETTINGS
    assert (cli.workspace / ".claude" / "settings.local.json").exists()
    assert (cli.home / "segue" / "hook" / "claude-code.py").exists()


def test_a_hook_that_moved_takes_the_place_of_the_old_one(cli, settings, monkeypatch):
    monkeypatch.setattr("sys.executable", "/opt/old/bin/python")
    cli("init", "--yes", "--no-import")
    monkeypatch.undo()
    cli("init", "--yes", "--no-import")
    document = json.loads(settings.read_text().replace("  // mine\n", ""))
    assert (set(ours(document).values()), "/opt/old" in settings.read_text()) == ({1}, False)
    cli("init", "--remove", "--yes")
    assert settings.read_text() == SETTINGS


def test_what_is_there_is_imported(cli, settings):
    chats = cli.home / ".claude" / "projects" / "-shop"
    chats.mkdir(parents=True)
    line = {
        "type": "user",
        "uuid": "0a4f6a0c-0000-4000-8000-000000000001",
        "parentUuid": None,
        "sessionId": "5e0f1f0e-0000-4000-8000-000000000001",
        "timestamp": "2026-01-15T10:00:00.000Z",
        "cwd": "/shop",
        "message": {"role": "user", "content": "sell pears"},
    }
    (chats / "5e0f1f0e-0000-4000-8000-000000000001.jsonl").write_text(json.dumps(line) + "\n")
    assert "imported 1 session, 4 new events" in cli("init", "--yes").out.splitlines()


# --- all agents at once


def test_all_five_agents_are_found_and_installed_and_the_second_time_changes_nothing(five):
    told = five("init", "--yes", "--json", "--no-import").json
    assert told["agents"] == ["claude-code", "codex", "gemini-cli", "opencode", "qwen-code"]
    there = tree(five.home)
    assert five("init", "--yes", "--json", "--no-import").json["changed"] == 0
    assert tree(five.home) == there


def test_all_five_are_taken_out_byte_for_byte(five):
    before = tree(five.home)
    five("init", "--yes", "--no-import")
    assert five("init", "--remove", "--yes").code == 0
    assert tree(five.home) == before


def test_one_is_taken_out_and_the_others_stay(five):
    five("init", "--yes", "--no-import")
    five("init", "codex", "--remove", "--yes")
    for name, text in FOUND.items():
        assert ((five.home / name).read_bytes() == text.encode()) == ("codex" in name or "mine" in name), name
    assert not (five.home / ".codex" / "skills").exists()
    assert (five.home / "segue" / "hook" / "gemini-cli.py").exists()
    assert not (five.home / "segue" / "hook" / "codex.py").exists()


def test_codex_trusts_our_hooks_behind_the_users_and_keeps_the_trust_in_his(five):
    five("init", "codex", "--yes", "--no-import")
    state = tomllib.loads((five.home / ".codex" / "config.toml").read_text())["hooks"]["state"]
    assert state["/home/dev/.codex/hooks.json:stop:0:0"] == {"trusted_hash": "sha256:mine"}
    mine = {key.removeprefix(f"{five.home}/.codex/hooks.json:") for key in state if key.startswith(str(five.home))}
    assert mine == {
        "stop:1:0",
        *(f"{e}:0:0" for e in ["session_start", "session_end", "user_prompt_submit", "subagent_stop", "pre_compact"]),
        *(f"{e}:0:0" for e in ("pre_tool_use", "post_tool_use")),
    }


def test_trust_in_our_hooks_goes_though_the_list_of_what_was_done_is_lost(five):
    five("init", "codex", "--yes", "--no-import")
    for path in (five.home / "segue" / "init").iterdir():
        path.unlink()
    five("init", "codex", "--remove", "--yes")
    assert tomllib.loads((five.home / ".codex" / "config.toml").read_text()) == tomllib.loads(FOUND[".codex/config.toml"])


def test_a_broken_file_of_one_agent_keeps_all_from_being_changed(five):
    (five.home / ".codex" / "config.toml").write_text("model = ")
    before = tree(five.home)
    said = five("init", "--yes", "--json")
    assert (said.code, said.error["path"]) == (1, "/home/dev/.codex/config.toml")
    assert tree(five.home) == before
    assert five("init", "claude-code", "--yes", "--no-import").code == 0


def test_agents_homes_that_were_moved_are_found(cli, tmp_path):
    cli.env |= {"CLAUDE_CONFIG_DIR": str(cli.home / "c"), "CODEX_HOME": str(cli.home / "x")}
    (cli.home / "c").mkdir(parents=True)
    (cli.home / "x").mkdir()
    cli("init", "--yes", "--no-import")
    assert (cli.home / "c" / "settings.json").exists()
    assert (cli.home / "x" / "hooks.json").exists()
    assert not (cli.home / ".claude").exists()


def test_a_command_that_the_user_made_his_own_is_not_written_over(five):
    five("init", "claude-code", "--yes", "--no-import")
    mine = five.home / ".claude" / "commands" / "segue" / "pause.md"
    mine.write_text("mine now")
    five("init", "claude-code", "--yes", "--no-import")
    assert mine.read_text() == "mine now"
    five("init", "--remove", "--yes")
    assert not mine.exists()


def test_an_agent_that_writes_its_settings_at_the_same_moment_loses_nothing(five):
    """Between looking and replacing somebody else writes: it is read again."""
    settings = five.home / ".claude" / "settings.json"
    setup = Setup(home=five.home / "segue", python=sys.executable, program="segue", config={"claude-code": str(settings.parent)})
    setup = setup._replace(state=five.home / ".claude.json")
    receipt = Receipt(setup.home)
    changes = plan(setup, [CLAUDE_CODE], receipt)
    settings.write_text('{"model": "haiku"}')
    with pytest.raises(ChangedError):
        apply(changes, receipt)
    assert settings.read_text() == '{"model": "haiku"}'
    apply(plan(setup, [CLAUDE_CODE], receipt), receipt)
    assert json.loads(settings.read_text())["model"] == "haiku"
    undo(plan_removal(setup, [CLAUDE_CODE], receipt), receipt)
    assert settings.read_text() == '{"model": "haiku"}'


def test_a_file_with_several_names_keeps_them(five):
    settings, other = five.home / ".claude" / "settings.json", five.home / "dotfile"
    other.hardlink_to(settings)
    five("init", "claude-code", "--yes", "--no-import")
    assert settings.samefile(other)
    five("init", "--remove", "--yes")
    assert (settings.samefile(other), other.read_text()) == (True, FOUND[".claude/settings.json"])


def capture(cli):
    (found,) = [c for c in cli("doctor", "--json").json["checks"] if c["check"] == "capture"]
    return found["status"], found["what"].replace(str(cli.home), "/home/dev")


def test_doctor_says_whether_capture_is_installed_and_what_is_wrong_with_it(five, monkeypatch):
    assert capture(five) == ("ok", "no hooks are installed: segue init does it")
    five("init", "claude-code", "codex", "--yes", "--no-import")
    assert capture(five) == ("ok", "hooks are installed for claude-code, codex")

    settings = five.home / ".claude" / "settings.json"
    settings.write_text("{}")
    assert capture(five) == ("warn", "/home/dev/.claude/settings.json was written anew and has lost its hooks")
    five("init", "claude-code", "--yes", "--no-import")
    assert capture(five)[0] == "ok"

    (five.home / "segue" / "hook" / "codex.py").write_text("# of an older segue")
    assert capture(five) == (
        "warn",
        "the hook of codex is of another segue or Python than this one: /home/dev/segue/hook/codex.py",
    )
    five("init", "codex", "--yes", "--no-import")
    assert capture(five)[0] == "ok"
