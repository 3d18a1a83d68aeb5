"""Settings: a flag wins over the environment, that over the file, that over the default."""

import pytest

from segue.core.errors import StoreUnusableError, UsageError
from segue.host.config import KEYS, Config, home


@pytest.fixture
def env(tmp_path):
    return {"SEGUE_HOME": str(tmp_path / "segue"), "HOME": str(tmp_path)}


def written(env, text):
    file = Config(env).file
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return Config(env)


def test_each_source_wins_over_those_below(env):
    assert Config(env).setting("durability")[1:] == ("strict", "default")
    config = written(env, 'durability = "relaxed"\n')
    assert config.setting("durability")[1:] == ("relaxed", str(config.file))
    env["SEGUE_DURABILITY"] = "strict"
    assert Config(env).setting("durability")[1:] == ("strict", "SEGUE_DURABILITY")
    assert Config(env, {"durability": "relaxed"}).setting("durability")[1:] == ("relaxed", "flag")


def test_the_default_store_is_in_the_home(env, tmp_path):
    assert Config(env)["store"] == f"log://{tmp_path}/segue/store"
    assert home({"HOME": "/home/ann"}).parts[-3:] in {(".local", "share", "segue"), ("Library", "Application Support", "segue")}
    assert str(home({"HOME": "/home/ann", "XDG_DATA_HOME": "not/absolute"})).startswith("/home/ann")


def test_what_others_wrote_into_the_file_stays(env):
    config = written(env, '# mine\nowner = "ann"\nnext_version = { a = 1 }\n\n[restore]\n# ours\nbudget = 7\n')
    config.write("owner", 'b "o" b\\')
    config.write("project", "shop")
    assert config.file.read_text() == (
        '# mine\nowner = "b \\"o\\" b\\\\"\nnext_version = { a = 1 }\n\nproject = "shop"\n[restore]\n# ours\nbudget = 7\n'
    )
    again = Config(env)
    assert (again["owner"], again["project"]) == ('b "o" b\\', "shop")
    again.write("owner", None)
    assert Config(env).setting("owner").source == "default"


def test_a_setting_in_a_table_is_read_and_not_written_twice(env):
    config = written(env, '[restore]\nlevel = "full"\n')
    assert config["restore.level"] == "full"
    with pytest.raises(UsageError, match="cannot be changed"):
        config.write("restore.level", "minimal")
    assert Config(env)["restore.level"] == "full"


@pytest.mark.parametrize("value", ["a\nb", "nul\0"])
def test_a_value_that_cannot_stand_in_a_file_is_refused(env, value):
    with pytest.raises(UsageError):
        Config(env).write("owner", value)


@pytest.mark.parametrize("value", ["\x1b[2J", "ä\U0001f350", "'", '"', "\\", "# no comment", "\x7f", "[x]", "a = 1"])
def test_any_other_value_comes_back_as_it_was(env, value):
    Config(env).write("owner", value)
    assert Config(env)["owner"] == value


def test_a_value_that_is_none_of_the_choices_says_where_it_stands(env):
    with pytest.raises(UsageError, match="SEGUE_DURABILITY"):
        Config(env | {"SEGUE_DURABILITY": "maybe"})


def test_a_file_that_cannot_be_read_is_named(env):
    Config(env).home.mkdir()
    Config(env).file.write_bytes(b"\xff\xfe")
    with pytest.raises(StoreUnusableError, match=r"config\.toml"):
        Config(env)


def test_every_setting_has_a_variable_of_its_own_and_says_what_it_does():
    assert len({key.variable for key in KEYS}) == len(KEYS)
    assert [key.name for key in KEYS if not key.what or not key.variable.startswith("SEGUE_")] == []


def test_windows_are_names_with_numbers(tmp_path):
    config = Config({"SEGUE_HOME": str(tmp_path), "SEGUE_WINDOWS": " qwen3:32b = 32768,claude-code=1000000, "})
    assert config.numbers("windows") == {"qwen3:32b": 32768, "claude-code": 1_000_000}
    assert Config({"SEGUE_HOME": str(tmp_path)}).numbers("windows") == {}


@pytest.mark.parametrize(
    "value", ["200000", "gpt-5", "gpt-5=", "gpt-5=0", "=5", "gpt-5=many", "gpt-5=-1", "gpt-5=4 000", f"m={10**9}"]
)
def test_windows_that_are_none_are_refused(tmp_path, value):
    with pytest.raises(UsageError, match="'windows' cannot be"):
        Config({"SEGUE_HOME": str(tmp_path), "SEGUE_WINDOWS": value})
