"""The policies of identities that HCL writes out as ``jsonencode``, a heredoc or a string."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import embedded, resolve
from vpc_cni_iam.hcl.attributes import Attribute, attributes, may_hold_policy
from vpc_cni_iam.hcl.choices import is_read_elsewhere
from vpc_cni_iam.hcl.embedded import Embedded
from vpc_cni_iam.hcl.resolve import ValueScope
from vpc_cni_iam.hcl.syntax import File
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.policy.document import Policy

_OF_IDENTITIES = ("aws_iam_", "aws_eks_", "aws_ssoadmin_")
_TRUST = "assume_role_policy"
_ENGINE = "only an engine can know it; render it and give the JSON"


def embedded_policies(
    files: Iterable[File], scope: ValueScope, documents: Collection[str]
) -> Iterator[tuple[str, Policy] | Skipped]:
    """Yield the policies of identities that the attributes of a module write out, by address.

    Other policies, and attributes that may hold one, are yielded as skipped.

    Args:
        documents: The names of its data sources of policies, which are read elsewhere.
    """
    places = [
        (file.source, attribute)
        for file in files
        if may_hold_policy(file.text) or "locals" in file.text
        for attribute in attributes(file)
    ]
    local_values = {a.path[0]: a.value for _, a in places if a.block.type == "locals"}
    times = Counter(attribute.address for _, attribute in places)
    for source, attribute in places:
        value, address = attribute.value, attribute.address
        place = f"{source}, line {value.span.line}"
        if not (attribute.holds_policy or embedded.has_statement(value)):
            if attribute.writes_policy and not embedded.is_document(value):
                detail = f"{place}: it stands in an expression; {_ENGINE}"
                yield Skipped(address, Reason.not_read, detail)
        elif not embedded.is_document(value) and is_read_elsewhere(value, local_values, documents):
            continue
        elif not _is_of_an_identity(attribute):
            yield Skipped(address, Reason.other_kind, f"{place}: {_kind(attribute)}")
        elif problem := _problem(attribute, times[address]):
            yield Skipped(address, Reason.not_read, f"{place}: {problem}")
        else:
            yield _read(attribute, source, scope)


def _problem(attribute: Attribute, times: int) -> str:
    """Return why the policy of an attribute that stands so often cannot be read, if it cannot."""
    if not embedded.is_document(attribute.value):
        return f"it is computed; {_ENGINE}"
    if attribute.dynamic:
        return f"it is in a dynamic block; {_ENGINE}"
    return "it stands more than once" if times > 1 else ""


def _read(attribute: Attribute, source: str, scope: ValueScope) -> tuple[str, Policy] | Skipped:
    value, address = attribute.value, attribute.address
    try:
        policy = _filled(embedded.read(value, source), source, scope)
    except InputError as error:
        return Skipped(address, Reason.not_read, str(error))
    if policy.names_principals:
        detail = f"{source}, line {value.span.line}: it names principals"
        return Skipped(address, Reason.other_kind, detail)
    return address, policy


def _kind(attribute: Attribute) -> str:
    if attribute.path[-1] == _TRUST:
        return "a trust policy"
    return f"a policy of {attribute.block.labels[0]}"


def _is_of_an_identity(attribute: Attribute) -> bool:
    if attribute.path[-1] == _TRUST:
        return False
    kind = attribute.block.labels[0] if attribute.block.labels else ""
    return not attribute.holds_policy or kind.startswith(_OF_IDENTITIES)


def _filled(policy: Embedded, source: str, scope: ValueScope) -> Policy:
    """Return the policy with the texts of its references in their places."""
    values: dict[str, str] = {}
    for reference in policy.marks.expressions:
        value = resolve.text(reference.code, scope)
        if value is None:
            problem = f"{reference.code} is computed; {_ENGINE}"
            raise InputError(source, f"line {reference.line}", problem)
        if reference.spliced and json.dumps(value, ensure_ascii=False) != f'"{value}"':
            problem = f"{reference.code} holds what would end a text of the JSON"
            raise InputError(source, f"line {reference.line}", problem)
        values[reference.code] = value
    return policy.filled(values)
