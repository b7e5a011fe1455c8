"""Finds out whether kept edits add access, from the module with and without them.

An edit adds no access only if that is proven: every block is as generated, or differs in what
cannot matter, or is a policy document that allows nothing that the generated one does not. All
else, such as a resource, a provider or a changed local, counts as not proven.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache

from msgspec.structs import replace

from vpc_cni_iam.catalog import trust, variants
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.module.reader import HclModule, read_blocks
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Block, Node, Object, Text
from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.proof.beside import no_new_access_beside_others
from vpc_cni_iam.vendoring.configuration.tables import Acceptance
from vpc_cni_iam.vendoring.edits.calls import calls, variables
from vpc_cni_iam.vendoring.edits.edit import EditAnswer, KeptEdit
from vpc_cni_iam.vendoring.manifest import digest
from vpc_cni_iam.vendoring.meaning import ChangedBlock, ModuleReason, NamedParts, unreadable

# Outputs about versions of the plugin, which nobody attaches to anything.
_INFORMATION = ("works_with",)
_DOCUMENT = ("data", "aws_iam_policy_document")
# The variables that stand in documents.
_VARIABLES = (*(p.name for p in trust.VARIABLES), trust.POD_IDENTITY)
_Name = tuple[str, ...]


def kept_edits(
    generated: Mapping[str, str],
    texts: Mapping[str, str],
    paths: Iterable[str],
    accepted: Iterable[Acceptance] = (),
    *,
    overridden: bool = False,
) -> tuple[KeptEdit, ...]:
    """Return the meaning of each kept edit, of the files at `paths`; `texts` are those there.

    `overridden` is whether another file replaces parts of them, such as a variable's validation.
    """
    entries = {entry.file: entry for entry in accepted}
    edits = [KeptEdit.of(path, digest(texts[path]), entries.get(path)) for path in sorted(paths)]
    # The other edits are compared with the generated files and the accepted edits.
    base = {**generated, **{e.path: texts[e.path] for e in edits if e.accepted}}
    limiting: Mapping[str, str] = {} if overridden else generated
    answers = _answers(base, texts, [e.path for e in edits if not e.accepted], limiting)
    accepted_answers = _answers(generated, texts, [e.path for e in edits if e.accepted], limiting)
    return tuple(replace(e, answers=(*answers[e.path], *accepted_answers[e.path])) for e in edits)


def _answers(
    before: Mapping[str, str],
    after: Mapping[str, str],
    paths: Iterable[str],
    limiting: Mapping[str, str],
) -> defaultdict[str, list[EditAnswer]]:
    """Return the answers that are no proof of each edited file, by its path."""
    answers: defaultdict[str, list[EditAnswer]] = defaultdict(list)
    changed: dict[str, set[_Name]] = {}
    for path in paths:
        if not path.endswith(".tf"):
            continue  # neither a README nor a test of the module gives access to anybody
        try:
            old, new = (_blocks(side.get(path, ""), path) for side in (before, after))
        except InputError as error:
            answers[path].append(EditAnswer(unreadable(error)))
            continue
        names = {n for n in {*old, *new} if _shapes(old.get(n, [])) != _shapes(new.get(n, []))}
        if names:
            changed[path] = names
        for name in sorted(names):
            if (structure := _structure(name, old.get(name, []), new.get(name, []))) is not None:
                answers[path].append(EditAnswer(structure))
    if not changed:
        return answers
    try:
        documents = list(_documents(before, after, limiting))
    except InputError as error:
        documents = [("", EditAnswer(unreadable(error)))]
    for document, answer in documents:
        where = [p for p, names in changed.items() if (*_DOCUMENT, document) in names]
        for path in where or changed:
            answers[path].append(answer)
    return answers


@lru_cache(maxsize=64)
def _parsed(path: str, text: str) -> tuple[Block, ...]:
    return parse(text, path).blocks


def _blocks(text: str, path: str) -> dict[_Name, list[Block]]:
    blocks: dict[_Name, list[Block]] = {}
    for block in _parsed(path, text):
        blocks.setdefault((block.type, *block.labels), []).append(block)
    return blocks


def _shapes(blocks: Iterable[Block]) -> Counter[object]:
    """Return the content of blocks, without lines and texts for people."""
    return Counter(map(_shape, blocks))


def _shape(block: Block) -> tuple[object, ...]:
    attributes = dict(block.attributes)
    if block.type in ("variable", "output"):
        attributes.pop("description", None)
    if block.type == "terraform":
        attributes.pop("required_version", None)
    if block.type == "required_providers":
        # From where a provider comes matters; of which version it is, an engine decides.
        attributes = {name: _without_version(node) for name, node in attributes.items()}
    inner = tuple(map(_shape, block.blocks))
    return (block.type, block.labels, frozenset(attributes.items()), inner)


def _without_version(provider: Node) -> Node:
    if not isinstance(provider, Object):
        return provider
    fields = tuple(field for field in provider.fields if field[0] != Text(("version",)))
    return replace(provider, fields=fields)


def _structure(name: _Name, old: list[Block], new: list[Block]) -> NotProven | None:
    """Return why a changed block cannot be judged, None if its documents say all."""
    if name[:2] == _DOCUMENT or _is_harmless(name, old, new):
        return None
    if new and name[0] == "locals":
        return _locals(old, new)
    change = Change.changed if old else Change.added
    return NotProven(ModuleReason.block, ChangedBlock(name, change if new else Change.removed))


def _is_harmless(name: _Name, old: list[Block], new: list[Block]) -> bool:
    """Say whether an output goes or only informs, or only the default of a variable differs.

    Both defaults are compared, of a variable that stands in documents.
    """
    if name[0] == "output":
        return not new or (bool(old) and name[1] in _INFORMATION)
    if name[0] != "variable" or name[1] not in _VARIABLES or len(old) != 1 or len(new) != 1:
        return False
    return _shape(_without_default(old[0])) == _shape(_without_default(new[0]))


def _locals(old: list[Block], new: list[Block]) -> NotProven | None:
    before, after = (
        {n: node for b in side for n, node in b.attributes.items()} for side in (old, new)
    )
    # One more says nothing until something refers to it.
    changed = tuple(f"local.{name}" for name in sorted(before) if before[name] != after.get(name))
    return NotProven(ModuleReason.local_values, NamedParts(changed)) if changed else None


def _without_default(block: Block) -> Block:
    attributes = {n: value for n, value in block.attributes.items() if n != "default"}
    return replace(block, attributes=attributes)


def _documents(
    before: Mapping[str, str], after: Mapping[str, str], limiting: Mapping[str, str]
) -> Iterator[tuple[str, EditAnswer]]:
    """Yield the names of documents that may allow more, with the first answer of each reason."""
    sides = [
        [(p, block) for p in sorted(side) if p.endswith(".tf") for block in _parsed(p, side[p])]
        for side in (before, after)
    ]
    old, new = ([block for _, block in blocks] for blocks in sides)
    yield from _unlimited(old, new, _limits(limiting))
    every = calls(old, new)
    if every is None:
        yield "", EditAnswer(NotProven(ModuleReason.calls))
        return
    answers: dict[tuple[str, object], EditAnswer] = {}
    for call in every:
        for name, answer in _compared(*map(read_blocks, sides, call)):
            reason = answer.answer.reason if isinstance(answer.answer, NotProven) else NewAccess
            answers.setdefault((name, reason), answer)
    for (name, _), answer in answers.items():
        yield name, answer


def _limits(generated: Mapping[str, str]) -> frozenset[object]:
    """Return what the proofs count on: the validation, type and nullable of each variable.

    A text that a caller passes for one is not empty, for instance.
    """
    blocks = (b for p, text in generated.items() if p.endswith(".tf") for b in _parsed(p, text))
    return frozenset(_shape(_without_default(b)) for b in blocks if b.type == "variable")


def _unlimited(
    old: Iterable[Block], new: Sequence[Block], limits: Set[object]
) -> Iterator[tuple[str, EditAnswer]]:
    """Yield the changed documents with variables that are not limited as generated."""
    inputs = (b for b in new if b.type == "variable" and b.labels)
    names = {b.labels[0] for b in inputs if _shape(_without_default(b)) not in limits}
    same = set(map(_shape, old))
    changed = {b.labels[-1] for b in new if b.labels and _shape(b) not in same}
    for document, used in variables(new).items():
        if document in changed and (unlimited := tuple(sorted(used & names))):
            answer = NotProven(ModuleReason.variables, NamedParts(unlimited))
            yield document, EditAnswer(answer, variants.label(document))


def _compared(old: HclModule, new: HclModule) -> Iterator[tuple[str, EditAnswer]]:
    for name, reason in new.unread.items():
        yield name, EditAnswer(unreadable(reason))
    before = {d.name: d for d in old.documents}
    for document in new.documents:
        known, label = before.get(document.name), variants.label(document.name)
        if document.joins != (known.joins if known is not None else ()):
            yield document.name, EditAnswer(NotProven(ModuleReason.joins), label)
        if known is not None and document.repeats != known.repeats:
            yield document.name, EditAnswer(NotProven(ModuleReason.repeats), label)
        policy = known.policy if known is not None else Policy(())
        answer = _more(policy, document.policy)
        if not isinstance(answer, NoNewAccess):
            yield document.name, EditAnswer(answer, label)
    for name in before.keys() - {d.name for d in new.documents} - new.unread.keys():
        if before[name].policy.only("Deny").statements:
            answer = NotProven(ModuleReason.removed_deny)
            yield name, EditAnswer(answer, variants.label(name))


@lru_cache(maxsize=256)
def _more(old: Policy, new: Policy) -> Answer:
    """Say whether a document adds access, whatever other policies the role has."""
    if old == new:
        return NoNewAccess()
    try:
        return no_new_access_beside_others([old], [new])
    except InputError as error:
        return unreadable(error)
