"""Which servers a task has no use for."""

import pytest
from inline_snapshot import snapshot

from segue.core.context.advice import Candidate, advise
from segue.core.context.definitions import Tool

DAY = 86_400.0
SERVERS = {
    "playwright": [
        ("browser_click", "Perform click on a web page"),
        ("browser_take_screenshot", "Take a screenshot of the current page"),
    ],
    "postgres": [("query", "Run a read-only SQL query"), ("list_tables", "List the tables of the database")],
    "github": [
        ("create_pull_request", "Create a new pull request in a GitHub repository"),
        ("list_issues", "List issues in a repository"),
    ],
    "filesystem": [("read_file", "Read the complete contents of a file"), ("write_file", "Create a new file")],
    "slack": [("post_message", "Post a message to a Slack channel"), ("list_channels", "List channels of the workspace")],
}


def candidates(**uses):
    found = []
    for name, tools in SERVERS.items():
        calls, ago = uses.get(name, (0, None))
        found.append(Candidate(name, [Tool(*tool) for tool in tools], 2_000, calls, ago, 10))
    return found


def off(task, **uses):
    names = list(SERVERS)
    return [names[i] for i, one in enumerate(advise(candidates(**uses), task)) if one.say == "off"]


def kept(task):
    return [name for name in SERVERS if name not in off(task)]


@pytest.mark.parametrize(
    ("task", "needed"),
    [
        ("the login button cannot be clicked in the browser: take a screenshot", ["playwright"]),
        ("add an index so that the SQL query over the orders tables is fast", ["postgres"]),
        ("open a pull request with the fix", ["github"]),
        ("answer the question in the slack channel", ["slack"]),
        ("rename the function and run the tests", []),
        ("list the open issues on GitHub and post them to Slack", ["github", "slack"]),
    ],
)
def test_a_task_keeps_the_servers_that_it_is_about(task, needed):
    assert kept(task) == needed


def test_without_a_task_only_use_counts():
    assert off("", playwright=(3, 2 * DAY), slack=(1, 80 * DAY)) == ["postgres", "github", "filesystem"]


def test_what_is_used_these_days_stays_whatever_the_task_is():
    assert off("rename the function", postgres=(12, DAY), slack=(12, 30 * DAY), github=(1, DAY)) == [
        "playwright",
        "github",
        "filesystem",
        "slack",
    ]


def test_why_is_said():
    one = Candidate("one", [], 2_000, 0, None, 3)
    several = [
        one,
        one._replace(sessions=0),
        one._replace(tokens=20),
        one._replace(failure="it hangs"),
        one._replace(failure="far", is_remote=True),
        one._replace(failure="it hangs", calls=3, ago=DAY),
        one._replace(calls=1, ago=40 * DAY),
    ]
    assert [tuple(advise([c], "")[0]) for c in several] == snapshot(
        [
            ("off", "not called in 3 sessions"),
            ("look", "no session of this agent is known: segue import"),
            ("keep", "it costs little"),
            ("mend", "it lists no tools here"),
            ("look", "what it costs is not known: --remote asks it"),
            ("mend", "it lists no tools here"),
            ("keep", "called 1 time"),
        ]
    )
    assert [tuple(advise([c], "sing a song")[0]) for c in (one, several[-1])] == snapshot(
        [
            ("off", "the task is about something else, and it was not called"),
            ("off", "the task is about something else; called 1 time"),
        ]
    )


def test_the_advice_is_the_same_in_any_order():
    task = "list the open issues on GitHub and post them to Slack"
    given = candidates()
    there = dict(zip(SERVERS, advise(given, task), strict=True))
    back = dict(zip(reversed(SERVERS), advise(given[::-1], task), strict=True))
    assert there == back
