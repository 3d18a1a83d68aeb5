"""A switch in files of any form: what else they say stays, and off and on again say what was said before."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from segue.host.install import jsonc
from segue.host.mcp import json_switch, toml_switch

NAMES = st.sampled_from(["fruit", "my fruit", "a.b", 'q"uote', "ünder", "x"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab/*,{}[]\"'\\ \n#", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abmcp", max_size=3), inner, max_size=3),
    max_leaves=8,
)
INDENTS = st.sampled_from([None, 0, 2, "\t"])


@st.composite
def documents(draw, table):
    """Return a settings file with servers, in one of the forms that people and programs write."""
    servers = {name: {"command": "c", "more": draw(VALUES)} for name in draw(st.lists(NAMES, min_size=1, unique=True))}
    document = {"before": draw(VALUES), table: servers, "after": draw(VALUES)}
    text = json.dumps(document, indent=draw(INDENTS), ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    head, tail = draw(st.sampled_from(["", "// mine\n", "\ufeff"])), draw(st.sampled_from(["", "\n", " // end\n"]))
    return head + text + tail, servers


@settings(max_examples=25, deadline=None)
@given(documents("mcpServers"))
def test_names_go_into_a_list_and_out_of_it(made):
    text, servers = made
    keys, said = ("mcp", "excluded"), jsonc.parse(text).value
    after = text
    for name in servers:
        after = json_switch.listed(after, keys, name, on=False)
    assert jsonc.parse(after).value == {**said, "mcp": {"excluded": list(servers)}}
    for name in servers:
        after = json_switch.listed(after, keys, name, on=True)
    assert jsonc.parse(after).value == {**said, "mcp": {"excluded": []}}


@settings(max_examples=25, deadline=None)
@given(documents("mcp"), st.data())
def test_a_flag_is_set_and_nothing_else_changes(made, data):
    text, servers = made
    name, said = data.draw(st.sampled_from(list(servers))), jsonc.parse(text).value
    off = json_switch.flagged(text, ("mcp", name, "enabled"), value=False)
    assert jsonc.parse(off).value == {**said, "mcp": {**servers, name: {**servers[name], "enabled": False}}}
    on = json_switch.flagged(off, ("mcp", name, "enabled"), value=True)
    assert jsonc.parse(on).value["mcp"][name] == {**servers[name], "enabled": True}


@settings(max_examples=25, deadline=None)
@given(documents("servers"), st.data())
def test_an_entry_is_taken_out_and_put_back_word_for_word(made, data):
    text, servers = made
    name, said = data.draw(st.sampled_from(list(servers))), jsonc.parse(text).value
    off, piece = json_switch.taken_out(text, ("servers", name))
    assert piece in text
    assert jsonc.parse(off).value == {**said, "servers": {n: e for n, e in servers.items() if n != name}}
    on = json_switch.put_back(off, ("servers", name), piece)
    assert piece in on
    assert jsonc.parse(on).value == said


@settings(max_examples=25, deadline=None)
@given(st.lists(NAMES, min_size=1, unique=True), st.data())
def test_a_line_of_a_table_is_written_and_written_again(names, data):
    ends = data.draw(st.sampled_from(["\n", "\r\n"]))
    lines = ["# mine", 'text = """', "[mcp_servers.fruit]", '"""']
    for name in names:
        lines += ["", f"[mcp_servers.{json.dumps(name, ensure_ascii=False)}] # {name}".replace("\n", " "), 'command = "c"']
        lines += data.draw(
            st.sampled_from([[], ["enabled = true # yes"], ["env = { enabled = 'x' }"], ["[other]", "enabled = 7"]])
        )
    text = ends.join(dict.fromkeys(lines)) if len(names) == 1 else ends.join(lines).replace("[other]", "[[other]]")
    name = data.draw(st.sampled_from(names))
    try:
        off = toml_switch.switched(text, name, on=False)
    except toml_switch.NotSwitchableError:
        return  # a form that is left alone
    on = toml_switch.switched(off, name, on=True)
    assert toml_switch.tables.parse(off)["mcp_servers"][name]["enabled"] is False
    assert toml_switch.tables.parse(on)["mcp_servers"][name]["enabled"] is True
    assert len(on.splitlines()) - len(text.splitlines()) in {0, 1}
