"""The policies of identities that HCL writes out as ``jsonencode``, a heredoc or a string."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import embedded, resolve
from vpc_cni_iam.hcl.attributes import Attribute, attributes
from vpc_cni_iam.hcl.embedded import MARK, Embedded
from vpc_cni_iam.hcl.locate import locate
from vpc_cni_iam.hcl.resolve import Scope
from vpc_cni_iam.policy.document import Policy, Statement

# Locating every expression takes longer than looking whether there can be one.
_MAY_HOLD = re.compile(r'Statement|resource\s+"?aws_(iam|eks|ssoadmin)_')
_OF_IDENTITIES = ("aws_iam_", "aws_eks_", "aws_ssoadmin_")
_DOCUMENT = "data.aws_iam_policy_document."
_LOCAL = re.compile(r"\blocal\.([\w-]+)")
_ENGINE = "only an engine can know it; render it and give the JSON"


@dataclass(frozen=True, slots=True)
class WrittenOut:
    """What attributes hold.

    Args:
        policies: The policies by address.
        unread: Why others that are written out could not be read, by address.
        passed_over: Where a policy is that is not written out here, by address.
    """

    policies: dict[str, Policy] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)


def written_out(texts: Mapping[str, str], scope: Scope) -> WrittenOut:
    """Return the policies of identities that the attributes of a module write out.

    Args:
        texts: The texts of its files by the name that errors show.
        scope: What its variables and locals stand for.

    Raises:
        InputError: A file is not HCL.
    """
    found = WrittenOut()
    places = [
        (source, text, attribute)
        for source, text in sorted(texts.items())
        if _MAY_HOLD.search(text)
        for attribute in attributes(locate(text, source))
        if _is_of_an_identity(attribute)
    ]
    local_codes = {
        a.path[0]: "" if embedded.has_statement(a.value) else _code(a, text)
        for _, text, a in places
        if a.block.type == "locals"
    }
    for source, text, attribute in places:
        value, address = attribute.value, attribute.address
        if not embedded.is_document(value):
            code = _code(attribute, text)
            if attribute.holds_policy and not _is_read_elsewhere(code, local_codes):
                place = f"{source}, line {value.line}"
                found.passed_over[address] = f"{place}: it is computed; {_ENGINE}"
        elif attribute.holds_policy or embedded.has_statement(value):
            try:
                policy = _filled(embedded.read(value, source), source, scope)
            except InputError as error:
                found.unread[address] = str(error)
                continue
            if not policy.names_principals:
                found.policies[address] = policy
    return found


def _is_of_an_identity(attribute: Attribute) -> bool:
    if attribute.path[-1] == "assume_role_policy":
        return False
    kind = attribute.block.labels[0] if attribute.block.labels else ""
    return not attribute.holds_policy or kind.startswith(_OF_IDENTITIES)


def _code(attribute: Attribute, text: str) -> str:
    return text[attribute.value.start : attribute.value.end]


def _is_read_elsewhere(code: str, local_codes: Mapping[str, str]) -> bool:
    """Say whether an expression does no more than to choose documents that are read by themselves.

    Args:
        code: The expression.
        local_codes: Those of locals by name; empty for one that writes a policy out.
    """
    names = [name for name in _LOCAL.findall(code) if name in local_codes]
    every = [code, *(local_codes[name] for name in names)]
    if any("(" in one for one in every):
        return False
    return any(_DOCUMENT in one or not one for one in every)


def _filled(found: Embedded, source: str, scope: Scope) -> Policy:
    """Return the policy with the texts of its references in their places."""
    values: dict[str, str] = {}
    for kept in found.marks.kept:
        value = resolve.text(kept.code, scope)
        if value is None:
            problem = f"{kept.code} is computed; {_ENGINE}"
            raise InputError(source, f"line {kept.line}", problem)
        if kept.spliced and json.dumps(value, ensure_ascii=False) != f'"{value}"':
            problem = f"{kept.code} holds what would end a text of the JSON"
            raise InputError(source, f"line {kept.line}", problem)
        values[kept.code] = value

    def fill(text: str) -> str:
        return MARK.sub(lambda m: values[found.marks.of(m[0]).code], text)

    def fill_actions(statement: Statement) -> Statement:
        return replace(
            statement,
            actions=tuple(map(fill, statement.actions)),
            not_actions=tuple(map(fill, statement.not_actions)),
            sid=fill(statement.sid),
        )

    policy = found.policy.map_strings(fill)
    statements = tuple(map(fill_actions, policy.statements))
    return replace(policy, statements=statements, id=fill(policy.id))
