"""The account after a plan, as facts: the same account that a review compares."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.account import Fact
from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.account.grants import (
    UNKNOWN,
    ClusterSettings,
    Document,
    Gap,
    GapKind,
    Grant,
    GrantPart,
    PolicyOrGap,
    Use,
)
from vpc_cni_iam.inputs.plan.account.documents import Invalid, PlanContent, PlanPolicy
from vpc_cni_iam.inputs.plan.account.fill import fill
from vpc_cni_iam.inputs.plan.account.grants import Accounts, PlanGrant
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Named
from vpc_cni_iam.inputs.plan.account.reader import AccountReader
from vpc_cni_iam.inputs.plan.plugin.clusters import PluginReader
from vpc_cni_iam.inputs.plan.plugin.state import ClusterPlugin, PluginState
from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.inputs.plan.values import value_at
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Sensitive

_LATER = "is only known after apply"


def facts(plan: Plan) -> Iterator[Fact]:
    """Yield the documents, grants and uses after a plan, and what is not known about them.

    If the plan has no other policy, the policy documents that it read are taken.
    """
    reader = AccountReader(plan)
    after = _After(reader, fill(reader))
    of_grants = [*after.of_grants()]
    yield from of_grants
    if not any(isinstance(fact, Document) for fact in of_grants):
        for resource in plan.documents:
            value = value_at(resource, ("json",), Side.AFTER)
            content = reader.library.content(resource, ("json",), value)
            yield from _document(resource.address, content)
    yield from after.of_changes()
    for plugin in PluginReader(reader).clusters():
        if plugin.after.installer or plugin.resource:
            yield _shown(plugin.after)
        yield from after.uses(plugin)
    if not plan.complete:
        detail = "made with -target, or with changes that are put off; make a plan of everything"
        yield NotKnown("the rest of the plan", Reason.not_read, detail)


def _shown(state: PluginState) -> ClusterSettings:
    """Return how aws-node runs in a cluster after a plan."""
    settings, family = state.setup.settings, state.mode
    environment = {**settings.environment}
    if family:
        environment["ENABLE_IPv6"] = "true" if family == "ipv6" else "false"
    has_more = settings.has_more or bool(state.setup.not_read or state.setup.foreign)
    settings = replace(settings, environment=environment, has_more=has_more)
    identity = state.identity
    is_unknown = identity.kind is Identity.unknown
    tags = is_unknown or (identity.kind.has_session_tags and identity.has_session_tags)
    return ClusterSettings(settings, state.names(), tags, state.cluster)


class _After(Struct, frozen=True):
    """The account after a plan."""

    reader: AccountReader
    accounts: Accounts

    def of_grants(self) -> Iterator[Fact]:
        """Yield the grants of each principal, with their documents."""
        after = self.accounts.after
        for owner in after.grants:
            for part in (GrantPart.TRUST, GrantPart.BOUNDARY):
                if grant := after.one(owner, part):
                    yield from self._grant(owner, grant)
            for grant in after.policies(owner).values():
                yield from self._grant(owner, grant)

    def _grant(self, owner: IamResource, grant: PlanGrant) -> Iterator[Fact]:
        name, who = self._policy(grant), self._name(owner)
        if grant.policy is not None and grant.policy == owner:  # its principals are not shown
            yield from _document(name, grant.content)
            return
        if grant.key.part is GrantPart.GROUP or not name:
            what = "group" if grant.key.part is GrantPart.GROUP else "policy"
            why = f"{name} is not in the plan" if name else _LATER
            yield NotKnown(grant.address, Reason.not_read, f"its {what} {why}", who)
            return
        if not isinstance(grant.policy, Named) or grant.policy.arn in self.reader.library.read:
            yield from _document(name, grant.content)
        is_other = self.accounts.is_ambiguous(grant)
        part = grant.key.part
        arn = self.reader.role_arn(owner, Side.AFTER) if part is GrantPart.TRUST else ""
        yield Grant(UNKNOWN if is_other else who, part, name, grant.address, arn)

    def of_changes(self) -> Iterator[NotKnown]:
        """Yield policies that changes of the plan may remove; it does not say which comes last."""
        for conflict in self.accounts.conflicts:
            if conflict.is_kept:
                detail = f"{conflict.address} may remove it or replace it"
                owner = self._name(conflict.grant.owner)
                yield NotKnown(conflict.grant.address, Reason.may_be_absent, detail, owner)
        for each in self.accounts.open_lists:
            if not each.is_created:
                detail = f"it removes policies that it does not name, and a name {_LATER}"
                yield NotKnown(each.address, Reason.overrides, detail, self._name(each.owner))

    def uses(self, plugin: ClusterPlugin) -> Iterator[Use]:
        """Yield the roles that aws-node of a cluster uses, and those of its nodes."""
        state, identity = plugin.after, plugin.after.identity
        use = partial(
            Use,
            by=identity.kind if identity.kind is not Identity.unknown else Identity.pod_identity,
            place=next(iter(identity.addresses), ""),
            first=next(map(self._name, identity.first_roles), None),
            cluster=state.cluster,
            account=state.setup.account,
            tags=identity.has_session_tags,
            has_agent=plugin.has_agent,
        )
        if identity.kind is not Identity.node_role and identity.addresses:
            roles = () if identity.is_one_of_several else identity.roles
            yield from map(use, sorted({*map(self._name, roles)}) or [UNKNOWN])
        for role in sorted(state.node_roles, key=str):
            yield Use(self._name(role), Identity.node_role, next(iter(state.node_groups), ""))

    def _policy(self, grant: PlanGrant) -> str:
        """Return the name of a grant's policy; empty if it is not known."""
        if grant.policy is not None:
            return self._name(grant.policy)
        if grant.key.part is GrantPart.TRUST:
            return f"{grant.address}.{grant.attribute}"
        is_own = grant.owner == self.reader.owner(InPlan(grant.address))
        return f'{grant.address}.inline_policy["{grant.key.name}"]' if is_own else grant.address

    def _name(self, resource: IamResource) -> str:
        """Return the address after the plan, the ARN or the name of a principal or policy."""
        match resource:
            case InPlan(address):
                return self.accounts.successors.get(resource, address)
            case Named(_, _, name, arn):
                return arn or name
        return UNKNOWN


def _document(name: str, content: PlanContent) -> Iterator[Fact]:
    """Yield a document, or why it is not known; a policy with principals is of another kind."""
    known = _known(content)
    yield Document(name, known)
    if not isinstance(known, Gap) and known.names_principals:
        yield NotKnown(name, Reason.other_kind, "it names principals")


def _known(content: PlanContent) -> PolicyOrGap:
    match content:
        case PlanPolicy(masked=None):
            return content.policy
        case PlanPolicy():
            return Gap(GapKind.sensitive, "has values that the plan marks sensitive")
        case Sensitive():
            return Gap(GapKind.sensitive, "is marked sensitive")
        case Invalid():
            return Gap(GapKind.invalid, content.why)
    return Gap(GapKind.unknown, _LATER)
