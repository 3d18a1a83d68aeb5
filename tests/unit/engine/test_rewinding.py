"""Going back to a checkpoint: what is as it was, what is kept, what is taken up, and what an interruption leaves."""

import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from segue.core.errors import InvalidEventError, LeaseHeldError, NotFoundError, RestoreError, UsageError
from segue.core.log.events import Draft
from segue.core.session.lifecycle import LIFE
from segue.core.session.tree import tree
from segue.engine.loading import load
from segue.engine.restores import find, interrupted, line_of
from segue.engine.saving.checkpoints import create
from segue.engine.saving.rewinding import Means, Wish, carry_out, finish, plan, undo
from segue.testing.builders import assistant, decision, tool, tool_call, tool_result, usage, user
from segue.testing.strategies import stories
from tests.unit.engine.rewinding_kit import Kit

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"
PLANS = {
    "claude-code": FIXTURES / "claude" / "headless-plan.jsonl",
    "codex": FIXTURES / "codex" / "exec-plan-and-resume.jsonl",
    "gemini-cli": FIXTURES / "gemini" / "headless-plan-and-resume.jsonl",
}


@pytest.fixture
def kit(tmp_path):
    found = Kit(tmp_path)
    yield found
    found.store.close()


def turn(number):
    return [user(f"ask {number}"), assistant(f"answer {number}"), decision(f"decided {number}"), usage(100 * number, 10)]


def test_a_session_without_an_agents_transcript_goes_back_in_place_and_forth_again(kit):
    session = kit.begin(*turn(1))
    one = kit.take(session)
    kit.store.append(session, turn(2))
    two = kit.take(session)
    spent = load(kit.store, session).metrics["tokens"]

    for made in (one, two, one, one, two):
        done = kit.back(made.name)
        then, now = load(kit.store, session, made.position), load(kit.store, session)
        assert (done.plan.what, done.turned.continuation) == (("conversation",), "")
        assert kit.line(session) == kit.line(session, made.position)
        assert (now.work, now.usage) == (then.work, then.usage)
        assert now.metrics["tokens"] == spent
        assert {one.name, two.name, done.before} <= now.checkpoints.keys()
    assert kit.words(session) == ["ask 1", "answer 1", "ask 2", "answer 2"]
    now = load(kit.store, session)
    kit.store.drop_snapshots(session)
    assert load(kit.store, session) == now
    kit.back(one.name)
    kit.store.append(session, [user("another way")])
    assert kit.words(session) == ["ask 1", "answer 1", "another way"]
    assert "ask 2" in str([e.body for e in kit.store.read(session)])
    assert kit.unsound() == []


def test_what_was_there_is_a_checkpoint_to_which_one_comes_back(kit):
    session = kit.begin(*turn(1))
    one = kit.take(session)
    kit.store.append(session, turn(2))
    before = kit.line(session)

    done = kit.back(one.name)

    assert kit.line(session) != before
    kit.back(done.before)
    assert kit.line(session) == before
    kinds = [e.kind for e in kit.own(session) if e.kind.startswith(("checkpoint", "head"))]
    once = ["checkpoint.created", "checkpoint.restoring", "head.moved", "checkpoint.restored"]
    assert kinds == ["checkpoint.created", *once, *once]


