"""Settings: shown with where they come from, written, taken out."""

from inline_snapshot import snapshot


def test_settings_say_where_they_come_from(cli):
    assert cli.says("config") == snapshot("""\
$ segue config
store = log:///home/dev/segue/store  (default)
    URL of the store: log:///directory or memory://; a path is a log store
durability = strict  (default)
    strict: an append that returned survives a power loss; relaxed: it survives the end of the process only
key.file =   (default)
    file that holds the key of an encrypted store, where it is neither in SEGUE_KEY nor where the store says
redact = off  (default)
    on: secrets (keys, tokens, passwords) are taken out of all that comes in, before it is written; emails: addresses too
organisation =   (default)
    organisation of new sessions
project =   (default)
    project of new sessions; else the name of the workspace's directory
type = general  (default)
    type of new sessions: focus, strategic, research, review, ... or one's own
owner =   (default)
    owner of new sessions
model =   (default)
    model that restored contexts are counted for, where a session names none
windows =   (default)
    tokens that models read, by name, by what names begin with, or by agent: `my-model=32768, claude-code=1000000`
prices =   (default)
    what models cost in US dollars per million tokens, by name or what names begin with, as input/output, or with cache read/cache write: `my-model=0.5/2, claude-opus=5/25/0.5/6.25`
budget.disclosure = 60  (default)
    percent of a window from which on progressive disclosure holds
budget.summarisation = 75  (default)
    the same of progressive summarisation: a condensed context is kept at hand
budget.emergency = 85  (default)
    the same of emergency recovery: a successor takes over
budget.reserve = 30000  (default)
    tokens: where fewer are available, resuming and handing over condense first
budget.command =   (default)
    command that a shell runs once for each threshold that a session's context crosses; it gets the crossing as JSON
budget.limit =   (default)
    US dollars that a session may cost, where it has no limit of its own
budget.then = ask  (default)
    what happens when that is reached: ask (shown until the user says), continue (its agents only react), or pause
budget.successor = auto  (default)
    auto: from the emergency band on, or when an agent announces that it compacts its context, a successor takes over; off
restore.level = balanced  (default)
    size of restored contexts
search.vectors =   (default)
    word vectors that packed evidence is put in order by as well: wordllama (the package), or a directory with `tokenizer.json` and one `.safetensors` file; nothing is downloaded
library =   (default)
    folders of notes (a library, an Obsidian vault, a docs folder), divided by `:`; new notes go to the first; else the workspace where it has `organizations`, and `library` in the home of segue
import.exclude =   (default)
    transcripts that are never taken in: patterns of absolute paths, divided by `:` (*/-home-me-private/*)
limits.then = ask  (default)
    what resume does about a limit that an agent stopped at: ask, wait until it ends, or an agent to go on in (codex, ...)
autosave.context = 30  (default)
    seconds between two saves of what is restored
autosave.conversation = 60  (default)
    seconds until what was said is searched
autosave.project = 300  (default)
    seconds between two looks at branch and changes
autosave.checkpoint = 900  (default)
    seconds between two automatic checkpoints; 0: none
autosave.frequent = 600  (default)
    the same, once a session has been at work for long
autosave.long = 1800  (default)
    seconds of work from which on a session is long
autosave.notice = 3600  (default)
    seconds that status counts automatic checkpoints over
autosave.mirror = 60  (default)
    seconds between two looks at what the mirror lacks
timeout = 86400  (default)
    seconds of silence after which a session is paused; 0: never
backup.to =   (default)
    directory of the store's backups; else `backups` in the home of segue
backup.keep = 5  (default)
    how many backups stay
backup.every = off  (default)
    how often a backup is taken in the background, when something is done: hour, day, week, or off
mirror = activity  (default)
    when the worker brings what is new in the logs into the mirror, a git repository in the home of segue: activity, while and after something is done; checkpoints, at checkpoints and when a session rests; off
snapshots.take = on  (default)
    whether a checkpoint holds the files of the workspace
snapshots.limit = 32  (default)
    megabytes of the largest file that a checkpoint holds; larger ones are named, and not taken
snapshots.secrets = leave  (default)
    files that look like secrets (.env, private keys): leave, they are named and not taken; or take
snapshots.scratch =   (default)
    directory where snapshots beside an encrypted store are worked with, in the clear for that moment; without one, memory
retention.last = 5  (default)
    how many of a session's latest checkpoints stay
retention.daily = 7  (default)
    of how many days the last checkpoint stays
retention.weekly = 4  (default)
    of how many weeks the last checkpoint stays
retention.automatic = 10  (default)
    how many further automatic checkpoints stay
retention.forget = auto  (default)
    auto: what no rule keeps is forgotten in the background; off: by segue forget alone
upkeep = off  (SEGUE_UPKEEP)
    auto: seal and index in the background when there is something to do
written to /home/dev/segue/config.toml by: segue config set KEY VALUE
""")


def test_a_setting_is_written_read_and_taken_out(cli):
    assert cli.says("config", "set", "restore.level", "minimal") == snapshot("""\
$ segue config set restore.level minimal
restore.level = minimal  (from /home/dev/segue/config.toml)
""")
    assert cli("config", "get", "restore.level", "--json").json["source"] == "/home/dev/segue/config.toml"
    assert cli.says("config", "set", "restore.level", "tiny") == snapshot("""\
$ segue config set restore.level tiny
! error: setting 'restore.level' cannot be 'tiny', as the command line says
! hint: one of: minimal, balanced, full
[exit code 2]
""")
    assert cli.says("config", "unset", "restore.level") == snapshot("""\
$ segue config unset restore.level
restore.level = balanced  (from default)
""")


def test_a_variable_that_wins_over_what_is_written_is_named(cli):
    cli.env["SEGUE_LEVEL"] = "full"
    assert cli.says("config", "set", "restore.level", "minimal") == snapshot("""\
$ segue config set restore.level minimal
restore.level = full  (from SEGUE_LEVEL)
! warning: restore.level is 'full' all the same: SEGUE_LEVEL wins over the file
""")
