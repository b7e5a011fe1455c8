"""What the checks of a review look at; each part is worked out once, when it is asked for."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import product

from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.arguments import NODE_GROUP, OIDC_PROVIDER
from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.cluster_access import cluster_rights
from vpc_cni_iam.review.account.fill import Filler
from vpc_cni_iam.review.account.grants import Accounts
from vpc_cni_iam.review.account.iam_resource import IamResource, Place
from vpc_cni_iam.review.account.in_clusters import ResourceEnd
from vpc_cni_iam.review.account.not_shown import NotShownByPlan, not_shown
from vpc_cni_iam.review.account.plugin.clusters import PluginReader
from vpc_cni_iam.review.account.plugin.state import ClusterPlugin
from vpc_cni_iam.review.account.source import SourceReader
from vpc_cni_iam.review.account.uses import UseKind, Uses
from vpc_cni_iam.review.diff.permissions import Proofs
from vpc_cni_iam.review.diff.plugin.answers import AnswerVerdict, PluginAnswer, answer
from vpc_cni_iam.review.diff.plugin.controller import ControllerMissing, controllers_missing
from vpc_cni_iam.review.diff.plugin.needs import NeedsFinder, PluginNeeds, RoleNeeds
from vpc_cni_iam.review.diff.plugin.nodes import NodesLost, nodes_lost
from vpc_cni_iam.review.diff.plugin.roles import (
    TrustLost,
    has_plugin_policy,
    is_named,
    is_of_nodes,
    may_be_plugins,
    roles_of_plugin,
    trust_lost,
)
from vpc_cni_iam.review.diff.principals import (
    PrincipalChange,
    kept_changes,
    principal_changes,
)
from vpc_cni_iam.review.diff.role_access import RoleComparison
from vpc_cni_iam.review.diff.trust.providers import Providers
from vpc_cni_iam.review.diff.uses import UseChange, use_changes
from vpc_cni_iam.review.locate import Locator
from vpc_cni_iam.review.options import Options

# The account in an ARN.
_IN_ARN = re.compile(r"arn:[\w-]+:[\w-]+:[\w-]*:([0-9]{12}):")


class Context:
    """A plan as two accounts, and how they differ."""

    def __init__(self, plan: Plan, options: Options) -> None:
        self.plan, self.options = plan, options
        self.locator = Locator(options.source, plan.configuration)
        self.filler = Filler(plan, SourceReader(self.locator) if options.source else None)
        budget = Budget.of_many(len(self.filler.resources), self._characters())
        self.proofs = Proofs(budget, plan.secrets)

    def _texts(self) -> Iterator[str]:
        sides = (s for r in self.filler.resources for s in (r.before, r.after) if s)
        return (value for side in sides for value in side.values() if isinstance(value, str))

    def _characters(self) -> int:
        return sum(map(len, self._texts()))

    @property
    def accounts(self) -> Accounts:
        """The accounts before and after."""
        return self.filler.accounts

    def end_of(self, address: str) -> ResourceEnd:
        """Return why a resource no longer gives a cluster what it gave."""
        if address in self.filler.gone_with_cluster:
            return ResourceEnd.WITH_CLUSTER
        is_moved = self.filler.resolver.by_address[address].after is not None
        return ResourceEnd.MOVED if is_moved else ResourceEnd.DELETED

    @cached_property
    def drift(self) -> Context | None:
        """What changed outside of the configuration, as a plan of its own; None if nothing did."""
        drifted = {
            r.address: replace(r, drift=False, moved_from="", imported="")
            for r in self.plan.resources
            if r.drift
        }
        others = (
            replace(r.unchanged(), actions=("no-op",), moved_from="", imported="")
            for r in self.filler.resources
            if r.before is not None and r.address not in drifted
        )
        changes = {"resources": (*others, *drifted.values()), "unread": (), "unknown_members": ()}
        plan = replace(self.plan, complete=True, format="", **changes)
        return Context(plan, replace(self.options, source=None)) if drifted else None

    @cached_property
    def with_new_entry(self) -> frozenset[IamResource]:
        """The principals whose access entry in a cluster the plan creates, or replaces."""
        by_address = self.filler.resolver.by_address
        return frozenset(
            right.principal
            for right in cluster_rights(self.filler, Side.AFTER)
            if right.is_entry and "create" in by_address[right.address].actions
        )

    @cached_property
    def uses(self) -> Uses:
        """The roles that workloads and service accounts use."""
        return Uses(self.filler)

    @cached_property
    def role_comparison(self) -> RoleComparison:
        """What compares roles that take each other's place."""
        return RoleComparison(self.filler, self.proofs, self.place)

    @cached_property
    def use_changes(self) -> tuple[UseChange, ...]:
        """The workloads and service accounts whose roles change."""
        return tuple(use_changes(self.filler, self.uses, self.role_comparison))

    @cached_property
    def principals(self) -> tuple[PrincipalChange, ...]:
        """The principals whose policies change."""
        return tuple(principal_changes(self.accounts, self.proofs))

    @cached_property
    def kept_principals(self) -> tuple[PrincipalChange, ...]:
        """The principals of conflicts that change, if what conflicts keep is there in the end."""
        return tuple(kept_changes(self.accounts, self.proofs))

    @cached_property
    def place(self) -> Place:
        """The Region and the account of the plan, if it has one: examples are in them.

        Where no resource has an ARN yet, it is the only account that policies name.
        """
        resolver = self.filler.resolver
        if resolver.accounts:
            return resolver.place
        named = {account for text in self._texts() for account in _IN_ARN.findall(text)}
        return Place(resolver.place.region, named.pop() if len(named) == 1 else "")

    @cached_property
    def plugins(self) -> tuple[ClusterPlugin, ...]:
        """aws-node in each cluster of which the plan says anything about it."""
        return PluginReader(self.filler).clusters()

    @cached_property
    def service_account_roles(self) -> Mapping[IamResource, frozenset[Identity]]:
        """The roles of aws-node's service account, with its identities after the plan."""
        roles: dict[IamResource, frozenset[Identity]] = {}
        for plugin in self.plugins:
            for state in plugin.states:
                identity = state.identity
                kinds = {identity.kind} if state is plugin.after else set()
                for role in identity.assumed if identity.kind.is_of_service_account else ():
                    roles[role] = roles.get(role, frozenset()) | kinds
        return roles

    @cached_property
    def has_new_issuer(self) -> bool:
        """Whether the plan creates an OIDC provider, as it does for a new cluster."""
        return any(r.type == OIDC_PROVIDER and r.before is None for r in self.filler.resources)

    @cached_property
    def plugin_needs(self) -> tuple[PluginNeeds, ...]:
        """What roles do not allow aws-node: in each cluster, and those of no known cluster."""
        return (*map(self.needs_finder.of_cluster, self.plugins), *self._needs_of_roles)

    @cached_property
    def _needs_of_roles(self) -> tuple[PluginNeeds, ...]:
        return tuple(map(self.needs_finder.of_role, roles_of_plugin(self)))

    @cached_property
    def needs_of(self) -> Mapping[IamResource, list[PluginNeeds]]:
        """What aws-node needs of each of its roles, in the clusters where it has them."""
        by_role: dict[IamResource, list[PluginNeeds]] = defaultdict(list)
        for needs in self.plugin_needs:
            for role in needs.roles:
                by_role[role.role].append(needs)
        return by_role

    @cached_property
    def needs_finder(self) -> NeedsFinder:
        """What asks which calls roles allow."""
        after = (p.after for p in self.plugins if p.after.installer)
        versions = {s.setup.settings.version for s in after if not s.identity.roles}
        version = versions.pop() if len(versions) == 1 else ""
        return NeedsFinder(self.filler, self.options, self.accounts.kept, version)

    @cached_property
    def roles_of_pods(self) -> tuple[IamResource, ...]:
        """The plugin's roles that aws-node has by itself, of which the plan names no cluster."""
        roles = (needs.roles[0].role for needs in self.plugin_needs if not needs.is_of_cluster)
        return tuple(
            role
            for role in roles
            if has_plugin_policy(self, role) and not is_of_nodes(self, role, alone=True)
        )

    def other_roles(self, needs: PluginNeeds, role: RoleNeeds) -> tuple[IamResource, ...]:
        """Return the roles that aws-node may have in place of one."""
        if needs.is_of_cluster:
            return needs.others(role)
        return self.roles_of_pods if is_of_nodes(self, role.role, alone=True) else ()

    @cached_property
    def plugin_answers(self) -> tuple[PluginAnswer, ...]:
        """Whether aws-node works after the plan, in each cluster or with each of its roles.

        What nodes may do is no answer where aws-node has a role of its own.
        """
        new = {pair[1]: needs for pair, (_, needs) in self.instance_needs.items()}
        every = {needs.roles[0].role: needs for needs in self._needs_of_roles} | new
        for old, _ in self.instance_needs:  # what nodes no longer have is no answer
            every.pop(old, None)
        needs = [needs for needs in self.plugin_needs if needs.is_of_cluster]
        alone = {r: n for r, n in every.items() if not self.other_roles(n, n.roles[0])}
        needs += [n for r, n in alone.items() if may_be_plugins(self, r) or is_named(self, r)]
        judged = {role for each in needs for role in each.plugin.after.identity.roles}
        # That aws-node can no longer assume a role may be all that is known of it.
        lost = {role for role, lost in self.trust_lost.items() if lost.is_certain}
        lost |= self.roles_without_provider
        lost |= {lost.role for lost in self.nodes_lost if lost.workload}
        needs += map(self.needs_finder.of_role, sorted(lost - judged, key=str))
        answers = tuple(filter(None, (answer(each, self) for each in needs)))
        # What happened outside of the configuration, and stays, is not as before.
        failed = {
            each.key
            for each in (self.drift.plugin_answers if self.drift else ())
            if each.verdict is AnswerVerdict.FAILS and not each.is_as_before
        }
        return tuple(
            replace(each, is_as_before=each.is_as_before and each.key not in failed)
            for each in answers
        )

    @cached_property
    def trust_lost(self) -> Mapping[IamResource, TrustLost]:
        """The roles of no known cluster that aws-node can, or may, no longer assume."""
        return {lost.role: lost for lost in trust_lost(self)}

    @cached_property
    def providers(self) -> Providers:
        """The OIDC providers, and the roles whose tokens they provide."""
        return Providers(self)

    @cached_property
    def roles_without_provider(self) -> frozenset[IamResource]:
        """The roles of aws-node whose tokens no OIDC provider provides any longer."""
        changed, lost_by = self.providers.changed, self.providers.lost
        lost = {role for each in changed for role in lost_by(each)}
        refused = (role for each in changed for role in self.providers.refused(each))
        return frozenset((*filter(self.providers.is_of_plugin, lost), *refused))

    @cached_property
    def nodes_lost(self) -> tuple[NodesLost, ...]:
        """What the plan takes from nodes, or newly does not give them."""
        return tuple(nodes_lost(self))

    @cached_property
    def controllers_missing(self) -> tuple[ControllerMissing, ...]:
        """The roles of clusters that lack what security groups for pods need."""
        return tuple(controllers_missing(self))

    @cached_property
    def instance_needs(self) -> Mapping[tuple[IamResource, IamResource], tuple[str, PluginNeeds]]:
        """What aws-node of instances that no cluster of the plan has loses with another role.

        By the roles before and after, each with the resource that gives instances the other role.
        """
        needs: dict[tuple[IamResource, IamResource], tuple[str, PluginNeeds]] = {}
        if any(plugin.after.identity.kind.is_of_service_account for plugin in self.plugins):
            return needs
        for change in self.use_changes:
            if change.kind is not UseKind.INSTANCES or change.resource_type == NODE_GROUP:
                continue
            for old, new in product(change.before, change.after):
                pair = old.resource, new.resource
                is_shown = pair[1] in self.accounts.after.grants or pair[1] in self.accounts.created
                if pair not in needs and is_shown and has_plugin_policy(self, pair[0]):
                    needs[pair] = change.workload, self.needs_finder.lost_by(*pair)
        return needs

    @cached_property
    def not_shown(self) -> tuple[NotShownByPlan, ...]:
        """What the plan does not show, which is said once."""
        _ = self.accounts, self.use_changes  # which resolve who is meant
        return tuple(not_shown(self.filler))
