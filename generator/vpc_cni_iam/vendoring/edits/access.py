"""Finds out whether edits add access, from the module with and without them.

An edit adds no access only if this is proven: every block equals the generated one, differs only
where it cannot matter, or is a policy document that allows no more than the generated one. Other
changes, for example of a resource, a provider or a local, are not proven.
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
from vpc_cni_iam.hcl.resolve import ResolvedDocument
from vpc_cni_iam.hcl.syntax import Block, without_field
from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.proof.beside import no_new_access_beside_others
from vpc_cni_iam.vendoring.edits.calls import calls, variables
from vpc_cni_iam.vendoring.edits.edit import Edit, EditAnswer
from vpc_cni_iam.vendoring.edits.meaning import ChangedBlock, ModuleReason, NamedParts, unreadable

# Outputs about plugin versions, which are not attached to anything.
_INFORMATION = ("works_with",)
_DOCUMENT = ("data", "aws_iam_policy_document")
# The variables of documents.
_VARIABLES = (*(p.name for p in trust.VARIABLES), trust.POD_IDENTITY)
_Name = tuple[str, ...]
_Blocks = dict[_Name, list[Block]]


def edits(
    generated: Mapping[str, str],
    texts: Mapping[str, str],
    accepted: Mapping[str, bool],
    *,
    overridden: bool = False,
) -> dict[str, Edit]:
    """Return the meaning of edits, by file.

    Args:
        generated: The generated files.
        texts: All existing files.
        accepted: The paths of the edited files, and whether the edit is accepted.
        overridden: Whether another file replaces parts of them, such as a variable's validation.
    """
    # Edits that are not accepted are compared with the generated files and the accepted edits.
    base = {**generated, **{path: texts[path] for path, agreed in accepted.items() if agreed}}
    limiting: Mapping[str, str] = {} if overridden else generated
    answers = _answers([base], texts, [p for p, agreed in accepted.items() if not agreed], limiting)
    answers |= _answers(
        [generated], texts, [p for p, agreed in accepted.items() if agreed], limiting
    )
    return {path: Edit(tuple(answers.get(path, ()))) for path in accepted}


def adds_none(
    generated: Mapping[str, str], texts: Mapping[str, str], path: str, accepted: Iterable[str]
) -> bool:
    """Return whether an edit is proven to allow no more than the generated and accepted texts.

    `accepted` are the accepted texts from which the file was merged.
    """
    before = [generated, *({**generated, path: text} for text in accepted)]
    return not any(_answers(before, texts, [path], generated).values())


def _answers(
    before: Sequence[Mapping[str, str]],
    after: Mapping[str, str],
    paths: Iterable[str],
    limiting: Mapping[str, str],
) -> dict[str, list[EditAnswer]]:
    """Return the answers that do not prove an edited file, by path.

    Before, a role had everything that one of the modules `before` allows.
    """
    answers: defaultdict[str, list[EditAnswer]] = defaultdict(list)
    changed: dict[str, set[_Name]] = {}
    for path in paths:
        if not path.endswith(".tf"):
            continue  # a README or a test of the module gives no access
        try:
            new, *olds = (_blocks(side.get(path, ""), path) for side in (after, *before))
        except InputError as error:
            answers[path].append(EditAnswer(unreadable(error)))
            continue
        if names := _changed(olds, new):
            changed[path] = names
            answers[path] += map(EditAnswer, _structures(sorted(names), olds, new))
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


def _changed(olds: Sequence[_Blocks], new: _Blocks) -> set[_Name]:
    """Return the names of the blocks that differ from those of every old module."""
    return {
        name
        for name in {*new}.union(*olds)
        if all(_shapes(old.get(name, [])) != _shapes(new.get(name, [])) for old in olds)
    }


def _structures(
    names: Iterable[_Name], olds: Sequence[_Blocks], new: _Blocks
) -> Iterator[NotProven]:
    """Yield why changed blocks may add access that their documents do not show."""
    for name in names:
        each = [_structure(name, old.get(name, []), new.get(name, [])) for old in olds]
        if None not in each:
            yield from filter(None, each[:1])


@lru_cache(maxsize=64)
def _parsed(path: str, text: str) -> tuple[Block, ...]:
    return parse(text, path).blocks


def _blocks(text: str, path: str) -> dict[_Name, list[Block]]:
    blocks: dict[_Name, list[Block]] = {}
    for block in _parsed(path, text):
        blocks.setdefault((block.type, *block.labels), []).append(block)
    return blocks


def _shapes(blocks: Iterable[Block]) -> Counter[object]:
    """Return the content of blocks, without line numbers and descriptions."""
    return Counter(map(_shape, blocks))


def _shape(block: Block) -> tuple[object, ...]:
    attributes = dict(block.attributes)
    if block.type in ("variable", "output"):
        attributes.pop("description", None)
    if block.type == "terraform":
        attributes.pop("required_version", None)
    if block.type == "required_providers":
        # The source of a provider matters. An engine decides its version.
        attributes = {n: without_field(node, "version") for n, node in attributes.items()}
    inner = tuple(map(_shape, block.blocks))
    return (block.type, block.labels, frozenset(attributes.items()), inner)


def _structure(name: _Name, old: list[Block], new: list[Block]) -> NotProven | None:
    """Return why a changed block may add access that its documents do not show, else None."""
    if name[:2] == _DOCUMENT or _is_harmless(name, old, new):
        return None
    if new and name[0] == "locals":
        return _locals(old, new)
    change = Change.changed if old else Change.added
    return NotProven(ModuleReason.block, ChangedBlock(name, change if new else Change.removed))


def _is_harmless(name: _Name, old: list[Block], new: list[Block]) -> bool:
    """Return whether an output is removed or only informs, or only a variable's default differs.

    If documents use the variable, both defaults are compared.
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
    # A new local has no effect until something refers to it.
    changed = tuple(f"local.{name}" for name in sorted(before) if before[name] != after.get(name))
    return NotProven(ModuleReason.local_values, NamedParts(changed)) if changed else None


