"""Finds out whether edits add access, from the module with and without them.

An edit adds no access only if this is proven: every block equals the generated one, differs only
where it cannot matter, or is a policy document that allows no more than the generated one. Other
changes, for example of a resource, a provider or a local, are not proven.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from vpc_cni_iam.catalog import trust, variants
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.module.reader import HclModule, read_blocks
from vpc_cni_iam.hcl.syntax import Block
from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.vendoring.edits.blocks import (
    DOCUMENT,
    INFORMATION,
    LOCAL,
    VERSIONS,
    PartName,
    block_changes,
    limits,
    module_blocks,
)
from vpc_cni_iam.vendoring.edits.calls import calls, variables
from vpc_cni_iam.vendoring.edits.documents import document_changes
from vpc_cni_iam.vendoring.edits.edit import Edit, EditAnswer
from vpc_cni_iam.vendoring.edits.meaning import ChangedBlock, ModuleReason, NamedParts, unreadable

# The variables of documents.
_VARIABLES = (*(p.name for p in trust.VARIABLES), trust.POD_IDENTITY)
_Changes = dict[PartName, Change]


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
    changed: dict[str, list[str]] = {}  # the names of the changed documents by path
    for path in paths:
        if not path.endswith(".tf"):
            continue  # a README or a test of the module gives no access
        try:
            new, *olds = (module_blocks({path: side.get(path, "")}) for side in (after, *before))
        except InputError as error:
            answers[path].append(EditAnswer(unreadable(error)))
            continue
        changes = [block_changes(old, new) for old in olds]
        if all(changes):
            changed[path] = _documents_in(changes)
            answers[path] += map(EditAnswer, _not_documents(changes))
    if not changed:
        return answers
    try:
        documents = list(_documents(before, after, limiting))
    except InputError as error:
        documents = [("", EditAnswer(unreadable(error)))]
    for document, answer in documents:
        for path in [p for p, names in changed.items() if document in names] or changed:
            answers[path].append(answer)
    return answers


def _common(changes: Sequence[_Changes]) -> list[PartName]:
    """Return the names of the parts that differ from those of every old module."""
    return [name for name in changes[0] if all(name in each for each in changes)]


def _documents_in(changes: Sequence[_Changes]) -> list[str]:
    return [name[2] for name in _common(changes) if name[:2] == DOCUMENT]


def _not_documents(changes: Sequence[_Changes]) -> Iterator[NotProven]:
    """Yield why changed parts may add access that documents do not show."""
    names = [
        name for name in _common(changes) if not any(_is_harmless(name, each) for each in changes)
    ]
    if changed := tuple(".".join(name[:2]) for name in names if name[0] == LOCAL):
        yield NotProven(ModuleReason.local_values, NamedParts(tuple(dict.fromkeys(changed))))
    for name in names:
        if name[0] != LOCAL:
            yield NotProven(ModuleReason.block, ChangedBlock(name, changes[0][name]))


def _is_harmless(name: PartName, changes: _Changes) -> bool:
    """Return whether a changed part gives no access that the documents do not show.

    A new local has no effect until something refers to it. If documents use a variable, both
    defaults are compared.
    """
    change = changes[name]
    match name:
        case ("output", output, *_):
            only_informs = output in INFORMATION and changes.get(name[:2]) is not Change.added
            return only_informs or change is Change.removed
        case ("local", _, *_):
            return changes.get(name[:2]) is Change.added
        case ("variable", variable, "default"):
            return variable in _VARIABLES
    return name[:2] == DOCUMENT or name == VERSIONS


def _documents(
    before: Sequence[Mapping[str, str]], after: Mapping[str, str], limiting: Mapping[str, str]
) -> Iterator[tuple[str, EditAnswer]]:
    """Yield the names of documents that may allow more, with the first answer for each reason."""
    new, *olds = map(module_blocks, (after, *before))
    changed = _documents_in([block_changes(old, new) for old in olds])
    yield from _unlimited(changed, new, limits(module_blocks(limiting)))
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


def _unlimited(
    changed: Iterable[str], new: Sequence[Block], known: Mapping[str, object]
) -> Iterator[tuple[str, EditAnswer]]:
    """Yield the changed documents with variables that have other limits than generated.

    The proofs assume the validation, type and nullable of each variable: for example, the text that
    a caller passes is not empty.
    """
    names = {name for name, limit in limits(new).items() if limit != known.get(name)}
    for document, used in variables(new).items():
        if document in changed and (unlimited := tuple(sorted(used & names))):
            answer = NotProven(ModuleReason.variables, NamedParts(unlimited))
            yield document, EditAnswer(answer, variants.label(document))


def _compared(olds: Sequence[HclModule], new: HclModule) -> Iterator[tuple[str, EditAnswer]]:
    for change in document_changes(olds, new):
        label = "" if change.name in new.unread else variants.label(change.name)
        for problem in change.problems:
            yield change.name, EditAnswer(problem, label)
        if change.after is not None and not isinstance(change.gained, NoNewAccess):
            yield change.name, EditAnswer(change.gained, label)
