"""Regions with AWS's documented facts about their requests as more conditions.

A fact about only some requests, such as those of EC2, splits a region.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.matches import ConditionCheck, ContextKey
from vpc_cni_iam.policy.matching.operators import BASES, Operator
from vpc_cni_iam.policy.matching.variables import Pattern, PolicyVariable, keys_of, literal, read
from vpc_cni_iam.policy.proof import globs, related_keys
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.clauses import Region, RegionSide, can_meet
from vpc_cni_iam.policy.proof.conditions.constraints import null
from vpc_cni_iam.policy.proof.examples import reference
from vpc_cni_iam.policy.proof.globs import Characters, Glob
from vpc_cni_iam.policy.proof.related_keys import (
    ACCOUNT_OF_ARN,
    KEYS_HAVE_TAGS,
    RESOURCE_ACCOUNT,
    TAG_KEYS,
    TAGS_HAVE_KEYS,
    ActionScope,
)
from vpc_cni_iam.policy.template import known

_Sides: TypeAlias = tuple[RegionSide, ...]
_EQUALS, _NOT_EQUALS = Operator(BASES["StringEquals"]), Operator(BASES["StringNotEquals"])
_EQUALS_IF_EXISTS = Operator(BASES["StringEquals"], if_exists=True)
_ACCOUNT_ID = re.compile("[0-9]{12}")
_ID = "?" * 12
_REMEMBERED = 1024
_STEPS_OF_A_CUT = 20  # cuts of one side by one pattern
# EC2 resources with a name in their ARN; all others have an ID, without colons. Source: Service
# Authorization Reference, "Resource types defined by Amazon EC2".
_NAMED = ("ec2:*:*:key-pair/*", "ec2:*:*:placement-group/*")


class AskedKeys(Struct, frozen=True):
    """The keys with documented facts in conditions."""

    keys: frozenset[str]
    # The resources' accounts that they name; None if these depend on the values of variables.
    accounts: frozenset[str] | None

    @classmethod
    def of(cls, checks: Iterable[ConditionCheck]) -> AskedKeys:
        """Return the keys in some conditions."""
        keys: set[str] = set()
        accounts: frozenset[str] | None = None
        for check in checks:
            variables = keys_of(check.patterns)
            keys |= related_keys.related((*known((check.key,)), *variables))
            if check.key == RESOURCE_ACCOUNT and not variables:
                texts = filter(None, map(literal, check.patterns))
                accounts = (accounts or frozenset()).union(filter(_ACCOUNT_ID.fullmatch, texts))
        return cls(frozenset(keys), accounts)

    def __or__(self, other: AskedKeys) -> AskedKeys:
        """Return the keys in either."""
        accounts = self.accounts
        if other.accounts is not None:
            accounts = (accounts or frozenset()) | other.accounts
        return AskedKeys(self.keys | other.keys, accounts)


def parts(region: Region, asked: AskedKeys, budget: Budget) -> list[Region]:
    """Return a region in parts, each with the facts about keys in its conditions or others."""
    if region.scopes is not None:
        return [region]
    asked |= AskedKeys.of(region.checks)
    facts: dict[ActionScope, tuple[ConditionCheck, ...]] = {}
    for names in related_keys.same(asked.keys):
        equal = _equal(names.alias, names.key), _equal(names.key, names.alias)
        facts[names.scope] = facts.get(names.scope, ()) + equal
    if TAG_KEYS in asked.keys and related_keys.request_tags(asked.keys):
        facts |= {TAGS_HAVE_KEYS: (), KEYS_HAVE_TAGS: ()}  # see `cases`
    if asked.accounts is not None:
        facts[ACCOUNT_OF_ARN] = ()
    split = [replace(region, scopes=frozenset())]
    for scope, checks in facts.items():
        split = [part for region in split for part in _split(region, scope, checks, budget)]
    accounts = sorted(asked.accounts or ())
    return [part for region in split for part in _by_account(region, accounts, budget)]


def _equal(key: str, other: str) -> ConditionCheck:
    """Return the condition that a key is absent or has the value of another."""
    variable = (PolicyVariable(other),)
    return ConditionCheck(_EQUALS_IF_EXISTS, ContextKey(key), (f"${{{other}}}",), (variable,))


def _split(
    region: Region, scope: ActionScope, facts: tuple[ConditionCheck, ...], budget: Budget
) -> Iterator[Region]:
    """Yield the parts of a region inside a scope with a fact, and outside it."""
    plain = tuple(side for side in region.actions if not side.has_variables)
    own, foreign = _cut(plain, (scope.actions,), budget)
    foreign += tuple(side for side in region.actions if side.has_variables)
    excepted, usual = _cut(own, scope.except_actions, budget)
    beyond, within = _cut(region.resources, scope.except_resources, budget)
    scopes = (region.scopes or frozenset()) | {scope}
    inside = replace(region, checks=region.checks + facts, scopes=scopes)
    yield from _of_sides(inside, usual, region.resources)
    yield from _of_sides(inside, excepted, within)
    yield from _of_sides(region, excepted, beyond)
    yield from _of_sides(region, foreign, region.resources)


def _of_sides(region: Region, actions: _Sides, resources: _Sides) -> Iterator[Region]:
    if actions and resources:
        yield replace(region, actions=actions, resources=resources)


def _by_account(region: Region, accounts: Sequence[str], budget: Budget) -> Iterator[Region]:
    """Yield the parts of a region by the facts about the account of its resources."""
    if ACCOUNT_OF_ARN not in (region.scopes or ()):
        yield region
        return
    for action in region.actions:
        unknown = tuple(side for side in region.resources if side.has_variables)
        rest = tuple(side for side in region.resources if not side.has_variables)
        if (name := literal(action.pattern)) is not None:
            rest = _of_reference(rest, name)
        owned = []
        for account in accounts:
            own, rest = _cut(rest, (f"arn:*:*:*:{account}:*",), budget)
            owned.append((_known(region, _account(_EQUALS, account)), own))
        other, rest = _cut(rest, (f"arn:*:*:*:{_ID}:*",), budget)
        differs = [_account(_NOT_EQUALS, *accounts)] if accounts else []
        other_owner = _known(region, *differs, null(RESOURCE_ACCOUNT, absent=False))
        # First those without an account: their examples are the most likely.
        for part, resources in ((region, unknown + rest), (other_owner, other), *owned):
            yield from _of_sides(part, (action,), resources)


def _known(region: Region, *checks: ConditionCheck) -> Region:
    return replace(region, checks=region.checks + checks)


def _account(operator: Operator, *accounts: str) -> ConditionCheck:
    patterns = tuple((account,) for account in accounts)
    return ConditionCheck(operator, ContextKey(RESOURCE_ACCOUNT), accounts, patterns)


def _of_reference(sides: _Sides, action: str) -> _Sides:
    """Return the resources, of some, that a known EC2 action can be on.

    Wildcards cross colons: a pattern with an account after a wildcard also matches ARNs of other
    accounts, if their last part may have colons.
    """
    forms = reference.forms(action) if action.startswith("ec2:") else None
    if not forms:
        return sides
    arns = (globs.of(("*",)), *map(_of_form, forms))
    possible = ((side, tuple(arn for arn in arns if can_meet(side, arn))) for side in sides)
    return tuple(replace(side, groups=(*side.groups, near)) for side, near in possible if near)


@lru_cache(_REMEMBERED)
def _of_form(form: str) -> Glob:
    """Return the pattern of the ARNs of a form, with an account of 12 digits."""
    service, region, account, name = form.split(":", 3)
    text = f"arn:*:{service}:{region}:{_ID if account == '*' else account}:{name}"
    pattern = _pattern(text)
    glob = globs.of_arn(pattern, wide=True) if form in _NAMED or service != "ec2" else None
    return glob or globs.of_parts(pattern)


def _cut(sides: _Sides, patterns: Sequence[str], budget: Budget) -> tuple[_Sides, _Sides]:
    """Return the parts of some sides that match some patterns, and the parts that match none.

    A side with variables cannot be cut: if it may match, it is in the first parts.
    """
    budget.spend(_STEPS_OF_A_CUT * len(sides) * len(patterns))
    matching, rest = [], []
    for side in sides:
        near = [text for text in patterns if can_meet(side, _glob(text))]
        if near and (side.has_variables or any(_has_all(_glob(text), side) for text in near)):
            matching.append(side)
            continue
        if side.text is not None:
            rest.append(side)
            continue
        matching += filter(None, (_part(side, text) for text in near))
        excluded = (*side.excluded, *map(_glob, near))
        without = (*side.without, *map(_pattern, near))
        rest.append(replace(side, excluded=excluded, without=without))
    return tuple(matching), tuple(rest)


def _has_all(glob: Glob, side: RegionSide) -> bool:
    """Return whether a pattern obviously matches a whole side."""
    if side.text is not None:
        return glob.matches(side.text)
    begins = glob.loops[-1] is Characters.ALL and len(glob.prefix) == len(glob.items)
    return begins and side.prefix.startswith(glob.prefix)


def _part(side: RegionSide, text: str) -> RegionSide | None:
    """Return the part of a side that matches a pattern; None if it is known to be empty."""
    glob, pattern = _glob(text), _pattern(text)
    within = (*side.within, pattern)
    if literal(pattern) is not None:
        return RegionSide(((glob,),), (), pattern, within) if side.has(text) else None
    return replace(side, groups=(*side.groups, (glob,)), within=within)


@lru_cache(_REMEMBERED)
def _glob(text: str) -> Glob:
    """Return a pattern of actions or ARNs; a last part of only * may have colons."""
    pattern = _pattern(text)
    glob = globs.of_arn(pattern, wide=True) if text.endswith(":*") else globs.of_parts(pattern)
    return glob if glob and text.startswith("arn:") else globs.of(pattern)


@lru_cache(_REMEMBERED)
def _pattern(text: str) -> Pattern:
    return read(text, ElementPath("fact"), variables=False, wildcards=True)
