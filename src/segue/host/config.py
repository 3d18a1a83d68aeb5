"""Configuration: where each setting comes from. A flag wins over the environment, that over the file, that over the default.

The file is `config.toml` in the home of segue, its keys written with dots (`restore.level = "balanced"`) or in tables.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from segue.core.errors import StoreUnusableError, UsageError
from segue.host.beside import beside


class Key(NamedTuple):
    """A setting: its name, what it is worth by itself, the variable that can say otherwise, and what it does."""

    name: str
    default: str
    variable: str
    what: str
    choices: tuple[str, ...] = ()
    least: int | None = None
    """Of a number: the smallest that it may be. None: it is a text."""
    numbers: bool = False
    """It has a number for each of several names: `name=number, ...`."""


KEYS: Final = (
    Key("store", "", "SEGUE_STORE", "URL of the store: log:///directory or memory://; a path is a log store"),
    Key(
        "durability",
        "strict",
        "SEGUE_DURABILITY",
        "strict: an append that returned survives a power loss; relaxed: it survives the end of the process only",
        ("strict", "relaxed"),
    ),
    Key(
        "key.file",
        "",
        "SEGUE_KEY_FILE",
        "file that holds the key of an encrypted store, where it is neither in SEGUE_KEY nor where the store says",
    ),
    Key(
        "redact",
        "off",
        "SEGUE_REDACT",
        "on: secrets (keys, tokens, passwords) are taken out of all that comes in, before it is written; emails: addresses too",
        ("off", "on", "emails"),
    ),
    Key("organisation", "", "SEGUE_ORGANISATION", "organisation of new sessions"),
    Key("project", "", "SEGUE_PROJECT", "project of new sessions; else the name of the workspace's directory"),
    Key("type", "general", "SEGUE_TYPE", "type of new sessions: focus, strategic, research, review, ... or one's own"),
    Key("owner", "", "SEGUE_OWNER", "owner of new sessions"),
    Key("model", "", "SEGUE_MODEL", "model that restored contexts are counted for, where a session names none"),
    Key(
        "windows",
        "",
        "SEGUE_WINDOWS",
        "tokens that models read, by name, by what names begin with, or by agent: `my-model=32768, claude-code=1000000`",
        numbers=True,
    ),
    Key(
        "prices",
        "",
        "SEGUE_PRICES",
        "what models cost in US dollars per million tokens, by name or what names begin with, as input/output, or with cache "
        "read/cache write: `my-model=0.5/2, claude-opus=5/25/0.5/6.25`",
    ),
    Key(
        "budget.disclosure",
        "60",
        "SEGUE_BUDGET_DISCLOSURE",
        "percent of a window from which on progressive disclosure holds",
        least=1,
    ),
    Key(
        "budget.summarisation",
        "75",
        "SEGUE_BUDGET_SUMMARISATION",
        "the same of progressive summarisation: a condensed context is kept at hand",
        least=1,
    ),
    Key("budget.emergency", "85", "SEGUE_BUDGET_EMERGENCY", "the same of emergency recovery: a successor takes over", least=1),
    Key(
        "budget.reserve",
        "30000",
        "SEGUE_BUDGET_RESERVE",
        "tokens: where fewer are available, resuming and handing over condense first",
        least=0,
    ),
    Key(
        "budget.command",
        "",
        "SEGUE_BUDGET_COMMAND",
        "command that a shell runs once for each threshold that a session's context crosses; it gets the crossing as JSON",
    ),
    Key("budget.limit", "", "SEGUE_BUDGET_LIMIT", "US dollars that a session may cost, where it has no limit of its own"),
    Key(
        "budget.then",
        "ask",
        "SEGUE_BUDGET_THEN",
        "what happens when that is reached: ask (shown until the user says), continue (its agents only react), or pause",
        ("ask", "continue", "pause"),
    ),
    Key(
        "budget.successor",
        "auto",
        "SEGUE_BUDGET_SUCCESSOR",
        "auto: from the emergency band on, or when an agent announces that it compacts its context, a successor takes over; off",
        ("auto", "off"),
    ),
    Key("restore.level", "balanced", "SEGUE_LEVEL", "size of restored contexts", ("minimal", "balanced", "full")),
    Key(
        "search.vectors",
        "",
        "SEGUE_SEARCH_VECTORS",
        "word vectors that packed evidence is put in order by as well: wordllama (the package), or a directory with "
        "`tokenizer.json` and one `.safetensors` file; nothing is downloaded",
    ),
    Key(
        "library",
        "",
        "SEGUE_LIBRARY",
        "folders of notes (a library, an Obsidian vault, a docs folder), divided by `:`; new notes go to the first; else "
        "the workspace where it has `organizations`, and `library` in the home of segue",
    ),
    Key(
        "import.exclude",
        "",
        "SEGUE_IMPORT_EXCLUDE",
        "transcripts that are never taken in: patterns of absolute paths, divided by `:` (*/-home-me-private/*)",
    ),
    Key(
        "limits.then",
        "ask",
        "SEGUE_LIMITS_THEN",
        "what resume does about a limit that an agent stopped at: ask, wait until it ends, or an agent to go on in (codex, ...)",
    ),
    Key(
        "autosave.context",
        "30",
        "SEGUE_AUTOSAVE_CONTEXT",
        "seconds between two saves of what is restored",
        least=0,
    ),
    Key("autosave.conversation", "60", "SEGUE_AUTOSAVE_CONVERSATION", "seconds until what was said is searched", least=0),
    Key("autosave.project", "300", "SEGUE_AUTOSAVE_PROJECT", "seconds between two looks at branch and changes", least=0),
    Key("autosave.checkpoint", "900", "SEGUE_AUTOSAVE_CHECKPOINT", "seconds between two automatic checkpoints; 0: none", least=0),
    Key("autosave.frequent", "600", "SEGUE_AUTOSAVE_FREQUENT", "the same, once a session has been at work for long", least=0),
    Key("autosave.long", "1800", "SEGUE_AUTOSAVE_LONG", "seconds of work from which on a session is long", least=0),
    Key("autosave.notice", "3600", "SEGUE_AUTOSAVE_NOTICE", "seconds that status counts automatic checkpoints over", least=0),
    Key("autosave.mirror", "60", "SEGUE_AUTOSAVE_MIRROR", "seconds between two looks at what the mirror lacks", least=0),
    Key("timeout", "86400", "SEGUE_TIMEOUT", "seconds of silence after which a session is paused; 0: never", least=0),
    Key("backup.to", "", "SEGUE_BACKUP_TO", "directory of the store's backups; else `backups` in the home of segue"),
    Key("backup.keep", "5", "SEGUE_BACKUP_KEEP", "how many backups stay", least=1),
    Key(
        "backup.every",
        "off",
        "SEGUE_BACKUP_EVERY",
        "how often a backup is taken in the background, when something is done: hour, day, week, or off",
        ("hour", "day", "week", "off"),
    ),
    Key(
        "mirror",
        "activity",
        "SEGUE_MIRROR",
        "when the worker brings what is new in the logs into the mirror, a git repository in the home of segue: activity, while "
        "and after something is done; checkpoints, at checkpoints and when a session rests; off",
        ("activity", "checkpoints", "off"),
    ),
    Key("snapshots.take", "on", "SEGUE_SNAPSHOTS", "whether a checkpoint holds the files of the workspace", ("on", "off")),
    Key(
        "snapshots.limit",
        "32",
        "SEGUE_SNAPSHOTS_LIMIT",
        "megabytes of the largest file that a checkpoint holds; larger ones are named, and not taken",
        least=1,
    ),
    Key(
        "snapshots.secrets",
        "leave",
        "SEGUE_SNAPSHOTS_SECRETS",
        "files that look like secrets (.env, private keys): leave, they are named and not taken; or take",
        ("leave", "take"),
    ),
    Key(
        "snapshots.scratch",
        "",
        "SEGUE_SNAPSHOTS_SCRATCH",
        "directory where snapshots beside an encrypted store are worked with, in the clear for that moment; without one, memory",
    ),
    Key("retention.last", "5", "SEGUE_RETENTION_LAST", "how many of a session's latest checkpoints stay", least=0),
    Key("retention.daily", "7", "SEGUE_RETENTION_DAILY", "of how many days the last checkpoint stays", least=0),
    Key("retention.weekly", "4", "SEGUE_RETENTION_WEEKLY", "of how many weeks the last checkpoint stays", least=0),
    Key("retention.automatic", "10", "SEGUE_RETENTION_AUTOMATIC", "how many further automatic checkpoints stay", least=0),
    Key(
        "retention.forget",
        "auto",
        "SEGUE_RETENTION_FORGET",
        "auto: what no rule keeps is forgotten in the background; off: by segue forget alone",
        ("auto", "off"),
    ),
    Key(
        "upkeep", "auto", "SEGUE_UPKEEP", "auto: seal and index in the background when there is something to do", ("auto", "off")
    ),
)
"""Every setting there is."""

_MOST: Final = 1_000_000
_MOST_TOKENS: Final = 1_000_000_000
_BY_NAME: Final = {key.name: key for key in KEYS}


class Setting(NamedTuple):
    """A setting's value, and where it comes from: `flag`, a variable's name, a file's path, or `default`."""

    key: Key
    value: str
    source: str


