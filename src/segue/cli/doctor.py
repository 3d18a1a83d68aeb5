"""`segue doctor`: this machine, looked at before it disappoints."""

from textwrap import wrap
from typing import Any

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import ago, plural, style
from segue.core.errors import SegueError
from segue.core.log.times import seconds
from segue.engine.recovery.backing import EVERY


@_command("doctor", short_help="check this machine: locks, disk, permissions, agents")
def command(frame: Frame) -> int:
    """Check what segue relies on: Python, SQLite, the store's place (locks, syncs, room, permissions), git, and its hooks.

    Of each agent it says what that will delete of its own transcripts before it is in the log.

    The exit code is 1 where something does not work.
    """
    from segue.host.checkup import checkup

    config = frame.app.config
    checks = checkup(config["store"], config.home, frame.env)
    checks += [
        _capture(frame),
        *_agents(frame),
        _opens(frame),
        *_key(frame),
        _index(frame),
        *_backup(frame),
        *_mirror(frame),
        *_emergency(frame),
    ]
    bad = any(c["status"] == "fail" for c in checks)
    frame.answer({"healthy": not bad, "checks": checks}, lambda d: _text(d["checks"], frame.width))
    return 1 if bad else 0


def _capture(frame: Frame) -> dict[str, Any]:
    from segue.host.install import Receipt
    from segue.host.install.home import faults

    home = frame.app.config.home
    try:
        entries = list(Receipt(home))
        found = faults(home, entries)
    except (SegueError, OSError) as e:
        return {"check": "capture", "status": "warn", "what": str(e), "hint": "segue init"}
    if not entries:
        return {"check": "capture", "status": "ok", "what": "no hooks are installed: segue init does it", "hint": None}
    if found:
        return {"check": "capture", "status": "warn", "what": "; ".join(found), "hint": "segue init"}
    agents = ", ".join(dict.fromkeys(entry.agent for entry in entries))
    return {"check": "capture", "status": "ok", "what": f"hooks are installed for {agents}", "hint": None}


def _agents(frame: Frame) -> list[dict[str, Any]]:
    from segue.engine.capture.guarding import agents

    app = frame.app
    try:
        return agents(app.places, app.transcripts, app.seen, frame.now())
    except SegueError:  # the store does not open: that is said already
        return []


def _opens(frame: Frame) -> dict[str, Any]:
    try:
        count = sum(1 for _ in frame.app.store.sessions())
    except SegueError as e:
        return {"check": "store", "status": "fail", "what": e.message, "hint": e.hint}
    return {"check": "store", "status": "ok", "what": f"{frame.app.store.url} opens; sessions: {count}", "hint": None}


def _key(frame: Frame) -> list[dict[str, Any]]:
    """Say under which key the store is, and where that is; that it is at hand the row before has shown."""
    from segue.cli.encrypt import where
    from segue.engine.secrecy.encrypting import GO_ON

    secrecy = frame.app.secrecy
    try:
        if not secrecy.key:
            return []
        state = secrecy.encryption.state()
    except SegueError as e:
        return [{"check": "key", "status": "fail", "what": e.message, "hint": e.hint}]
    what = f"the store is under key {state.key}; {where(state.place)}"
    if state.changing:
        return [{"check": "key", "status": "warn", "what": f"{what}; not everything is under it yet", "hint": GO_ON}]
    return [{"check": "key", "status": "ok", "what": what, "hint": None}]


def _index(frame: Frame) -> dict[str, Any]:
    try:
        found = frame.app.index.status()
    except SegueError as e:
        return {"check": "index", "status": "fail", "what": e.message, "hint": e.hint}
    what = f"{found.path}: {found.sessions} sessions, {found.entries} entries"
    status, hint = "ok", found.hint
    if found.fallback:
        status, what = "warn", f"{found.path or 'none'} is not used, questions are answered without it: {found.fallback}"
    elif found.damaged:
        status, what = "warn", f"{what}; {found.damaged} damaged places in the logs are left out"
        hint = "segue validate"
    elif found.rebuilt:
        what = f"{what}; it was made anew: {found.rebuilt}"
    return {"check": "index", "status": status, "what": what, "hint": hint}


def _backup(frame: Frame) -> list[dict[str, Any]]:
    """Say how old the last backup is; where none is taken by itself and none was, how to begin."""
    try:
        last, every = frame.app.copies.backups().last(), frame.app.config["backup.every"]
    except (SegueError, OSError) as e:
        what = e.message if isinstance(e, SegueError) else f"the backups cannot be read: {e}"
        return [{"check": "backup", "status": "warn", "what": what, "hint": "segue config get backup.to"}]
    if last is None:
        what = "there is none: if the disk breaks, the store is gone with it"
        return [{"check": "backup", "status": "ok" if every == "off" else "warn", "what": what, "hint": "segue backup"}]
    age = frame.now() - seconds(last.at)
    old = age > 2 * EVERY.get(every, EVERY["week"] * 2)
    what = f"{last.path}: taken {ago(age)}, {plural(last.sessions, 'session')}, verified"
    return [{"check": "backup", "status": "warn" if old else "ok", "what": what, "hint": "segue backup" if old else None}]


def _mirror(frame: Frame) -> list[dict[str, Any]]:
    """Say whether the mirror is up to date, and what was wrong with it."""
    app = frame.app
    try:
        mirror, due = app.copies.mirror, app.copies.mirroring.is_due
        if not mirror.exists:
            return []
        off = app.config["mirror"] == "off"
        what = f"{mirror.place}: {'something is not in it yet' if due() else 'up to date'}{', and off' if off else ''}"
        aside = [one.place for one in app.copies.damaged_mirrors()]
    except (SegueError, OSError) as e:
        return [{"check": "mirror", "status": "warn", "what": str(e), "hint": None}]
    if aside:
        what = f"{what}; damaged ones are kept, recover reads them: {', '.join(aside)}"
    return [{"check": "mirror", "status": "warn" if aside else "ok", "what": what, "hint": None}]


def _emergency(frame: Frame) -> list[dict[str, Any]]:
    """Say what was kept when the store could not take it, and waits still; opening the store has just tried to take it in."""
    kept = frame.app.emergencies.take()
    for one in kept:
        one.leave()
    if not kept:
        return []
    what = f"{plural(len(kept), 'emergency file')} waiting to be taken in: {', '.join(one.path for one in kept[:3])}"
    hint = "make room, or name the store that they belong to: segue status --store URL"
    locked = [one.locked for one in kept if one.locked]
    if locked:
        what += f"; {plural(len(locked), 'file')} cannot be opened: {locked[0]}"
        hint = "name the key that they are under: SEGUE_KEY_FILE=/path"
    return [{"check": "emergency", "status": "warn", "what": what, "hint": hint}]


def _text(checks: list[dict[str, Any]], width: int) -> str:
    marks = {"ok": style("green", "ok  "), "warn": style("yellow", "warn"), "fail": style("red", "FAIL")}
    lines = []
    for one in checks:
        first, *more = wrap(one["what"], max(width - 21, 20)) or [""]
        lines.append(f"{marks[one['status']]}  {one['check']:14} {first}")
        lines += [f"{'':21}{text}" for text in more]
        if one["hint"]:
            lines.append(f"{'':21}{style('dim', one['hint'])}")
    return "\n".join(lines) + "\n"
