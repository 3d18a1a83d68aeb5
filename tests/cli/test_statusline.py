"""The status line: what it shows, what it keeps, and how it comes into Claude Code's settings and out again."""

import json
import subprocess
import sys

import pytest
from inline_snapshot import snapshot

from segue.host.hookfile import statusline_text
from segue.statusline import figures, line, thresholds

SESSION = "0aa9855f-d063-44e4-af7e-b2010b7d0e68"
TOLD = {
    "session_id": SESSION,
    "model": {"id": "claude-opus-5-5"},
    "cost": {"total_cost_usd": 0.0822894},
    "context_window": {
        "total_input_tokens": 15028,
        "context_window_size": 200_000,
        "current_usage": {
            "input_tokens": 62,
            "output_tokens": 24,
            "cache_creation_input_tokens": 62,
            "cache_read_input_tokens": 128_000,
        },
    },
}


@pytest.fixture
def settings(cli):
    cli.settings = cli.home / ".claude" / "settings.json"
    cli.settings.parent.mkdir(parents=True)
    return cli


def shown(cli):
    """Return what the agent shows: the output of its configured command."""
    command = json.loads(cli.settings.read_text())["statusLine"]["command"]
    done = subprocess.run(["/bin/sh", "-c", command], input=json.dumps(TOLD), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_it_is_one_line_and_its_figures_are_kept(cli):
    assert cli.says("statusline", stdin=json.dumps(TOLD)) == snapshot("""\
$ segue statusline
segue ██████░░░░ 64 % disclosure · 72k of 200k left · $0.08
""")
    (kept,) = (cli.home / "segue" / "live").iterdir()
    assert (kept.name, {k: v for k, v in json.loads(kept.read_text()).items() if k != "at"}) == (
        f"claude-code~{SESSION}.json",
        {"session": SESSION, "used": 128_148, "window": 200_000, "cost_usd": 0.082289, "model": "claude-opus-5-5"},
    )
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"[1",
        b"[]",
        b"\xff",
        b'"x"',
        b'{"session_id": "../../x", "context_window": {"context_window_size": "many", "current_usage": [1]}}',
        b'{"context_window": null, "cost": 7, "model": "m", "session_id": 5}',
        b'{"context_window": {"context_window_size": -1, "total_input_tokens": 1e300, "current_usage": {"a": true}}}',
        b"[" * 100_000,
    ],
)
def test_whatever_an_agent_says_a_line_is_printed_and_nothing_is_written_elsewhere(cli, told):
    said = cli("statusline", stdin=told)
    assert (said.code, said.out, said.err) == (0, "segue\n", "")
    assert not (cli.home / "segue" / "live").exists()


def test_bands_begin_where_they_are_configured(cli):
    assert cli("config", "set", "budget.disclosure", "5").code == 0
    assert thresholds(str(cli.home / "segue"))[0] == ("disclosure", 5.0)
    assert line(figures(TOLD), [("disclosure", 5.0)], colour=False).startswith(
        "segue ██████░░░░ 64 % disclosure · 72k of 200k left"
    )


def test_it_is_installed_and_taken_out_leaving_every_byte(settings):
    for text in ('{"model": "opus"}\n', '{\n  // mine\n  "model": "opus",\n}\n', "{}", "{\n}\n", '{\n    "a": [1]\n}'):
        settings.settings.write_text(text)
        assert settings("init", "--statusline", "--yes").code == 0
        assert settings("init", "--statusline", "--yes").out.startswith("nothing to change")
        assert (
            json.loads(settings.settings.read_text().replace("// mine", "").replace(",\n}", "\n}"))["statusLine"]["type"]
            == "command"
        )
        assert settings("init", "--statusline", "--remove", "--yes").code == 0
        assert settings.settings.read_text() == text


def test_it_is_found_and_taken_out_where_the_settings_were_reformatted(settings):
    settings.settings.write_text('{"model": "opus"}')
    settings("init", "--statusline", "--yes")
    settings.settings.write_text(json.dumps(json.loads(settings.settings.read_text()), indent=4))
    settings("init", "--statusline", "--remove", "--yes")
    assert json.loads(settings.settings.read_text()) == {"model": "opus"}


def test_settings_that_were_not_there_are_gone_again(settings):
    assert settings("init", "--statusline", "--yes").code == 0
    assert "64 %" in shown(settings)
    settings("init", "--statusline", "--remove", "--yes")
    assert (settings.settings.exists(), list((settings.home / "segue" / "hook").iterdir())) == (False, [])


def test_the_users_own_is_shown_as_before_and_comes_back(settings):
    text = '{"statusLine": {"type": "command",  "command": "cat >/dev/null; echo mine", "padding": 0}, "model": "opus"}'
    settings.settings.write_text(text)
    assert settings("init", "--statusline", "--yes").code == 0
    assert shown(settings).splitlines()[0] == "mine"
    assert "64 %" in shown(settings).splitlines()[1]
    assert json.loads(settings.settings.read_text())["statusLine"]["padding"] == 0
    assert (settings.home / "segue" / "hook" / "statusline.before").read_text() == text
    assert "your own status line is back" in settings("init", "--statusline", "--remove", "--yes").out
    assert settings.settings.read_text() == text


def test_the_users_own_goes_on_when_segue_is_gone(settings):
    settings.settings.write_text('{"statusLine": {"type": "command", "command": "echo mine"}}')
    settings("init", "--statusline", "--yes")
    (settings.home / "segue" / "hook" / "statusline.py").unlink()
    assert shown(settings) == "mine\n"


def test_nothing_is_changed_unasked(settings):
    settings.settings.write_text('{"statusLine": {"type": "command", "command": "echo mine"}}')
    said = settings("init", "--statusline")
    assert (said.code, "echo mine" in settings.settings.read_text(), "segue" in settings.settings.read_text()) == (3, True, False)
    assert settings("init", "--statusline", "--dry-run").code == 0
    assert "segue" not in settings.settings.read_text()


@pytest.mark.parametrize("text", ["[]", "{", '{"statusLine": "x"}', '{"statusLine": {"type": "other"}}', '"\\ud800'])
def test_settings_that_are_not_understood_stay_as_they_are(settings, text):
    settings.settings.write_text(text)
    assert (settings("init", "--statusline", "--yes").code, settings.settings.read_text()) == (1, text)


def test_what_init_remove_leaves_has_no_status_line_either(settings):
    settings.settings.write_text("{}")
    settings("init", "claude-code", "--yes", "--no-import")
    settings("init", "--statusline", "--yes")
    assert settings("init", "--remove", "--yes").code == 0
    assert settings.settings.read_text() == "{}"
    assert not (settings.home / "segue" / "hook").exists()


def test_the_stand_alone_file_needs_nothing_of_segue(tmp_path):
    file = tmp_path / "statusline.py"
    file.write_text(statusline_text(str(tmp_path / "home")))
    program = f"import runpy, sys; runpy.run_path({str(file)!r}, run_name='__main__'); print(*sorted(m for m in sys.modules if m.startswith('segue')))"
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", program], input=json.dumps(TOLD), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[1:] == [""]
    assert (tmp_path / "home" / "live").is_dir()
