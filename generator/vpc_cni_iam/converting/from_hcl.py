"""Policies in .tf files as JSON: read without an engine, or rendered by one."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.converting import naming
from vpc_cni_iam.converting.notes import Note, refused
from vpc_cni_iam.errors import InputError, first_of
from vpc_cni_iam.hcl import embedded, resolve
from vpc_cni_iam.hcl.attributes import Attribute, attributes, is_read_elsewhere, may_hold_policy
from vpc_cni_iam.hcl.evaluate.domain import ValueScope, address_of
from vpc_cni_iam.hcl.evaluate.excerpt import RenderTarget
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.hcl.module.joining import join
from vpc_cni_iam.hcl.module.reader import local_nodes, read_blocks
from vpc_cni_iam.hcl.module.variables import declared, referred, undeclared, values
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import REFERENCE, Block, File, Node, Span
from vpc_cni_iam.inputs.directory import Directory
from vpc_cni_iam.inputs.kind import PolicyPart
from vpc_cni_iam.inputs.rendering import Rendering, render
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.names import resolve as find_name
from vpc_cni_iam.policy.document import Policy, to_json
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.template import fill, parts_of

_DOCUMENT = "data.aws_iam_policy_document."


class Reading(Struct, frozen=True):
    """A policy in a .tf file as JSON, with its references, or its engine."""

    address: str  # its address, such as ``aws_iam_role.x.assume_role_policy``
    source: str
    line: int
    # The references in it, such as ``var.bucket``. Any other ``${...}`` in it is an IAM policy
    # variable.
    references: tuple[str, ...]
    engine: str | None  # the engine that rendered it, None if none did
    document: dict[str, Any]  # its JSON; a reference is written as ``${`` the reference ``}``
    notes: tuple[Note, ...] = ()  # what IAM refuses in it

    @property
    def text(self) -> str:
        """The text of the JSON, ending in a newline."""
        return json.dumps(self.document, indent=2) + "\n"


class Unread(Struct, frozen=True):
    """A policy that cannot be known without an engine, and why."""

    # Its address; a file for all policies in the file; empty if the file may change every policy.
    address: str
    error: InputError  # the error, with the file and the line
    line: int = 0  # the line where it starts; 0 for a whole file


def read_file(text: str, source: str) -> File:
    """Return the syntax tree of a .tf file; it is empty if the file has no policy and no locals."""
    if not may_hold_policy(text) and "locals" not in text:
        return File(source, text, {}, ())
    return parse(text, source)


def readings(
    file: File, known: Mapping[str, Node] | None = None, scope: ValueScope | None = None
) -> tuple[Reading | Unread, ...]:
    """Return the policies of a file in their order.

    These are its ``aws_iam_policy_document`` data sources, and each heredoc, quoted string or
    ``jsonencode`` that is a policy argument of the AWS provider or has a Statement. Computed policy
    arguments are not read.

    `known` has the locals of all files that are read together, by default those of this file.
    Without `scope`, all references stay.
    """
    if not may_hold_policy(file.text):
        return ()
    known = local_nodes(file.blocks) if known is None else known
    scope = scope or ValueScope()
    policies = [*_written_out(file, known, scope), *_data_sources(file, scope)]
    return tuple(sorted(policies, key=lambda policy: policy.line))


def read_files(
    files: Iterable[Callable[[], Directory]],
    others: Mapping[str, str] = MappingProxyType({}),
    variables: GivenVariables | None = None,
) -> list[Reading | Unread]:
    """Return the policies of files that are read together, like the files of one module.

    Each of `files` returns texts by their name in errors, or raises `InputError`. The policies of
    `others` are left out. Without `variables`, references to variables stay.
    """
    policies: list[Reading | Unread] = []
    needs_all = variables is not None and (variables.names or variables.renderer)
    parse_file = parse if needs_all else read_file
    parsed: dict[str, File] = {}
    known: dict[str, Node] = {}
    skipped: dict[Skipped, None] = {}
    for read in files:
        try:
            directory = read()
            skipped |= dict.fromkeys(directory.skipped)
            for source, text in directory.texts.items():
                try:
                    parsed[source] = parse_file(text, source)
                    known |= local_nodes(parsed[source].blocks)
                except InputError as error:
                    policies.append(Unread("", error))
        except InputError as error:
            policies.append(Unread("", error))
    policies += (_of_skipped(part) for part in skipped if not part.reason.is_note)
    module = [*parsed.values(), *(parse(text, name) for name, text in others.items())]
    scope = _scope(module, variables)
    for file in parsed.values():
        policies += readings(file, known, scope)
    if variables is not None and variables.renderer is not None:
        policies = [*_rendered(policies, parsed.values(), module, variables)]
    return [_with_notes(policy) for policy in policies or [_no_policy(parsed)]]


def _no_policy(parsed: Mapping[str, File]) -> Unread:
    problem = "has no policy as text"
    if any(_DOCUMENT in file.text for file in parsed.values()):
        problem += "; its policies are in other files: give the directory of the module"
    return Unread("", InputError(first_of(parsed), "", problem))


def _with_notes(policy: Reading | Unread) -> Reading | Unread:
    if isinstance(policy, Unread):
        return policy
    return replace(policy, notes=tuple(refused(policy.document)))


def _rendered(
    policies: Iterable[Reading | Unread],
    files: Iterable[File],
    module: Iterable[File],
    variables: GivenVariables,
) -> Iterator[Reading | Unread]:
    """Yield policies; unread ones are replaced by those that an engine renders.

    `files` are the files of the policies, and `module` has every file of their module.
    """
    every = list(policies)
    unread = {p.address: p for p in every if isinstance(p, Unread)}
    computed = {a.address: a for f in files for a in attributes(f) if not a.dynamic}
    blocks = [block for file in module for block in file.blocks]
    rendering = render(
        [_short(address) for address in unread if address.startswith(_DOCUMENT)],
        [computed[address] for address in unread if address in computed],
        blocks,
        read_blocks(blocks, {}, variables).evaluator.scope,
        variables,
    )
    results: dict[str, list[Reading | Unread]] = {}
    for target, result in rendering.parts:
        if known := _engine_result(result, unread[target.module_address], rendering, target):
            results.setdefault(target.module_address, []).append(known)
    for policy in every:
        if isinstance(policy, Unread) and policy.address in results:
            yield from results[policy.address]
        elif isinstance(policy, Unread) and (why := rendering.left_out.get(_short(policy.address))):
            error = policy.error
            problem = f"{error.problem}; {why}"
            yield replace(policy, error=InputError(error.source, error.place, problem))
        else:
            yield policy


def _engine_result(
    result: PolicyPart, unread: Unread, rendering: Rendering, target: RenderTarget
) -> Reading | Unread | None:
    """Return the engine's result for an unread policy, None if it is only a note."""
    start, error = "" if target.code else _DOCUMENT, unread.error
    if isinstance(result, Skipped):
        if result.reason.is_note:
            return None
        return Unread(f"{start}{result.name}", InputError(error.source, error.place, result.detail))
    name, policy = result
    document = to_json(policy)
    return Reading(f"{start}{name}", error.source, unread.line, (), rendering.engine, document)


