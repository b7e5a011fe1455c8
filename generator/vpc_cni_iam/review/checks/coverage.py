"""Calls of the plugin that the roles of aws-node no longer allow, or do not allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.grants import Conflict, PlanGrant
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.inputs.plan.plugin.policy import is_of_plugin
from vpc_cni_iam.levels import Level, at_most, most_severe
from vpc_cni_iam.policy.document import Condition, statements_of
from vpc_cni_iam.policy.evaluate import Request, unmet
from vpc_cni_iam.policy.report import undecided_text
from vpc_cni_iam.review.checks.conflicts import conflict_fix
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.calls import MissingCall, by_action
from vpc_cni_iam.review.diff.plugin.judged import OtherPlace, PlaceKind
from vpc_cni_iam.review.diff.plugin.needs import (
    PluginNeeds,
    RoleNeeds,
    instance_needs,
    other_roles,
    plugin_needs,
)
from vpc_cni_iam.review.diff.plugin.roles import address_of, has_plugin_policy
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.rules import LOSES, Consequence, Rule, Topic
from vpc_cni_iam.review.texts.names import (
    IDENTITIES,
    MOST_NAMED,
    name_of,
    names_of,
    several,
)
from vpc_cni_iam.unmet import has_instead, instead_text, limit_text, unmet_text

COVERAGE_LOST = Rule(
    "coverage-lost",
    (Level.ERROR, Topic.PLUGIN, LOSES),
    summary="The plugin can no longer make a call that it could make before.",
    help="The review checks the calls of the plugin version against the policies before and after the plan. It is an error if the plugin then does not start, or pods get no IP addresses; a warning if the effect is smaller, or if a policy that the plan does not show may allow the call; and a note if there is no effect. If the trust policy no longer allows the plugin to assume its role, the plugin loses every call. Keep the action in a policy of the role.",
    fix="Keep the action in one of the policies of the role that aws-node uses. `vpc-cni-iam coverage` says what each plugin version calls.",
)
COVERAGE_LACKING = Rule(
    "coverage-lacking",
    (Level.WARNING, Topic.PLUGIN, ()),
    summary="The policies of the plugin's role do not allow a call that the plugin needs.",
    help="The review evaluates all policies that the plan attaches to the role together. A policy that the plan does not show may allow the call. It is a note if the call was denied before and the plan does not name the plugin version: the plugin fails after an update to that version. Use the document for your plugin version.",
    fix="Use the document for your plugin version: `vpc-cni-iam policy ipv4 --cni-version VERSION`. If another policy of the role, which the plan does not show, allows the action, ignore the finding.",
)
PERMISSION_MISSING = Rule(
    "plugin-permission-missing",
    (Level.ERROR, Topic.PLUGIN, (Consequence.COVERAGE_LOST,)),
    summary="After the change, the plugin makes a call that its role does not allow.",
    help="The plan changes the version, the settings, the VPC or the identity of the plugin, and the plugin then makes a call that the policies of its role do not allow. Allow the action before the apply, or in the same apply. It is a warning if the plugin works without the call, but does less. If a new policy is for another cluster or VPC, the finding names it.",
    fix="Add the action to the policy of the role that aws-node uses, before or together with the upgrade. `vpc-cni-iam policy` prints the document for a version.",
)


class DenialCause(Enum):
    """Why a call of the plugin is denied."""

    LOST = "lost"  # its policies allowed the call before
    MISSING = "missing"  # the version, setup or identity of the plugin changes
    STILL_MISSING = "still missing"  # the same, but the call was denied before, too
    LACKING = "lacking"  # a new role does not allow it
    AS_BEFORE = "as before"


class UnmetCondition(Struct, frozen=True):
    """A condition because of which calls are denied."""

    condition: Condition
    # What the request has instead: its value of the key, or those of similar keys.
    has: tuple[tuple[str, str], ...]
    actions: tuple[str, ...]


class DeniedCalls(Struct, frozen=True):
    """The calls of the plugin that a role does not allow."""

    cause: DenialCause
    needs: PluginNeeds
    role: RoleNeeds
    calls: tuple[MissingCall, ...]
    open: tuple[str, ...]  # the unknown policies, which may allow them
    others: tuple[IamResource, ...]  # roles that aws-node may have instead of this one
    # The first change that removes a policy of the role which another resource keeps or creates.
    conflict: Conflict | None = None
    gone: PlanGrant | None = None  # a policy of the plugin that the plan takes from the role
    unmet: tuple[UnmetCondition, ...] = ()

    @property
    def elsewhere(self) -> tuple[OtherPlace, ...]:
        """New policies of the role that are for another cluster, VPC, Region or account."""
        return self.role.elsewhere if self.cause is DenialCause.MISSING else ()


# The rule and the highest severity for each cause.
_RULES = {
    DenialCause.LOST: (COVERAGE_LOST, Level.ERROR),
    DenialCause.MISSING: (PERMISSION_MISSING, Level.ERROR),
    DenialCause.STILL_MISSING: (PERMISSION_MISSING, Level.WARNING),
    DenialCause.LACKING: (COVERAGE_LACKING, Level.WARNING),
    DenialCause.AS_BEFORE: (COVERAGE_LACKING, Level.NOTE),
}


def check(context: Context) -> Iterator[Finding]:
    """Yield the calls of the plugin that its roles do not allow."""
    for needs in plugin_needs(context):
        for role in () if needs.plugin.is_deleted else needs.roles:
            yield from _of_role(role, needs, context)
    # What aws-node loses with another role of instances, without a cluster in the plan.
    for workload, needs in instance_needs(context).values():
        for role in needs.roles:
            every = _denied(DenialCause.LOST, by_action(role.newly), role, needs, context)
            yield from (replace(lost, address=workload) for lost in every)


def of_role(
    role: IamResource,
    rule: Rule,
    evidence: Struct,
    context: Context,
    level: Level | None = None,
    address: str = "",
) -> Finding:
    """Return a finding about a role of aws-node or of nodes, at its address by default."""
    where = address or address_of(context, role)
    return finding(rule, evidence, where, subject=role, level=level)


def _of_role(role: RoleNeeds, needs: PluginNeeds, context: Context) -> Iterator[Finding]:
    lost = {call.action for call in role.lost}
    missing = [call for call in by_action(role.missing) if call.action not in lost]
    newly = {call.action: call for call in by_action(role.newly) if call.action not in lost}
    if role.elsewhere:  # the plan causes what a policy for another place does not allow
        newly |= {call.action: call for call in missing if call.is_fatal}
    old = [call for call in missing if call.is_fatal and call.action not in newly]
    by_cause = {DenialCause.LOST: by_action(role.lost), DenialCause.MISSING: newly.values()}
    if cause := _of_rest(role, needs, context):
        by_cause[cause] = old
    for cause, calls in by_cause.items():
        yield from _denied(cause, calls, role, needs, context)


def _of_rest(role: RoleNeeds, needs: PluginNeeds, context: Context) -> DenialCause | None:
    """Return why a call is reported that is neither lost nor newly missing; None if it is not."""
    if needs.is_changed:
        return DenialCause.STILL_MISSING
    has_own = role.is_changed and has_plugin_policy(context, role.role)
    if role.is_first and (has_own or role.newly_fails):
        return DenialCause.LACKING
    if not has_own:
        return None
    # A policy alone, or with unknown ones, need not be all policies of the role.
    return None if role.open_grants or role.is_policy else DenialCause.AS_BEFORE


def _denied(
    cause: DenialCause,
    calls: Iterable[MissingCall],
    role: RoleNeeds,
    needs: PluginNeeds,
    context: Context,
) -> Iterator[Finding]:
    # For a new role, the answer says what depends on values that are known after apply.
    is_new = role.role in context.accounts.created
    calls = tuple(call for call in calls if not (is_new and call.is_later))
    if not calls:
        return
    others = other_roles(context, needs, role)
    # A Deny or a boundary applies, whatever other policies allow.
    is_certain = any(call.level is Level.ERROR and call.denied_by is not None for call in calls)
    may_allow = () if is_certain else tuple(grant.written_at for grant in role.open_grants)
    rule, limit = _RULES[cause]
    if cause is DenialCause.LACKING and role.newly_fails:
        limit = Level.ERROR  # the answer is that aws-node fails
    limit = at_most(limit, Level.WARNING) if others or may_allow else limit
    level = at_most(most_severe(call.level for call in calls), limit)
    unmet = () if role.access.has_secrets else tuple(_unmet(calls, role))
    taken = _taken(role.role, context)
    evidence = DeniedCalls(cause, needs, role, calls, may_allow, others, *taken, unmet)
    yield of_role(role.role, rule, evidence, context, level)


def _taken(role: IamResource, context: Context) -> tuple[Conflict | None, PlanGrant | None]:
    """Return the conflict about a policy of the plugin, and such a policy that is removed."""
    conflicts = (c for c in context.accounts.conflicts if c.grant.owner == role)
    conflict = next((c for c in conflicts if c.grant.is_open or is_of_plugin(c.grant)), None)
    before, after = (side.policies(role) for side in context.accounts.sides)
    gone = (grant for key, grant in before.items() if key not in after and is_of_plugin(grant))
    return conflict, next(gone, None)


def _unmet(calls: Iterable[MissingCall], role: RoleNeeds) -> Iterator[UnmetCondition]:
    """Yield the conditions because of which no policy allows calls, those of most calls first."""
    allows = statements_of(role.access.permissions.policies, "Allow")
    requests: dict[Condition, list[Request]] = {}
    for call in calls:
        if call.request is not None and call.denied_by is None:
            for condition in unmet(allows, call.request):
                requests.setdefault(condition, []).append(call.request)
    for condition, every in sorted(requests.items(), key=lambda each: -len(each[1])):
        has = next(filter(None, (has_instead(condition, request) for request in every)), ())
        yield UnmetCondition(condition, has, tuple(dict.fromkeys(r.action for r in every)))


# By whether the plugin could call it before, and whether the denial is certain.
_CAN = {
    (False, False): "may be unable to",
    (False, True): "cannot",
    (True, False): "may no longer",
    (True, True): "can no longer",
}


@says(DeniedCalls)
def _denied_calls(_: Finding, denied: DeniedCalls) -> Saying:
    """Return the denied calls; the message has the most severe ones."""
    first, cause = denied.calls[0], denied.cause
    identity = denied.needs.plugin.after.identity.kind
    worst = [c for c in denied.calls if (c.level, c.switch) == (first.level, first.switch)]
    is_certain = not (denied.others or denied.open) and any(call.is_denied for call in worst)
    is_as_before = cause in (DenialCause.STILL_MISSING, DenialCause.AS_BEFORE)
    message = f"{'As before, the' if is_as_before else 'The'} plugin"
    message += f" with {first.switch}" if first.switch else ""
    message += f" {_CAN[cause is DenialCause.LOST, is_certain]} call {several(_actions(worst))} "
    message += f"with {name_of(denied.role.role)}"
    message += f" ({IDENTITIES[identity]})" if identity in IDENTITIES else ""
    message += _unless(denied)
    places = "; ".join(map(_other_place, denied.elsewhere))
    alike: dict[str, list[MissingCall]] = {}
    for call in denied.calls:
        with_switch = f"with {call.switch}: " if call.switch else ""
        alike.setdefault(with_switch + _effect(call), []).append(call)
    lines = tuple(f"{', '.join(_actions(calls))}: {effect}" for effect, calls in alike.items())
    is_complete = len(alike) == 1 and not places and len(denied.calls) <= MOST_NAMED
    message = f"{message}: {places or _effect(first)}"
    unmet = tuple(f"{several(u.actions)}: {unmet_text(u.condition, u.has)}" for u in denied.unmet)
    return Saying(message, (*(() if is_complete else lines), *unmet), _fix(denied))


def _unless(denied: DeniedCalls) -> str:
    """Return which policies or roles may still allow the calls; empty if none may."""
    unless = [f"{first_of(denied.open)} allows it"] if denied.open else []
    unless += [f"aws-node has {first_of(map(name_of, denied.others), 1)}"] if denied.others else []
    return f", unless {' or '.join(unless)}" if unless else ""


def _actions(calls: Sequence[MissingCall]) -> list[str]:
    """Return the denied actions; with that of the call, if a call needs several."""
    own = {call.action for call in calls if call.denied_action == call.action}
    names = []
    for call in calls:
        of_call = "" if call.denied_action in own else f" (for {call.action})"
        names.append(f"{call.denied_action}{of_call}{f' on the {call.on}' if call.on else ''}")
    return [*dict.fromkeys(names)]


def _effect(call: MissingCall) -> str:
    """Return the effect of a denied call, with the Regions, and whether the denial is certain."""
    where = f"in {call.region or 'some Regions'}, " if call.in_some_regions else ""
    if call.undecided:
        return f"{where}undecided, since {undecided_text(call.undecided)}; if denied, {call.breaks}"
    return where + call.breaks


def _fix(denied: DeniedCalls) -> str:
    actions = several([*dict.fromkeys(call.denied_action for call in denied.calls)])
    policy, places = denied.role.policy, denied.role.places
    by = next((call.denied_by for call in denied.calls if call.denied_by is not None), None)
    if by is not None:
        is_explicit = any(call.is_explicit for call in denied.calls)
        return f"{'Do not deny' if is_explicit else 'Allow'} {actions} in {places[by]}"
    if likely := _likely_fix(denied):
        return likely
    old, owner = denied.needs.plugin.before.identity, denied.role.role
    if policy in denied.open:
        return f"Check that {policy} allows {actions}"
    if policy:
        is_there = policy in places
        allow = f"Allow {actions}{_on(denied)} in {policy}"
        return allow if is_there else f"Keep {policy} for {name_of(owner)}"
    attach = f"a policy to {name_of(owner)} that allows {actions}"
    if old.kind.is_of_service_account and old.roles - {owner}:
        keep = f"{IDENTITIES[old.kind]} with {names_of(sorted(old.roles, key=str))}"
        return f"Keep {keep}, or attach {attach}"
    return f"Attach {attach}"


def _on(denied: DeniedCalls) -> str:
    """Return the resources of denied actions that are allowed only on others; empty if unknown."""
    access, requests = denied.role.access, [call.request for call in denied.calls]
    allows = statements_of(access.permissions.policies, "Allow")
    about = [r for r in requests if r and any(s.is_about(r.action) for s in allows)]
    is_placed = denied.needs.after.names.keys() >= {"region", "account_id"}
    if access.has_secrets or not is_placed or len(about) < len(requests):
        return ""
    asked = {request.resource.rpartition("/")[0] for request in about}
    return f" on {asked.pop()}/*" if len(asked) == 1 and "" not in asked else ""


def _likely_fix(denied: DeniedCalls) -> str:
    """Return the fix of a cause that is known; empty if none is."""
    before, after = (s.settings.has_cluster_name for s in (denied.needs.before, denied.needs.after))
    policy, is_missing = denied.role.policy, denied.cause is DenialCause.MISSING
    if policy and is_missing and before and not after:
        return "Set CLUSTER_NAME to the name of the cluster, in the configuration of the plugin"
    if denied.elsewhere:
        other = denied.elsewhere[0]
        return f"Name {_kind(other)} {other.own} in {other.policy}"
    if denied.conflict and denied.cause is DenialCause.LOST:
        return conflict_fix(denied.conflict)
    if (gone := denied.gone) and gone.policy:
        name, argument = name_of(gone.policy), gone.attribute.partition("[")[0]
        name = aws_managed.name_of(name) or name
        add = f"Add {name} to {argument} of {gone.address}"
        keep = f"Keep {name} for {name_of(denied.role.role)}"
        return add if argument.endswith("policy_arns") else keep
    if denied.unmet and policy in denied.role.places:
        unmet = denied.unmet[0]
        what = f"{limit_text(unmet.condition)} in {policy}"
        return f"Correct {what}: for {unmet.actions[0]}, {instead_text(unmet.condition, unmet.has)}"
    return ""


def _other_place(other: OtherPlace) -> str:
    place = f"{_kind(other)} {other.named}"
    return f"{other.policy} is for {place}, but aws-node runs in {other.own}"


def _kind(other: OtherPlace) -> str:
    return other.kind.name if other.kind is PlaceKind.VPC else other.kind.name.lower()
