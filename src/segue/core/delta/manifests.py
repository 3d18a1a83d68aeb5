"""What a project depends on, read from its manifests and locks: package -> version, or what is said in a version's place.

The formats are those of the tools' own documentation; a text that is not of its format says nothing. Read tolerantly: it is the
difference between two versions of one file that counts.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

Packages = dict[str, str]
_MOST: Final = 20_000
"""Packages of one file."""
_LONGEST: Final = 100


class Moved(NamedTuple):
    """A package that one manifest has in another version than before; empty: it was not there, or is not any more."""

    package: str
    before: str
    now: str


def is_manifest(name: str) -> bool:
    """Return whether a file of this name says what a project depends on."""
    return name in _READERS or _REQUIREMENTS.fullmatch(name) is not None


def moved(path: str, before: str, now: str) -> list[Moved] | None:
    """Return what differs between two texts of the manifest at *path*, by package; None where one cannot be read."""
    old, new = packages(path, before), packages(path, now)
    if old is None or new is None:
        return None
    names = sorted(old.keys() | new.keys())
    return [Moved(name, old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)]


def packages(path: str, text: str) -> Packages | None:
    """Return the packages that a manifest names, each with its version; None where it is none, or not as it should be."""
    name = path.rpartition("/")[2]
    reader = _READERS.get(name) or (_requirements if _REQUIREMENTS.fullmatch(name) else None)
    if reader is None:
        return None
    if not text.strip():
        return {}
    found: dict[str, set[str]] = {}
    try:
        for package, version in reader(text):
            if len(found) >= _MOST and package not in found:
                break
            if package:
                found.setdefault(package[:_LONGEST], set()).add((version or "*")[:_LONGEST])
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
        return None
    return {package: ", ".join(sorted(versions)) for package, versions in found.items()}


Pairs = Iterator[tuple[str, str]]
_REQUIREMENTS: Final = re.compile(r"(?:[\w.-]{1,80}-)?(?:requirements|constraints)(?:[-_.][\w.-]{1,80})?\.(?:txt|in)", re.ASCII)
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9][\w.-]{0,99})\s*(?:\[[^\]]{0,200}\])?\s*([^;#\\]{0,200})")


def _requirement(line: str) -> tuple[str, str]:
    found = _REQUIREMENT.match(line.strip())
    if found is None:
        return "", ""
    wanted = found[2].split(" --")[0].strip()
    return re.sub(r"[-_.]+", "-", found[1]).lower(), wanted.removeprefix("==").strip()


def _requirements(text: str) -> Pairs:
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith(("#", "-")):
            yield _requirement(line)


def _toml(text: str) -> dict[str, Any]:
    from tomllib import loads

    return loads(text)


def _json(text: str) -> Any:
    from json import loads

    return loads(text)


def _pyproject(text: str) -> Pairs:
    document = _toml(text)
    project = document.get("project", {})
    groups = [project.get("dependencies", []), *project.get("optional-dependencies", {}).values()]
    groups += [[one for one in group if isinstance(one, str)] for group in document.get("dependency-groups", {}).values()]
    groups.append(document.get("build-system", {}).get("requires", []))
    for group in groups:
        yield from map(_requirement, group)
    if "requires-python" in project:
        yield "python", project["requires-python"]
    poetry = document.get("tool", {}).get("poetry", {})
    tables = [poetry.get("dependencies", {}), poetry.get("dev-dependencies", {})]
    tables += [group.get("dependencies", {}) for group in poetry.get("group", {}).values()]
    for table in tables:
        yield from _table(table)


_SAYS: Final = ("version", "rev", "tag", "branch", "ref", "path", "git")


def _table(table: Mapping[str, Any]) -> Pairs:
    """Yield the entries of a table of dependencies: a version, or an object that has one."""
    for name, wanted in table.items():
        if isinstance(wanted, Mapping):
            yield name, next((str(wanted[key]) for key in _SAYS if key in wanted), "*")
        else:
            yield name, str(wanted)


def _package_tables(text: str) -> Pairs:
    """Read a lock that has one table `package` for each: of Cargo, uv, Poetry, PDM."""
    for package in _toml(text).get("package", []):
        yield package["name"], str(package.get("version", ""))


def _cargo(text: str) -> Pairs:
    document = _toml(text)
    places = [document, document.get("workspace", {}), *document.get("target", {}).values()]
    for place in places:
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            yield from _table(place.get(kind, {}))


def _pipfile(text: str) -> Pairs:
    document = _toml(text)
    for kind in ("packages", "dev-packages"):
        yield from _table(document.get(kind, {}))


def _pipfile_lock(text: str) -> Pairs:
    document = _json(text)
    for kind in ("default", "develop"):
        for name, package in document.get(kind, {}).items():
            yield name, str(package.get("version", "")).removeprefix("==")


def _package_json(text: str) -> Pairs:
    document = _json(text)
    for kind in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "engines"):
        yield from _table(document.get(kind, {}))


def _package_lock(text: str) -> Pairs:
    document = _json(text)
    for place, package in document.get("packages", {}).items():
        if place:  # the empty one is the project itself
            yield place.rpartition("node_modules/")[2], str(package.get("version", ""))
    if "packages" not in document:
        left = [document.get("dependencies", {})]
        while left:
            for name, package in left.pop().items():
                yield name, str(package.get("version", ""))
                left.append(package.get("dependencies", {}))


_YARN: Final = re.compile(
    r'^"?(@?[^@"\s,]{1,200})@[^\n]{0,2000}:\n(?:  [^\n]*\n){0,3}?  "?version"?:? "?([^"\n]{1,100})"?', re.MULTILINE
)
_PNPM: Final = re.compile(r"^  ['\"]?/?(@?[^@'\"\s(]{1,200})@([^:('\"\s]{1,100})[^\n]{0,500}:", re.MULTILINE)
_BUN: Final = re.compile(r'^ {4}"[^"\n]{1,200}": \["(@?[^@"\n]{1,200})@([^"\n]{1,100})"', re.MULTILINE)
_GO: Final = re.compile(
    r"^\s*(?:require\s+|replace\s+|toolchain\s+)?([\w.~/-]{1,200}\.[\w.~/-]{1,200})\s+(v[\w.+-]{1,100})", re.MULTILINE
)
_GO_ITSELF: Final = re.compile(r"^(go)\s+([\d.]{1,20})", re.MULTILINE)
_GEMS: Final = re.compile(r"^    ([\w.-]{1,100}) \(([^)\n]{1,100})\)$", re.MULTILINE)
_GEM: Final = re.compile(r"""^\s*gem\s+['"]([\w.-]{1,100})['"]([^#\n]{0,200})""", re.MULTILINE)
_GRADLE: Final = re.compile(r"^([\w.-]{1,100}:[\w.-]{1,100}):([\w.+-]{1,100})=", re.MULTILINE)
_MIX: Final = re.compile(r'^\s*"([\w-]{1,100})": \{:hex, :[\w"-]{1,100}, "([^"]{1,100})"', re.MULTILINE)
_TOOLS: Final = re.compile(r"^([\w.-]{1,100})[ \t]+([^\s#]{1,100})", re.MULTILINE)


