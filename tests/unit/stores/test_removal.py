"""A deletion that was interrupted is finished by upkeep."""

from segue.testing.fakes import session_id


def test_what_a_killed_delete_left_goes_with_the_next_upkeep_and_the_fork_is_unmarked(shop):
    shop.fill()
    fork = shop.store.path / "sessions" / session_id(3)
    mark = shop.store.path / "sessions" / session_id(1) / "forks" / session_id(3)
    assert mark.exists()
    (fork / "deleted").touch()  # killed right behind it
    shop.store.close()
    shop.clock.advance(7200)
    shop.open("store").upkeep()
    assert sorted(path.name for path in fork.iterdir()) == ["deleted", "lock"]
    assert not mark.exists()
    assert list(shop.open("store").sessions()) == [session_id(1), session_id(2)]
