"""What the files of a module's directory say that a rewritten file needs to know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from vpc_cni_iam.converting.carry import Surroundings
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.locate import File, locate
from vpc_cni_iam.hcl.module import read_blocks
from vpc_cni_iam.hcl.read import parse
from vpc_cni_iam.sources.json_documents import decode

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
    blocks, located = [], []
    for name, content in files.items():
        if name.endswith(".json"):
            continue
        try:
            whole = decode(content, name).removeprefix("\ufeff")
            blocks += [(name, b) for b in parse(whole, name) if b.type in ("variable", "locals")]
            located.append(locate(whole, name))
        except InputError:
            continue
    types = {
        b.labels[0]: b.attributes["type"][0]
        for _, b in blocks
        if b.type == "variable" and "type" in b.attributes
    }
    return Surroundings(types, read_blocks(blocks, {}).locals, _codes(located))


def _codes(files: list[File]) -> dict[str, str]:
    return {
        name: file.text[value.start : value.end]
        for file in files
        for block in file.blocks
        if block.type == "locals"
        for name, value in block.attributes.items()
    }
