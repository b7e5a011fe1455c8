"""Findings about roles with all that the plan shows of them: policies, trust, associations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.account.attribute_value import side
from vpc_cni_iam.review.account.collect import MANAGED, Gatherer, is_managed
from vpc_cni_iam.review.account.effective import EffectivePolicies, PrincipalPolicies
from vpc_cni_iam.review.account.policy_state import ReadPolicy
from vpc_cni_iam.review.checks import trust_flaws as trust
from vpc_cni_iam.review.checks.make_finding import (
    finding,
    of_coverage,
    may_gain_access,
    oversize_text,
)
from vpc_cni_iam.review.diff.changes import Change, Place, Principal
from vpc_cni_iam.review.diff.coverage import concerns_plugin
from vpc_cni_iam.review.diff.proofs import deny_removed
from vpc_cni_iam.review.findings import Finding, Level, Meaning
from vpc_cni_iam.review.rules import BY_ID

_TAGS = ("aws:principaltag/kubernetes-", "aws:principaltag/eks-cluster-")


class Roles:
    """The roles of one plan.

    Args:
        gatherer: Gathered the plan's policies.
        holding: What each principal has.
        principals: The principals.
        places: Where they are written, by name.
        budget: What the proofs of the review may cost.
    """

    def __init__(
        self,
        gatherer: Gatherer,
        holding: EffectivePolicies,
        principals: Mapping[str, Principal],
        places: Mapping[str, Place | None],
        budget: Budget,
    ) -> None:
        self._budget = budget
        self._holding = holding
        self._principals = principals
        self._places = places
        self._nodes = {
            role for _, role in gatherer.owners.roles("aws_eks_node_group", "node_role_arn")
        }
        self._untagged = {
            role
            for resource, role in gatherer.owners.roles(
                "aws_eks_pod_identity_association", "role_arn"
            )
            if side(resource, "disable_session_tags", after=True).value is True
        }

    def findings(self, changes: tuple[Change, ...]) -> Iterator[Finding]:
        """Yield what is found about roles.

        Args:
            changes: The plan's changes, of which those of trust policies are looked at.
        """
        for name in sorted(self._principals):
            yield from self._of(self._principals[name], self._holding.found[name])
        for removal in self._holding.removals:
            resource = removal.item.slot.resource
            owner = self._principals.get(removal.owner)
            means: list[Meaning] = ["any-change"]
            if owner and owner.concerns_plugin:
                means.append("coverage-lost")
            if removal.denies or may_gain_access(owner):
                means.append("new-access")
            yield finding(
                removal.rule,
                removal.message,
                address=resource.address,
                attribute=removal.item.slot.attribute,
                place=self._places.get(resource.address),
                means=tuple(means),
            )
        for change in changes:
            yield from self._left(change)
            if change.kind == "trust" and change.action not in ("delete", "drift", "forget"):
                yield from self._trust(change)

    def _of(self, principal: Principal, has: PrincipalPolicies) -> Iterator[Finding]:
        place = self._places.get(principal.name)
        if principal.coverage:
            new = not principal.before
            unknown = tuple(key for key in principal.opaque if key in has.after)
            unsure = any(has.before.get(key) != has.after[key] for key in unknown)
            yield from of_coverage(
                principal.coverage,
                principal.name,
                "",
                place,
                new=new,
                unknown=unknown,
                unsure=unsure,
            )
        yield from self._bounded(principal, has, place)
        for size in principal.sizes:
            if size.over and has.before != has.after:
                yield finding(
                    "size-limit", oversize_text(size), address=principal.name, place=place
                )
        managed = [key for key in has.after if is_managed(key)]
        others = [
            key
            for key, read in has.after.items()
            if key not in managed and read.judged and concerns_plugin(read.judged)
        ]
        if managed and others:
            yield finding(
                "managed-policy-attached",
                f"{MANAGED} is attached to {principal.name} beside {', '.join(others)}, "
                "which it undoes",
                address=principal.name,
                place=place,
                level="error",
            )
        elif managed and principal.type == "role":
            yield from self._on_nodes(principal, has, place)
        if principal.name in self._untagged and any(map(_needs_tags, _policies(has))):
            yield finding(
                "pod-identity-tags-disabled",
                "A policy asks for session tags, and an association of the role switches them off",
                address=principal.name,
                place=place,
            )

    def _on_nodes(
        self, principal: Principal, has: PrincipalPolicies, place: Place | None
    ) -> Iterator[Finding]:
        """Yield that the managed policy is on a role of nodes, or may be."""
        text = f"{MANAGED} is attached to {principal.name}, "
        level: Level | None = None
        scoped = [
            other.name
            for other in self._principals.values()
            if other.concerns_plugin and other.name != principal.name
        ]
        if self._is_node(principal.name, has):
            text += "the role of nodes"
            if scoped:
                text += f", though {', '.join(sorted(scoped))} is there for the plugin"
        elif has.trust is None or has.trust.state.policy is None:
            text += "which may be the role of nodes: the plan does not say who may assume it"
            level = "note"
        else:
            return
        yield finding(
            "managed-policy-attached", text, address=principal.name, place=place, level=level
        )

    def _left(self, change: Change) -> Iterator[Finding]:
        """Yield that somebody leaves a group that denies something."""
        group = change.attachment.policy if change.attachment else ""
        if change.kind != "membership" or group not in self._holding.found:
            return
        policies = [r.judged for r in self._holding.found[group].before.values()]
        if any(x.effect == "loss" for x in change.lines) and deny_removed(
            [p for p in policies if p], [], self._budget
        ):
            yield finding(
                "not-proven",
                f"{group} denies something, which no longer counts for who leaves it",
                address=change.address,
                attribute=change.attribute,
                place=change.place,
            )

    def _bounded(
        self, principal: Principal, has: PrincipalPolicies, place: Place | None
    ) -> Iterator[Finding]:
        """Yield that the plugin's role comes under a boundary that is not known."""
        before, bound = has.bounds
        if bound is None or bound == before or not (principal.concerns_plugin and has.before):
            return
        if bound.state.known not in ("known", "absent"):
            yield finding(
                "coverage-lost",
                "The plugin may no longer do what a new permissions boundary does not allow, "
                "and the plan does not hold its document",
                address=principal.name,
                details=bound.state.why,
                place=place,
                level="warning",
            )

    def _is_node(self, name: str, has: PrincipalPolicies) -> bool:
        trusted = has.trust.judged if has.trust else None
        return name in self._nodes or bool(trusted and trust.trusts_service(trusted, trust.NODES))

    def _trust(self, change: Change) -> Iterator[Finding]:
        principal = self._principals.get(change.address)
        concerns = principal is not None and principal.concerns_plugin
        looked_at = change.changes or concerns
        tagged = change.address not in self._untagged
        if change.after.policy is None or (tagged and not looked_at):
            return
        reads = self._holding.trusts.get((change.address, change.attribute))
        before, after = reads or (ReadPolicy(change.before), ReadPolicy(change.after))
        yield from self._barred(change, before, after, plugins=concerns)
        had = {flaw.rule for flaw in _flaws(before, for_plugin=concerns, session_tags=tagged)}
        for flaw in _flaws(after, for_plugin=concerns, session_tags=tagged):
            if not looked_at and flaw.rule != "pod-identity-tags-disabled":
                continue  # the association says nothing of the rest
            brought = change.before.policy is not None and flaw.rule not in had
            yield finding(
                flaw.rule,
                f"{'This change brings it: ' if brought else ''}{flaw.text}",
                address=change.address,
                attribute=change.attribute,
                place=change.place,
                level="error" if brought and flaw.rule == "irsa-no-audience" else None,
            )

    def _barred(
        self, change: Change, before: ReadPolicy, after: ReadPolicy, *, plugins: bool
    ) -> Iterator[Finding]:
        """Yield that the plugin can no longer assume its role in any way."""
        old, new = before.judged, after.exact
        if old is None or new is None or before.state.policy is None:
            return
        had = trust.ways(old)
        if had and not trust.ways(new) and (plugins or trust.trusts_plugin(old)):
            shown = trust.ways(before.state.policy) if before.has_secrets else had
            yield finding(
                "coverage-lost",
                "The plugin can no longer assume the role"
                + (f": not by {' or '.join(shown)}" if shown else ""),
                address=change.address,
                attribute=change.attribute,
                place=change.place,
            )


def _flaws(read: ReadPolicy, *, for_plugin: bool, session_tags: bool) -> tuple[trust.Flaw, ...]:
    """Return what is wrong with a trust policy, without the sensitive values that are."""
    policy = read.judged or Policy(())
    flaws = trust.flaws(policy, for_plugin=for_plugin, session_tags=session_tags)
    if not read.has_secrets:
        return flaws
    return tuple(
        trust.Flaw(rule, f"{BY_ID[rule].summary.rstrip('.')}; its values are marked sensitive")
        for rule in dict.fromkeys(flaw.rule for flaw in flaws)
    )


def _policies(has: PrincipalPolicies) -> Iterator[Policy]:
    for read in has.after.values():
        if read.judged:
            yield read.judged


def _needs_tags(policy: Policy) -> bool:
    return any(
        c.key.lower().startswith(_TAGS) or any("${aws:principaltag/" in v.lower() for v in c.values)
        for s in policy.statements
        for c in s.conditions
    )
