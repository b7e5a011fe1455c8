"""What a change newly allows, as the policies write it, the most harmful first, with an example."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from functools import cache, lru_cache

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import calls
from vpc_cni_iam.catalog.facts.escalation import escalating
from vpc_cni_iam.coverage.analysis.aws_actions import describes
from vpc_cni_iam.coverage.analysis.excess import excess_grants
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.account.grants import PlanGrant, have_secrets
from vpc_cni_iam.inputs.plan.account.iam_resource import Place
from vpc_cni_iam.inputs.plan.plugin.policy import is_of_plugin
from vpc_cni_iam.policy.diff import (
    ConditionChange,
    Difference,
    ElementChange,
    StatementAdded,
    StatementChanged,
    StatementRemoved,
    ValuesChange,
    differences,
)
from vpc_cni_iam.policy.document import Policy, Statement, statements_of
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess
from vpc_cni_iam.policy.proof.examples import ordinary
from vpc_cni_iam.policy.proof.examples.aws import ACCOUNT, REGION
from vpc_cni_iam.policy.template import PolicyText, known
from vpc_cni_iam.policy.wildcard import matches
from vpc_cni_iam.review.diff.permissions import Permissions, Proofs
from vpc_cni_iam.review.diff.principals import Compared, GrantChange

# The most statements for which it is proven that each one by itself allows more.
_PROVEN = 12
_TRIES = 3
# Actions that manage permissions: those of IAM and Organizations, those that give others access to
# a resource with its policy, by name, and all of a service. AWS decides what a service-linked role
# allows.
_MANAGING = re.compile(
    r"\*|[\w-]+:\*|(?:iam|organizations|sso):(?!Get|CreateServiceLinkedRole$).*"
    r"|[\w-]+:(?:Put|Set|Add|Create|Modify)\w*"
    r"(?:(?:Resource|Bucket|Point|Key|Repository|Registry|System|Access)Policy|Permission|Grant)"
    r"|s3:Put\w*Acl",
    re.IGNORECASE,
)
# Actions that destroy data or resources.
_DESTROYING = re.compile(r"[\w-]+:(?:(?:Batch)?(?:Delete|Destroy|Purge|Terminate)|\w+Deletion)")


class HarmRank(IntEnum):
    """The harm that an action can do, the worst first."""

    ESCALATION = 0  # gives the principal more permissions, by a published method
    PERMISSIONS = 1  # manages permissions, or gives others access to a resource
    CHANGE = 2  # reads or changes data or resources
    LIST = 3  # describes or lists


class GainedPart(Struct, frozen=True):
    """A difference of statements that allows more."""

    difference: Difference
    actions: tuple[PolicyText, ...]  # the newly allowed actions, the most harmful first
    harm: HarmRank
    is_of_plugin: bool = False  # whether it is in a policy of the plugin
    is_needed: bool = False  # whether the plugin calls all of them

    @property
    def allowed(self) -> Statement:
        """The statement with only the newly allowed actions."""
        statement = _statement(self.difference)
        return replace(statement, actions=self.actions or statement.actions)

    @property
    def destroys(self) -> bool:
        """Whether an action destroys data or resources."""
        return any(_DESTROYING.match(str(action)) for action in self.actions)


class Gained(Struct, frozen=True):
    """What a principal can newly do."""

    parts: tuple[GainedPart, ...]  # the most harmful first; empty if only a limit changes
    grants: tuple[PlanGrant, ...]  # the grants with these parts, in the same order
    example: NewAccess | None  # None if it could reveal a secret


def gained(
    change: Compared, grants: Iterable[GrantChange], answer: NewAccess, proofs: Proofs, place: Place
) -> Gained:
    """Return what changes of grants newly allow a principal.

    The grants are compared together, so a statement that moves to another policy is not new. In
    policies of the plugin, the actions that it calls come last.
    """
    changes = tuple(grants)
    origins = {id(s): g for c in changes for g in (c.before, c.after) if g for s in _shown(g)}
    methods = _methods(change.after.policies)
    parts = [
        _part(d, methods, is_of_plugin=is_of_plugin(origins[id(_statement(d))]))
        for d in _widening(changes)
    ]
    is_masked = have_secrets(g for c in change.grants for g in (c.before, c.after))
    if 1 < len(parts) <= _PROVEN and not is_masked:
        parts = [part for part in parts if _is_new(part, change, answer, proofs)] or parts
    parts.sort(key=lambda part: (part.is_needed, part.harm))
    example = None if change.has_secrets else _example(parts, change, answer, proofs, methods)
    return Gained(
        tuple(parts),
        tuple(dict.fromkeys(origins[id(_statement(part.difference))] for part in parts)),
        _placed(example, change, place) if example else None,
    )


def is_harmful(policy: Policy) -> bool:
    """Return whether a policy allows managing permissions, or gaining more."""
    allows = statements_of([policy], "Allow")
    methods = _methods((policy,))
    worst = (_harm(str(action), methods) for s in allows for action in s.actions)
    return any(s.not_actions for s in allows) or min(worst, default=HarmRank.LIST) < HarmRank.CHANGE


def scope(grants: Iterable[GrantChange]) -> tuple[GainedPart, ...]:
    """Return the parts with which changes of grants may allow more, the most harmful first."""
    parts = (_part(difference, ()) for difference in _widening(grants))
    return tuple(sorted(parts, key=lambda part: part.harm))


def _widening(changes: Iterable[GrantChange]) -> Iterator[Difference]:
    """Yield the differences that may allow more."""
    every = list(changes)
    sides = [c.before for c in every], [c.after for c in every]
    policies = (Policy(tuple(s for grant in side for s in _shown(grant))) for side in sides)
    yield from filter(_may_allow_more, differences(*policies))


def _shown(grant: PlanGrant | None) -> tuple[Statement, ...]:
    return grant.document.shown.statements if grant and grant.document else ()


def _statement(difference: Difference) -> Statement:
    """Return the statement that newly allows something, or denied it before."""
    match difference:
        case StatementChanged(old=old, new=new):
            return new if new.effect == "Allow" else old
        case StatementAdded(statement=statement) | StatementRemoved(statement=statement):
            return statement
    raise AssertionError(difference)


def _may_allow_more(difference: Difference) -> bool:
    match difference:
        case StatementAdded(statement=statement):
            return statement.effect == "Allow"
        case StatementRemoved(statement=statement):
            return statement.effect == "Deny"
        case StatementChanged(old=old, elements=elements):
            return any(_widens(element, is_deny=old.effect == "Deny") for element in elements)
    return False


def _widens(element: ElementChange, *, is_deny: bool) -> bool:
    """Return whether a changed element may make a statement allow more, or deny less."""
    match element:
        case ValuesChange():
            return bool(_widening_values(element, is_deny=is_deny))
        case ConditionChange(old, new):
            return (new if is_deny else old) is not None


def _widening_values(change: ValuesChange, *, is_deny: bool) -> tuple[PolicyText, ...]:
    """Return the values with which a statement allows more, or no longer denies."""
    return change.removed if change.element.startswith("Not") != is_deny else change.added


def _part(
    difference: Difference, methods: tuple[str, ...], *, is_of_plugin: bool = False
) -> GainedPart:
    statement = _statement(difference)
    actions = statement.actions
    if isinstance(difference, StatementChanged):
        is_deny = statement.effect == "Deny"
        widening = [e for e in difference.elements if _widens(e, is_deny=is_deny)]
        of_actions = [e for e in widening if isinstance(e, ValuesChange) and e.element == "Action"]
        if of_actions == widening:
            values = (_widening_values(change, is_deny=is_deny) for change in of_actions)
            actions = tuple(action for each in values for action in each)
    ranked = sorted(actions, key=lambda a: _rank(str(a), methods, is_of_plugin=is_of_plugin))
    worst = [_rank(str(action), methods, is_of_plugin=is_of_plugin) for action in ranked[:1]]
    is_needed, harm = worst[0] if worst else (False, HarmRank.ESCALATION)
    return GainedPart(difference, tuple(ranked), harm, is_of_plugin, is_needed)


@lru_cache(1024)
def _methods(policies: tuple[Policy, ...]) -> tuple[str, ...]:
    """Return the actions of escalation methods whose actions are all allowed somewhere."""
    steps = (_steps(s.actions, s.not_actions) for s in statements_of(policies, "Allow"))
    return escalating(frozenset().union(*steps).__contains__)


@lru_cache(1024)  # many policies have the same actions on different resources
def _steps(actions: tuple[PolicyText, ...], not_actions: tuple[PolicyText, ...]) -> frozenset[str]:
    """Return the actions of escalation methods that a statement covers."""
    statement = Statement(actions=actions, not_actions=not_actions)
    return frozenset(filter(statement.is_about, escalating(lambda _: True)))


def _harm(action: str, methods: Iterable[str]) -> HarmRank:
    if any(matches(action.lower(), method.lower()) for method in methods):
        return HarmRank.ESCALATION
    if describes(action):
        return HarmRank.LIST
    return HarmRank.PERMISSIONS if _MANAGING.fullmatch(action) else HarmRank.CHANGE


def _rank(
    action: str, methods: Iterable[str], *, is_of_plugin: bool = False
) -> tuple[bool, HarmRank]:
    """Return the rank of an action: by harm, with actions that the plugin needs last."""
    return is_of_plugin and action.lower() in needed_by_plugin(), _harm(action, methods)


def _is_pattern(action: str) -> bool:
    return "*" in action or "?" in action


def _is_new(part: GainedPart, change: Compared, answer: NewAccess, proofs: Proofs) -> bool:
    """Return whether a part by itself allows more; with an action of the answer, it does."""
    before, after = change.before, change.after
    statement = _statement(part.difference)
    if statement.effect == "Deny":
        denied = Permissions((*after.policies, Policy((statement,))), after.limits)
        return not isinstance(proofs.compare(denied, after), NoNewAccess)
    denies = statements_of(after.policies, "Deny")
    alone = Permissions((Policy((part.allowed, *denies)),), after.limits)
    if alone.allow(answer.request):
        return True
    return not isinstance(proofs.compare(before, alone), NoNewAccess)


def _example(
    parts: Sequence[GainedPart],
    change: Compared,
    answer: NewAccess,
    proofs: Proofs,
    methods: tuple[str, ...],
) -> NewAccess:
    """Return a request for the most harmful action that is newly allowed."""
    ranks: dict[str, tuple[bool, HarmRank, bool]] = {}
    for number, part in enumerate(parts):
        for action in _candidates(part, methods):
            rank = _rank(action, methods, is_of_plugin=part.is_of_plugin)
            # with the same harm, the first one that is named
            ranks.setdefault(action, (*rank, number > 0))
    action = answer.request.action
    worst = ranks.get(action, (*_rank(action, methods), True))
    for action in sorted(ranks, key=ranks.__getitem__)[:_TRIES]:
        if not answer.made_up and ranks[action] >= worst:
            break
        only = Policy((Statement(actions=(action,), resources=("*",)),))
        within = Permissions(change.after.policies, (*change.after.limits, (only,)))
        better = proofs.compare(change.before, within)
        if isinstance(better, NewAccess):
            return better
    return answer


def _candidates(part: GainedPart, methods: Iterable[str]) -> Iterator[str]:
    """Yield actions that a part may newly allow: those it names, and known ones of its patterns."""
    statement = _statement(part.difference)
    patterns = [*filter(_is_pattern, known(part.actions))]
    yield from (a for a in known(part.actions) if a not in patterns)
    if patterns or statement.not_actions:
        asked = replace(statement, actions=tuple(patterns))
        every = (*methods, *(action for _, action in ordinary.actions()))
        yield from (action for action in every if asked.is_about(action))


def _placed(example: NewAccess, change: Compared, place: Place) -> NewAccess:
    """Return an example in the plan's Region and account, if that is newly allowed, too."""
    request = example.request

    def moved(text: str) -> str:
        text = text.replace(REGION, place.region or REGION)
        return text.replace(ACCOUNT, place.account or ACCOUNT)

    context = {
        key: moved(value) if isinstance(value, str) else tuple(map(moved, value))
        for key, value in request.context.items()
    }
    own = Request(request.action, moved(request.resource), moved(request.principal), context)
    try:
        is_new = own != request and change.after.allow(own) and change.before.deny(own)
    except InputError:
        is_new = False
    return replace(example, request=own) if is_new else example


