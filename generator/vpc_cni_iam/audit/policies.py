"""The policies of a role that apply to the plugin, and what is not known about them."""

from __future__ import annotations

import re

from vpc_cni_iam.audit.assuming import Obstacle, ObstacleKind
from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.coverage.simulate.send import Limits
from vpc_cni_iam.coverage.subject import characters
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.aws.account import RoleDetail, most_characters
from vpc_cni_iam.inputs.json_documents import JsonDocument
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import compile_policies

# A policy with one of these depends on the account: an account ID, or a part of one, or its key.
_ABOUT_ACCOUNT = re.compile(r"[0-9]{12}|[0-9][*?]|[*?][0-9]|account|\$\{", re.IGNORECASE)


def policies_of(
    detail: RoleDetail,
) -> tuple[tuple[Policy, ...], Limits, str, tuple[Obstacle, ...]]:
    """Return a role's policies, its boundary and the boundary's name, and what is not known.

    AWS managed policies that are not in the input are taken from the catalog, if it has them.
    """
    unknown: list[Obstacle] = []
    policies: list[Policy] = []
    limits: Limits = ()
    boundary = ""
    for arn in filter(None, (*detail.missing, detail.missing_boundary)):
        managed = aws_managed.published(arn)
        if managed is None:
            unknown.append(Obstacle(ObstacleKind.absent, on=arn))
        elif arn in detail.missing:
            policies.append(managed.document)
        if managed and arn == detail.missing_boundary:
            limits, boundary = ((managed.document,),), managed.name
    for document in (*detail.policies, *filter(None, [detail.boundary])):
        name = "/".join(document.names)
        try:
            policy = _read(document)
        except InputError as error:
            problem = f"{error.place}: {error.problem}"
            unknown.append(Obstacle(ObstacleKind.unread_policy, on=name, problem=problem))
            continue
        if document is detail.boundary:
            limits, boundary = ((policy,),), name
        else:
            policies.append(policy)
    return tuple(policies), limits, boundary, tuple(dict.fromkeys(unknown))


def _read(document: JsonDocument) -> Policy:
    """Return a policy; raises `InputError` if IAM or the evaluator does not accept it."""
    policy, most = document.policy(), most_characters(document)
    if most is not None and (size := characters(policy)) > most:
        problem = f"has {size:,} characters without white space; IAM accepts at most {most:,}"
        raise InputError(document.source, document.place, problem)
    compile_policies([policy])
    return policy


def is_about_account(detail: RoleDetail) -> bool:
    """Return whether the meaning of a role's policies depends on its account."""
    documents = (*detail.policies, *filter(None, [detail.boundary]))
    return any(_ABOUT_ACCOUNT.search(str(document.content)) for document in documents)
