"""Changes of a module's code whose meaning takes an engine.

Comments, layout and the file that a block stands in make no difference. Everything else does, and
counts as a change that may take something away.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from typing import TypeAlias

from vpc_cni_iam.hcl.syntax import Block, Node, Object
from vpc_cni_iam.publishing.versioning.semver import Bump, VersionChange

Shape: TypeAlias = Hashable
# Arguments that only people read.
_WORDS = frozenset({"description", "error_message"})
# Arguments of a variable that interface.py compares.
_INTERFACE = frozenset({"type", "default", "nullable"})
# An object as it is generated, with an entry a line; a version in a required provider.
_ENTRY = re.compile(r"""\s*("[^"]*"|[\w-]+)\s*=\s*(\S.*?),?\s*""")
_TEXT = re.compile(r'"[^"$%\\]*"')
_VERSION = re.compile(r'\bversion\s*=\s*"[^"]*"')


def compare_code(
    old: Iterable[Block], new: Iterable[Block], unreadable: Iterable[str], subject: str
) -> tuple[VersionChange, ...]:
    """Return the changes of resources, locals, values of outputs, and unreadable documents."""
    before, after = (dict(_shapes(blocks, set(unreadable))) for blocks in (old, new))
    changes = []
    for name in sorted({*before, *after}):
        if name not in after or name not in before:
            # Other blocks that come and go are changes of inputs, outputs or policies.
            if name.startswith(("resource ", "data ")):
                bump, word = (Bump.minor, "is new") if name in after else (Bump.major, "is removed")
                changes.append(VersionChange(bump, subject, f"{name} {word}"))
        elif before[name] != after[name]:
            text = f"{name} is another one, and what that means takes an engine"
            changes.append(VersionChange(Bump.major, subject, text))
    return tuple(changes)


def _shapes(blocks: Iterable[Block], unreadable: set[str]) -> Iterator[tuple[str, Shape]]:
    for block in blocks:
        name = f"{block.type} {'.'.join(block.labels)}"
        match block.type:
            case "resource":
                yield name, _shape(block)
            case "data":
                document = block.labels[:1] == ("aws_iam_policy_document",)
                if document and block.labels[-1] in unreadable:
                    yield name, _shape(block)
            case "variable":
                yield name, _arguments(block, _WORDS | _INTERFACE)
            case "output":
                yield name, _arguments(block, _WORDS | {"value"})
                if "value" in block.attributes:
                    yield from _values(f"value of {name}", block.attributes["value"])
            case "locals":
                for local, node in block.attributes.items():
                    yield from _values(f"local {local}", node)
            case "terraform":
                for inner in block.blocks:
                    for provider, node in inner.attributes.items():
                        code = _VERSION.sub("", node.span.code)
                        yield f"provider {provider}", " ".join(code.split())


def _values(name: str, node: Node) -> Iterator[tuple[str, Shape]]:
    """Yield a value, and that of an object by its keys; texts in an object are for people."""
    first, *inner = node.span.code.splitlines() if isinstance(node, Object) else [""]
    entries = [_ENTRY.fullmatch(line) for line in inner[:-1]]
    if first.strip() != "{" or None in entries:
        yield name, node
        return
    for entry in filter(None, entries):
        yield f"{name} [{entry[1]}]", "a text" if _TEXT.fullmatch(entry[2]) else entry[2]


def _shape(block: Block) -> Shape:
    return block.type, block.labels, _arguments(block, _WORDS), tuple(map(_shape, block.blocks))


def _arguments(block: Block, without: frozenset[str]) -> Shape:
    return frozenset((n, v) for n, v in block.attributes.items() if n not in without)
