"""The policies of a module, or of one of its files, with principals."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from vpc_cni_iam.account.account import Fact
from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.account.grants import Document
from vpc_cni_iam.catalog.facts.partitions import dns_suffix
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.attributes import may_hold_policy
from vpc_cni_iam.hcl.evaluate.domain import ValueScope
from vpc_cni_iam.hcl.evaluate.excerpt import declarations
from vpc_cni_iam.hcl.module.reader import HclModule, joins_nothing, read_blocks
from vpc_cni_iam.hcl.module.variables import referred
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.resolve import is_document
from vpc_cni_iam.hcl.syntax import Block, File
from vpc_cni_iam.inputs.directory import (
    Directory,
    automatic_values,
    other_values,
    read_beside,
    read_directory,
)
from vpc_cni_iam.inputs.embedded import EmbeddedPolicies, embedded_policies
from vpc_cni_iam.inputs.kind import Content, ModuleValues, PolicyPart
from vpc_cni_iam.inputs.principals import addresses, principals
from vpc_cni_iam.inputs.rendering import Rendering, render
from vpc_cni_iam.inputs.variables import check_declared
from vpc_cni_iam.texts import read
from vpc_cni_iam.texts.limits import HCL

_VARIABLE_OF_RESOURCE = re.compile(r'esources?"?\s*[=:]\s*\[?\s*"?(?:\$\{)?var\.([\w-]+)')
# A name that another file of the module may declare.
_REFERS = re.compile(r"\b(?:var|local|data)\.")
# The variable with a caller's documents that a generated module joins; empty by default.
_JOINED = ("source_policy_documents",)


def of_file(content: Content, values: ModuleValues) -> Iterator[Fact]:
    """Yield the policies of a file, read with the declarations of its module's other files."""
    assert content.path is not None  # noqa: S101 - it has a suffix
    own, beside = read(content.path, "HCL", HCL), Directory({}, ())
    if not content.has_suffix(".hcl"):
        try:
            beside = read_beside(content.path)
        except InputError as error:
            yield NotKnown(error.source, Reason.not_read, error.problem)
        else:
            values, notes = _with_automatic(values, content.path.parent)
            yield from notes
    others, unread = _parsed(beside.texts)
    yield from unread
    files = [parse(own, content.source)]
    if not any(block.type == "variable" for file in others for block in file.blocks):
        # Their declarations are missing, or in the file itself.
        values.user_values.declared.update(referred([*files, *others]))
    yield from _policies(files, values, others)
    yield from beside.skipped
    if others and _REFERS.search(own):
        detail = "variables, locals and data sources of its other files, without their policies"
        yield NotKnown(str(content.path.parent), Reason.read_with_it, detail)


def of_directory(content: Content, values: ModuleValues) -> Iterator[Fact]:
    """Yield the policies of a module's directory."""
    assert content.path is not None  # noqa: S101 - it is a directory
    directory = read_directory(content.path)
    values, notes = _with_automatic(values, content.path)
    yield from notes
    files, unread = _parsed(directory.texts)
    if unread:  # which may declare any
        values.user_values.declared.update(values.user_values.names)
    parts = [*_policies(files, values), *unread, *directory.skipped]
    if not any(isinstance(part, Document) and part.is_of_identity for part in parts):
        check_declared(values.user_values)
    yield from parts


def _parsed(texts: Mapping[str, str]) -> tuple[list[File], list[NotKnown]]:
    """Return the files of a module, and notes on invalid ones."""
    files: list[File] = []
    unread: list[NotKnown] = []
    for name in sorted(texts):
        try:
            files.append(parse(texts[name], name))
        except InputError as error:
            unread.append(NotKnown(name, Reason.not_read, f"{error.place}: {error.problem}"))
    return files, unread


def _with_automatic(values: ModuleValues, path: Path) -> tuple[ModuleValues, list[NotKnown]]:
    """Return values with those of files that an engine reads automatically, and notes on them."""
    automatic, notes = automatic_values(path)
    if not values.user_values.names:
        notes += other_values(path)
    known = {n: v for n, v in automatic.items() if n not in values.user_values.named}
    own = replace(values.user_values, values={**known, **values.user_values.values})
    return replace(values, user_values=own), notes


