"""``vpc-cni-iam.toml``: the modules that a repository keeps, and their options."""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections.abc import Container, Iterable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct, UnsetType

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.hardening import CLAIM, FLAG, KEY, Hardening
from vpc_cni_iam.catalog.narrowing import LIMIT
from vpc_cni_iam.catalog.options import Options, options
from vpc_cni_iam.catalog.selection import Additions
from vpc_cni_iam.errors import ConfigurationError, InputError, OptionError, TreeError
from vpc_cni_iam.names import unknown_name
from vpc_cni_iam.texts import content, read, toml
from vpc_cni_iam.texts.limits import CONFIGURATION, NAME_BYTES, PATH_BYTES
from vpc_cni_iam.vendoring.configuration.tables import ModuleTable, Refusal, convert

_TABLE = re.compile(r"\s*\[+\s*[\"']?([^\s\"'\].]+)")
# A table inside the module table above it, such as [[module.accept]].
_INNER = re.compile(r"\s*\[+\s*[\"']?module[\"']?\s*\.\s*[\"']?([^\s\"'\].]+)")
_KEY = re.compile(r"\s*[\"']?([^\s\"'=.]+)[\"']?\s*[.=]")
_STRING_OR_COMMENT = re.compile(
    r'''"""(?:\\.|.)*?(?:"{3,5}|\Z)|'{3}.*?(?:'{3,5}|\Z)|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|\#[^\n]*''',
    re.DOTALL,
)
NAME = "vpc-cni-iam.toml"
_SHOWN = 100
# The longest message about a table, in characters.
_LONGEST = 2000
# A device, or what Windows reads as another name, such as ``.git``.
_OTHER_ON_WINDOWS = r"(?i)(con|prn|aux|nul|(com|lpt)[0-9])(\..*)?|git~[0-9]+|.*[. ]"
# The keys that stand for options.
_KEYS = {
    "--variant": "variants",
    "--feature": "features",
    "--cni-version": "cni_version",
    "--revision": "revision",
    "--kind": "kind",
    FLAG: "harden",
    KEY: "additional_tag_keys",
    CLAIM: "eni_claim_tag",
    LIMIT: "limit_to",
}
_IN_TEXTS = {**_KEYS, FLAG: "harden = true", "repeat": "write a string"}


class TomlLineIndex:
    """The lines of a TOML text at which its tables and keys stand."""

    def __init__(self, text: str) -> None:
        self._tables: list[int] = []
        self._keys: dict[tuple[int | None, str], int] = {}
        number: int | None = None
        inside = False
        for line, words in _lines(text):
            if number is not None and (inner := _INNER.match(words)):
                inside = True
                self._keys.setdefault((number, inner[1]), line)
            elif table := _TABLE.match(words):
                inside = False
                number = 0 if number is None else number + 1
                self._tables.append(line)
                self._keys.setdefault((None, table[1]), line)
            elif not inside and (key := _KEY.match(words)):
                self._keys.setdefault((number, key[1]), line)

    def table(self, number: int) -> int:
        """Return the line of the module table of a number, from 0."""
        return self._tables[number] if number < len(self._tables) else 1

    def key(self, number: int | None, key: str) -> int | None:
        """Return the line of a key, None if it has none; `number` None is the top."""
        return self._keys.get((number, key))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a TOML text that are not inside a multi-line string."""
    inside: set[int] = set()
    line, place = 1, 0
    for token in _STRING_OR_COMMENT.finditer(text):
        line += text.count("\n", place, token.start())
        more, place = token[0].count("\n"), token.end()
        inside.update(range(line + 1, line + more + 1))
        line += more
    yield from ((n, words) for n, words in enumerate(text.split("\n"), 1) if n not in inside)


class VendoredModule(Struct, frozen=True):
    """One module that a repository keeps."""

    path: str  # where, relative to the configuration, with forward slashes
    options: Options
    line: int  # the line of its table
    # The version that is pinned, if it is newer than the catalog and the newest known one stands in
    # for it; empty otherwise.
    unknown_version: str = ""

    @property
    def newest(self) -> bool:
        """Whether its pin is the newest version that the catalog knows, or revision, or newer."""
        chosen = self.options.selection
        if chosen.version is None:
            return chosen.revision.last is None
        return chosen.version == known_versions.newest()


class Config(Struct, frozen=True):
    """A configuration file."""

    path: Path
    text: str
    modules: tuple[VendoredModule, ...]  # its modules, in order

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings: no modules, and each version that the catalog does not know, with lines."""
        if not self.modules:
            return (f"{self.path} has no [[module]], so there is nothing to do",)
        lines: dict[str, list[int]] = {}
        for module in self.modules:
            if module.unknown_version:
                lines.setdefault(module.unknown_version, []).append(module.line)
        return tuple(
            f"{self.path}: module of line {', '.join(map(str, numbers))}: "
            f"{known_versions.stand_in_warning(version)}"
            for version, numbers in lines.items()
        )

    def folder(self, module: VendoredModule) -> Path:
        """Return the directory of a module."""
        return self.path.parent / module.path

    def refuse_changed(self) -> None:
        """Raise `TreeError` if the file was changed since it was read."""
        try:
            same = content(self.path, CONFIGURATION) == self.text.encode()
        except InputError:
            same = False
        if not same:
            raise TreeError(f"{self.path}: was changed meanwhile; run the command again")


