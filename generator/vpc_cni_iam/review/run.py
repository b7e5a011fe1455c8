"""Reviews a plan: the one function that reports are made from."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.inputs.plan.unread import UnreadKind
from vpc_cni_iam.names import resolve
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review import ignore
from vpc_cni_iam.review.account.attribute_value import side
from vpc_cni_iam.review.account.binding import PolicyChange
from vpc_cni_iam.review.account.collect import PlanPolicies, without_computed
from vpc_cni_iam.review.account.effective import EffectivePolicies
from vpc_cni_iam.review.account.locate import Locator
from vpc_cni_iam.review.account.owners import PRINCIPALS
from vpc_cni_iam.review.account.plugin import ClusterPlugin, PluginReader
from vpc_cni_iam.review.account.policy_attributes import PolicyAttribute, may_have_inline
from vpc_cni_iam.review.account.policy_state import from_rebuilt, read_side, with_stand_ins
from vpc_cni_iam.review.account.rebuild import Rebuilder
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.changes import Change, Document, Place
from vpc_cni_iam.review.diff.compare import policy_change
from vpc_cni_iam.review.diff.coverage import ReviewTarget
from vpc_cni_iam.review.diff.plugin import ClusterChange, cluster_change, known_sessions, target_of
from vpc_cni_iam.review.diff.principals import principal
from vpc_cni_iam.review.diff.same_shape import STAND_INS
from vpc_cni_iam.review.findings import LEVELS, MEANINGS, Finding, Ignored, Review
from vpc_cni_iam.review.renamed import with_names
from vpc_cni_iam.review.rules import CHECKS, RULES

# In HCL, and in JSON.
_DYNAMIC = r'(?m)^\s*dynamic\s+"?inline_policy\b|"dynamic"\s*:[\s\S]*"inline_policy"\s*:'
DEFAULT_LEVEL = "warning"
# What is counted with other types.
_COUNTED = (UnreadKind.role, UnreadKind.settings)
OTHERS = "others that the plan does not hold"


class Ignoring(Struct, frozen=True):
    """What to ignore."""

    entries: tuple[ignore.Entry, ...]
    source: str
    today: datetime.date


def check_fail_on(values: Iterable[str]) -> tuple[str, ...]:
    """Return values of ``--fail-on`` that are some, each once, or raise `UsageError`."""
    known = (*MEANINGS, *LEVELS)
    return tuple(dict.fromkeys(resolve(value, known, "--fail-on", "--fail-on") for value in values))


def review(
    plan: Plan,
    target: ReviewTarget,
    *,
    locator: Locator | None = None,
    fail_on: tuple[str, ...] = (DEFAULT_LEVEL,),
    ignored: Ignoring | None = None,
    passed: Callable[[int, int], None] | None = None,
) -> Review:
    """Review a plan.

    `locator` says where resources are written; `fail_on` has the levels, from which on findings
    fail the review, and the meanings; `passed` is called now and then with how many policies of how
    many are judged.
    """
    locator = locator or Locator(None, plan.configuration)
    dynamic, unseen = _dynamic(plan, locator)
    policies = PlanPolicies(plan, dynamic, locator)
    items = without_computed(tuple(policies.items()))
    computed = tuple(policies.computed_attributes())
    effective = EffectivePolicies(items, computed, policies.replaced)
    budget = Budget.of_many(len(items) + len(effective.by_principal), _characters(items))
    places = _places(plan, locator)
    clusters = tuple(
        (plugin, cluster_change(plugin, effective.by_principal, places, target, budget))
        for plugin in PluginReader(policies).clusters()
    )
    targets = _targets(clusters, target)
    labels = _labels(plan)
    stand_ins = not any(map(_has_stand_in, items))
    principals = {
        name: principal(
            *(name, has, labels.get(name, ""), targets.get(name), target, budget),
            stand_ins=stand_ins,
        )
        for name, has in sorted(effective.by_principal.items())
    }
    holders = _holders((*items, *computed), plan)
    bounded = _bounded(items)
    compared = (
        policy_change(item, policies.references, locator, target, budget, stand_ins=stand_ins)
        for item in _counted(items, passed)
    )
    named = (with_names(_held(c, holders, bounded), names) for c, names in filter(None, compared))
    changes = tuple(sorted(named, key=lambda c: (c.address, c.attribute, c.action)))
    context = Context(
        plan,
        policies,
        effective,
        changes,
        principals,
        clusters,
        places,
        target,
        budget,
        _created(plan),
        unseen,
    )
    left = tuple(dict.fromkeys(_placed(f, places) for check in CHECKS for f in check(context)))
    put_aside: tuple[Ignored, ...] = ()
    if ignored is not None:
        left, put_aside = ignore.apply(ignored.entries, left, ignored.source, ignored.today)
    return Review(
        plan=plan.source,
        engine=plan.version,
        version=str(target.version),
        modes=(target.mode,) if target.mode else ("ipv4", "ipv6"),
        clusters=tuple(change for _, change in clusters),
        changes=changes,
        principals=tuple(principals.values()),
        documents=_documents(plan, policies.rebuilder, locator),
        findings=tuple(sorted(left, key=lambda finding: _order(finding, fail_on))),
        ignored=put_aside,
        rules=RULES,
        fail_on=fail_on,
        failed=any(fails(f, fail_on) for f in left),
        others=plan.others + sum(u.kind in _COUNTED for u in plan.unread),
    )


def _characters(items: Iterable[PolicyChange]) -> int:
    """Return how long all texts of policies in a plan are."""
    values = (v.value for item in items for v in (item.slot.before, item.slot.after))
    return sum(len(value) for value in values if isinstance(value, str))


def _has_stand_in(item: PolicyChange) -> bool:
    """Say whether a plan has what stands for names of its policies in names of its own."""
    resource, sides = item.slot.resource, (item.before, item.after)
    texts = [resource.address, resource.moved_from, resource.imported, item.slot.attribute]
    texts += [owner.name for side in sides for owner in side.owners]
    texts += [side.policy for side in sides]
    return any(stand_in in text for text in texts for stand_in in STAND_INS)


def _created(plan: Plan) -> frozenset[str]:
    """Return the addresses of roles, users and groups that come with the plan."""
    return frozenset(
        resource.address
        for resource in plan.resources
        if resource.type in PRINCIPALS.values() and resource.before is None and not resource.drift
    )


def _targets(
    clusters: Iterable[tuple[ClusterPlugin, ClusterChange]], target: ReviewTarget
) -> dict[str, ReviewTarget]:
    """Return by which version the policies of aws-node's roles are judged, by role."""
    targets: dict[str, ReviewTarget] = {}
    for plugin, change in clusters:
        version = PluginVersion.of(change.judged_after)
        mode = target.mode or (change.mode_after if plugin.after.mode else None)
        judged = target_of(plugin.after, version, mode, chosen=target.chosen)
        for role in (*change.before.roles, *change.after.roles):
            old, new = (
                (role in identity.roles and known_sessions(identity)) or ()
                for identity in (plugin.before.identity, plugin.after.identity)
            )
            own = targets.setdefault(role, replace(judged, sessions=(old, new)))
            if own.sessions != (old, new):  # in one of the clusters it may do more
                targets[role] = replace(own, sessions=((), ()))
    return targets


