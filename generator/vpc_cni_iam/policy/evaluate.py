"""Whether policies allow a request, deny it explicitly or implicitly, or leave it undecided.

Follows the IAM User Guide page "Policy evaluation logic", for policies of one kind: an explicit
Deny wins, then one Allow is enough, else the request is implicitly denied. A request is undecided
if the result depends on a condition that AWS does not define.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Condition, Policy, Statement, effect_problem
from vpc_cni_iam.policy.matching import conditions, elements, principals
from vpc_cni_iam.policy.matching.conditions import Doubt, Truth, Undecided, with_variables
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.elements import Element
from vpc_cni_iam.policy.matching.matches import ConditionCheck, context_key
from vpc_cni_iam.policy.matching.patterns import Patterns
from vpc_cni_iam.policy.matching.variables import (
    ANYTHING,
    HOLES,
    KeyValues,
    UnknownValue,
    keys_of,
)
from vpc_cni_iam.policy.template import PolicyText

# Whether a statement applies to the resource, the caller and the context.
Applies: TypeAlias = Callable[[str, str, KeyValues], Truth]

# A statement without its place: whether it is about an action, whether it applies, and the
# condition keys on which that depends.
_Compilation: TypeAlias = tuple[Callable[[str], "bool | None"], Applies, frozenset[str]]

_REMEMBERED = 4096
# Similar policies, and proofs about their differences, have most statements in common.
_STATEMENTS = 1024
# Several questions about one policy come one after another.
_POLICIES = 64


class Outcome(StrEnum):
    """The result of policies for a request."""

    ALLOWED = "allowed"
    IMPLICITLY_DENIED = "implicitly denied"
    EXPLICITLY_DENIED = "explicitly denied"
    # AWS does not define whether the request is allowed.
    UNDECIDED = "undecided"


class Request(Struct, frozen=True, dict=True):
    """One request that AWS authorizes: one action on one resource."""

    action: str  # such as ``ec2:CreateTags``; case does not matter
    resource: str  # the ARN, or ``*`` if AWS checks the action without a resource
    principal: str = ""  # the caller's ARN or service name; only for statements with a Principal
    # By key, in any case; a tuple for a key with any number of values, empty for an absent key.
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    # Returns the possible values of a lower-case key that `context` lacks; the result is undecided
    # if it depends on them. None if `context` has all keys of the request.
    may_have: Callable[[str], UnknownValue | None] | None = None

    def __hash__(self) -> int:
        """Return the same number for equal requests: a context has no hash."""
        return hash((self.action, self.resource, self.principal))

    @cached_property
    def folded(self) -> KeyValues:
        """The context by lower-case keys; raises `InputError` for a key in two spellings."""
        folded = {key.lower(): value for key, value in self.context.items()}
        if len(folded) != len(self.context):
            raise _two_spellings(self.context)
        return folded

    def context_for(self, keys: Iterable[str]) -> KeyValues:
        """Return the context for conditions on some keys, with the unknown ones."""
        if self.may_have is None:
            return self.folded
        possible = ((key, self.may_have(key)) for key in keys if key not in self.folded)
        unknown = {key: value for key, value in possible if value is not None}
        return {**self.folded, **unknown} if unknown else self.folded


class Decision(Struct, frozen=True):
    """The result of policies for a request, with the statement that decided or is undecided."""

    outcome: Outcome
    policy: int | None = None  # its position from 0; None if no statement decided
    statement: int | None = None  # the position from 0 in that policy
    undecided: Undecided | None = None  # why AWS does not define the result

    @property
    def allowed(self) -> bool:
        """Whether the request is allowed for certain."""
        return self.outcome is Outcome.ALLOWED

    @property
    def denied(self) -> bool:
        """Whether the request is denied for certain."""
        return self.outcome in (Outcome.IMPLICITLY_DENIED, Outcome.EXPLICITLY_DENIED)


_OUTCOMES = {"Allow": Outcome.ALLOWED, "Deny": Outcome.EXPLICITLY_DENIED}
_NOTHING: KeyValues = {}
_IMPLICIT = Decision(Outcome.IMPLICITLY_DENIED)


class _Rule(Struct, frozen=True):
    """A compiled statement."""

    decision: Decision
    is_about: Callable[[str], bool | None]  # whether it is about an action, if known
    applies: Applies
    keys: frozenset[str]  # the keys of its conditions and policy variables, in lower case

    def about(self, action: str) -> _Rule | None:
        """Return the rule for requests of an action; None if it is not about them."""
        is_about = self.is_about(action)
        if is_about is None:
            return replace(self, applies=_perhaps(self.applies))
        return self if is_about else None


class _RulesOfAction(Struct, frozen=True):
    """The rules about an action, their tests, and their keys."""

    rules: tuple[_Rule, ...]
    tests: tuple[Applies, ...]
    keys: frozenset[str]


class Compiled(Struct, frozen=True, eq=False):
    """Policies compiled for the evaluation of many requests; `compile_policies` returns them."""

    _rules: tuple[_Rule, ...]
    _by_action: dict[str, _RulesOfAction] = field(default_factory=dict)

    def evaluate(self, request: Request) -> Decision:
        """Return the result of the policies for a request.

        If several statements decide the same, the first is named. A request without an Allow is
        denied, even if it is open whether a Deny applies. Raises `InputError` for a context key in
        two spellings.
        """
        open_deny: Decision | None = None
        open_allow: Decision | None = None
        about = self._about(request.action)
        context = request.context_for(about.keys)
        for rule in about.rules:  # the Deny statements come first
            applies = rule.applies(request.resource, request.principal, context)
            allows = rule.decision.allowed
            if applies is True and not allows:
                return rule.decision
            if applies is True:
                return open_deny or rule.decision
            if applies is not False:
                undecided = replace(rule.decision, outcome=Outcome.UNDECIDED, undecided=applies)
                if allows:
                    open_allow = open_allow or undecided
                else:
                    open_deny = open_deny or undecided
        return open_allow or _IMPLICIT

    def work(self, action: str) -> int:
        """Return the number of statements that are checked for a request of an action."""
        return len(self._about(action).rules)

    def tests(self, action: str) -> tuple[Applies, ...]:
        """Return the tests of the statements about an action.

        Policies with the same tests for an action give the same results; equal statements have the
        same tests.
        """
        return self._about(action).tests

    def _about(self, action: str) -> _RulesOfAction:
        known = self._by_action.get(action)
        if known is None:
            if len(self._by_action) >= _REMEMBERED:
                self._by_action.clear()
            rules = tuple(rule for each in self._rules if (rule := each.about(action)) is not None)
            keys = frozenset(key for rule in rules for key in rule.keys)
            known = _RulesOfAction(rules, tuple(rule.applies for rule in rules), keys)
            self._by_action[action] = known
        return known


def compile_policies(policies: Iterable[Policy], name: str = "policy") -> Compiled:
    """Compile the policies of one identity or resource for evaluation.

    Errors name them `name` with the position from 1.
    """
    return _compiled_policies(tuple(policies), name)


@lru_cache(maxsize=_POLICIES)
def _compiled_policies(policies: tuple[Policy, ...], name: str) -> Compiled:
    rules = [
        _rule(statement, (position, index), place, variables=elements.has_variables(policy, place))
        for position, policy in enumerate(policies)
        for index, statement in enumerate(policy.statements)
        for place in (ElementPath(f"{name} {position + 1}"),)
    ]
    rules.sort(key=lambda rule: rule.decision.allowed)
    return Compiled(tuple(rules))


def evaluate(policies: Iterable[Policy], request: Request) -> Decision:
    """Return the result of the policies of one identity or resource for a request.

    For many requests, compile the policies once with `compile_policies`.

    Raises:
        InputError: What `compile_policies` and `Compiled.evaluate` refuse.
    """
    return compile_policies(policies).evaluate(request)


def unmet(statements: Iterable[Statement], request: Request) -> tuple[Condition, ...]:
    """Return the conditions that a request does not meet, in the nearest Allow statement."""
    near = (s for s in statements if _allows(s, (), request))  # about its action and resource
    every = [tuple(c for c in s.conditions if not _allows(s, (c,), request)) for s in near]
    # Of two, the one whose keys the request has.
    every.sort(key=lambda unmet: sum(str(c.key).lower() not in request.folded for c in unmet))
    return min(every, key=len, default=())


def _allows(statement: Statement, only: tuple[Condition, ...], request: Request) -> bool:
    """Return whether a statement with only some of its conditions allows a request."""
    return evaluate([Policy((replace(statement, conditions=only),))], request).allowed


@lru_cache(maxsize=_STATEMENTS)
def _rule(
    statement: Statement, at: tuple[int, int], place: ElementPath, *, variables: bool
) -> _Rule:
    place = place.at(f".Statement[{at[1]}]")
    if statement.effect not in ("Allow", "Deny"):
        raise place.at(".Effect").refuse(effect_problem(statement.effect))
    try:
        compilation = _compiled(statement, variables=variables)
    except InputError:
        compilation = _compile(statement, place, variables=variables)
    return _Rule(Decision(_OUTCOMES[statement.effect], *at), *compilation)


@lru_cache(maxsize=_STATEMENTS)
def _compiled(statement: Statement, *, variables: bool) -> _Compilation:
    """Compile a statement, without its place in the policy."""
    return _compile(statement, ElementPath("policy"), variables=variables)


def _compile(statement: Statement, place: ElementPath, *, variables: bool) -> _Compilation:
    actions = elements.actions(statement, place, variables=variables)
    resources = elements.resources(statement, place, variables=variables)
    caller = principals.test(statement, place)
    checks = _checks(statement, place, variables=variables)
    keys: set[PolicyText] = {*keys_of(resources.patterns), *(check.key for check in checks)}
    keys.update(key for check in checks for key in check.keys)
    applies = _applies(resources, caller, tuple(map(conditions.test, checks)))
    named = frozenset(key for key in keys if isinstance(key, str) and key != HOLES)
    return _is_about(actions), applies, named


def _is_about(actions: Element) -> Callable[[str], bool | None]:
    patterns, all_but = Patterns.of(actions.patterns), actions.negated
    anything: KeyValues = {HOLES: ANYTHING} if patterns.dynamic else {}

    @lru_cache(_REMEMBERED)
    def is_about(action: str) -> bool | None:
        folded = action.lower()
        is_named = patterns.matches(folded, _NOTHING)
        if anything and patterns.matches(folded, anything) is not is_named:
            return None
        return is_named is not all_but

    return is_about


def _perhaps(applies: Applies) -> Applies:
    """Return whether a statement applies if it is not known whether it is about the action."""

    def perhaps(resource: str, principal: str, context: KeyValues) -> Truth:
        answer = applies(resource, principal, context)
        return Undecided(Doubt.unknown_action) if answer else False

    return perhaps


def _checks(
    statement: Statement, place: ElementPath, *, variables: bool
) -> tuple[ConditionCheck, ...]:
    checks, seen = [], set[tuple[str, PolicyText]]()
    for condition in statement.conditions:
        where = place.at(f".Condition.{condition.operator}.{condition.key}")
        named = condition.operator, context_key(condition.key)
        if named in seen:
            raise where.refuse("is there twice, maybe in two spellings; IAM allows it once")
        seen.add(named)
        checks.append(conditions.parse(condition, where, variables=variables))
    return tuple(checks)


def _applies(
    resources: Element, caller: principals.IsCaller | None, tests: tuple[conditions.Test, ...]
) -> Applies:
    patterns, all_but = Patterns.of(resources.patterns), resources.negated
    everything, keys = patterns.everything and not all_but, keys_of(patterns.dynamic)

    def applies(resource: str, principal: str, context: KeyValues) -> Truth:
        answer: Truth = everything or patterns.matches(resource, context) is not all_but
        if keys:

            def opened(context: KeyValues) -> Truth:
                return patterns.matches(resource, context) is not all_but

            answer = with_variables(answer, keys, opened, context)
        if answer is False:
            return False
        if caller is not None and (is_caller := caller(principal)) is not True:
            if is_caller is False:
                return False
            answer = Undecided(Doubt.unknown_principal)
        for test in tests:
            holds = test(context)
            if holds is False:
                return False
            if holds is not True and answer is True:
                answer = holds
        return answer

    return applies


def _two_spellings(context: Mapping[str, object]) -> InputError:
    seen: set[str] = set()
    twice = next(k for k in context if k.lower() in seen or seen.add(k.lower()))  # type: ignore[func-returns-value]
    return InputError("request", twice, "the context has this key in two spellings")
