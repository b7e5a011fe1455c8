"""The definitions in the files of a module that a rewritten file needs."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from vpc_cni_iam.converting.rewriting.carry import Surroundings
from vpc_cni_iam.errors import InputError, reason
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import File
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
        known = Surroundings()
        for name, encoded in self.files.items():
            if name.endswith(".json"):
                known.in_json.update(_KEY.findall(encoded.decode(errors="replace")))
                continue
            try:
                if _DEFINES.search(decode(encoded, name, "HCL")):
                    known.add(self.file(name, name).blocks)
            except InputError:
                known.unreadable = known.unreadable or name
        return known


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
