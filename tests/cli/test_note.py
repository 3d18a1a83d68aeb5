"""Notes on the command line: made, found, changed, linked, checked; and what a session notes of it."""

import os
import re

import pytest
from inline_snapshot import snapshot


@pytest.fixture
def noted(cli):
    """A workspace with a session and three notes in segue's own library."""
    cli("start", "--task", "release the pears")
    cli("note", "new", "How we release", "--kind", "playbook", "--tag", "ops")
    cli(
        "note",
        "new",
        "Sell by weight",
        "--kind",
        "decision",
        "--stdin",
        stdin="Pears differ in size: [[PLAY-001]] and [[gone]].\n",
    )
    cli("note", "new", "Über Birnen")
    return cli


def written(cli):
    """Let all notes be of long ago, whatever this machine's clock says; return where they are."""
    place = cli.home / "segue/library/organizations/default/projects/shop/context-library"
    for file in place.rglob("*.md"):
        os.utime(file, (1.7e9, 1.7e9))
    return place


def used(cli):
    """Return what the session noted of notes."""
    events = cli("log", "current", "--json").out.splitlines()
    found = [re.search(r'"id":"([^"]+)","action":"(\w+)"', event) for event in events if '"note.used"' in event]
    return [(one[1], one[2]) for one in found if one]


def test_a_note_is_made_where_organisation_and_project_say_under_the_next_number(cli):
    assert cli.says("note", "list") + cli.says("note", "new", "How we release", "-k", "playbook", "-t", "ops") == snapshot("""\
$ segue note list
no notes in /home/dev/segue/library; make one: segue note new TITLE
$ segue note new 'How we release' -k playbook -t ops
PLAY-001  /home/dev/segue/library/organizations/default/projects/shop/context-library/playbooks/PLAY-001-how-we-release.md
""")
    assert cli.says("config", "set", "organisation", "acme") + cli.says("note", "new", "Why?", "--project", "") == snapshot("""\
$ segue config set organisation acme
organisation = acme  (from /home/dev/segue/config.toml)
$ segue note new 'Why?' --project ''
2026-01-001  /home/dev/segue/library/organizations/acme/context-library/notes/2026-01-001-why.md
""")
    place = cli.home / "segue/library/organizations/default/projects/shop/context-library/playbooks"
    assert (place / "PLAY-001-how-we-release.md").read_text() == snapshot("""\
---
id: PLAY-001
title: How we release
type: playbook
created: 2026-01-15
tags:
  - ops
---
# How we release
""")


def test_notes_are_listed_shown_searched_and_checked(noted):
    written(noted)
    assert noted.says("note", "list", "--kind", "playbook") == snapshot("""\
$ segue note list --kind playbook
id        kind      changed    title
PLAY-001  playbook  792 d ago  How we release
""")
    assert noted.says("note", "show", "dec-001") == snapshot("""\
$ segue note show dec-001
# Sell by weight

Pears differ in size: [[PLAY-001]] and [[gone]].
""")
    assert noted.says("note", "show", "--links", "play-001") == snapshot("""\
$ segue note show --links play-001
  <- organizations/default/projects/shop/context-library/decisions/DEC-001-sell-by-weight.md, line 9
""")
    assert noted.says("note", "search", "pears weight") == snapshot("""\
$ segue note search 'pears weight'
DEC-001  Sell by weight
  # Sell by weight Pears differ in size: [[PLAY-001]] and [[gone]].
""")
    assert noted.says("note", "check") == snapshot("""\
$ segue note check
organizations/default/projects/shop/context-library/decisions/DEC-001-sell-by-weight.md:9: broken: [[gone]] leads to no note
3 notes: 1 broken
[exit code 1]
""")