def _without_default(block: Block) -> Block:
    attributes = {n: value for n, value in block.attributes.items() if n != "default"}
    return replace(block, attributes=attributes)


def _documents(
    before: Sequence[Mapping[str, str]], after: Mapping[str, str], limiting: Mapping[str, str]
) -> Iterator[tuple[str, EditAnswer]]:
    """Yield the names of documents that may allow more, with the first answer for each reason."""
    new, *olds = (
        [block for p in sorted(side) if p.endswith(".tf") for block in _parsed(p, side[p])]
        for side in (after, *before)
    )
    yield from _unlimited([block for side in olds for block in side], new, _limits(limiting))
    every = calls(olds, new)
    if every is None:
        yield "", EditAnswer(NotProven(ModuleReason.calls))
        return
    answers: dict[tuple[str, object], EditAnswer] = {}
    for passed, call in every:
        modules = [read_blocks(s, each) for s, each in zip(olds, passed, strict=True)]
        for name, answer in _compared(modules, read_blocks(new, call)):
            reason = answer.answer.reason if isinstance(answer.answer, NotProven) else NewAccess
            answers.setdefault((name, reason), answer)
    for (name, _), answer in answers.items():
        yield name, answer


def _limits(generated: Mapping[str, str]) -> frozenset[object]:
    """Return what the proofs assume: the validation, type and nullable of each variable.

    For example, the text that a caller passes is not empty.
    """
    blocks = (b for p, text in generated.items() if p.endswith(".tf") for b in _parsed(p, text))
    return frozenset(_shape(_without_default(b)) for b in blocks if b.type == "variable")


def _unlimited(
    old: Iterable[Block], new: Sequence[Block], limits: Set[object]
) -> Iterator[tuple[str, EditAnswer]]:
    """Yield the changed documents with variables that have other limits than generated."""
    inputs = (b for b in new if b.type == "variable")
    names = {b.labels[0] for b in inputs if _shape(_without_default(b)) not in limits}
    same = set(map(_shape, old))
    changed = {b.labels[-1] for b in new if b.labels and _shape(b) not in same}
    for document, used in variables(new).items():
        if document in changed and (unlimited := tuple(sorted(used & names))):
            answer = NotProven(ModuleReason.variables, NamedParts(unlimited))
            yield document, EditAnswer(answer, variants.label(document))


def _compared(olds: Sequence[HclModule], new: HclModule) -> Iterator[tuple[str, EditAnswer]]:
    for name, reason in new.unread.items():
        yield name, EditAnswer(unreadable(reason))
    before = [{d.name: d for d in old.documents} for old in olds]
    for document in new.documents:
        known = [side[document.name] for side in before if document.name in side]
        for answer in _of_document(known, document):
            yield document.name, EditAnswer(answer, variants.label(document.name))
    for name in set[str]().union(*before) - {d.name for d in new.documents} - new.unread.keys():
        if all(name in side and side[name].policy.only("Deny").statements for side in before):
            answer = NotProven(ModuleReason.removed_deny)
            yield name, EditAnswer(answer, variants.label(name))


def _of_document(known: Sequence[ResolvedDocument], document: ResolvedDocument) -> Iterator[Answer]:
    """Yield the answers that do not prove a document, compared with the known ones."""
    if document.joins not in {each.joins for each in known} | (set() if known else {()}):
        yield NotProven(ModuleReason.joins)
    if known and document.repeats not in {each.repeats for each in known}:
        yield NotProven(ModuleReason.repeats)
    answer = _more(tuple(each.policy for each in known) or (Policy(()),), document.policy)
    if not isinstance(answer, NoNewAccess):
        yield answer


@lru_cache(maxsize=256)
def _more(old: tuple[Policy, ...], new: Policy) -> Answer:
    """Return whether a document allows more than others, whatever other policies the role has."""
    if new in old:
        return NoNewAccess()
    try:
        return no_new_access_beside_others(old, [new])
    except InputError as error:
        return unreadable(error)