def _scope(files: Sequence[File], variables: GivenVariables | None) -> ValueScope:
    """Return the values of a user's variables, and of the locals that depend on them."""
    if variables is None or not variables.names:
        return ValueScope()
    blocks = [block for file in files for block in file.blocks]
    known = values(blocks, variables)
    if not declared(blocks):
        variables.declared.update(referred(files))
        known = undeclared((), variables)
    chosen = {name: value for name, value in known.items() if name[4:] in variables.names}
    return ValueScope(chosen, local_nodes(blocks), exact=True)


def _of_skipped(part: Skipped) -> Unread:
    """Return a file that is not read; ``--document`` omits it unless it changes other files."""
    address = "" if part.reason is Reason.overrides else part.name
    return Unread(address, InputError(part.name, "", part.detail))


def choose(
    policies: Sequence[Reading | Unread], names: Iterable[str]
) -> tuple[Reading | Unread, ...]:
    """Return the policies with these addresses or names of data sources, and the unread files.

    Without names, return all policies.
    """
    known = dict.fromkeys(name for policy in policies for name in _names(policy) if name)
    chosen = {find_name(name, known, "document", "--document") for name in names}
    if not chosen:
        return tuple(policies)
    return tuple(p for p in policies if not p.address or not chosen.isdisjoint(_names(p)))