class Config:
    """All settings, read once."""

    def __init__(self, env: Mapping[str, str], flags: Mapping[str, str | None] | None = None) -> None:
        """Read the file and the environment.

        Raises:
            UsageError: the file is not TOML, or a value is not one of its key's choices.
        """
        self.home = home(env)
        self.file = self.home / "config.toml"
        self._written = _read(self.file)
        self._settings = {key.name: self._find(key, env, flags or {}) for key in KEYS}

    def __getitem__(self, name: str) -> str:
        """Return the value of a setting."""
        return self.setting(name).value

    def setting(self, name: str) -> Setting:
        """Return a setting. Raises UsageError where there is none of that name."""
        _known(name)
        return self._settings[name]

    def number(self, name: str) -> int:
        """Return the value of a setting that is a number."""
        return int(self[name])

    def numbers(self, name: str) -> dict[str, int]:
        """Return the value of a setting that has a number for each of several names."""
        return _numbers(self[name]) or {}

    def settings(self) -> list[Setting]:
        """Return all settings, in their order."""
        return list(self._settings.values())

    def write(self, name: str, value: str | None) -> None:
        """Put a setting into the file, or with None take it out. The rest of the file stays as it is.

        Raises:
            UsageError: no such setting or value, or the file has it in a form that cannot be changed line by line.
        """
        key = _known(name)
        if value is not None:
            _check(key, value, "the command line")
        lines = self.file.read_text(encoding="utf-8").splitlines() if self.file.exists() else []
        text = _edited(lines, name, value)
        wanted = {k: v for k, v in self._written.items() if k != name} | ({} if value is None else {name: value})
        if not _says(text, wanted):
            raise UsageError(
                f"setting {name!r} cannot be changed in {str(self.file)!r} by itself", hint=f"edit the file: {self.file}"
            )
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = beside(self.file)
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o600)
        temporary.replace(self.file)
        self._written = wanted

    def _find(self, key: Key, env: Mapping[str, str], flags: Mapping[str, str | None]) -> Setting:
        flag, variable, written = flags.get(key.name), env.get(key.variable), self._written.get(key.name)
        if flag:
            return Setting(key, _check(key, flag, "the command line"), "flag")
        if variable:
            return Setting(key, _check(key, variable, key.variable), key.variable)
        if written is not None:
            return Setting(key, _check(key, written, str(self.file)), str(self.file))
        default = f"log://{self.home / 'store'}" if key.name == "store" else key.default
        return Setting(key, default, "default")


