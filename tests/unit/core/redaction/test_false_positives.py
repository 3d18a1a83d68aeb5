"""How often what is no secret is taken for one: in the code that is there wherever these tests run."""

import base64
import os
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from segue.core.redaction.redactor import Redactor

ROOT = Path(__file__).parents[4]
CODE = (".py", ".pyi", ".js", ".mjs", ".cjs", ".ts", ".json", ".c", ".h", ".txt", ".md", ".toml", ".lock")
PER_BYTES = 100_000


def files(directory: Path, suffixes: tuple[str, ...] = CODE) -> Iterator[Path]:
    for place, directories, names in os.walk(directory):
        directories.sort()
        yield from (Path(place, name) for name in sorted(names) if name.endswith(suffixes))


def count(paths: Iterable[Path], most: int) -> tuple[int, Counter[str]]:
    """Return how many characters were looked through, and what was found in them."""
    redactor = Redactor()
    size = 0
    found: Counter[str] = Counter()
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="replace")
        found.update(one.kind for one in redactor.locate(text))
        size += len(text)
        if size >= most:
            break
    return size, found


def sources() -> dict[str, Iterator[Path]]:
    standard = Path(sysconfig.get_paths()["stdlib"])
    return {
        "standard library": (p for p in files(standard, (".py",)) if "site-packages" not in p.parts),
        "installed packages": files(Path(sysconfig.get_paths()["purelib"])),
        "segue": files(ROOT / "src"),
        "transcripts": files(ROOT / "tests" / "fixtures", (".jsonl", ".json")),
        "locks": iter([*sorted((ROOT / "requirements").glob("*.txt")), ROOT / "tests" / "agents" / "package-lock.json"]),
    }


@pytest.mark.parametrize("source", sources())
def test_in_code_and_transcripts_there_is_at_most_one_false_finding_in_a_hundred_kilobytes(source: str) -> None:
    size, found = count(sources()[source], 4_000_000)

    assert size > 100_000
    assert found.total() <= size / PER_BYTES, found


@pytest.mark.long
@pytest.mark.parametrize("source", [*sources(), "agents"])
def test_in_all_the_code_there_is_no_more(source: str) -> None:
    places = {**sources(), "agents": files(ROOT / ".cache" / "agents", (".js", ".mjs", ".cjs", ".json"))}
    size, found = count(places[source], 200_000_000)
    print(f"{source}: {size / 1e6:.1f} MB, {found.total()} findings, {found.total() / max(size, 1) * 1e5:.3f} in 100 kB: {found}")

    assert found.total() <= size / PER_BYTES, found


def test_hashes_ids_and_pictures_are_no_secrets() -> None:
    r = Random(3)
    lines = []
    for i in range(2000):
        digest = r.randbytes(32).hex()
        lines += [
            f"commit {digest[:40]}",
            f"index {digest[:7]}..{digest[8:15]} 100644",
            f"    --hash=sha256:{digest} \\",
            f'"integrity": "sha512-{base64.b64encode(r.randbytes(64)).decode()}",',
            f'"id": "{UUID(bytes=r.randbytes(16))}", "toolUseID": "toolu_01{base64.b32encode(r.randbytes(15)).decode()}"',
            f'"signature": "{base64.b64encode(r.randbytes(300)).decode()}"',
            f"sha256:{digest}  ./dist/app-{i}.tar.gz",
            f"etag: W/{digest[:16]}; input_tokens: {i}, cache_key={digest[:12]}, primary_key: id_{i}",
            "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + r.randbytes(900)).decode(),
        ]
    text = "\n".join(lines)

    assert Redactor().locate(text) == []
    assert len(text) > 4_000_000


def test_a_program_that_handles_passwords_holds_none() -> None:
    text = """
    password = getpass.getpass()
    password: str = field(repr=False)
    token = self.tokens[i2] if token is None else token.value
    api_key = os.environ["OPENAI_API_KEY"]
    api_key=os.getenv('API_KEY', '')
    client = Client(api_key=settings.api_key, token=args.token)
    "password": "********", "token": "<your token>", "secret": "${SECRET}", "apiKey": "{{ api_key }}"
    DB_PASSWORD=$(cat /run/secrets/db)   PASSWORD=changeme   SECRET_KEY_FILE=/run/secrets/key
    postgres://user:password@localhost/db   https://host:8080/path@v1   redis://:$PASS@cache
    if token == "identifier": return parse_password_reset_token(token_name="access_token")
    Authorization: Bearer <token>   Authorization: Bearer ${TOKEN}   Basic authentication is used
    const key = event.keyCode2 || props.passwordField1; this._clientSecret = json3.client_secret;
    --password "$PASSWORD" --token-file ./t  -u 1000:1000   login user password prompt
    -----BEGIN PRIVATE KEY----- is how it begins, and -----END PRIVATE KEY----- how it ends
    sk-learn-style-class-names-are-long  task-1234567890abcdefghij  AKIA  eyJ.eyJ.x  ghp_short
    """

    assert Redactor().locate(text) == []
