"""``vpc-cni-iam policy``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.expand import value

if TYPE_CHECKING:
    from vpc_cni_iam.catalog.compose import Composed
    from vpc_cni_iam.catalog.narrowing import IdList
    from vpc_cni_iam.catalog.options import Options
    from vpc_cni_iam.policy.document import Policy

HELP = """Print one policy document.

A scoped variant needs --cluster-name, and --vpc-id if its document names the VPC. By default, the
Region and the account are *, and the partition is aws. --format session prints one line, for the
session policy of an EKS Pod Identity association, or an error if it is too large.

\b
Examples:
  vpc-cni-iam policy ipv4
  vpc-cni-iam policy ipv4 --cni-version v1.20.4 > policy.json
  aws iam create-policy --policy-name cni --policy-document file://policy.json
  vpc-cni-iam policy ipv6 --cni-version v1.22.1 --format table
  vpc-cni-iam policy ipv4-scoped --cluster-name prod \\
    --vpc-id vpc-0123456789abcdef0 --eni-claim-tag node-pool=main
  vpc-cni-iam policy ipv6-scoped --cluster-name prod --no-harden \\
    --format session
"""


class PolicyFormat(StrEnum):
    """How to print a document."""

    json = "json"
    hcl = "hcl"
    table = "table"
    session = "session"


def policy(
    variant: Annotated[
        str,
        typer.Argument(
            metavar="VARIANT",
            help="Variant; `catalog` lists them.",
            autocompletion=options.variants,
        ),
    ],
    surroundings: options.ClusterOptions,
    documents: options.DocumentOptions,
    hardening: options.HardeningOptions,
    no_additions: bool = options.NO_ADDITIONS,
    all_calls: bool = options.ALL_CALLS,
    subnet_id: list[str] | None = value(
        "ID", "With --harden: the only subnet for new interfaces; repeat for more."
    ),
    security_group_id: list[str] | None = value(
        "ID", "With --harden: the only security group of interfaces; repeat for more."
    ),
    output: PolicyFormat = options.output_format(PolicyFormat.json),
) -> None:
    """See `HELP`."""
    ids = _ids(subnet_id, security_group_id)
    chosen = _chosen(
        variant, documents, hardening, ids, no_additions=no_additions, all_calls=all_calls
    )
    (composed,) = chosen.composed()
    document = _filled(composed, surroundings.values, ids)
    if output is PolicyFormat.session:
        from vpc_cni_iam.catalog.compose import session_policy

        typer.echo(session_policy(composed, document))
        common.say(
            "AWS STS also limits the packed size, which only STS can tell (PackedPolicySize)"
        )
        return
    common.notify(chosen)
    _show(document, composed.variant.identifier, output)


def _ids(subnets: list[str] | None, security_groups: list[str] | None) -> dict[IdList, list[str]]:
    """Return the IDs of each list that is given."""
    from vpc_cni_iam.catalog.narrowing import IdList

    lists = {IdList.subnets: subnets, IdList.security_groups: security_groups}
    return {kind: ids for kind, ids in lists.items() if ids}


def _chosen(
    variant: str,
    documents: options.DocumentOptions,
    hardening: options.HardeningOptions,
    ids: dict[IdList, list[str]],
    *,
    no_additions: bool,
    all_calls: bool,
) -> Options:
    """Return the options of a policy. An error about a list names the option for its IDs."""
    from vpc_cni_iam.catalog.narrowing import LIMIT
    from vpc_cni_iam.errors import OptionError, OptionNames, UsageError

    try:
        chosen = options.chosen(
            (variant,),
            documents,
            hardening,
            no_additions=no_additions,
            all_calls=all_calls,
            limit_to=ids,
        )
        chosen.composed()
    except OptionError as error:
        first = next((kind.parameter.option for kind in ids), LIMIT)
        raise UsageError(error.text(OptionNames({LIMIT: first}))) from None
    return chosen


def _filled(
    composed: Composed, values: dict[str, str | None], ids: dict[IdList, list[str]]
) -> Policy:
    """Return a document with its placeholders filled; report values that it does not use."""
    from vpc_cni_iam.catalog import narrowing, parameters

    document = narrowing.filled(composed.policy, parameters.values(values), ids)
    for unused in parameters.unused(composed.policy, values):
        name = composed.variant.name
        common.say(f"{unused.option} changes nothing: the document of {name} does not name it")
    return document


def _show(document: Policy, name: str, output: PolicyFormat) -> None:
    if output is PolicyFormat.json:
        from vpc_cni_iam.policy.document import dumps

        typer.echo(dumps(document), nl=False)
    elif output is PolicyFormat.hcl:
        from vpc_cni_iam.hcl.write import block, policy_document

        typer.echo(block(policy_document(name, document)), nl=False)
    else:
        from vpc_cni_iam.policy.report import condition_text

        common.table(
            ("effect", "action", "resource and condition"),
            (
                (
                    s.effect,
                    "\n".join(map(str, s.actions)),
                    "\n".join(
                        (*map(str, s.resources), *(f"if {condition_text(c)}" for c in s.conditions))
                    ),
                )
                for s in document.statements
            ),
        )
