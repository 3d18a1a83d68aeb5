"""How often what an agent needs next is among the files that were predicted, over real sessions of coding agents.

    python benchmarks/prediction.py [--repository GIT] [TRANSCRIPT...]      part of make bench-context

At a cut before every fifth tool call the files of the next 15 calls are looked at that were not touched before: how many are
among the first 5, 10 and 20 predicted; and of those, the ones that the history does not even name. Baselines: the files that
earlier sessions and commits touched last, the files in the directories of those at hand, the paths that were named last.
Sessions are taken in the order of their beginnings: each knows those before it. With a repository (SEGUE_REPOSITORY) its files
and commits as they were before the session began are known too; without one, only what sessions tell. Deterministic.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import context_data
import next_action as na

from segue.core.context.items import Item, from_events
from segue.core.context.prediction import Evidence, Group, predict
from segue.engine.capture.importing import import_paths
from segue.engine.context.predicting import at_hand, named_in, session_group, talk_of
from segue.host.project.tracked import commits_of
from segue.stores.memory import MemoryStore
from segue.testing.fakes import FakeClock, FakeIds
from segue.transcripts import transcripts

EVERY = 5
AHEAD = 15
TOPS = (5, 10, 20)
METHODS = ("lately touched", "same directory", "named last", "segue")


class Session(NamedTuple):
    """A session as it was imported: when it began, where it worked, and its items."""

    name: str
    begun: str
    workspace: str
    items: Sequence[Item]


class Result(NamedTuple):
    """Of one cut and method: what was looked for (`untouched`, `unnamed`), how many there were, and how many in each top."""

    session: str
    method: str
    what: str
    wanted: int
    known: int
    """Of these, those that are in the evidence at all: that exist, went with others, or were named."""
    hits: tuple[int, ...]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repository", default=os.environ.get("SEGUE_REPOSITORY", ""), help="the git repository of the sessions")
    parser.add_argument("transcripts", nargs="*", type=Path)
    asked = parser.parse_args(arguments)
    paths = asked.transcripts or [session.path for session in context_data.sessions()]
    if not paths:
        print("nothing measured: no sessions; name transcripts, or set SEGUE_SAMPLES to a directory of Claude Code sessions")
        return 1
    sessions = sorted((read(path) for path in paths), key=lambda session: session.begun)
    results = [result for n, one in enumerate(sessions) for result in measure(one, sessions[:n], asked.repository)]
    report(results, [session.name for session in sessions], asked.repository)
    return 0


def read(path: Path) -> Session:
    """Return the session of a transcript."""
    clock = FakeClock(4_000_000_000)  # later than all that happened: times of events are believed
    store = MemoryStore(clock=clock, ids=FakeIds(at=4_000_000_000))
    (imported,) = import_paths(store, transcripts(), [str(path)], clock=clock).sessions
    events = list(store.read(imported.id))
    workspace = next((e.body["workspace"] for e in events if e.kind == "session.created" and e.body.get("workspace")), "")
    begun = min(e.at for e in events if e.kind == "message")
    return Session(imported.foreign_id[:8], begun, workspace, from_events(events))


def measure(session: Session, earlier: Sequence[Session], repository: str) -> Iterator[Result]:
    """Yield the results of every cut of one session."""
    groups = [session_group(one.name, one.items, one.workspace) for one in reversed(earlier)]
    files: list[str] = []
    if repository:
        head = _git(repository, "rev-list", "-1", "--all", f"--before={session.begun}").strip()
        log = _git(repository, "log", "-z", "--name-only", "--max-count=500", "--format=%x01%h %s", head) if head else ""
        groups += [Group(*commit) for commit in commits_of(log)]
        files = (
            [path for path in _git(repository, "ls-tree", "-r", "-z", "--name-only", head).split("\0") if path] if head else []
        )
    for cut in na.cuts(session.items, every=EVERY, ahead=AHEAD):
        history = [item for item in session.items if item.seq < cut.at]
        recent = at_hand(history, session.workspace)
        evidence = Evidence(recent, talk_of(history), named_in(history, session.workspace, recent), groups, files)
        text = na.Known(history).text
        every = {*files, *(path for group in groups for path in group.paths), *(path for path, _, _ in evidence.named)}
        untouched = [path for path in at_hand(cut.ahead, session.workspace) if path not in set(recent)]
        unnamed = [path for path in untouched if tail(path) not in text]
        for method in METHODS:
            ranked = rank(method, evidence)
            for what, wanted in (("untouched", untouched), ("unnamed", unnamed)):
                hits = tuple(sum(one in ranked[:top] for one in wanted) for top in TOPS)
                yield Result(session.name, method, what, len(wanted), sum(one in every for one in wanted), hits)


def rank(method: str, evidence: Evidence) -> list[str]:
    """Return the files that a method predicts, the likeliest first."""
    known = set(evidence.recent)
    if method == "segue":
        return [one.path for one in predict(evidence, TOPS[-1])]
    if method == "named last":
        return [path for path, _, _ in evidence.named]
    lately = [path for group in evidence.groups for path in sorted(group.paths) if path not in known]
    if method == "lately touched":
        return list(dict.fromkeys(lately))
    every = sorted({*evidence.files, *lately} - known)
    places = [path.rpartition("/")[0] for path in evidence.recent]
    return [path for place in dict.fromkeys(places) for path in every if path.rpartition("/")[0] == place]


def tail(path: str) -> str:
    """Return the last two parts of a path: what a history is looked through for."""
    return "/".join(path.rstrip("/").split("/")[-2:])


def report(results: Sequence[Result], sessions: Sequence[str], repository: str) -> None:
    """Print the shares, by session and in total."""
    told = "with its repository's files and commits" if repository else "without a repository"
    print(f"files touched next that were predicted, of {AHEAD} calls ahead, a cut every {EVERY} calls, {told}")
    for what in ("untouched", "unnamed"):
        print(f"\n{what}" + ("" if what == "untouched" else ": not even named in the history"))
        for session in (*sessions, None):
            found = [r for r in results if r.what == what and session in (None, r.session)]
            ours = [r for r in found if r.method == "segue"]
            wanted, known = sum(r.wanted for r in ours), sum(r.known for r in ours)
            print(f"  {session or 'all'}: {wanted} files at {len(ours)} cuts, {known} of them in the evidence at all")
            for method in METHODS if wanted else ():
                hits = [sum(r.hits[n] for r in found if r.method == method) for n in range(len(TOPS))]
                shares = "  ".join(f"top {top}: {hit / wanted:.2f}" for top, hit in zip(TOPS, hits, strict=True))
                print(f"    {method:16} {shares}")


def _git(repository: str, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", repository, *arguments], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