def written(kit, agent):
    """Lay a real transcript where its agent has it, as far as its middle, import it and take a checkpoint; then the rest."""
    source = PLANS[agent]
    path = kit.home / source.name
    lines = source.read_text().splitlines(keepends=True)
    half = next(i for i in range(len(lines) // 2, len(lines)) if '"tool_result"' in lines[i] or "_output" in lines[i] or
                "functionResponse" in lines[i]) + 1  # fmt: skip
    path.write_text("".join(lines[:half]))
    session = kit.import_(path, agent=agent)
    middle = kit.take(session)
    path.write_text("".join(lines))
    kit.import_(path, agent=agent)
    return session, middle, path


@pytest.mark.parametrize("agent", PLANS)
def test_an_agents_session_goes_on_in_a_new_transcript_and_a_session_of_its_own(kit, agent):
    session, middle, path = written(kit, agent)
    end, whole, heard = path.read_bytes(), kit.line(session), kit.words(session)

    done = kit.back(middle.name)

    there = done.turned.continuation
    assert kit.line(there) == kit.line(session, middle.position)
    assert load(kit.store, there).work == load(kit.store, session, middle.position).work
    assert (path.read_bytes(), kit.line(session)) == (end, whole)
    assert kit.words(session) == heard
    assert done.turned.files[0] != str(path)
    assert done.turned.foreign_id in done.turned.command
    assert load(kit.store, there).header["foreign_ids"] == [done.turned.foreign_id]
    assert {middle.name, done.before} <= load(kit.store, there).checkpoints.keys()
    risk = kit.means.going.writers[agent].risk
    assert (done.turned.warnings, kit.unsound()) == ((risk,) if risk else (), [])


@pytest.mark.parametrize("agent", PLANS)
def test_back_and_forth_each_time_in_a_transcript_of_its_own(kit, agent):
    session, middle, path = written(kit, agent)
    end = kit.take(session)
    files = {str(path)}
    line = session
    for made in (middle, end, middle, middle, end):
        done = kit.back(made.name)
        assert done.plan.session == line  # it went on from where it is
        line = done.turned.continuation
        assert kit.line(line) == kit.line(session, made.position)
        assert done.turned.files[0] not in files
        files.add(done.turned.files[0])
    read = [kit.words(kit.import_(done.turned.files[0])) for done in [done]]
    assert read == [kit.words(session, end.position)]
    assert kit.unsound() == []


def test_what_the_agent_adds_follows_the_checkpoint_and_what_an_old_window_adds_stays_where_it_was(kit):
    session, middle, path = written(kit, "claude-code")
    done = kit.back(middle.name)
    before = kit.words(done.turned.continuation)
    reply(done.turned.files[0], "another way")
    reply(path, "from the old window")

    assert kit.import_(done.turned.files[0]) == done.turned.continuation
    assert kit.import_(path) == session
    assert kit.words(done.turned.continuation) == [*before, "another way"]
    assert kit.words(session)[-1] == "from the old window"


def reply(path, text):
    """Go on in a transcript of Claude Code's as the agent does."""
    last = [r for r in map(json.loads, Path(path).read_text().splitlines()) if "uuid" in r][-1]
    more = {
        **{k: last[k] for k in ("sessionId", "cwd", "version", "userType", "isSidechain")},
        "type": "user",
        "uuid": f"00000000-0000-4000-8000-{len(text):012d}",
        "parentUuid": last["uuid"],
        "timestamp": "2026-11-21T09:00:00.000Z",
        "message": {"role": "user", "content": text},
    }
    with Path(path).open("a") as file:
        file.write(json.dumps(more) + "\n")


def test_what_the_transcript_got_meanwhile_is_taken_in_before_anything_goes_back(kit):
    session, middle, path = written(kit, "claude-code")
    reply(path, "said a moment ago")
    done = kit.back(middle.name)
    before = find(kit.store, session, done.before)
    assert kit.words(session, before.position)[-1] == "said a moment ago"


def test_a_call_that_ran_at_the_checkpoint_has_no_answer_after_it(kit):
    call = assistant(tool_call("run", "c1"))
    session = kit.begin(user("go"), call)
    made = kit.take(session)
    kit.store.append(session, [tool(tool_result("done", "c1")), assistant("all done")])
    kit.back(made.name)
    assert kit.line(session) == kit.line(session, made.position)


def test_nothing_is_written_by_a_plan(kit):
    session = kit.begin(*turn(1))
    one = kit.take(session)
    kit.store.append(session, turn(2))
    head = kit.store.info(session).head
    planned = plan(kit.means, session, find(kit.store, session, one.name), Wish())
    assert (planned.what, planned.talk, planned.code) == (("conversation",), (4, 2, "ask 1", ""), None)
    assert planned.warnings == (f"{one.name} has no snapshot of the workspace: code stays as it is",)
    assert kit.store.info(session).head == head


def test_what_cannot_be_had_is_refused_before_anything_is_done(kit):
    session = kit.begin()
    empty = kit.take(session)
    kit.store.append(session, turn(1))
    with pytest.raises(UsageError, match="has no snapshot of the workspace"):
        kit.back(empty.name, "code", "conversation", session=session)
    with pytest.raises(NotFoundError):
        kit.back("RECOVERY-260115-001-000000", session=session)
    framework = kit.begin(*turn(1), agent="langgraph", foreign_ids=["thread-1"])
    with pytest.raises(UsageError, match="is led by langgraph"):
        kit.back(kit.take(framework).name, "conversation", session=framework)
    assert not {"checkpoint.restoring", "head.moved"} & {e.kind for e in kit.own(session)}


def test_a_conversation_of_an_agent_in_which_nothing_had_been_said_is_not_one_to_go_back_to(kit):
    session = kit.begin(agent="claude-code", foreign_ids=["f1"])
    empty = kit.take(session)
    kit.store.append(session, turn(1))
    with pytest.raises(UsageError, match="nothing had been said yet"):
        kit.back(empty.name, "conversation", session=session)
    in_place = kit.begin()
    empty = kit.take(in_place)
    kit.store.append(in_place, turn(1))
    kit.back(empty.name, session=in_place)
    assert (kit.line(in_place), load(kit.store, in_place).work["instructions"]) == ([], [])


def test_who_drives_the_session_is_not_disturbed(kit):
    session = kit.begin(*turn(1))
    made = kit.take(session)
    kit.store.append(session, turn(2))
    kit.store.acquire(session, "a program", 600)
    with pytest.raises(LeaseHeldError, match="a program"):
        kit.back(made.name)
    found = find(kit.store, session, made.name)
    assert carry_out(kit.means, session, found, Wish(take_over=True)).plan.what == ("conversation",)


def test_a_restore_that_was_killed_is_named_by_the_next_one_which_closes_it(kit):
    session = kit.begin(*turn(1))
    one = kit.take(session)
    kit.store.append(session, turn(2))
    body = {"checkpoint": one.name, "position": one.position, "what": ["conversation"], "before": "RECOVERY-X"}
    kit.store.append(session, [Draft("checkpoint.restoring", body, key="segue:restore")], on_key="replace")

    assert interrupted(kit.store, session)[:3] == (one.name, ("conversation",), "RECOVERY-X")
    done = kit.back(one.name)

    assert any("was interrupted" in w and "RECOVERY-X" in w for w in done.plan.warnings)
    outcomes = [e.body["outcome"] for e in kit.own(session) if e.kind == "checkpoint.restored"]
    assert (outcomes, interrupted(kit.store, session)) == (["interrupted", "done"], None)


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """A store that is killed at the n-th append."""

    def __init__(self, store, left):
        self._store, self._left = store, left

    def __getattr__(self, name):
        return getattr(self._store, name)

    def append(self, *args, **more):
        self._count()
        return self._store.append(*args, **more)

    def create(self, *args, **more):
        self._count()
        return self._store.create(*args, **more)

    def release(self, lease):
        if self._left >= 0:
            self._store.release(lease)

    def _count(self):
        if self._left == 0:
            self._left = -1
        if self._left < 0:
            raise Killed
        self._left -= 1


def test_a_restore_that_was_killed_a_moment_ago_is_named_though_its_lease_still_holds(kit):
    session = kit.begin(*turn(1))
    one = kit.take(session)
    kit.store.append(session, turn(2))
    desk = kit.desk._replace(store=Dying(kit.store, 1))
    with pytest.raises(Killed):
        carry_out(
            Means(kit.means.going._replace(desk=desk), kit.no_workspace, kit.take, kit.seen.append),
            session,
            find(kit.store, session, one.name),
            Wish(),
        )
    before = interrupted(kit.store, session).before

    with pytest.raises(LeaseHeldError) as held:
        kit.back(one.name)

    hint = f"a restore of {one.name} is at work; if it was killed: segue checkpoint restore --finish, or --undo (what was there: {before})"
    assert held.value.hint == hint
    finish(kit.means, session)
    assert (kit.line(session), interrupted(kit.store, session)) == (kit.line(session, one.position), None)


@pytest.mark.parametrize("agent", ["", "claude-code"])
def test_wherever_a_restore_is_killed_nothing_is_lost_and_the_next_one_does_it(kit, agent):
    if agent:
        session, one, _ = written(kit, agent)
    else:
        session = kit.begin(*turn(1))
        one = kit.take(session)
        kit.store.append(session, turn(2))
    whole, then = kit.line(session), kit.line(session, one.position)
    found = find(kit.store, session, one.name)
    for left in range(40):
        desk = kit.desk._replace(store=Dying(kit.store, left))

        def take(session, *, description="", trigger="user", root="", desk=desk):
            return create(desk, session, description=description, trigger=trigger)

        means = Means(kit.means.going._replace(desk=desk), kit.no_workspace, take, kit.seen.append)
        try:
            done = carry_out(means, session, found, Wish(take_over=True))
            break
        except Killed:
            assert kit.line(session) in (whole, then)
            if kit.line(session) == then:
                undo(kit.means, session)
                assert kit.line(session) == whole
    else:
        raise AssertionError("never done")
    assert left >= (5 if agent else 4)
    assert kit.line(done.turned.continuation or session) == then
    assert interrupted(kit.store, session) is None
    assert [f for f in kit.unsound() if f.severity != "orphan"] == []  # names that were given to a fork that never began


def test_a_transcript_that_cannot_be_written_is_told_and_recorded(kit):
    session, middle, _ = written(kit, "claude-code")
    (kit.home / ".claude").write_text("a file where the directory should be")
    whole = kit.line(session)
    with pytest.raises(RestoreError, match=r"the conversation of checkpoint .* could not be restored, and code stays as it is"):
        kit.back(middle.name)
    last = [e for e in kit.own(session) if e.kind == "checkpoint.restored"][-1].body
    assert (last["outcome"], last["what"], kit.line(session)) == ("failed", [], whole)


def test_a_failure_does_not_forget_where_the_conversation_went_on(kit):
    session, middle, _ = written(kit, "claude-code")
    there = kit.back(middle.name).turned.continuation
    own = kit.home / ".claude"
    own.rename(kit.home / "elsewhere")
    own.write_text("a file where the directory should be")
    found = find(kit.store, session, middle.name)
    with pytest.raises(RestoreError):
        carry_out(kit.means, session, found, Wish())
    assert line_of(kit.store, found) == there


@settings(max_examples=40, deadline=None)
@given(stories(wild=True), stories(wild=True), stories(wild=True))
def test_whatever_a_session_holds_it_goes_back_or_says_why_not(first, second, third):
    with TemporaryDirectory() as place:
        kit = Kit(Path(place))
        session = kit.begin()
        made = []
        for story in (first, second, third):
            append(kit, session, story)
            made.append(kit.take(session))
        for there in (made[0], made[2], made[1]):
            whole, missing = tree(kit.store.read(session, upto=there.position)), load(kit.store, session, there.position)
            try:
                done = kit.back(there.name, session=session)
            except UsageError:
                continue
            now = load(kit.store, done.turned.continuation or session)
            changes = (
                load(kit.store, session, now.seq - 3).work["changes"] if not done.turned.continuation else now.work["changes"]
            )
            assert now.work == missing.work | {"changes": changes}
            if not whole.missing:
                assert kit.line(done.turned.continuation or session) == kit.line(session, there.position)
        kit.store.close()


def append(kit, session, story):
    """Append what can be written; what a session's life does not allow is left out."""
    for draft in story:
        if draft.kind not in LIFE and not draft.kind.startswith("checkpoint."):
            with suppress(InvalidEventError):
                kit.store.append(session, [draft])
