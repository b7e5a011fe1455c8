"""Roles of the plugin and of nodes: what they should not have, and who cannot assume them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from vpc_cni_iam.catalog.facts.documents import CNI_POLICY, RESOURCE_CONTROLLER, managed_policy
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.grants import known_policies
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.inputs.plan.plugin.policy import is_of_aws, is_of_plugin
from vpc_cni_iam.levels import Level
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.mending import TrustFault
from vpc_cni_iam.policy.document import Policy, statements_of
from vpc_cni_iam.policy.proof.answer import Answer, NoNewAccess
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.checks.coverage import COVERAGE_LOST, PERMISSION_MISSING, of_role
from vpc_cni_iam.review.checks.identity import IDENTITY_LOST
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.answers import plugin_answers
from vpc_cni_iam.review.diff.plugin.identity import IdentityEvent, is_less_trusted, is_trusted
from vpc_cni_iam.review.diff.plugin.nodes import ControllerMissing, controllers_missing
from vpc_cni_iam.review.diff.plugin.roles import TrustLost, is_of_nodes, node_roles, trust_lost
from vpc_cni_iam.review.diff.trust.providers import roles_without_provider
from vpc_cni_iam.review.findings import Finding, Saying, says
from vpc_cni_iam.review.rules import Rule, Topic
from vpc_cni_iam.review.texts.names import FAULTS, IDENTITIES, name_of, of_issuer

MANAGED_ATTACHED = Rule(
    "managed-policy-attached",
    (Level.NOTE, Topic.PLUGIN, ()),
    summary="AmazonEKS_CNI_Policy is still attached to the node role.",
    help="Every pod that reaches the instance metadata of the node has these permissions, whatever the plugin's own role allows. Detach the policy from the node role after aws-node uses its own role. Until then, aws-node needs it, so it is a note. It is an error if the plan brings it to a role with a scoped policy, because the scope then has no effect.",
    fix="Detach AmazonEKS_CNI_Policy once aws-node uses its own role: check that its pods have restarted with that role first.",
)


class ManagedAttached(Struct, frozen=True):
    """AmazonEKS_CNI_Policy is on a role with a scoped policy, or on a node role."""

    role: IamResource
    beside: tuple[str, ...] = ()


class RoleRefused(Struct, frozen=True):
    """aws-node can never assume a role that is for aws-node, in no cluster."""

    role: IamResource
    fault: TrustFault | None


def check(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the plugin's roles and node roles, besides denied calls."""
    for owner in context.accounts.after.grants:
        if owner not in context.accounts.deleted:
            yield from _managed(owner, context)
    for lost in _not_trusted(context):
        level = Level.ERROR if lost.is_certain else Level.WARNING
        yield of_role(lost.role, COVERAGE_LOST, lost, context, level)
    for answer in plugin_answers(context):
        is_lone = not answer.needs.is_of_cluster and answer.reason is IdentityEvent.NOT_TRUSTED
        for role in answer.needs.plugin.after.identity.roles if is_lone else ():
            is_said = role in {*trust_lost(context)} | roles_without_provider(context)
            if not (answer.is_as_before or is_said):
                yield of_role(role, IDENTITY_LOST, RoleRefused(role, answer.fault), context)
    for missing in controllers_missing(context):
        rule = COVERAGE_LOST if missing.is_removed else PERMISSION_MISSING
        yield of_role(missing.role, rule, missing, context, Level.WARNING, missing.address)


