"""Notes on the chosen documents: what must be true, and the remaining risks."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from msgspec import Struct

from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.catalog.facts.requests import CLUSTER, KUBERNETES_CLUSTER
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.catalog.variants import Scope


def hyperpod_note(options: Options) -> str:
    """Return what is not known of documents for HyperPod's nodes; empty if none asks for a tag."""
    if "hyperpod" not in options.selection.features:
        return ""
    asking = [c.variant.name for c in options.composed() if _instance_tag(c)]
    if not asking:
        return ""
    tag = f"{KUBERNETES_CLUSTER}<cluster>"
    return (
        f"warning: it is not known whether SageMaker HyperPod instances have the tag {tag}, so it "
        f"is not known whether the plugin works on them with {', '.join(asking)}; upstream adds "
        "its HyperPod statement only to the generic document"
    )


def preconditions(options: Options) -> tuple[str, ...]:
    """Return what must be true before scoped documents are applied; empty if none is scoped."""
    scoped = [c for c in options.composed() if c.variant.cluster_scoped]
    if not scoped:
        return ()
    families = [mode.replace("ip", "IP") for mode in dict.fromkeys(scoped[0].variant.modes)]
    lines = [
        f"the cluster is an {' or '.join(families)} cluster",
        "CLUSTER_NAME of aws-node is the name of the cluster, as the EKS add-on sets it",
    ]
    if any(c.variant.scope is Scope.SESSION_TAGS for c in scoped):
        lines.append("aws-node has the role by EKS Pod Identity, with session tags")
    if tag := next(filter(None, map(_instance_tag, scoped)), ""):
        lines.append(f"each node's instance has the tag {tag}, which the plugin never sets")
    if options.selection.hardening is not None:
        lines.append(
            "additional_tag_keys lists the keys of ADDITIONAL_ENI_TAGS, if aws-node has it"
        )
    return tuple(lines)


def _instance_tag(composed: Composed) -> str:
    """Return the tag that a document requires on instances; empty for none."""
    for statement in composed.policy.statements:
        if ":instance/" in str(statement.resources[0]):
            for condition in statement.conditions:
                key = str(condition.key).partition("/")[2]
                return f"{key.replace('${cluster_name}', '<cluster>')}={condition.values[0]}"
    return ""


class HardeningEffect(Enum):
    """The kind of a note about a hardened document."""

    STILL_ALLOWED = "still allows"
    DENIED = "denies"
    STOPS_PLUGIN = "stops the plugin at start if"


class HardeningNote(Struct, frozen=True):
    """A note about a hardened document."""

    identifier: str  # the ID of the risk or scenario in ``vpc-cni-iam coverage``
    effect: HardeningEffect
    text: str  # what it is

    @property
    def line(self) -> str:
        """The note as one line."""
        return f"{self.effect.value} {self.text} ({self.identifier})"


# What a list denies, by the scenario of ``coverage`` that shows it.
_ADDED = {
    IdList.subnets: (
        "subnet-added",
        "creating an interface in a subnet that is not listed, such as one that is tagged later "
        "for subnet discovery (from v1.18.0 on)",
    ),
    IdList.security_groups: (
        "security-group-added",
        "giving an interface a security group that is not listed, such as one that nodes get later",
    ),
}


def hardening_notes(options: Options) -> tuple[HardeningNote, ...]:
    """Return the notes on hardened documents; empty if none is hardened."""
    hardening = options.selection.hardening
    if hardening is None:
        return ()
    claim = "=".join(hardening.eni_claim_tag) if hardening.eni_claim_tag else ""
    tag_keys = ", ".join(hardening.additional_tag_keys) or "none"
    denied = {_ADDED[limit][0]: _ADDED[limit][1] for limit in hardening.limits}
    stops = {
        "cluster-name-needed": (
            "CLUSTER_NAME is empty or names another cluster, or an interface has another cluster's "
            "tag"
        ),
        "tag-keys-closed": (
            f"ADDITIONAL_ENI_TAGS has a key that is not listed (listed: {tag_keys}), or a later "
            "version sends another key"
        ),
    }
    if claim:
        stops["claim-tag-needed"] = f"an attached interface has neither {CLUSTER} nor {claim}"
    return tuple(
        HardeningNote(identifier, effect, text)
        for effect, texts in (
            (HardeningEffect.STILL_ALLOWED, _still_allowed(options, claim, hardening.limits)),
            (HardeningEffect.DENIED, denied),
            (HardeningEffect.STOPS_PLUGIN, stops),
        )
        for identifier, text in texts.items()
    )


def _still_allowed(options: Options, claim: str, limits: Collection[IdList]) -> dict[str, str]:
    """Return what a hardened document still allows, by risk."""
    scopes = {v.scope for v in options.variants}
    allowed: dict[str, str] = {}
    if Scope.CLUSTER_NAME in scopes:
        allowed["untagged-interfaces-claimable"] = _claimable("its VPC", claim)
    if Scope.SESSION_TAGS in scopes:
        # No session tag names a VPC.
        allowed |= {
            "unconditioned-create-tags": _claimable("any VPC", claim),
            "instances-unscoped": "attaching its interfaces to any instance",
        }
        if IdList.subnets not in limits:
            allowed["creates-in-any-vpc"] = "creating its interfaces in every VPC"
    actions = {a for c in options.composed() for s in c.policy.statements for a in s.actions}
    takes_groups = actions & {"ec2:CreateNetworkInterface", "ec2:ModifyNetworkInterfaceAttribute"}
    if takes_groups and IdList.security_groups not in limits:
        allowed["security-groups-unscoped"] = (
            "giving its own interfaces any security group of their VPC"
        )
    if "ec2:AssignPrivateIpAddresses" in actions:
        allowed["addresses-reassignable"] = (
            "moving addresses of other interfaces in a subnet to its own interfaces"
        )
    allowed["describe-unscoped"] = "Describe actions on the whole account: EC2 cannot restrict them"
    return allowed


def _claimable(place: str, claim: str) -> str:
    marked = f" with {claim} and" if claim else ""
    text = f"claiming an interface of {place}{marked} without {CLUSTER}, and changing it as its own"
    return text if claim else f"{text}; restrict that with --eni-claim-tag"
