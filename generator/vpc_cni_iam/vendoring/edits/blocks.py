"""The blocks of a module's files, and which parts of them differ between two versions.

Comments, layout, descriptions, the order of inner blocks and the file of a block make no
difference; nor does the order of a list in a policy document, because IAM reads it as a set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Set
from functools import lru_cache
from typing import TypeAlias

from msgspec.structs import replace

from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Block, List, Node, Object, Text, without_field
from vpc_cni_iam.policy.diff import Change

# The type and labels of a block. A local, a default, and a key of a local or of an output's value
# are parts of their own; so are the versions that a module needs.
PartName: TypeAlias = tuple[str, ...]
DOCUMENT = ("data", "aws_iam_policy_document")
LOCAL, DEFAULT, VERSIONS = "local", "default", ("versions",)
# Outputs about plugin versions. Their texts are for people.
INFORMATION, TEXT = ("works_with",), "text"
# Descriptions and messages, which no policy depends on; AWS is sent the description of a resource.
_WORDS = frozenset({"description", "error_message"})
_WORDED = frozenset({"variable", "output", "validation", "precondition", "assert"})
# The lists of a policy document that IAM reads as sets.
_SETS = frozenset({"actions", "not_actions", "resources", "not_resources", "values", "identifiers"})


def module_blocks(files: Mapping[str, str]) -> tuple[Block, ...]:
    """Return the blocks of a module's files; raises `InputError` for a file that is not HCL."""
    paths = sorted(path for path in files if path.endswith(".tf"))
    return tuple(block for path in paths for block in _parsed(path, files[path]))


@lru_cache(maxsize=64)
def _parsed(path: str, text: str) -> tuple[Block, ...]:
    return parse(text, path).blocks


def block_changes(old: Iterable[Block], new: Iterable[Block]) -> dict[PartName, Change]:
    """Return the parts of blocks that differ, sorted."""
    before, after = _contents(old), _contents(new)
    changes = dict.fromkeys(before.keys() - after.keys(), Change.removed)
    changes |= dict.fromkeys(after.keys() - before.keys(), Change.added)
    both = before.keys() & after.keys()
    changes |= {name: Change.changed for name in both if before[name] != after[name]}
    return dict(sorted(changes.items()))


def part_names(block: Block) -> list[PartName]:
    """Return the names of the parts of a block."""
    return [name for name, _ in _parts(block)]


def part_text(name: PartName) -> str:
    """Return the name of a part in reports, such as ``resource aws_iam_role.this``."""
    kind, *labels = name
    between = " " if kind in ("variable", "input", "output", LOCAL) else "."
    return f"{kind} {between.join(labels)}".strip()


def limits(blocks: Iterable[Block]) -> dict[str, Counter[Hashable]]:
    """Return the content of each variable without its default: its validation and its type."""
    return {name[1]: each for name, each in _contents(blocks).items() if _is_variable(name)}


def _is_variable(name: PartName) -> bool:
    return name[0] == "variable" and name[2:] == ()


def _contents(blocks: Iterable[Block]) -> dict[PartName, Counter[Hashable]]:
    contents: dict[PartName, Counter[Hashable]] = {}
    for block in blocks:
        for name, content in _parts(block):
            contents.setdefault(name, Counter())[content] += 1
    return contents


def _parts(block: Block) -> Iterator[tuple[PartName, Hashable]]:
    name = (block.type, *block.labels)
    match block.type:
        case "locals":
            for local, node in block.attributes.items():
                yield from _values((LOCAL, local), node)
        case "output":
            yield name, _shape(block, {"value"})
            if "value" in block.attributes:
                yield from _values(name, block.attributes["value"])
        case "variable":
            yield name, _shape(block, {DEFAULT})
            if DEFAULT in block.attributes:
                yield (*name, DEFAULT), block.attributes[DEFAULT]
        case "terraform":
            yield VERSIONS, _shape(block)
            yield name, _shape(_without_versions(block))
        case _:
            yield name, _shape(block)


def _values(name: PartName, node: Node) -> Iterator[tuple[PartName, Hashable]]:
    """Yield a value; of an object, that it is one, and the values by key.

    A text for people is another part, below its key.
    """
    if not isinstance(node, Object):
        yield name, node
        return
    yield name, "an object"
    for key, value in node.fields:
        for_people = name[1] in INFORMATION and isinstance(value, Text) and value.plain is not None
        part = *name, f"[{key.full_code}]"
        yield part, "a text" if for_people else value
        if for_people:
            yield (*part, TEXT), value


def _without_versions(block: Block) -> Block:
    """Return a block without the versions of the engine and of providers, which an engine picks."""
    attributes = {n: node for n, node in block.attributes.items() if n != "required_version"}
    if block.type == "required_providers":
        # The source of a provider matters.
        attributes = {n: without_field(node, "version") for n, node in attributes.items()}
    blocks = tuple(map(_without_versions, block.blocks))
    return replace(block, attributes=attributes, blocks=blocks)


def _shape(block: Block, without: Iterable[str] = ()) -> Hashable:
    """Return the content of a block, without line numbers and descriptions."""
    is_document = (block.type, *block.labels[:1]) == DOCUMENT
    return _content(block, frozenset(without), is_document=is_document)


def _content(block: Block, without: Set[str], *, is_document: bool) -> Hashable:
    attributes = frozenset(
        (name, frozenset(Counter(node.items).items()))
        if is_document and name in _SETS and isinstance(node, List)
        else (name, node)
        for name, node in block.attributes.items()
        if name not in without and not _is_text_for_people(block, name, node)
    )
    inner = Counter(_content(each, set(), is_document=is_document) for each in block.blocks)
    return block.type, block.labels, attributes, frozenset(inner.items())


def _is_text_for_people(block: Block, name: str, node: Node) -> bool:
    is_word = name in _WORDS and block.type in _WORDED
    return is_word and isinstance(node, Text) and node.plain is not None
