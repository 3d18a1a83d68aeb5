"""The table of keys finds the same, however often it is asked."""

from segue.stores.log.keytable import KeyTable


def test_a_table_that_is_asked_often_finds_what_one_that_is_asked_seldom_finds(tmp_path):
    often, path = KeyTable(tmp_path / "often"), tmp_path
    often.load(1)
    for seq in range(1, 200):
        often.add(seq, f"k{seq % 70}" if seq % 3 else None)
        list(often.find("never"))
    for key in [f"k{n}" for n in range(70)] + ["never"]:
        seldom = KeyTable(path)
        seldom.load(1)
        for seq in range(1, 200):
            seldom.add(seq, f"k{seq % 70}" if seq % 3 else None)
        assert list(often.find(key)) == list(seldom.find(key))
        assert list(often.find(key, upto=100)) == list(seldom.find(key, upto=100))


def test_a_table_that_begins_anew_forgets_what_it_found(tmp_path):
    table = KeyTable(tmp_path)
    table.load(1)
    table.add(1, "k")
    for _ in range(100):
        assert list(table.find("k")) == [1]
    table.reset(5)
    assert list(table.find("k")) == []
    table.add(6, "k")
    assert list(table.find("k")) == [6]
