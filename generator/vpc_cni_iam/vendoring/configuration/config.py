"""``vpc-cni-iam.toml``: the modules of a repository, and their options."""

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
from vpc_cni_iam.catalog.options import Options, in_directory, options
from vpc_cni_iam.catalog.selection import Additions
from vpc_cni_iam.errors import ConfigurationError, InputError, OptionError, TreeError
from vpc_cni_iam.names import unknown_name
from vpc_cni_iam.texts import content, read, toml
from vpc_cni_iam.texts.limits import CONFIGURATION, NAME_BYTES, PATH_BYTES
from vpc_cni_iam.vendoring.configuration.tables import ModuleTable, Refuse, convert

_TABLE = re.compile(r"\s*\[+\s*[\"']?([^\s\"'\].]+)")
# The header of a table inside the module table above it, such as [[module.accept]].
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
# A name that Windows takes for a device, or for another name such as ``.git``.
_OTHER_ON_WINDOWS = r"(?i)(con|prn|aux|nul|(com|lpt)[0-9])(\..*)?|git~[0-9]+|.*[. ]"
# The keys of options.
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
    """The lines of the tables and keys in a TOML text."""

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
        """Return the line of a module table; the first one has number 0."""
        return self._tables[number] if number < len(self._tables) else 1

    def key(self, number: int | None, key: str) -> int | None:
        """Return the line of a key, None if it is absent; `number` is None for the top table."""
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
    """A module of the configuration."""

    path: str  # its directory, relative to the configuration, with forward slashes
    options: Options
    line: int  # the line of its table
    # The pinned version, if it is newer than the catalog, so that the newest known version is used
    # instead; else empty.
    unknown_version: str = ""

    @property
    def newest(self) -> bool:
        """Whether its pin is the newest version or revision of the catalog, or newer."""
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
        """The warnings: no modules, and versions that the catalog does not know, with lines."""
        if not self.modules:
            return (f"{self.path} has no [[module]], so there is nothing to do",)
        lines: dict[str, list[int]] = {}
        for module in self.modules:
            if module.unknown_version:
                lines.setdefault(module.unknown_version, []).append(module.line)
        return tuple(
            f"{self.path}: module in line {', '.join(map(str, numbers))}: "
            f"{known_versions.stand_in_warning(version)}; --strict refuses"
            for version, numbers in lines.items()
        )

    def folder(self, module: VendoredModule) -> Path:
        """Return the directory of a module."""
        return self.path.parent / module.path

    def refuse_changed(self) -> None:
        """Raise `TreeError` if the file has changed since it was read."""
        try:
            same = content(self.path, CONFIGURATION) == self.text.encode()
        except InputError:
            same = False
        if not same:
            raise TreeError(f"{self.path}: has changed during the run; run the command again")


def load(path: Path, *, strict: bool = False) -> Config:
    """Read a configuration file; raises `InputError` with the line.

    `strict` refuses a plugin version newer than the catalog. Else the newest known one is used.
    """
    if not os.path.lexists(path):
        raise InputError(str(path), "", "does not exist; create one with vpc-cni-iam init")
    # The text keeps the user's line ends, so that an upgrade does not change them.
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
            if len(problem) > _LONGEST:  # a long value is shown in part
                problem = f"{problem[:_SHOWN]}...{problem[-_SHOWN:]}"
            return ConfigurationError(source, f"line {line}", problem)

        typed = convert(table, refuse)
        line = places.table(number)
        modules.append(_module(typed, table.keys(), line, refuse, strict=strict))
    _refuse_overlaps(modules, source)
    return Config(path, text, tuple(modules))


def _module(
    table: ModuleTable, keys: Container[str], line: int, refuse: Refuse, *, strict: bool
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
            # A revision has no additions. The key may be for a later pin to a version.
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
        # Without the key, the error is about its default at this plugin version.
        raise refuse(key if key in keys else "cni_version", error.text(_IN_TEXTS)) from None
    path = posixpath.normpath(table.path)
    return VendoredModule(
        path,
        in_directory(made_from, PurePosixPath(path)),
        line,
        version if version and stand_in else "",
    )


def _set(value: str | UnsetType) -> str | None:
    return None if isinstance(value, UnsetType) else value


@cache
def _options(*variants: str, **chosen: Any) -> Options:
    """Return checked options; cached, because most modules have the same options."""
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
        return "is in a .git directory"
    if any(part != ".." and re.fullmatch(_OTHER_ON_WINDOWS, part) for part in pure.parts):
        return "has a name that means another file on Windows; choose another name"
    return _length_problem(pure)


def _length_problem(path: PurePosixPath) -> str:
    if any(len(os.fsencode(part)) > NAME_BYTES for part in path.parts):
        return f"has a name of more than {NAME_BYTES} bytes, too long for file systems; shorten it"
    if len(os.fsencode(path)) > PATH_BYTES:
        return f"is longer than {PATH_BYTES:,} bytes, too long for some systems; shorten it"
    return ""


def one_form(path: str) -> str:
    """Return a path in one Unicode form; macOS treats all forms as the same path."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def _refuse_overlaps(modules: Iterable[VendoredModule], source: str) -> None:
    places: dict[tuple[str, ...], VendoredModule] = {}
    around: dict[tuple[str, ...], VendoredModule] = {}
    for module in modules:
        parts = PurePosixPath(one_form(module.path.casefold())).parts
        above = [parts[:depth] for depth in range(1, len(parts))]
        for earlier, how in (
            (places.get(parts), "the same path as"),
            (next((places[p] for p in above if p in places), None), "inside the path"),
            (around.get(parts), "a parent of the path"),
        ):
            if earlier is not None:
                problem = f"is {how} {earlier.path!r} in line {earlier.line}"
                inner, outer = sorted(
                    (f"{module.path}/", f"{earlier.path}/"), key=len, reverse=True
                )
                if not inner.startswith(outer):
                    problem += "; some file systems ignore case and Unicode form"
                raise ConfigurationError(
                    source, f"line {module.line}", f"path {module.path!r} {problem}"
                )
        places[parts] = module
        around.update(dict.fromkeys(above, module))