def _managed(owner: IamResource, context: Context) -> Iterator[Finding]:
    """Yield roles with AmazonEKS_CNI_Policy and a scoped policy, and node roles with it."""
    before, after = (account.policies(owner) for account in context.accounts.sides)
    managed = [key for key, grant in after.items() if is_of_aws(grant, CNI_POLICY)]
    if not managed:
        return
    others = {k: grant for k, grant in after.items() if k not in managed and is_of_plugin(grant)}
    answer = _undone(known_policies(others.values()), context) if others else NoNewAccess()
    if not isinstance(answer, NoNewAccess):
        both = (*managed, *others)
        stays = all(k in before and before[k].content == after[k].content for k in both)
        evidence = ManagedAttached(owner, tuple(grant.written_at for grant in others.values()))
        level = Level.NOTE if stays else Level.ERROR
    elif owner in node_roles(context) or is_of_nodes(context, owner, alone=False):
        # Until pods have rolled to a role of their own, aws-node needs it.
        evidence, level = ManagedAttached(owner), Level.NOTE
    else:
        return
    yield of_role(owner, MANAGED_ATTACHED, evidence, context, level)


def _undone(others: tuple[Policy, ...], context: Context) -> Answer:
    """Return whether the managed policy allows an action of other policies where they do not."""
    allows = statements_of(others, "Allow")
    shared = managed_policy().with_actions(lambda action: any(s.is_about(action) for s in allows))
    return context.proofs.prove(others, (*others, shared))


def _not_trusted(context: Context) -> Iterator[TrustLost]:
    """Yield the roles that aws-node can or may no longer assume."""
    for plugin in (p for p in context.plugins if not p.is_deleted):
        for role in sorted(plugin.after.identity.chain, key=str):
            if is_less_trusted(plugin, role, context):
                is_certain = is_trusted(plugin, role, Side.AFTER, context) is False
                yield TrustLost(role, (plugin.after.identity.kind,), is_certain, plugin.after)
    yield from trust_lost(context).values()


@says(ManagedAttached)
def _managed_text(_: Finding, managed: ManagedAttached) -> Saying:
    role = name_of(managed.role)
    message, fix = f"{CNI_POLICY} is attached to {role}", f"Detach {CNI_POLICY} from {role}"
    if managed.beside:
        beside = first_of(managed.beside)
        return Saying(f"{message} beside {beside}, whose conditions do not limit it", fix=fix)
    return Saying(f"{message}, the node role", fix=f"{fix} once aws-node has its own role")


@says(ControllerMissing)
def _controller_missing(_: Finding, missing: ControllerMissing) -> Saying:
    role = name_of(missing.role)
    clusters = first_of(sorted(c.name or "the cluster" for c in missing.clusters))
    verb, fix = "loses", "Keep {} on {}"
    if not missing.is_removed:
        verb, fix = "does not have", "Attach {} to {}"
    message = f"{role} {verb} {RESOURCE_CONTROLLER}, and ENABLE_POD_ENI is set for aws-node in "
    message += f"{clusters}: pods with their own security groups do not start"
    return Saying(message, fix=fix.format(RESOURCE_CONTROLLER, role))


@says(TrustLost)
def _trust_lost(_: Finding, lost: TrustLost) -> Saying:
    role, cluster = name_of(lost.role), lost.plugin.cluster
    where = f" of cluster {cluster.name}" if cluster.name else ""
    may = "no longer lets" if lost.is_certain else "may no longer let"
    trusted = f"the service account {lost.plugin.setup.account}"
    trusted += of_issuer(cluster) if Identity.irsa in lost.ways else ""
    if firsts := lost.plugin.identity.first_roles - {lost.role}:
        trusted = first_of(sorted(map(name_of, firsts)))
    elif lost.ways == (Identity.node_role,):
        trusted = "ec2.amazonaws.com"
    fix = f"Check that aws-node meets the conditions of the trust policy of {role}"
    fix = f"Trust {trusted} in {role}" if lost.is_certain else fix
    ways = first_of(IDENTITIES[way] for way in lost.ways)
    message = f"The trust policy of {role} {may} aws-node{where} assume it through {ways}"
    return Saying(message, fix=fix)


@says(RoleRefused)
def _refused(_: Finding, refused: RoleRefused) -> Saying:
    role = name_of(refused.role)
    message = f"aws-node cannot assume {role}, because {FAULTS[refused.fault]}"
    return Saying(message, fix=f"Correct the trust policy of {role}")
