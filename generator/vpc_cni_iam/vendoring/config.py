"""``vpc-cni-iam.toml``: which modules a repository keeps, and what each is made from."""

from __future__ import annotations

import os
import posixpath
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts import releases
from vpc_cni_iam.catalog.facts.plugin_version import EKS_BUILD
from vpc_cni_iam.catalog.hardening import CLAIM, FLAG, KEY, Hardening
from vpc_cni_iam.catalog.options import ModuleKind, Options, options
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.errors import InputError, TreeError, UsageError
from vpc_cni_iam.texts import content, read
from vpc_cni_iam.texts.limits import CONFIGURATION, NAME_BYTES, PATH_BYTES
from vpc_cni_iam.texts.nesting import check_toml
from vpc_cni_iam.vendoring.acceptance import Acceptance, acceptances
from vpc_cni_iam.vendoring.toml_lines import TomlLineIndex

NAME = "vpc-cni-iam.toml"
_SCHEMA = "vpc-cni-iam.schema.json"
_SHOWN = 100
_TYPES: dict[str, tuple[type, str]] = {
    "path": (str, "a string"),
    "kind": (str, "a string"),
    "variants": (list, "a list of strings"),
    "cni_version": (str, "a string"),
    "revision": (str, "a string"),
    "features": (list, "a list of strings"),
    "gaps": (bool, "true or false"),
    "harden": (bool, "true or false"),
    "additional_tag_keys": (list, "a list of strings"),
    "eni_claim_tag": (str, "a string"),
    "accept": (list, "a list of tables"),
}


