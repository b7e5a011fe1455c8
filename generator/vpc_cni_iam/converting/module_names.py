"""What the files of a module's directory say that a rewritten file needs to know."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cached_property
from pathlib import Path

from vpc_cni_iam.converting.carry import Surroundings
from vpc_cni_iam.converting.splices import SpliceNames
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import File, Node, Reference
from vpc_cni_iam.texts import content_together, decode
from vpc_cni_iam.texts.limits import HCL, MODULE, MODULE_FILES

_SUFFIXES = (".tf", ".tofu", ".tf.json", ".tofu.json")
_DATA_SOURCE = re.compile(r'\bdata[ \t]+"?aws_iam_policy_document"?[ \t]+"?([\w-]+)')
_KEY = re.compile(r'"([\w-]+)"\s*:')
_DEFINES = re.compile(r"\b(variable|locals)\b")


class ModuleFiles:
    """The configuration files right in a directory, read once for all that is rewritten in it."""

    def __init__(self, directory: Path) -> None:
        """Read the files.

        Raises:
            InputError: A file cannot be read.
        """
        try:
            paths = sorted(directory.iterdir()) if directory.is_dir() else []
        except OSError as error:
            raise InputError(str(directory), "", f"cannot be read: {error.strerror}") from None
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
        """Return the syntax tree of a file, which is parsed once.

        Args:
            name: Its name, one of `files`.
            source: The name that errors show.

        Raises:
            InputError: Not HCL; with the line.
        """
        if name not in self._parsed:
            self._parsed[name] = parse(decode(self.files[name], source, "HCL"), source)
        return self._parsed[name]

    @cached_property
    def surroundings(self) -> Surroundings:
        """What is known of the variables and locals, which a rewriting does not change."""
        types: defaultdict[str, list[Node]] = defaultdict(list)
        values: defaultdict[str, list[Node]] = defaultdict(list)
        in_json: set[str] = set()
        unreadable = ""
        for name, encoded in self.files.items():
            if name.endswith(".json"):
                in_json.update(_KEY.findall(encoded.decode(errors="replace")))
                continue
            try:
                if not _DEFINES.search(decode(encoded, name, "HCL")):
                    continue
                blocks = self.file(name, name).blocks
            except InputError:
                unreadable = unreadable or name
                continue
            for block in blocks:
                if block.type == "variable" and block.labels:
                    kind = block.attributes.get("type", Reference("any"))
                    types[block.labels[0]].append(kind)
                elif block.type == "locals":
                    for local, value in block.attributes.items():
                        values[local].append(value)
        # What is set twice, as in an override file, is not known.
        kinds = {n: t[0] for n, t in types.items() if len(t) == 1 and n not in in_json}
        scalars = {n: t.path for n, t in kinds.items() if isinstance(t, Reference)}
        known = {f"local.{n}": v[0] for n, v in values.items() if len(v) == 1 and n not in in_json}
        return Surroundings(
            {} if unreadable else kinds,
            {} if unreadable else known,
            SpliceNames({} if unreadable else scalars, values, in_json, unreadable),
        )


class Modules:
    """The modules in which files are rewritten in one run; the files of each are read once."""

    def __init__(self) -> None:
        """Start without any."""
        self._modules: dict[Path, ModuleFiles] = {}

    def of(self, directory: Path) -> ModuleFiles:
        """Return the module of a directory.

        Raises:
            InputError: A file in it cannot be read.
        """
        key = directory.resolve()
        if key not in self._modules:
            self._modules[key] = ModuleFiles(directory)
        return self._modules[key]