def _by(*patterns: "re.Pattern[str]") -> Callable[[str], Pairs]:
    def read(text: str) -> Pairs:
        for pattern in patterns:
            for found in pattern.finditer(text):
                yield found[1], found[2].strip(" ,'\"")

    return read


def _composer_lock(text: str) -> Pairs:
    document = _json(text)
    for kind in ("packages", "packages-dev"):
        for package in document.get(kind, []):
            yield package["name"], str(package.get("version", ""))


def _composer(text: str) -> Pairs:
    document = _json(text)
    for kind in ("require", "require-dev"):
        yield from _table(document.get(kind, {}))


def _itself(name: str) -> Callable[[str], Pairs]:
    """Return what reads a file that is one version, and no more."""

    def read(text: str) -> Pairs:
        yield name, text.split(maxsplit=1)[0]

    return read


def _opaque(_text: str) -> Pairs:
    raise ValueError


_READERS: Final[Mapping[str, Callable[[str], Pairs]]] = {
    "pyproject.toml": _pyproject, "uv.lock": _package_tables, "poetry.lock": _package_tables, "pdm.lock": _package_tables,
    "pylock.toml": lambda text: _package_tables(text.replace("[[packages]]", "[[package]]")),
    "Pipfile": _pipfile, "Pipfile.lock": _pipfile_lock, "setup.py": _opaque, "setup.cfg": _opaque, "environment.yml": _opaque,
    "package.json": _package_json, "package-lock.json": _package_lock, "npm-shrinkwrap.json": _package_lock,
    "yarn.lock": _by(_YARN), "pnpm-lock.yaml": _by(_PNPM), "bun.lock": _by(_BUN),
    "Cargo.toml": _cargo, "Cargo.lock": _package_tables,
    "go.mod": _by(_GO_ITSELF, _GO), "Gemfile": _by(_GEM), "Gemfile.lock": _by(_GEMS),
    "composer.json": _composer, "composer.lock": _composer_lock, "gradle.lockfile": _by(_GRADLE), "mix.lock": _by(_MIX),
    "pom.xml": _opaque, "build.gradle": _opaque, "build.gradle.kts": _opaque, "libs.versions.toml": _opaque,
    "Package.resolved": _opaque, "flake.lock": _opaque,
    ".python-version": _itself("python"), ".node-version": _itself("node"), ".nvmrc": _itself("node"),
    ".ruby-version": _itself("ruby"), ".tool-versions": _by(_TOOLS),
}  # fmt: skip
"""Name of a file -> what reads it. Of those that are opaque only that they changed is told."""
