"""Finds out whether kept edits add access, from the module with and without them.

An edit adds no access only if that is proven: every block is as generated, or differs in what
cannot matter, or is a policy document that allows nothing that the generated one does not. All
else, such as a resource, a provider or a changed local, counts as not proven.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from msgspec.structs import replace

from vpc_cni_iam.catalog import trust, variants
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.module.reader import HclModule, read_blocks
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Block, Node, Object, Text
from vpc_cni_iam.policy.diff.changes import MAY_GAIN_ACCESS, changes
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.access import Counterexample, Proven, no_new_access
from vpc_cni_iam.vendoring.configuration.tables import Acceptance
from vpc_cni_iam.vendoring.manifest import digest
from vpc_cni_iam.vendoring.state import KeptAccess, KeptEdit

# Values for the variables that stand in documents. Text in the place of a variable may be equal to
# one of them, but not to both.
_SAMPLE = trust.VARIABLES
_OTHER_DIGITS = str.maketrans("0123456789", "9876543210")
_OTHER_SAMPLE = {
    name: value.translate(_OTHER_DIGITS).replace("aws-us-gov", "aws-cn").replace("verify", "other")
    for name, value in _SAMPLE.items()
}
# Outputs about versions of the plugin, which nobody attaches to anything.
_INFORMATION = ("works_with", "minimum_cni_version")
_DOCUMENT = ("data", "aws_iam_policy_document")
_Finding = tuple[KeptAccess, str]
_Name = tuple[str, ...]


def kept_edits(
    generated: Mapping[str, str],
    texts: Mapping[str, str],
    paths: Iterable[str],
    accepted: Iterable[Acceptance] = (),
) -> tuple[KeptEdit, ...]:
    """Return the meaning of each kept edit, of the files at `paths`; `texts` are those there."""
    entries = {entry.file: entry for entry in accepted}
    edits = [
        KeptEdit.of(path, digest(texts[path]), KeptAccess.NONE, entries.get(path))
        for path in sorted(paths)
    ]
    # The other edits are compared with the generated files and the accepted edits.
    base = {**generated, **{e.path: texts[e.path] for e in edits if e.accepted}}
    findings = _findings(base, texts, [e.path for e in edits if not e.accepted])
    accepted_findings = _findings(generated, texts, [e.path for e in edits if e.accepted])
    return tuple(_with_findings(e, [*findings[e.path], *accepted_findings[e.path]]) for e in edits)


def _with_findings(edit: KeptEdit, findings: list[_Finding]) -> KeptEdit:
    kinds = {access for access, _ in findings}
    access = next((a for a in (KeptAccess.ADDED, KeptAccess.UNKNOWN) if a in kinds), edit.access)
    texts = (trust.with_variables(text, _SAMPLE, _OTHER_SAMPLE) for _, text in findings)
    details = tuple(dict.fromkeys(texts))
    return replace(edit, access=access, details=details)


def _findings(
    before: Mapping[str, str], after: Mapping[str, str], paths: Iterable[str]
) -> defaultdict[str, list[_Finding]]:
    """Return the findings about each edited file, by its path."""
    findings: defaultdict[str, list[_Finding]] = defaultdict(list)
    changed: dict[str, set[_Name]] = {}
    for path in paths:
        if not path.endswith(".tf"):
            continue  # neither a README nor a test of the module gives access to anybody
        try:
            old, new = (_blocks(side.get(path, ""), path) for side in (before, after))
        except InputError as error:
            findings[path].append((KeptAccess.UNKNOWN, f"cannot be read: {error}"))
            continue
        names = {n for n in {*old, *new} if _shapes(old.get(n, [])) != _shapes(new.get(n, []))}
        if names:
            changed[path] = names
        for name in sorted(names):
            reason = _structure(name, old.get(name, []), new.get(name, []))
            findings[path] += [(KeptAccess.UNKNOWN, reason)] if reason else []
    if not changed:
        return findings
    try:
        documents = list(_documents(before, after))
    except InputError as error:
        documents = [("", (KeptAccess.UNKNOWN, f"cannot be read: {error}"))]
    for document, finding in documents:
        where = [p for p, names in changed.items() if (*_DOCUMENT, document) in names]
        for path in where or changed:
            findings[path].append(finding)
    return findings


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


def _structure(name: _Name, old: list[Block], new: list[Block]) -> str:
    """Return why a changed block cannot be judged, empty if its documents say all."""
    words = " ".join(name)
    if name[:2] == _DOCUMENT or _is_harmless(name, old, new):
        return ""
    if not new:
        return f"{words} is removed"
    if name[0] == "locals":
        return _locals(old, new)
    return f"{words} is {'changed' if old else 'added'}"


def _is_harmless(name: _Name, old: list[Block], new: list[Block]) -> bool:
    """Say whether an output goes or only informs, or only the default of a variable differs.

    Both defaults are tried, of a variable that stands in documents.
    """
    if name[0] == "output":
        return not new or (bool(old) and name[1] in _INFORMATION)
    if name[0] != "variable" or name[1] not in _SAMPLE or len(old) != 1 or len(new) != 1:
        return False
    return _shape(_without_default(old[0])) == _shape(_without_default(new[0]))


def _locals(old: list[Block], new: list[Block]) -> str:
    before, after = (
        {n: node for b in side for n, node in b.attributes.items()} for side in (old, new)
    )
    # One more says nothing until something refers to it.
    changed = [f"local.{n}" for n in sorted(before) if before[n] != after.get(n)]
    return f"{', '.join(changed)} is changed" if changed else ""


def _without_default(block: Block) -> Block:
    attributes = {n: value for n, value in block.attributes.items() if n != "default"}
    return replace(block, attributes=attributes)


def _documents(
    before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[tuple[str, _Finding]]:
    """Yield the names of documents that may allow more, with the findings.

    With values that a caller passes, with the defaults of both sides, and with changed defaults
    among values that a caller passes.
    """
    sides = [
        [(p, block) for p in sorted(side) if p.endswith(".tf") for block in _parsed(p, side[p])]
        for side in (before, after)
    ]
    for values in (_SAMPLE, _OTHER_SAMPLE):
        old, new = (read_blocks(blocks, values) for blocks in sides)
        yield from _compared(old, new)
    defaults = [module.variables for module in (old, new)]
    changed = [n for n in _SAMPLE if defaults[0].get(n) != defaults[1].get(n)]
    for names in dict.fromkeys(map(frozenset, (_SAMPLE, changed, *([n] for n in changed)))):
        old, new = (
            # With samples for the variables that have no default.
            read_blocks(
                blocks,
                {n: v for n, v in _SAMPLE.items() if n not in names or own.get(n, ()) is None},
            )
            for blocks, own in zip(sides, defaults, strict=True)
        )
        yield from _compared(old, new)


def _compared(old: HclModule, new: HclModule) -> Iterator[tuple[str, _Finding]]:
    for name, reason in new.unread.items():
        yield name, (KeptAccess.UNKNOWN, reason)
    before = {d.name: d for d in old.documents}
    for document in new.documents:
        known, label = before.get(document.name), variants.label(document.name)
        if document.joins != (known.joins if known is not None else ()):
            yield document.name, (KeptAccess.UNKNOWN, f"{label} joins other documents")
        if known is not None and document.repeats != known.repeats:
            reason = f"what a dynamic block of {label} repeats is changed"
            yield document.name, (KeptAccess.UNKNOWN, reason)
        policy = known.policy if known is not None else Policy(())
        if finding := _more(label, policy, document.policy):
            yield document.name, finding
    for name in before.keys() - {d.name for d in new.documents} - new.unread.keys():
        if before[name].policy.only("Deny").statements:
            yield (
                name,
                (KeptAccess.UNKNOWN, f"{variants.label(name)} is removed, and it denies access"),
            )


def _more(name: str, old: Policy, new: Policy) -> _Finding | None:
    """Return the access that a document adds or may add, None if it is proven to add none."""
    if old == new:
        return None
    gained = [f"{name}: {c}" for c in changes(old, new) if c.kind in MAY_GAIN_ACCESS]
    # What a Deny holds back, another policy of the role may allow.
    sides = (([old], [new]), ([new.inverted()], [old.inverted()]))
    for before, after in sides:
        if before == after:
            continue
        try:
            answer = no_new_access(before, after)
        except InputError as error:
            return KeptAccess.UNKNOWN, f"{name}: {error}"
        if isinstance(answer, Counterexample):
            request = answer.request
            example = f"{name}: {request.action} on {request.resource}"
            return KeptAccess.ADDED, "; ".join(gained) or example
        if not isinstance(answer, Proven):
            return KeptAccess.UNKNOWN, "; ".join(gained) or f"{name}: {answer.reason}"
    return None
