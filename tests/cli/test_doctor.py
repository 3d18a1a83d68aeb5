"""The doctor: what is looked at, and that this machine is well."""


def test_a_doctor_finds_this_machine_healthy(cli):
    said = cli("doctor", "--json")
    assert said.code == 0, said
    found = said.json
    assert found["healthy"] is True
    names = [c["check"] for c in found["checks"]]
    assert names == [
        "python",
        "compression",
        "sqlite",
        "git",
        "permissions",
        "disk",
        "sync",
        "locks",
        "capture",
        "agent",
        "store",
        "index",
        "backup",
    ]