def _policies(
    files: Sequence[File], values: ModuleValues, others: Sequence[File] = ()
) -> Iterator[Fact]:
    """Yield the policies of a module's files by name, and parts that may be policies.

    `others` are files of the module whose policies are left out.
    """
    own = [block for file in files for block in file.blocks]
    blocks = [*own, *(block for file in others for block in file.blocks)]
    suffix = dns_suffix(values.names.get("partition", ""))
    module = read_blocks(blocks, {**values.names, "dns_suffix": suffix}, values.user_values)
    names = {block.labels[-1] for block in filter(is_document, own)}
    beside = {b.labels[-1]: b.span.source for b in filter(is_document, blocks[len(own) :])}
    embedded = list(embedded_policies(files, module.evaluator, names, beside))
    trusts = {d.name: d.policy for d in module.documents if d.policy.names_principals}
    owners = principals(own, blocks, module.evaluator, trusts)
    yield from owners.attached
    unknown, unread = _unknown(module) & names, (e.attribute for e in embedded if e.needs_engine)
    scope = module.evaluator.scope
    rendering = render(unknown, unread, blocks, scope, values.user_values)
    parts = [
        *rendering.identity_policies(),
        *_documents(module, names - rendering.names, rendering.left_out, _trusts(own)),
        *_attributes(embedded, module, rendering),
    ]
    for policy in parts:
        yield from owners.owned(_with_values(policy, scope))
    for block in own:
        if block.type == "module":
            detail = f"{block.span.place}: the policies of a called module are not read"
            yield NotKnown(".".join(("module", *block.labels)), Reason.not_read, detail)
    yield from _repeated(blocks)
    asked = {block.labels[0] for block in blocks if block.type == "data"}
    if values.names.get("partition", "*") == "*" and "aws_partition" in asked:
        detail = 'the partition is taken as "aws"; --set partition=PARTITION names another'
        yield NotKnown("data.aws_partition", Reason.assumed, detail)


def _with_values(part: PolicyPart, scope: ValueScope) -> PolicyPart:
    """Return a policy; if IAM refuses it for an empty variable, that it is not read."""
    if isinstance(part, NotKnown) or "" not in [t for s in part[1].statements for t in s.texts()]:
        return part
    block = scope.blocks.get(addresses(part[0])[1])
    names = dict.fromkeys(_VARIABLE_OF_RESOURCE.findall(block.span.code if block else ""))
    empty = [f"--var {name}=VALUE" for name in names if scope.values.get(f"var.{name}") == ""]
    detail = f"a resource is empty with these values; give {' '.join(empty)}"
    return NotKnown(part[0], Reason.not_read, detail) if empty else part


def _repeated(blocks: Iterable[Block]) -> Iterator[NotKnown]:
    """Yield names that are declared several times, without policies; the last one was read."""
    places: dict[str, list[str]] = {}
    for block in blocks:
        for address, _ in declarations(block):
            places.setdefault(address, []).append(block.span.place)
    for address, every in places.items():
        if len(every) > 1 and not may_hold_policy(address):
            detail = f"is declared {len(every)} times, which an engine refuses: {'; '.join(every)}"
            yield NotKnown(address, Reason.overrides, detail)


def _unknown(module: HclModule) -> set[str]:
    """Return the names of the data sources that are not fully known without an engine."""
    doubtful = (d for d in module.documents if d.doubt or not joins_nothing(d, module, _JOINED))
    return {name.partition("[")[0] for name in (*module.unread, *(d.name for d in doubtful))}


def _trusts(blocks: Iterable[Block]) -> set[str]:
    """Return the names of data sources with principals, known or not."""
    return {
        block.labels[-1]
        for block in filter(is_document, blocks)
        if any(part.type == "principals" for statement in block.blocks for part in statement.blocks)
        if not any(name.endswith("_policy_documents") for name in block.attributes)
    }


def _documents(
    module: HclModule,
    names: Container[str],
    not_rendered: Mapping[str, str],
    trusts: Container[str],
) -> Iterator[PolicyPart]:
    """Yield the data sources with these names, or why an engine did not render them.

    `trusts` has the names of those that are not identity policies.
    """
    for document in module.documents:
        place = f"line {document.place.line}: it"
        if document.name.partition("[")[0] not in names:
            continue
        if document.policy.names_principals:
            yield NotKnown(document.name, Reason.other_kind, f"{place} names principals")
        elif not joins_nothing(document, module, _JOINED):
            problem = "joins other documents, which needs an engine; render it and give the JSON"
            yield NotKnown(document.name, Reason.not_read, f"{place} {problem}")
        elif not document.policy.statements:
            problem = "has no statement with these values; change them with --var"
            yield NotKnown(document.name, Reason.not_in_force, f"{place} {problem}")
        else:
            yield document.name, document.policy
            if document.doubt:
                yield NotKnown(document.name, Reason.may_be_absent, document.doubt)
    for reason, absent in ((Reason.not_read, module.unread), (Reason.not_in_force, module.absent)):
        for name, why in absent.items():
            if (source := name.partition("[")[0]) not in names:
                continue
            if reason is Reason.not_read and source in trusts:
                yield NotKnown(name, Reason.other_kind, "it names principals")
            else:
                more = f"; {not_rendered[source]}" if source in not_rendered else ""
                yield NotKnown(name, reason, f"{why}{more}")


def _attributes(
    embedded: Iterable[EmbeddedPolicies], module: HclModule, rendering: Rendering
) -> Iterator[PolicyPart]:
    """Yield the policies of attributes that no engine rendered, or why it did not."""
    for known in embedded:
        if (address := known.attribute.address) in rendering.names:
            continue
        for part in known.parts:
            if not isinstance(part, NotKnown):
                yield part[0], module.filled(part[1])
            elif part.counts and address in rendering.left_out:
                yield replace(part, detail=f"{part.detail}; {rendering.left_out[address]}")
            else:
                yield part