@cache
def needed_by_plugin() -> frozenset[str]:
    """Return the actions that some version of the plugin calls, in lower case."""
    return frozenset(call.action.lower() for call in calls())


def _is_called(action: str) -> bool:
    """Return whether the plugin calls an action; patterns are compared elsewhere."""
    return _is_pattern(action) or action.lower() in needed_by_plugin()


def by_harm(parts: Iterable[GainedPart]) -> tuple[str, ...]:
    """Return the actions of parts, the most harmful first; of these, those that destroy."""
    ranks: dict[str, tuple[bool, HarmRank]] = {}
    for part in parts:
        for number, action in enumerate(map(str, part.actions)):
            rank = _rank(action, (), is_of_plugin=part.is_of_plugin)
            ranks.setdefault(action, rank if number else (part.is_needed, part.harm))
    return tuple(sorted(ranks, key=lambda a: (*ranks[a], not _DESTROYING.match(a))))


def beyond_plugin(parts: Iterable[GainedPart]) -> tuple[str, ...]:
    """Return the actions and patterns of parts that allow what no version of the plugin calls.

    The most harmful come first. For a policy that is not the plugin's, these are all.
    """
    beyond: list[tuple[HarmRank, str]] = []
    for part in parts:
        statement = _statement(part.difference)
        if statement.effect == "Deny":
            continue
        methods = _methods((Policy((statement,)),))
        asked = replace(part.allowed, conditions=())
        excess = excess_grants([Policy((asked,))], [call.action for call in calls()])
        names = [a for a in map(str, asked.actions) if not (part.is_of_plugin and _is_called(a))]
        for name in (*names, *(grant.pattern for grant in excess.grants), *excess.partly_checked):
            is_all = name.startswith("all but")
            beyond.append((HarmRank.ESCALATION if is_all else _harm(name, methods), name))
    return tuple(dict.fromkeys(name for _, name in sorted(beyond, key=lambda each: each[0])))