def home(env: Mapping[str, str]) -> Path:
    """Return the directory of the default store and everything beside it: SEGUE_HOME, or in the platform's data directory."""
    if env.get("SEGUE_HOME"):
        return Path(env["SEGUE_HOME"]).expanduser().absolute()
    base = Path(env["HOME"]) if env.get("HOME") else Path.home()
    if sys.platform == "darwin":
        return base / "Library" / "Application Support" / "segue"
    data = env.get("XDG_DATA_HOME", "")
    return (Path(data) if data.startswith("/") else base / ".local" / "share") / "segue"


def _known(name: str) -> Key:
    if name not in _BY_NAME:
        raise UsageError(f"there is no setting {name!r}", hint="one of: " + ", ".join(_BY_NAME))
    return _BY_NAME[name]


def _check(key: Key, value: str, where: str) -> str:
    if key.choices and value not in key.choices:
        raise UsageError(
            f"setting {key.name!r} cannot be {value!r}, as {where} says", hint="one of: " + ", ".join(key.choices), key=key.name
        )
    if key.least is not None and not (value.isascii() and value.isdigit() and key.least <= int(value[:10]) < _MOST):
        raise UsageError(
            f"setting {key.name!r} cannot be {value!r}, as {where} says", hint=f"a number from {key.least} on", key=key.name
        )
    if "\n" in value or "\0" in value:
        raise UsageError(f"setting {key.name!r} cannot have a line's end in it", key=key.name)
    if key.numbers and _numbers(value) is None:
        hint = "names and numbers from 1 on, divided by commas: gpt-5=400000, codex=258400"
        raise UsageError(f"setting {key.name!r} cannot be {value!r}, as {where} says", hint=hint, key=key.name)
    return value