def _counted(
    items: tuple[PolicyChange, ...], passed: Callable[[int, int], None] | None
) -> Iterator[PolicyChange]:
    for number, item in enumerate(items):
        if passed:
            passed(number, len(items))
        yield item


def fails(finding: Finding, fail_on: Iterable[str]) -> bool:
    """Say whether a finding fails a review."""
    reached = LEVELS[: LEVELS.index(finding.level) + 1]
    return not {*finding.means, *reached}.isdisjoint(fail_on)


def _dynamic(plan: Plan, locator: Locator) -> tuple[frozenset[str], int]:
    """Return the roles with inline policies of a dynamic block, and of how many none can tell."""
    dynamic = {
        role.address: locator.says(role.module, role.block, _DYNAMIC)
        for role in plan.resources
        if may_have_inline(role, plan)
    }
    return frozenset(a for a, made in dynamic.items() if made), [*dynamic.values()].count(None)


def _order(finding: Finding, fail_on: tuple[str, ...]) -> tuple[object, ...]:
    """Return what findings are sorted by: the worst first, of errors an administrator."""
    level = -LEVELS.index(finding.level), not fails(finding, fail_on)
    less = finding.rule != "admin-attached"
    return level, less, finding.address, finding.attribute, finding.rule, finding.message


def _labels(plan: Plan) -> dict[str, str]:
    """Return the IAM names of roles, users and groups by address."""
    return {
        resource.address: str(values["name"])
        for resource in plan.resources
        if resource.type in ("aws_iam_role", "aws_iam_user", "aws_iam_group")
        for values in (resource.after, resource.before)
        if values and values.get("name") and not side(resource, "name", after=True).hidden
    }


