"""Identity policies in HCL as ``jsonencode``, a heredoc or a string."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct

from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import embedded, resolve
from vpc_cni_iam.hcl.attributes import Attribute, attributes, is_read_elsewhere, may_hold_policy
from vpc_cni_iam.hcl.evaluate.domain import ExpressionError
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.syntax import File, Node
from vpc_cni_iam.inputs.kind import PolicyPart
from vpc_cni_iam.policy.parse import loads

_OF_IDENTITIES = ("aws_iam_", "aws_eks_", "aws_ssoadmin_")
_TRUST = "assume_role_policy"
_ENGINE = "only an engine can know it; render it and give the JSON"


class EmbeddedPolicies(Struct, frozen=True):
    """The policies of an attribute."""

    attribute: Attribute
    parts: tuple[PolicyPart, ...]  # a policy for each instance of its block, and what was skipped
    needs_engine: bool = False  # whether an engine may know more about it


def embedded_policies(
    files: Iterable[File],
    evaluator: Evaluator,
    documents: Collection[str],
    beside: Mapping[str, str],
) -> Iterator[EmbeddedPolicies]:
    """Yield the identity policies in the attributes of a module.

    Other policies, and attributes that may contain one, are skipped. `documents` has the names of
    its policy data sources, which are read elsewhere; `beside` has the files of unread ones, by
    name.
    """
    every = [
        attribute
        for file in files
        if may_hold_policy(file.text) or "locals" in file.text
        for attribute in attributes(file)
    ]
    nodes = {f"local.{a.path[0]}": a.value for a in every if a.block.type == "locals"}
    times = Counter(attribute.address for attribute in every)
    for attribute in every:
        value = attribute.value
        if not (attribute.holds_policy or embedded.has_statement(value)):
            if attribute.writes_policy and not embedded.is_document(value):
                detail = f"{value.span.place}: it stands in an expression; {_ENGINE}"
                skipped = NotKnown(attribute.address, Reason.not_read, detail)
                alone = times[attribute.address] == 1 and not attribute.dynamic
                yield EmbeddedPolicies(attribute, (skipped,), alone)
        elif embedded.is_document(value) or not is_read_elsewhere(value, nodes, documents):
            yield _beside(attribute, evaluator, documents, beside) or _read_attribute(
                attribute, evaluator, times[attribute.address]
            )


def _beside(
    attribute: Attribute,
    evaluator: Evaluator,
    documents: Collection[str],
    beside: Mapping[str, str],
) -> EmbeddedPolicies | None:
    """Return the note on an attribute with a policy from an unread file."""
    names = {*documents, *beside}
    if not beside or not is_read_elsewhere(attribute.value, evaluator.scope.nodes, names):
        return None
    folder = os.path.dirname(next(iter(beside.values()))) or "."  # noqa: PTH120 - as it is given
    problem = f"its policy is in another file of the module; give the directory {folder}"
    detail = f"{attribute.value.span.place}: {problem}"
    return EmbeddedPolicies(attribute, (NotKnown(attribute.address, Reason.not_read, detail),))


def _read_attribute(attribute: Attribute, evaluator: Evaluator, times: int) -> EmbeddedPolicies:
    """Return the policies of an attribute, which its block has this often."""
    address, place = attribute.address, attribute.value.span.place
    kind, why = attribute.block.labels[0] if attribute.block.labels else "", Reason.not_read
    problem = ""
    if attribute.path[-1] == _TRUST:
        why, problem = Reason.other_kind, "a trust policy"
    elif attribute.holds_policy and not kind.startswith(_OF_IDENTITIES):
        why, problem = Reason.other_kind, f"a policy of {kind}"
    elif attribute.dynamic:
        problem = f"it is in a dynamic block; {_ENGINE}"
    elif times > 1:
        problem = "it stands more than once"
    if problem:
        return EmbeddedPolicies(attribute, (NotKnown(address, why, f"{place}: {problem}"),))
    parts = tuple(_instances(attribute, evaluator))
    unknown = any(isinstance(part, NotKnown) and part.counts for part in parts)
    return EmbeddedPolicies(attribute, parts, unknown)


def _instances(attribute: Attribute, evaluator: Evaluator) -> Iterator[PolicyPart]:
    """Yield the policy of each instance of the resource; one for all if their number is unknown."""
    block, address = attribute.block, attribute.address
    try:
        instances, unknown = evaluator.possible_instances(block)
    except ExpressionError as error:
        yield NotKnown(address, Reason.not_read, f"{block.span.place}: {error}")
        return
    if unknown:
        yield NotKnown(address, Reason.may_be_absent, f"{block.span.place}: {unknown}")
    if not instances:
        detail = f"{block.span.place}: it is counted or repeated zero times"
        yield NotKnown(address, Reason.not_in_force, detail)
    start = ".".join(block.labels)
    for key, inner in instances.items():
        name = address if len(instances) == 1 else f"{start}{key}{address.removeprefix(start)}"
        yield _read(attribute.value, name, inner)


def _read(value: Node, name: str, evaluator: Evaluator) -> PolicyPart:
    place = value.span.place
    try:
        text = resolve.text_of(value, evaluator)
    except InputError as error:
        return NotKnown(name, Reason.not_read, f"{place}: it is computed: {error.problem}")
    if not text:
        detail = f"{place}: it is empty with these values; change them with --var"
        return NotKnown(name, Reason.not_in_force, detail)
    try:
        policy = loads(text, value.span.source)
    except InputError as error:
        detail = f"{place}: in its JSON, {error.place}: {error.problem}"
        return NotKnown(name, Reason.not_read, detail)
    if policy.names_principals:
        return NotKnown(name, Reason.other_kind, f"{place}: it names principals")
    return name, policy
