"""The definitions in the files of a module that a rewritten file needs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from vpc_cni_iam.converting.rewriting.carry import Surroundings
from vpc_cni_iam.converting.rewriting.splices import SpliceNames
from vpc_cni_iam.errors import InputError, reason
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Block, File, Node, Reference
from vpc_cni_iam.texts import content_together, decode
from vpc_cni_iam.texts.limits import HCL, MODULE, MODULE_FILES

_SUFFIXES = (".tf", ".tofu", ".tf.json", ".tofu.json")
_DATA_SOURCE = re.compile(r'\bdata[ \t]+"?aws_iam_policy_document"?[ \t]+"?([\w-]+)')
_KEY = re.compile(r'"([\w-]+)"\s*:')
_DEFINES = re.compile(r"\b(variable|locals)\b")


class ModuleFiles:
    """The configuration files right in a directory, read once for all that is rewritten in it."""

    def __init__(self, directory: Path) -> None:
        """Read the files."""
        try:
            paths = sorted(directory.iterdir()) if directory.is_dir() else []
        except OSError as error:
            raise InputError(str(directory), "", f"cannot be read: {reason(error)}") from None
        chosen = [p for p in paths if p.name.endswith(_SUFFIXES) and p.is_file()]
        every = content_together(chosen, str(directory), HCL, MODULE, MODULE_FILES)
        self.files = {path.name: file for path, file in every.items()}
        self._parsed: dict[str, File] = {}

    @cached_property
    def taken(self) -> set[str]:
        """The names that data sources of policy documents have, or might have.

        A name in a comment counts, and in JSON any key: a name too many is no harm.
        """
        names: set[str] = set()
        for name, encoded in self.files.items():
            pattern = _KEY if name.endswith(".json") else _DATA_SOURCE
            names.update(pattern.findall(encoded.decode(errors="replace")))
        return names

    def file(self, name: str, source: str) -> File:
        """Return the syntax tree of one of `files`, which is parsed once."""
        if name not in self._parsed:
            self._parsed[name] = parse(decode(self.files[name], source, "HCL"), source)
        return self._parsed[name]

    @cached_property
    def surroundings(self) -> Surroundings:
        """The known variables and locals, which a rewriting does not change."""
        definitions = _Definitions()
        for name, encoded in self.files.items():
            if name.endswith(".json"):
                definitions.in_json.update(_KEY.findall(encoded.decode(errors="replace")))
                continue
            try:
                if _DEFINES.search(decode(encoded, name, "HCL")):
                    definitions.add(self.file(name, name).blocks)
            except InputError:
                definitions.unreadable = definitions.unreadable or name
        return definitions.surroundings()


@dataclass(slots=True)
class _Definitions:
    """The definitions of a module: all values of each name, from any file."""

    types: defaultdict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    values: defaultdict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    # The keys of JSON files, of which any may define a variable or a local.
    in_json: set[str] = field(default_factory=set)
    unreadable: str = ""  # the first file that cannot be read, empty if there is none

    def add(self, blocks: Iterable[Block]) -> None:
        """Add the definitions of some blocks."""
        for block in blocks:
            if block.type == "variable" and block.labels:
                self.types[block.labels[0]].append(block.attributes.get("type", Reference("any")))
            elif block.type == "locals":
                for name, value in block.attributes.items():
                    self.values[name].append(value)

    def surroundings(self) -> Surroundings:
        """Return the values that are known for sure."""
        types, values = self._once(self.types), self._once(self.values)
        scalars = {name: t.path for name, t in types.items() if isinstance(t, Reference)}
        return Surroundings(
            types,
            {f"local.{name}": value for name, value in values.items()},
            SpliceNames(scalars, self.values, self.in_json, self.unreadable),
        )

    def _once(self, definitions: Mapping[str, list[Node]]) -> dict[str, Node]:
        """Return the values that are set once; one set twice, as by an override, is unknown."""
        if self.unreadable:
            return {}
        return {
            name: nodes[0]
            for name, nodes in definitions.items()
            if len(nodes) == 1 and name not in self.in_json
        }


class Modules:
    """The modules in which files are rewritten in one run; the files of each are read once."""

    def __init__(self) -> None:
        """Start without any."""
        self._modules: dict[Path, ModuleFiles] = {}

    def of(self, directory: Path) -> ModuleFiles:
        """Return the module of a directory."""
        key = directory.resolve()
        if key not in self._modules:
            self._modules[key] = ModuleFiles(directory)
        return self._modules[key]