def test_a_note_is_changed_and_the_rest_of_it_stays(noted):
    assert noted.says(
        "note", "edit", "PLAY-001", "--set", "status=draft", "--untag", "ops", "-t", "release", "--append", "Ask Ann."
    ) == snapshot("""\
$ segue note edit PLAY-001 --set 'status=draft' --untag ops -t release --append 'Ask Ann.'
PLAY-001  /home/dev/segue/library/organizations/default/projects/shop/context-library/playbooks/PLAY-001-how-we-release.md
""")
    place = noted.home / "segue/library/organizations/default/projects/shop/context-library"
    assert (place / "playbooks/PLAY-001-how-we-release.md").read_text() == snapshot("""\
---
id: PLAY-001
title: How we release
type: playbook
created: 2026-01-15
tags:
  - release
status: draft
---
# How we release

Ask Ann.
""")
    assert noted.says("note", "edit", "PLAY-001", "--untag", "none") == snapshot("""\
$ segue note edit PLAY-001 --untag none
nothing was changed
""")
    assert noted.says("note", "edit", "PLAY-001") == snapshot("""\
$ segue note edit PLAY-001
! error: it was not said what to change
! hint: --title, --tag, --set, --append or --stdin; or set EDITOR
[exit code 2]
""")
    assert noted.says("note", "edit", "PLAY-001", "--set", "no key") == snapshot("""\
$ segue note edit PLAY-001 --set 'no key'
! error: 'no key' sets no key of a front matter
! hint: --set status=draft
[exit code 2]
""")


def test_at_a_terminal_a_note_is_edited_in_the_persons_editor(noted):
    noted.env["EDITOR"] = "sed -i s/release/ship/"
    said = noted("note", "edit", "PLAY-001", typed="")
    assert (said.code, said.err, said.out.split()[0]) == (0, "", "PLAY-001")
    assert "# How we ship\n" in noted("note", "show", "PLAY-001", "--no-record").out
    assert used(noted)[-1] == ("PLAY-001", "updated")
    noted.env["EDITOR"] = "false"
    assert noted("note", "edit", "PLAY-001", typed="").err == "error: the editor ended with 1\n"


def test_a_link_is_put_once_and_read_by_check_and_index(noted):
    assert noted.says("note", "link", "über", "PLAY-001") == snapshot("""\
$ segue note link über PLAY-001
2026-01-001  /home/dev/segue/library/organizations/default/projects/shop/context-library/notes/2026-01-001-über-birnen.md
""")
    assert noted.says("note", "link", "über", "PLAY-001") == snapshot("""\
$ segue note link über PLAY-001
it is linked already
""")
    noted("note", "link", "über", "DEC-001", "--title", "why")
    assert noted.says("note", "show", "über") == snapshot("""\
$ segue note show über
# Über Birnen

## Links

- [[PLAY-001|How we release]]
- [[DEC-001|why]]
""")
    assert noted.says("note", "index") == snapshot("""\
$ segue note index
## Playbooks

- [[PLAY-001|How we release]]

## Decisions

- [[DEC-001|Sell by weight]]

## Notes

- [[2026-01-001|Über Birnen]]

organizations/default/projects/shop/context-library/00-PROJECT-INDEX.md is not there yet
""")
    assert noted.says("note", "index", "--write").splitlines()[-1] == snapshot(
        "organizations/default/projects/shop/context-library/00-PROJECT-INDEX.md is current"
    )
    index = noted.home / "segue/library/organizations/default/projects/shop/context-library/00-PROJECT-INDEX.md"
    index.write_text(index.read_text().replace("# shop\n", "# shop\n\nMine.\n") + "\nMine too.\n")
    noted("note", "new", "Map of the shop", "-k", "map")
    noted("note", "index", "--write")
    assert index.read_text() == snapshot("""\
# shop

Mine.

<!-- segue index: what stands here is written by `segue note index --write` -->
## Maps

- [[MAP-001|Map of the shop]]

## Playbooks

- [[PLAY-001|How we release]]

## Decisions

- [[DEC-001|Sell by weight]]

## Notes

- [[2026-01-001|Über Birnen]]
<!-- end of segue index -->

Mine too.
""")


def test_what_is_loaded_made_and_changed_is_noted_in_the_session_at_work_here(noted):
    noted("note", "show", "PLAY-001")
    noted("note", "show", "PLAY-001", "--no-record")
    noted("note", "edit", "PLAY-001", "--title", "How we ship")
    noted("note", "edit", "PLAY-001", "--title", "How we ship")
    noted("note", "link", "DEC-001", "2026-01-001")
    assert used(noted) == [
        ("PLAY-001", "created"),
        ("DEC-001", "created"),
        ("2026-01-001", "created"),
        ("PLAY-001", "loaded"),
        ("PLAY-001", "updated"),
        ("DEC-001", "updated"),
    ]
    noted("end", "current")
    noted("note", "show", "PLAY-001")
    assert len(used(noted)) == 6


