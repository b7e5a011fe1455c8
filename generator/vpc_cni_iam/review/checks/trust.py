"""Who may assume a role: what is wrong with its trust policy, and what a change of it means."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.policy.document import Policy, dumps
from vpc_cni_iam.review.account.attribute_value import side
from vpc_cni_iam.review.account.plugin import IdentityKind
from vpc_cni_iam.review.account.policy_state import ReadPolicy, judged_policies
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff import trust
from vpc_cni_iam.review.diff.changes import Change
from vpc_cni_iam.review.findings import BY_ID, Finding, Meaning, rule
from vpc_cni_iam.review.make_finding import finding, finding_of
from vpc_cni_iam.review.renamed import answer

rule(
    "trust-widened",
    "error",
    "new-access any-change",
    "A changed trust policy allows new principals to assume a role.",
    "The finding names a request to assume the role that is newly allowed.",
)
rule(
    "trust-anybody",
    "error",
    "",
    "A trust policy lets everybody assume the role.",
    "`*` as the principal of a trust policy, and NotPrincipal, mean every AWS account. Name "
    "who is meant, or ask for `aws:PrincipalOrgID` or the like in a condition.",
)
rule(
    "irsa-no-audience",
    "warning",
    "",
    "A trust by IRSA does not ask for the audience.",
    "Without a condition on `ISSUER:aud` every token of the cluster's issuer is taken, also "
    "one that was made for another purpose than AWS. An error where the plan takes it away.",
)
rule(
    "irsa-other-audience",
    "warning",
    "",
    "A trust by IRSA asks for another audience than sts.amazonaws.com.",
    "The tokens that EKS makes for pods are for `sts.amazonaws.com`, unless the service "
    "account is annotated with `eks.amazonaws.com/audience`.",
)
rule(
    "irsa-no-subject",
    "error",
    "",
    "A trust by IRSA does not ask for the service account.",
    "Without a condition on `ISSUER:sub` every pod of the cluster may assume the role.",
)
rule(
    "irsa-subject-wildcard",
    "warning",
    "",
    "A trust by IRSA takes service accounts by a wildcard.",
    "Name the service account, `system:serviceaccount:kube-system:aws-node`.",
)
rule(
    "irsa-never-matches",
    "error",
    "",
    "A wildcard in a trust by IRSA is compared letter by letter.",
    "`StringEquals` takes `*` for a star. Nobody can assume the role.",
)
rule(
    "irsa-string-like",
    "note",
    "",
    "A subject without a wildcard is compared by StringLike.",
    "It means the same, until somebody puts a star into the name. Use `StringEquals`.",
)
rule(
    "irsa-other-subject",
    "warning",
    "",
    "The plugin's role is for another service account than the plugin's.",
    "The plugin runs as `aws-node` in `kube-system`.",
)
rule(
    "irsa-issuer-differs",
    "error",
    "",
    "A trust by IRSA has a condition on another issuer than its principal.",
    "Tokens have only keys of their own issuer, so that nobody can assume the role.",
)
rule(
    "pod-identity-no-tag-session",
    "error",
    "",
    "A trust by EKS Pod Identity does not allow sts:TagSession.",
    "EKS Pod Identity assumes the role with session tags, and is refused.",
)
rule(
    "pod-identity-unscoped",
    "warning",
    "",
    "A trust by EKS Pod Identity has no condition on who it is for.",
    "Conditions on `aws:RequestTag/kubernetes-namespace`, "
    "`aws:RequestTag/kubernetes-service-account`, `aws:RequestTag/eks-cluster-arn` or "
    "`aws:SourceAccount` say for which pods the role is.",
)
rule(
    "pod-identity-tags-disabled",
    "error",
    "",
    "Session tags are asked for, and an association switches them off.",
    "With `disable_session_tags` no session of the role has tags: conditions on them in the "
    "trust, and conditions and resources of a policy with them, are never met.",
)
rule(
    "pod-identity-source-arn",
    "error",
    "",
    "The source ARN in a trust by EKS Pod Identity names an association.",
    "`aws:SourceArn` is the ARN of the cluster.",
)
rule(
    "principal-tags-changed",
    "warning",
    "new-access any-change",
    "Tags of a role, user or session change that a policy of the plan asks for.",
    "A policy that asks for `aws:PrincipalTag/KEY`, in a condition or as a variable, can allow "
    "more for another value of the tag. Policies that the plan does not show are not looked at. A "
    "tag that changed outside of the configuration counts, too, if the plan leaves it so.",
)

_LOST: tuple[Meaning, ...] = ("coverage-lost", "any-change")
# Of a state that the plan leaves as it is, which is no reason to refuse the plan.
_AS_BEFORE = "As before: "
_ANY = "*"
_PRINCIPAL_TAG = re.compile(r'aws:principaltag/([^",}]+)')
_SESSION_TAGS = ("kubernetes-", "eks-cluster-")
_Clusters: TypeAlias = Sequence[Mapping[str, str]]


def check(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with trust policies."""
    associations = [*context.owners.roles("aws_eks_pod_identity_association", "role_arn")]
    untagged: dict[str, bool] = {}
    for resource, role in associations:
        if _switches_tags_off(resource, after=True):
            stays = _switches_tags_off(resource, after=False)
            untagged[role] = untagged.get(role, True) and stays
    for name in sorted(untagged.keys() & context.principals.keys()):
        has = context.effective.by_principal[name]
        if _session_tags(has.after.values()):
            stays = untagged[name] and has.before == has.after
            yield finding(
                "pod-identity-tags-disabled",
                f"{_AS_BEFORE if stays else ''}A policy asks for session tags, and an association "
                "of the role switches them off",
                name,
                level="note" if stays else None,
            )
    yield from _principal_tags(context)
    yield from _switched_on(associations, context)
    clusters = _clusters(context)
    for change in context.changes:
        if change.kind == "trust" and change.action not in ("delete", "drift", "forget"):
            where = clusters.get(change.address, [{}])
            yield from _trust(change, context, untagged.get(change.address), where)


