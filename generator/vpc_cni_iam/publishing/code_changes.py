"""What a module's code says where no meaning can be read from it without an engine.

Comments, layout and the place of a block in a file are no difference; anything else is one, and
counts as a change that may take something away.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from typing import TypeAlias

from vpc_cni_iam.hcl.read import Block, Node, Other
from vpc_cni_iam.publishing.interface import Finding
from vpc_cni_iam.publishing.semver import Bump

Shape: TypeAlias = Hashable
# Arguments that people read and nothing else does.
_WORDS = frozenset({"description", "error_message"})
# Arguments of a variable that interface.py judges.
_JUDGED = frozenset({"type", "default", "nullable"})
# An object as it is generated, with an entry a line; a version in a required provider.
_ENTRY = re.compile(r"""\s*("[^"]*"|[\w-]+)\s*=\s*(\S.*?),?\s*""")
_TEXT = re.compile(r'"[^"$%\\]*"')
_VERSION = re.compile(r'\bversion\s*=\s*"[^"]*"')


def findings(
    old: Iterable[Block], new: Iterable[Block], unread: Iterable[str], place: str
) -> tuple[Finding, ...]:
    """Return what changed in resources, locals, values of outputs, and unreadable documents.

    Args:
        old: The blocks of a module before.
        new: Those of it after.
        unread: The names of documents that cannot be read.
        place: What the findings name.
    """
    before, after = (dict(_named(blocks, set(unread))) for blocks in (old, new))
    found = []
    for name in sorted({*before, *after}):
        if name not in after or name not in before:
            # Of the others, what comes and goes is said as an input, an output or a policy.
            if name.startswith(("resource ", "data ")):
                bump, word = (Bump.minor, "is new") if name in after else (Bump.major, "is removed")
                found.append(Finding(bump, place, f"{name} {word}"))
        elif before[name] != after[name]:
            text = f"{name} is another one, and what that means takes an engine"
            found.append(Finding(Bump.major, place, text))
    return tuple(found)


def _named(blocks: Iterable[Block], unread: set[str]) -> Iterator[tuple[str, Shape]]:
    for one in blocks:
        name = f"{one.type} {'.'.join(one.labels)}"
        document = one.type == "data" and one.labels[:1] == ("aws_iam_policy_document",)
        if one.type == "resource" or (document and one.labels[-1] in unread):
            yield name, _shape(one)
        elif one.type == "variable":
            yield name, _arguments(one, _WORDS | _JUDGED)
        elif one.type == "output":
            yield name, _arguments(one, _WORDS | {"value"})
            for node, _ in filter(None, [one.attributes.get("value")]):
                yield from _values(f"value of {name}", node)
        elif one.type == "locals":
            for local, (node, _) in one.attributes.items():
                yield from _values(f"local {local}", node)
        elif one.type == "terraform":
            for inner in one.blocks:
                for provider, (node, _) in inner.attributes.items():
                    yield (
                        f"provider {provider}",
                        _spaced(_VERSION.sub("", getattr(node, "code", ""))),
                    )


def _values(name: str, node: Node) -> Iterator[tuple[str, Shape]]:
    """Yield a value, that of an object by its keys; texts in an object are for people."""
    if not isinstance(node, Other):
        yield name, node
        return
    first, *inner = node.code.splitlines()
    entries = [_ENTRY.fullmatch(line) for line in inner[:-1]]
    if first.strip() != "{" or None in entries:
        yield name, _spaced(node.code)
        return
    for entry in filter(None, entries):
        yield f"{name} [{entry[1]}]", "a text" if _TEXT.fullmatch(entry[2]) else entry[2]


def _shape(block: Block) -> Shape:
    return block.type, block.labels, _arguments(block, _WORDS), tuple(map(_shape, block.blocks))


def _arguments(block: Block, without: frozenset[str]) -> Shape:
    return frozenset((n, v) for n, (v, _) in block.attributes.items() if n not in without)


def _spaced(code: str) -> str:
    return " ".join(code.split())
