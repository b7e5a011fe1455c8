"""``vpc-cni-iam policy``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from vpc_cni_iam.cli import common, versions
from vpc_cni_iam.cli.names import name

if TYPE_CHECKING:
    from vpc_cni_iam.catalog.compose import Composed
    from vpc_cni_iam.policy.document import Policy

HELP = """Print one policy document, ready for IAM.

\b
Examples:
  vpc-cni-iam policy ipv4
  vpc-cni-iam policy ipv4 --cni-version v1.20.4 |
    aws iam create-policy --policy-name x --policy-document file:///dev/stdin
  vpc-cni-iam policy ipv6 --cni-version v1.22.1 --format table
  vpc-cni-iam policy ipv4-scoped --cluster-name prod \\
    --vpc-id vpc-0123456789abcdef0 --harden --eni-claim-tag node-pool=main
"""


class Format(StrEnum):
    """How to print a document."""

    json = "json"
    hcl = "hcl"
    table = "table"


def policy(
    variant: common.VariantArgument,
    cluster_name: Annotated[
        str | None, name("--cluster-name", "Cluster's name, of a scoped policy.")
    ] = None,
    vpc_id: Annotated[str | None, name("--vpc-id", "VPC of the nodes, of a scoped policy.")] = None,
    partition: Annotated[str | None, name("--partition", "AWS partition.  [default: aws]")] = None,
    region: Annotated[str | None, name("--region", "AWS Region.  [default: *]")] = None,
    account_id: Annotated[
        str | None, name("--account-id", "AWS account ID of the nodes.  [default: *]")
    ] = None,
    vpc_owner_id: Annotated[
        str | None,
        name("--vpc-owner-id", "AWS account ID of the VPC's owner.  [default: that of the nodes]"),
    ] = None,
    hyperpod_cluster_id: Annotated[
        str | None,
        name("--hyperpod-cluster-id", "SageMaker HyperPod cluster's ID.  [default: *]"),
    ] = None,
    revision: common.RevisionOption = None,
    cni_version: versions.VersionOption = None,
    strict: versions.StrictOption = False,
    feature: common.FeatureOption = None,
    no_gaps: common.NoGapsOption = False,
    harden: common.HardenOption = False,
    additional_tag_key: common.TagKeyOption = None,
    eni_claim_tag: common.ClaimTagOption = None,
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.json,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.catalog.options import options

    given = {
        "cluster_name": cluster_name,
        "vpc_id": vpc_id,
        "partition": partition,
        "region": region,
        "account_id": account_id,
        "vpc_owner_id": vpc_owner_id,
        "hyperpod_cluster_id": hyperpod_cluster_id,
    }
    chosen = options(
        (variant,),
        revision=revision,
        cni_version=cni_version,
        features=feature or (),
        gaps=not no_gaps,
        hardening=common.hardening(harden, additional_tag_key, eni_claim_tag),
    )
    (composed,) = chosen.composed()
    document = _filled(composed, given)
    common.notify(chosen)
    _show(document, composed.variant.identifier, output)


def _filled(composed: Composed, given: dict[str, str | None]) -> Policy:
    """Return a document with values for its placeholders; tell the user which were not needed."""
    from vpc_cni_iam.catalog import parameters

    document = parameters.substitute(composed.policy, parameters.values(given))
    for unused in parameters.unused(composed.policy, given):
        name = composed.variant.name
        common.say(f"{unused.option} changes nothing: the document of {name} does not name it")
    return document


def _show(found: Policy, name: str, output: Format) -> None:
    if output is Format.json:
        from vpc_cni_iam.policy.document import dumps

        typer.echo(dumps(found), nl=False)
    elif output is Format.hcl:
        from vpc_cni_iam.hcl.write import block, policy_document

        typer.echo(block(policy_document(name, found)), nl=False)
    else:
        from vpc_cni_iam.policy.wording import condition_text

        common.table(
            ("effect", "action", "resource and condition"),
            (
                (
                    s.effect,
                    "\n".join(s.actions),
                    "\n".join((*s.resources, *(f"if {condition_text(c)}" for c in s.conditions))),
                )
                for s in found.statements
            ),
        )
