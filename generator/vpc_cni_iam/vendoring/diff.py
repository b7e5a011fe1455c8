"""What a sync would change in a module: the text, and above it what the change means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.files.tree import texts
from vpc_cni_iam.hcl.module import joins_nothing, read
from vpc_cni_iam.hcl.read import Block, parse
from vpc_cni_iam.policy.change import Change, changes
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.vendoring.config import Config, Vendored
from vpc_cni_iam.vendoring.manifest import base_path, is_base
from vpc_cni_iam.vendoring.sync import read_manifest, unified

# What stands for a module's variables in the meaning of a change: upstream's own, and the names
# of those that upstream leaves open.
_VALUES = {
    "cluster_name": "${var.cluster_name}",
    "vpc_id": "${var.vpc_id}",
    "partition": "aws",
    "region": "*",
    "account_id": "*",
    "vpc_owner_id": "*",
    "oidc_provider_arn": "arn:aws:iam::*:oidc-provider/${issuer}",
    "eks_cluster_arn": "${var.eks_cluster_arn}",
    "source_account_id": "${var.source_account_id}",
}
_JOINED = ("additional_policy_documents",)
_ISSUER = {trust.OIDC_ISSUER.name: trust.issuer(_VALUES["oidc_provider_arn"])}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a change means for one variant.

    Args:
        variant: Its name.
        changes: Access gained, lost, widened and so on; empty if none.
        note: What keeps it from being said, empty if nothing does.
    """

    variant: str
    changes: tuple[Change, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Diff:
    """What a sync would change in a module.

    Args:
        module: The module.
        meanings: For each variant that is there or is to be.
        text: The unified diff of its files, from what is there to what is generated.
    """

    module: Vendored
    meanings: tuple[Meaning, ...]
    text: str


def diff(config: Config, module: Vendored) -> Diff:
    """Return what a sync would change in a module.

    Args:
        config: The configuration.
        module: One of its modules.

    Raises:
        InputError: A manifest that cannot be read.
        TreeError: A file that cannot be read.
    """
    folder = config.folder(module)
    wanted = render(module.options)
    known = read_manifest(folder)
    entries = known.files if known is not None else {}
    held = texts(folder, {*entries, *wanted, *map(base_path, entries)})
    there = {p: t for p, t in held.items() if not is_base(p)}
    bases = {p: held[base_path(p)] for p in entries if base_path(p) in held}
    deleted = {path for path, entry in entries.items() if entry.deleted}
    kept = {p for p, e in entries.items() if e.kept is not None}
    lines = []
    for path in sorted({*there, *wanted}):
        name = f"{module.path}/{path}"
        if path not in deleted or path in there:
            before, after = there.get(path, ""), wanted.get(path, "")
            lines.append(unified(before, after, name, f"{name} ({_side(path, wanted, kept)})"))
    found = meanings(module, there)
    if edited := _edited_beside(there, bases):
        note = f"edited by hand: {edited}; only an engine can tell what that means: verify"
        found = (*found, Meaning("the module", (), note))
    return Diff(module, found, "".join(lines))


def _side(path: str, wanted: Mapping[str, str], kept: set[str]) -> str:
    if path not in wanted:
        return "no longer generated"
    return "as generated; yours is kept" if path in kept else "as generated"


def meanings(module: Vendored, there: Mapping[str, str]) -> tuple[Meaning, ...]:
    """Return what it would mean to go from the texts that are there to the generated ones.

    Args:
        module: The module.
        there: The texts of its files.
    """
    hcl = {path: text for path, text in there.items() if path.endswith(".tf")}
    try:
        now = read(hcl, _VALUES)
    except InputError as error:
        return (Meaning("all variants", (), f"cannot be read: {error}"),)
    before = {d.name: d.policy for d in now.documents}
    found = []
    for name, label, after in _wanted(module):
        if name in now.unread:
            found.append(Meaning(label, (), now.unread[name]))
        else:
            found.append(Meaning(label, changes(before.get(name, Policy(())), after)))
    labels = {d.name for d in now.documents} | set(now.unread)
    names = {name for name, _, _ in _wanted(module)} | {"trust"}
    for document in now.documents:
        if document.name in names and not joins_nothing(document, now, _JOINED):
            if document.name != "trust":
                note = "joins other documents; only an engine can tell what that means: verify"
                found.append(Meaning(document.name, (), note))
        elif document.name not in names:
            gone = changes(document.policy, Policy(()))
            found.append(Meaning(document.name, gone or (Change("lost", "the document"),)))
    found += [
        Meaning(name, (), f"is no longer generated; {now.unread[name]}")
        for name in sorted(labels - names)
        if name in now.unread
    ]
    return tuple(found)


def _edited_beside(there: Mapping[str, str], bases: Mapping[str, str]) -> str:
    """Return what was edited in a module besides its policy documents, empty if nothing was."""

    def rest(texts_by_path: Mapping[str, str]) -> dict[str, object]:
        hcl = {p: t for p, t in texts_by_path.items() if p.endswith(".tf")}
        found: dict[str, object] = {}
        for path, text in sorted(hcl.items()):
            for block in parse(text, path):
                if block.labels[:1] != ("aws_iam_policy_document",):
                    found[" ".join((block.type, *block.labels))] = _without_lines(block)
        return found

    try:
        before, now = rest(bases), rest({p: t for p, t in there.items() if p in bases})
    except InputError as error:
        return str(error)
    return ", ".join(k for k in sorted({*before, *now}) if before.get(k) != now.get(k))


def _without_lines(block: Block) -> tuple[object, ...]:
    attributes = tuple(sorted((name, repr(node)) for name, (node, _) in block.attributes.items()))
    return (block.type, block.labels, attributes, tuple(map(_without_lines, block.blocks)))


def _wanted(module: Vendored) -> Iterator[tuple[str, str, Policy]]:
    """Yield the data source, the label and the policy of each document of a module."""
    for composed in module.options.composed():
        policy = parameters.substitute(composed.policy, _VALUES)
        yield composed.variant.identifier, composed.variant.name, policy
    if module.options.kind == "role":
        values = {**_VALUES, **_ISSUER}
        for name, policy in trust.documents().items():
            filled = parameters.fill(policy, values, trust.PLACES)
            yield name, f"trust by {name}", filled