def _clusters(context: Context) -> dict[str, list[Mapping[str, str]]]:
    """Return the roles that EKS Pod Identity assumes, each with the names of its clusters."""
    clusters: dict[str, list[Mapping[str, str]]] = {}
    for plugin, _ in context.clusters:
        if plugin.after.identity.kind is IdentityKind.pod_identity:
            for role in plugin.after.identity.first_roles:
                clusters.setdefault(role, []).append(plugin.after.names)
    return clusters


def _trust(
    change: Change, context: Context, untagged: bool | None, clusters: _Clusters
) -> Iterator[Finding]:
    """Yield what is wrong with one trust policy.

    `untagged` is whether an association switched session tags off before; None where none does.
    `clusters` are the names of those that have the role by EKS Pod Identity.
    """
    tagged = untagged is None
    principal = context.principals.get(change.address)
    concerns = principal is not None and principal.concerns_plugin
    looked_at = change.changes or concerns
    if change.after.policy is None or (tagged and not looked_at):
        return
    reads = context.effective.trusts.get((change.address, change.attribute))
    before, after = reads or (ReadPolicy(change.before), ReadPolicy(change.after))
    flaws = _flaws(after, for_plugin=concerns, session_tags=tagged)
    if all(flaw.rule != "irsa-issuer-differs" for flaw in flaws):
        yield from _barred(change, before, after, clusters, plugins=concerns)
    had = {flaw.rule for flaw in _flaws(before, for_plugin=concerns, session_tags=tagged)}
    for flaw in flaws:
        by_association = flaw.rule == "pod-identity-tags-disabled"
        if not (looked_at or by_association):
            continue  # the association says nothing of the rest
        stays = bool(untagged) if by_association else flaw.rule in had
        yield _flaw_finding(change, flaw, stays=stays, plugins=concerns)


def _flaw_finding(change: Change, flaw: trust.Flaw, *, stays: bool, plugins: bool) -> Finding:
    if stays and not change.changes:
        return finding_of(change, flaw.rule, f"{_AS_BEFORE}{flaw.text}", level="note")
    brought = change.before.policy is not None and not stays
    dead = flaw.rule == "irsa-issuer-differs"
    return finding_of(
        change,
        flaw.rule,
        f"{'Added by this change: ' if brought else ''}{flaw.text}",
        level="error" if brought and flaw.rule == "irsa-no-audience" else None,
        means=_LOST if dead and brought and plugins else None,
    )