def _names(policy: Reading | Unread) -> tuple[str, str]:
    return policy.address, _short(policy.address)


def _short(address: str) -> str:
    return address.removeprefix(_DOCUMENT)


def files(policies: Sequence[Reading]) -> dict[str, str]:
    """Return the texts of policies by file name, derived from their addresses."""
    names = naming.unique([naming.identifier(_short(r.address)) for r in policies])
    return {f"{name}.json": policy.text for name, policy in zip(names, policies, strict=True)}


def _written_out(
    file: File, known: Mapping[str, Node], scope: ValueScope
) -> Iterator[Reading | Unread]:
    for attribute in attributes(file):
        value, line = attribute.value, attribute.value.span.line
        if embedded.is_document(value):
            if not attribute.holds_policy and not embedded.has_statement(value):
                continue
            try:
                yield _document(value, attribute.address, scope)
            except InputError as error:
                yield Unread(attribute.address, error, line)
        elif problem := _why_unread(attribute, known):
            yield Unread(attribute.address, value.span.refuse(problem), line)


def _document(value: Node, address: str, scope: ValueScope) -> Reading:
    """Return a policy that is written as text, with known references replaced by values."""
    if scope.exact:
        with contextlib.suppress(InputError):
            policy = loads(resolve.text_of(value, Evaluator(scope)), value.span.source)
            return _reading(policy, address, value.span)
    written = embedded.read(value)
    texts = {code: text for code in written.places if (text := _text(code, scope)) is not None}
    policy = written.policy.map_texts(
        lambda text: fill(text, lambda hole: texts.get(hole.place, hole)), whole=True
    )
    for hole in policy.holes():
        if not re.fullmatch(REFERENCE, hole.place):
            problem = f"{hole.place} is computed; only an engine can evaluate it"
            raise written.places[hole.place].refuse(problem)
    return _reading(policy, address, value.span)


def _text(code: str, scope: ValueScope) -> str | None:
    """Return the text of an expression, None if it is unknown or would change in JSON."""
    text = resolve.text(code, scope) if scope.exact else None
    return None if not isinstance(text, str) or {'"', "\\"} & {*text} else text


def _why_unread(attribute: Attribute, known: Mapping[str, Node]) -> str:
    """Say why an attribute without a document as text may still be a policy."""
    if attribute.writes_policy or (attribute.holds_policy and attribute.has_document_inside):
        return "is part of an expression; only an engine can evaluate it"
    if attribute.holds_policy and not is_read_elsewhere(attribute.value, known):
        return "is computed; only an engine can evaluate it"
    return ""


def _data_sources(file: File, scope: ValueScope) -> Iterator[Reading | Unread]:
    for block in filter(resolve.is_document, file.blocks):
        address, line = address_of(block), block.span.line
        try:
            yield _data_source(block, address, scope)
        except InputError as error:
            yield Unread(address, error, line)


def _data_source(block: Block, address: str, scope: ValueScope) -> Reading:
    document = resolve.read_document(block, Evaluator(replace(scope, holes=True)))
    for argument, _ in document.joins:
        problem = f"{argument} joins other documents; only an engine can do this (--engine)"
        raise block.span.refuse(problem)
    return _reading(join(document, {}).policy, address, block.span)


def _reading(policy: Policy, address: str, place: Span) -> Reading:
    """Return a policy with its references written like ``${var.x}``.

    Raises `InputError` if the same characters are also literal text in the policy.
    """
    references = tuple(dict.fromkeys(hole.place for hole in policy.holes()))
    literals = [part for text in policy.all_texts() for part in parts_of(text)]
    for reference in references:
        written = f"${{{reference}}}"
        if any(isinstance(part, str) and written in part for part in literals):
            problem = "is text in one place and a reference in another"
            raise place.refuse(f"{written} {problem}")
    return Reading(address, place.source, place.line, references, None, to_json(policy))
