"""The public names: all there, sorted, and each loaded when it is first used."""

import segue


def test_all_names_what_is_public_sorted():
    assert segue.__all__ == sorted(segue.__all__)
    assert set(segue.__all__) == {*segue._HOMES, "__version__"}
    assert [name for name in segue.__all__ if getattr(segue, name, None) is None] == []
    assert set(segue.__all__) <= set(dir(segue))


def test_a_name_that_is_not_there_is_an_attribute_error():
    assert not hasattr(segue, "nothing_such")


def test_a_store_is_opened_by_url_by_path_and_as_configured(tmp_path, monkeypatch):
    with segue.open("memory://") as store:
        assert store.url == "memory://"
    with segue.open(tmp_path / "a") as store:
        assert store.url == f"log://{tmp_path / 'a'}"
    monkeypatch.setenv("SEGUE_STORE", f"log://{tmp_path / 'b'}")
    with segue.open() as store:
        assert store.url == f"log://{tmp_path / 'b'}"
        session = store.create(task="build the parser", tags=["x"])
        assert session.append("message", {"role": "user", "parts": []}).seq == 3
        found = store.session("last")
        assert (found.id, found.state().header["task"], found.name) == (session.id, "build the parser", session.name)