def test_a_restored_context_has_the_index_the_notes_about_the_task_and_names_those_that_are_gone(noted):
    noted("note", "index", "--write")
    noted("note", "show", "über")
    place = written(noted)
    (place / "notes" / "2026-01-001-über-birnen.md").unlink()
    restored = noted("restore", "current", "--format", "json").json
    assert [(one["what"], one["status"]) for one in restored["items"] if one["what"].startswith("note ")] == snapshot(
        [
            ("note DEC-001: Sell by weight", "loaded"),
            ("note PLAY-001: How we release", "loaded"),
            ("note organizations/default/projects/shop/context-library/00-PROJECT-INDEX: shop", "loaded"),
            ("note 2026-01-001", "missing"),
        ]
    )
    assert "## Notes of the library" in restored["text"]


def test_any_folder_of_markdown_will_do_and_is_not_written_to(cli):
    vault = cli.workspace / "docs"
    vault.mkdir()
    (vault / "README.md").write_text("# The docs\n\n[how](how.md)\n")
    (vault / "how.md").write_text("# How to sell\n")
    cli("config", "set", "library", "docs")
    before = sorted(vault.iterdir())
    assert cli.says("note", "show", "how", "--links") + cli.says("note", "check") == snapshot("""\
$ segue note show how --links
  <- README.md, line 3
$ segue note check
2 notes: all is well
""")
    assert sorted(vault.iterdir()) == before
    assert cli.says("note", "new", "Prices", "--in", "sales") == snapshot("""\
$ segue note new Prices --in sales
2026-01-001  /shop/docs/sales/2026-01-001-prices.md
""")


def test_a_note_that_is_not_there_or_is_one_of_several_is_an_error_that_says_what_to_do(noted):
    assert noted.says("note", "show", "nothing") == snapshot("""\
$ segue note show nothing
! error: note 'nothing' was not found
! hint: segue note search 'nothing', or: segue note list
[exit code 4]
""")
    assert noted("note", "show", "p", "--json").code == 0
    noted("note", "new", "Prices", "-k", "playbook")
    assert noted.says("note", "show", "play") == snapshot("""\
$ segue note show play
! error: reference 'play' fits 2 notes: PLAY-001, PLAY-002
! hint: name the one you mean in full, such as PLAY-001
[exit code 2]
""")
    assert noted.says("note", "new", " ") == snapshot("""\
$ segue note new ' '
! error: a note of kind 'note' titled '' cannot be made
! hint: kinds: note, decision, playbook, map
[exit code 2]
""")
    assert noted.says("note", "new", "x", "--project", "../..") == snapshot("""\
$ segue note new x --project ../..
! error: '../..' cannot be the name of a directory
! hint: segue config set organisation NAME
[exit code 2]
""")


def test_a_delta_tells_which_notes_changed_meanwhile(noted):
    noted("note", "show", "PLAY-001")
    place = written(noted)
    assert noted("delta", "current", "--json").json["notes"] == []
    later = noted.clock.now() + 3_600
    play = place / "playbooks" / "PLAY-001-how-we-release.md"
    play.write_text(play.read_text() + "\nAsk Ann.\n")
    (place / "decisions" / "DEC-001-sell-by-weight.md").unlink()
    new = place / "notes" / "2026-01-002-plums.md"
    new.write_text("---\ncreated: 2026-01-16\n---\n# Plums\n")
    for file in (play, new):
        os.utime(file, (later, later))
    told = [(one["what"], one["id"], one["loaded"]) for one in noted("delta", "current", "--json").json["notes"]]
    assert told == [("created", "2026-01-002", False), ("deleted", "DEC-001", True), ("updated", "PLAY-001", True)]


def test_in_the_home_of_an_encrypted_store_no_word_of_a_note_can_be_read(noted):
    vault = noted.home / "vault"
    vault.mkdir()
    note = vault / "a.md"
    note.write_text("# Canary birds\n")
    noted("config", "set", "library", str(vault))
    home = noted.home / "segue"

    def traces():
        return [path.suffix for path in home.rglob("*") if path.is_file() and b"anary" in path.read_bytes()]

    noted("note", "list")
    assert traces() == [".sqlite"]
    assert noted("encrypt", "--key-file", str(noted.home / "key")).code == 0
    assert traces() == []
    assert "a" in noted("note", "search", "canary").out
    noted("restore", "current", "--task", "canary")
    assert traces() == []