@dataclass(frozen=True, slots=True)
class VendoredModule:
    """One module that a repository keeps.

    Args:
        path: Where, relative to the configuration, with forward slashes.
        options: What it is made from.
        line: The line of its table.
        accepted: The edits of its files that are accepted.
    """

    path: str
    options: Options
    line: int
    accepted: tuple[Acceptance, ...] = ()

    @property
    def newest(self) -> bool:
        """Whether its pin is the newest release that the catalog knows, or revision."""
        chosen = self.options.selection
        if chosen.release is None:
            return chosen.revision.last is None
        return chosen.release == releases.newest()


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration file.

    Args:
        path: Where it is.
        text: Its text.
        modules: Its modules, in order.
    """

    path: Path
    text: str
    modules: tuple[VendoredModule, ...]

    def folder(self, module: VendoredModule) -> Path:
        """Return the directory of a module.

        Args:
            module: The module.
        """
        return self.path.parent / module.path

    def refuse_changed(self) -> None:
        """Refuse to go on from what the file no longer says.

        Raises:
            TreeError: The file was changed since it was read.
        """
        try:
            same = content(self.path, CONFIGURATION) == self.text.encode()
        except InputError:
            same = False
        if not same:
            raise TreeError(f"{self.path}: was changed meanwhile; run the command again")


def load(path: Path) -> Config:
    """Read a configuration file.

    Args:
        path: The file.

    Raises:
        InputError: It is missing, or says something that does not hold; with the line.
    """
    if not os.path.lexists(path):
        raise InputError(str(path), "", "is missing; vpc-cni-iam init writes one")
    # Its line ends are the user's, and an upgrade keeps them.
    return parse(read(path, "TOML", CONFIGURATION), path)


def schema_text() -> str:
    """Return the JSON Schema of the file; it says what `parse` says, but for paths.

    Nor does it say which variants and features work with which release.
    """
    text = resources.text(f"vendoring/{_SCHEMA}")
    names = "|".join(re.escape(str(r).removeprefix("v")) for r in releases.served())
    # A backslash is doubled in JSON.
    known = f"v?({names}){EKS_BUILD}".replace("\\", "\\\\")
    variants = '",\n                "'.join(v.name for v in VARIANTS)
    return text.replace("RELEASES", known).replace("VARIANTS", variants)


def parse(text: str, path: Path) -> Config:
    """Read the text of a configuration.

    Args:
        text: The text.
        path: Where it is, which errors name and module paths are relative to.

    Raises:
        InputError: It says something that does not hold; with the line.
    """
    source = str(path)
    check_toml(text, source)
    places = TomlLineIndex(text)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at (.*)\)$", str(error))
        what = str(error).removesuffix(place[0]).strip() if place else str(error)
        raise InputError(source, place[1] if place else "", f"is not TOML: {what}") from None
    except (ValueError, RecursionError):
        raise InputError(source, "", "holds a number or a nesting that no module needs") from None
    for key in document:
        if key != "module":
            line = places.key(None, key) or 1
            raise InputError(source, f"line {line}", f"unknown key {key!r}; known is module")
    tables = document.get("module", [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        line = places.key(None, "module") or 1
        raise InputError(source, f"line {line}", "write [[module]], with two brackets")
    modules = tuple(_module(places, source, n, table) for n, table in enumerate(tables))
    _refuse_overlaps(modules, source)
    return Config(path, text, modules)


def _module(
    places: TomlLineIndex, source: str, number: int, table: dict[str, Any]
) -> VendoredModule:
    def refuse(key: str | None, problem: str) -> InputError:
        line = (key and places.key(number, key)) or places.table(number)
        return InputError(source, f"line {line}", problem)

    for key, value in table.items():
        if key not in _TYPES:
            raise refuse(key, f"unknown key {key!r}; known are {', '.join(_TYPES)}")
        kind, words = _TYPES[key]
        item = dict if key == "accept" else str
        listed = isinstance(value, list) and not all(isinstance(v, item) for v in value)
        if not isinstance(value, kind) or listed:
            raise refuse(key, f"{key} must be {words}")
    if "path" not in table:
        raise refuse(None, "this module has no path")
    if "variants" in table and not table["variants"]:
        raise refuse("variants", "variants is empty; name one, or leave it out for upstream's")
    if "additional_tag_keys" in table and not table["additional_tag_keys"]:
        raise refuse("additional_tag_keys", "additional_tag_keys is empty; leave it out")
    if "cni_version" not in table and "revision" not in table:
        raise refuse(None, "this module has neither cni_version nor revision; pin one of them")
    path = table["path"]
    if problem := _path_problem(path):
        shown = path if len(path) <= _SHOWN else f"{path[:_SHOWN]}..."
        raise refuse("path", f"path {shown!r} {problem}")
    try:
        made_from = _options(
            tuple(table.get("variants", ())),
            table.get("revision"),
            table.get("cni_version"),
            tuple(table.get("features", ())),
            # Of a revision there are none to fill, and the release may come again.
            "revision" in table or table.get("gaps", True),
            table.get("kind", ModuleKind.policy),
            Hardening.of(
                harden=table.get("harden", False),
                additional_tag_keys=table.get("additional_tag_keys", ()),
                eni_claim_tag=table.get("eni_claim_tag"),
            ),
        )
    except UsageError as error:
        raise refuse(_guilty(table, str(error)), _in_toml(str(error))) from None
    where = posixpath.normpath(path)
    accepted = acceptances(table.get("accept", []), refuse)
    return VendoredModule(where, made_from, places.table(number), accepted)


@cache
def _options(
    variants: tuple[str, ...],
    revision: str | None,
    cni_version: str | None,
    features: tuple[str, ...],
    gaps: bool,
    kind: str,
    hardening: Hardening | None,
) -> Options:
    """Return options that every one of their variants can use; most modules share theirs."""
    made_from = options(
        variants,
        revision=revision,
        cni_version=cni_version,
        features=features,
        gaps=gaps,
        kind=kind,
        hardening=hardening,
    )
    made_from.composed()
    return made_from


def _path_problem(path: str) -> str:
    if not path or "\0" in path or "\\" in path or not path.isprintable():
        return "is not a path; write it with forward slashes"
    pure = PurePosixPath(path)
    if pure.is_absolute() or re.match(r"[A-Za-z]:", path):
        return "is absolute; write it relative to the configuration"
    if str(pure) == ".":
        return "is the configuration's own directory; a module needs one of its own"
    if ".git" in {part.lower() for part in pure.parts}:
        return "lies in a .git directory"
    return _length_problem(pure)


def _length_problem(path: PurePosixPath) -> str:
    if any(len(os.fsencode(part)) > NAME_BYTES for part in path.parts):
        return f"has a name of more than {NAME_BYTES} bytes, which no file system takes; shorten it"
    if len(os.fsencode(path)) > PATH_BYTES:
        return f"is longer than {PATH_BYTES:,} bytes, which some systems do not take; shorten it"
    return ""


def _guilty(table: dict[str, Any], problem: str) -> str | None:
    """Return the key that a problem of options is about."""
    for word, key in (
        (FLAG, "harden"),
        (KEY, "additional_tag_keys"),
        (CLAIM, "eni_claim_tag"),
        ("kind", "kind"),
        ("variant", "variants"),
        ("feature", "features"),
        ("revision", "revision"),
        ("plugin", "cni_version"),
    ):
        if word in problem and key in table:
            return key
    return None


def _in_toml(problem: str) -> str:
    """Return a problem with keys in place of options."""
    for option, key in (
        ("--cni-version v", "cni_version = v"),
        ("--cni-version", "cni_version"),
        ("--revision", "revision"),
        ("repeat --variant for each variant", "write a string for each variant"),
        ("repeat --feature for each feature", "write a string for each feature"),
        ("--variant", "variants"),
        (FLAG, "harden = true"),
        (KEY, "additional_tag_keys"),
        (CLAIM, "eni_claim_tag"),
    ):
        problem = problem.replace(option, key)
    return problem


def _refuse_overlaps(modules: Iterable[VendoredModule], source: str) -> None:
    places: dict[tuple[str, ...], VendoredModule] = {}
    around: dict[tuple[str, ...], VendoredModule] = {}
    for module in modules:
        parts = tuple(part.casefold() for part in PurePosixPath(module.path).parts)
        above = [parts[:depth] for depth in range(1, len(parts))]
        for other, how in (
            (places.get(parts), "the same path as"),
            (next((places[p] for p in above if p in places), None), "a path inside"),
            (around.get(parts), "a path around"),
        ):
            if other is not None:
                raise InputError(
                    source,
                    f"line {module.line}",
                    f"path {module.path!r} is {how} that of line {other.line}, {other.path!r}",
                )
        places[parts] = module
        around.update(dict.fromkeys(above, module))