def _barred(
    change: Change,
    before: ReadPolicy,
    after: ReadPolicy,
    clusters: _Clusters,
    *,
    plugins: bool,
) -> Iterator[Finding]:
    """Yield that the plugin can no longer assume its role in any way."""
    old, new = before.judged, after.exact
    if old is None or new is None or before.state.policy is None:
        return
    lost = [(trust.lost_ways(old, new, names), names) for names in clusters]
    had, names = next((pair for pair in lost if pair[0]), ((), {}))
    if had and (plugins or trust.trusts_plugin(old)):
        shown = had
        if before.has_secrets and after.state.policy:
            shown = trust.lost_ways(before.state.policy, after.state.policy, names)
        yield finding_of(
            change,
            "coverage-lost",
            "The plugin can no longer assume the role"
            + (f": not by {' or '.join(shown)}" if shown else ""),
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


def _principal_tags(context: Context) -> Iterator[Finding]:
    """Yield whose tags change that policies ask for."""
    changed = [
        (resource, keys)
        for resource in context.plan.resources
        if resource.type in ("aws_iam_role", "aws_iam_user")
        and resource.address not in context.owners.deleted
        if (keys := _changed_tags(resource))
    ]
    if not changed:
        return
    shown = {key for change in context.changes for key in answer(change, _asked_tags)}
    reads = [r for has in context.effective.by_principal.values() for r in has.after.values()]
    shown |= _shown_tags(reads)
    asked = shown.union(*map(_tags_of, judged_policies(*reads)))
    planned = {resource.address: keys for resource, keys in changed if not resource.drift}
    for resource, keys in changed:
        address = resource.address
        known = asked if _ANY in keys else asked & keys
        changes = "may change" if _ANY in keys else "changes"
        if resource.drift:
            # What the plan does about a tag that drifted is said in place of the drift.
            of_plan = planned.get(address, set())
            known = set() if _ANY in of_plan else known - of_plan
            changes = "changed outside of the configuration"
        if known:
            named = _keys_text(known, shown)
            message = f"The tag {named} of {address} {changes}, and a policy asks for it"
            yield finding("principal-tags-changed", message, address)


def _switched_on(associations: list[tuple[Resource, str]], context: Context) -> Iterator[Finding]:
    """Yield which associations have session tags again that a policy asks for."""
    for resource, role in associations:
        off, still = (_switches_tags_off(resource, after=after) for after in (False, True))
        has = context.effective.by_principal.get(role)
        if has and off and not still and (known := _session_tags(has.after.values())):
            named = _keys_text(known, _shown_tags(has.after.values()))
            message = f"{resource.address} switches session tags on, and a policy of {role} asks "
            message += f"for {named}"
            yield finding("principal-tags-changed", message, resource.address)


def _changed_tags(resource: Resource) -> set[str]:
    """Return the keys of tags that change, in lower case as IAM compares them."""
    changed: set[str] = set()
    if resource.before is None or resource.after is None:
        return changed
    for name in ("tags", "tags_all"):
        old, new = (side(resource, name, after=after) for after in (False, True))
        if new.unknown:
            return {_ANY}
        before, after = (each.value if isinstance(each.value, dict) else {} for each in (old, new))
        keys = before.keys() | after.keys()
        changed |= {key.lower() for key in keys if before.get(key) != after.get(key)}
    return changed


def _asked_tags(change: Change) -> tuple[str, ...]:
    policies = (change.before.policy, change.after.policy)
    return tuple(key for policy in policies if policy for key in _tags_of(policy))


@lru_cache(4096)
def _tags_of(policy: Policy) -> tuple[str, ...]:
    """Return the keys of the principal's tags that a policy asks for."""
    return tuple(_PRINCIPAL_TAG.findall(dumps(policy).lower()))


def _session_tags(reads: Iterable[ReadPolicy]) -> set[str]:
    """Return the keys of EKS Pod Identity's session tags that policies ask for."""
    asked = {key for policy in judged_policies(*reads) for key in _tags_of(policy)}
    return {key for key in asked if key.startswith(_SESSION_TAGS)}


def _shown_tags(reads: Iterable[ReadPolicy]) -> set[str]:
    """Return the keys of tags that policies ask for, as far as the policies may be shown."""
    policies = (read.state.policy for read in reads)
    return {key for policy in policies if policy for key in _tags_of(policy)}


def _keys_text(keys: Iterable[str], shown: Container[str]) -> str:
    """Return keys of tags in a sentence, but for those that are sensitive in the policies."""
    return first_of(sorted({key if key in shown else "(sensitive)" for key in keys}))


def _switches_tags_off(association: Resource, *, after: bool) -> bool:
    return side(association, "disable_session_tags", after=after).value is True