def _holders(items: Iterable[PolicyChange], plan: Plan) -> dict[str, list[str]]:
    """Return who has each managed policy of the plan, by the policy's address."""
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for item in items:
        if item.slot.kind == "attachment" and item.action != "drift":
            for binding, names in ((item.before, before), (item.after, after)):
                names.setdefault(binding.policy, []).extend(o.name for o in binding.owners)
    for resource in plan.resources:
        # Newer providers say how often a policy is attached, by whomever.
        count = (resource.before or {}).get("attachment_count")
        known = before.setdefault(resource.address, [])
        if isinstance(count, int) and count > len(set(known)):
            known.append(OTHERS)
    policies = dict.fromkeys([*before, *after])
    return {p: list(dict.fromkeys([*before.get(p, ()), *after.get(p, ())])) for p in policies}


def _bounded(items: Iterable[PolicyChange]) -> dict[str, list[str]]:
    """Return whose permissions boundary each managed policy is after, by the policy's address."""
    bounded: dict[str, list[str]] = {}
    for item in items:
        if item.slot.kind == "boundary" and item.action != "drift" and item.after.policy:
            bounded.setdefault(item.after.policy, []).extend(o.name for o in item.after.owners)
    return bounded


def _held(
    change: Change, holders: Mapping[str, list[str]], bounded: Mapping[str, list[str]]
) -> Change:
    if change.type != "aws_iam_policy":
        return change
    principals = tuple(holders.get(change.address, ()))
    bounds = tuple(bounded.get(change.address, ()))
    if (principals, bounds) == (change.principals, change.bounds):
        return change
    return replace(change, principals=principals, bounds=bounds)


def _places(plan: Plan, locator: Locator) -> dict[str, Place | None]:
    return {r.address: locator.place(r.module, r.block) for r in plan.resources}


def _placed(finding: Finding, places: Mapping[str, Place | None]) -> Finding:
    return replace(finding, place=places.get(finding.address))


def _documents(plan: Plan, rebuilder: Rebuilder, locator: Locator) -> tuple[Document, ...]:
    deferred = [r for r in plan.resources if r.block.startswith("data.aws_iam_policy_document.")]
    documents = []
    for resource in (*plan.documents, *deferred):
        text = side(resource, "json", after=True)
        if text.unknown:
            read = from_rebuilt(rebuilder.document(resource))
        else:
            slot = PolicyAttribute(resource, "permissions", "json", ("json",), text, text)
            read = read_side(text, slot, rebuilder, plan.secrets)
        (asked,), names = with_stand_ins((read,))
        place = locator.place(resource.module, resource.block)
        document = Document(
            resource.address, asked.state_for(read), "read" in resource.actions, place
        )
        documents.append(with_names(document, names))
    return tuple(sorted(documents, key=lambda document: document.address))