def _numbers(value: str) -> dict[str, int] | None:
    """Return the names in *value* with their numbers; None where it says anything else."""
    found: dict[str, int] = {}
    for entry in filter(None, map(str.strip, value.split(","))):
        name, _, number = (part.strip() for part in entry.rpartition("="))
        if not name or not (number.isascii() and number.isdigit() and 0 < int(number[:12]) < _MOST_TOKENS):
            return None
        found[name] = int(number)
    return found


def _read(file: Path) -> dict[str, str]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as e:
        raise StoreUnusableError(f"configuration {str(file)!r} cannot be read: {e}") from e
    return _flat(_parse(text, file))


def _says(text: str, wanted: dict[str, str]) -> bool:
    import tomllib

    try:
        return _flat(tomllib.loads(text)) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _parse(text: str, file: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise UsageError(f"configuration {str(file)!r} is not TOML: {e}", hint=f"edit the file: {file}") from e


def _flat(tables: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Return the settings with dotted names. Those that this program does not know are left alone, and left out."""
    found: dict[str, str] = {}
    for name, value in tables.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{above}{name}.")
        elif f"{above}{name}" in _BY_NAME:
            found[f"{above}{name}"] = value if isinstance(value, str) else str(value)
    return found


def _edited(lines: list[str], name: str, value: str | None) -> str:
    """Return the file's text with the line of *name* replaced, or one put in front of the first table."""
    table = next((i for i, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    place = next((i for i in range(table) if lines[i].split("=")[0].strip() == name), None)
    kept = [line for i, line in enumerate(lines) if i != place]
    if value is not None:
        kept.insert(table if place is None else place, f"{name} = {_quoted(value)}")
    return "".join(f"{line}\n" for line in kept)


def _quoted(value: str) -> str:
    """Return a TOML basic string."""
    escaped = "".join(
        f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c for c in value.replace("\\", "\\\\").replace('"', '\\"')
    )
    return f'"{escaped}"'