def load(path: Path, *, strict: bool = False) -> Config:
    """Read a configuration file; raises `InputError` with the line.

    `strict` refuses a plugin version newer than the catalog, for which the newest known one would
    stand in.
    """
    if not os.path.lexists(path):
        raise InputError(str(path), "", "does not exist; create one with vpc-cni-iam init")
    # Its line ends are the user's, and an upgrade keeps them.
    return parse(read(path, "TOML", CONFIGURATION), path, strict=strict)


def parse(text: str, path: Path, *, strict: bool = False) -> Config:
    """Read the text of a configuration; errors name `path`, and module paths are relative to it."""
    source = str(path)
    document = toml.loads(text, source)
    places = TomlLineIndex(text)
    for key in document:
        if key != "module":
            line = places.key(None, key) or 1
            raise ConfigurationError(source, f"line {line}", unknown_name(key, ["module"], "key"))
    tables = document.get("module", [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        line = places.key(None, "module") or 1
        raise ConfigurationError(source, f"line {line}", "write [[module]], with two brackets")
    modules = []
    for number, table in enumerate(tables):

        def refuse(key: str | None, problem: str, number: int = number) -> ConfigurationError:
            line = (key and places.key(number, key)) or places.table(number)
            if len(problem) > _LONGEST:  # of a value that nobody has to see as a whole
                problem = f"{problem[:_SHOWN]}...{problem[-_SHOWN:]}"
            return ConfigurationError(source, f"line {line}", problem)

        typed = convert(table, refuse)
        line = places.table(number)
        modules.append(_module(typed, table.keys(), line, refuse, strict=strict))
    _refuse_overlaps(modules, source)
    return Config(path, text, tuple(modules))


def _module(
    table: ModuleTable, keys: Container[str], line: int, refuse: Refusal, *, strict: bool
) -> VendoredModule:
    version, revision = _set(table.cni_version), _set(table.revision)
    if version is None and revision is None:
        raise refuse(None, "this module has neither cni_version nor revision; pin one of them")
    if problem := _path_problem(table.path):
        shown = table.path if len(table.path) <= _SHOWN else f"{table.path[:_SHOWN]}..."
        raise refuse("path", f"path {shown!r} {problem}")
    stand_in = known_versions.stand_in(version) if version and not strict else None
    try:
        made_from = _options(
            *(table.variants or ()),
            revision=revision,
            cni_version=str(stand_in) if stand_in else version,
            features=tuple(table.features),
            # To a revision nothing is added, and the version may come again.
            additions=Additions.needed if revision is not None else table.additions,
            kind=table.kind,
            hardening=Hardening.of(
                harden=table.harden,
                additional_tag_keys=table.additional_tag_keys or (),
                eni_claim_tag=_set(table.eni_claim_tag),
                limit_to=table.limit_to or (),
            ),
        )
    except OptionError as error:
        key = _KEYS.get(error.option)
        # Without the key, it is about its default at this plugin version.
        raise refuse(key if key in keys else "cni_version", error.text(_IN_TEXTS)) from None
    return VendoredModule(
        posixpath.normpath(table.path),
        made_from,
        line,
        version if version and stand_in else "",
    )


def _set(value: str | UnsetType) -> str | None:
    return None if isinstance(value, UnsetType) else value


@cache
def _options(*variants: str, **chosen: Any) -> Options:
    """Return `options` that every one of their variants can use; most modules share theirs."""
    made_from = options(variants, **chosen)
    made_from.composed()
    return made_from


def _path_problem(path: str) -> str:
    if not path or "\0" in path or "\\" in path or not path.isprintable():
        return "is not a path; write it with forward slashes"
    pure = PurePosixPath(path)
    if pure.is_absolute() or re.match(r"[A-Za-z]:", path):
        return "is absolute; write it relative to the configuration"
    if str(pure) == ".":
        return "is the configuration's own directory; each module needs its own"
    if ".git" in {part.lower() for part in pure.parts}:
        return "lies in a .git directory"
    if any(part != ".." and re.fullmatch(_OTHER_ON_WINDOWS, part) for part in pure.parts):
        return "has a name that is another file on Windows; choose another name"
    return _length_problem(pure)


def _length_problem(path: PurePosixPath) -> str:
    if any(len(os.fsencode(part)) > NAME_BYTES for part in path.parts):
        return f"has a name of more than {NAME_BYTES} bytes, which no file system takes; shorten it"
    if len(os.fsencode(path)) > PATH_BYTES:
        return f"is longer than {PATH_BYTES:,} bytes, which some systems do not take; shorten it"
    return ""


def one_form(path: str) -> str:
    """Return a path in the one form of Unicode that macOS takes all of them for."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def _refuse_overlaps(modules: Iterable[VendoredModule], source: str) -> None:
    places: dict[tuple[str, ...], VendoredModule] = {}
    around: dict[tuple[str, ...], VendoredModule] = {}
    for module in modules:
        parts = PurePosixPath(one_form(module.path.casefold())).parts
        above = [parts[:depth] for depth in range(1, len(parts))]
        for earlier, how in (
            (places.get(parts), "the same path as"),
            (next((places[p] for p in above if p in places), None), "a path inside"),
            (around.get(parts), "a path around"),
        ):
            if earlier is not None:
                problem = f"is {how} that of line {earlier.line}, {earlier.path!r}"
                inner, outer = sorted(
                    (f"{module.path}/", f"{earlier.path}/"), key=len, reverse=True
                )
                if not inner.startswith(outer):
                    problem += "; case and Unicode form make no difference on some file systems"
                raise ConfigurationError(
                    source, f"line {module.line}", f"path {module.path!r} {problem}"
                )
        places[parts] = module
        around.update(dict.fromkeys(above, module))
