"""What the files of a module's directory say that a rewritten file needs to know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from vpc_cni_iam.converting.carry import Surroundings
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.locate import locate
from vpc_cni_iam.hcl.module import local_nodes
from vpc_cni_iam.hcl.read import parse
from vpc_cni_iam.texts import decode

_SUFFIXES = (".tf", ".tofu", ".tf.json", ".tofu.json")
_DATA_SOURCE = re.compile(r'\bdata[ \t]+"?aws_iam_policy_document"?[ \t]+"?([\w-]+)')
_KEY = re.compile(r'"([\w-]+)"\s*:')


def contents(directory: Path) -> dict[str, bytes]:
    """Return the configuration files right in a directory.

    Args:
        directory: The directory.

    Raises:
        InputError: A file cannot be read.
    """
    found = {}
    for path in sorted(directory.iterdir()):
        if path.name.endswith(_SUFFIXES) and path.is_file():
            try:
                found[path.name] = path.read_bytes()
            except OSError as error:
                raise InputError(str(path), "", f"cannot be read: {error.strerror}") from None
    return found


def taken(files: Mapping[str, bytes]) -> set[str]:
    """Return the names that data sources of policy documents have, or might have.

    A name in a comment counts, and in JSON any key: a name too many is no harm.

    Args:
        files: The configuration files of a directory by name.
    """
    found: set[str] = set()
    for name, content in files.items():
        pattern = _KEY if name.endswith(".json") else _DATA_SOURCE
        found.update(pattern.findall(content.decode(errors="replace")))
    return found


def surroundings(files: Mapping[str, bytes]) -> Surroundings:
    """Return what is known of a module's variables and locals; files that are no HCL say nothing.

    Args:
        files: The configuration files of a directory by name.
    """
    known = Surroundings({}, {}, {})
    for name, content in files.items():
        if not name.endswith(".json"):
            one = _surroundings(content)
            known = Surroundings(
                {**known.variables, **one.variables},
                {**known.locals, **one.locals},
                {**known.codes, **one.codes},
            )
    return known


@lru_cache(maxsize=1024)  # each file of a directory is rewritten knowing all the others
def _surroundings(content: bytes) -> Surroundings:
    try:
        text = decode(content, "", "HCL")
        if not re.search(r"\b(variable|locals)\b", text):
            return Surroundings()
        blocks, file = parse(text, ""), locate(text, "")
    except InputError:
        return Surroundings()
    types = {
        b.labels[0]: b.attributes["type"][0]
        for b in blocks
        if b.type == "variable" and b.labels and "type" in b.attributes
    }
    codes = {
        name: text[value.start : value.end]
        for block in file.blocks
        if block.type == "locals"
        for name, value in block.attributes.items()
    }
    nodes = {name.removeprefix("local."): node for name, node in local_nodes(blocks).items()}
    return Surroundings(types, nodes, codes)
