"""Requests built from two policies, to try as counterexamples."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice

from vpc_cni_iam.policy.document import ANYONE
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.patterns import Patterns
from vpc_cni_iam.policy.matching.principals import covers
from vpc_cni_iam.policy.matching.variables import Context, Pattern, expand
from vpc_cni_iam.policy.proof import automata, globs
from vpc_cni_iam.policy.proof.budget import Budget, TooHardError
from vpc_cni_iam.policy.proof.clauses import Clause, RegionSide
from vpc_cni_iam.policy.proof.covering import Uncovered
from vpc_cni_iam.policy.proof.examples import aws, contexts, ordinary, reference
from vpc_cni_iam.policy.proof.examples.consistent import asked_keys, consistent
from vpc_cni_iam.policy.proof.globs import Glob
from vpc_cni_iam.policy.proof.related_keys import ACCOUNT_OF_ARN
from vpc_cni_iam.policy.template import known
from vpc_cni_iam.policy.wildcard import Wild

_CONTEXTS = 1500
_FIRST_CONTEXTS = 6
_STEPS = 500
_ACTIONS = 3
_KNOWN = 2
_PAIRS = 6
_OTHER_PAIRS = 2
_BASES = 40
_READINGS = 12
_WORDS = 2
_STEPS_OF_A_PATTERN = 20  # the actions that are tried on a resource
_STEPS_OF_WORDS = 50_000
# The principals that sign a request.
_SIGNS = r"arn:[^:]+:(?:iam|sts)::[0-9]{12}:(?:root$|user/|role/|assumed-role/)"


def example_requests(
    uncovered: Uncovered,
    origins: Sequence[Clause],
    others: Sequence[Clause],
    budget: Budget,
) -> Iterator[Request]:
    """Yield requests in an uncovered part, ordinary ones and likely counterexamples first.

    `others` are the statements that should not apply.
    """
    budget.spend(_STEPS)
    callers, word = _callers(origins), automata.text(uncovered.action)
    signed = any(
        check.key == aws.SIGNER_KEY for clause in (*origins, *others) for check in clause.checks
    )
    actions = _actions(uncovered, origins, others, budget)
    others = [clause for clause in others if clause.actions.has(word)]
    near = [*origins, *others]
    asked = asked_keys(near)
    hints = contexts.hints(uncovered.region.checks, near, budget)
    side = uncovered.region.resources[0]
    bases = list(islice(contexts.variable_values(side.within, near, budget), _BASES))
    searching = budget.part(_STEPS_OF_WORDS)
    resources = [
        _resources(uncovered, actions, origins, others, base, searching, budget) for base in bases
    ]
    tried = [
        contexts.contexts(uncovered.region.checks, near, hints, base, budget) for base in bases
    ]
    # All values of the variables first, each in a few contexts; then each in all contexts.
    for count in (_FIRST_CONTEXTS, _CONTEXTS):
        for some, pairs in zip(tried, resources, strict=True):
            for context in islice(some, count):
                for action, resource in pairs:
                    for caller in _signers(callers, context) if signed else callers:
                        yield from consistent(Request(action, resource, caller, context), asked)


def _actions(
    uncovered: Uncovered, origins: Sequence[Clause], others: Sequence[Clause], budget: Budget
) -> list[str]:
    """Return actions of the uncovered part; known actions and those in policies are first."""
    word = automata.text(uncovered.action)
    named = _named_actions((*others, *origins))
    if word in named:
        return [named[word]]
    side = uncovered.region.resources[0]
    # In a part with particular facts, only actions in it.
    in_part = uncovered.region.actions[0].has if uncovered.region.scopes else bool
    resources = [text for t in side.within for text in ordinary.resource_arns(t, {})]
    # The same statements are about all actions of a class.
    same = [(clause, clause.actions.has(word)) for clause in (*origins, *others)]

    def is_like(action: str) -> bool:
        for number, (clause, has) in enumerate(same, 1):
            if clause.actions.has(action) is not has:
                budget.spend(number)
                return False
        budget.spend(len(same))
        return True

    every = chain(named.items(), _known_actions(resources, budget))
    like = (spelled for action, spelled in every if is_like(action) and in_part(action))
    first = list(islice(like, _ACTIONS))
    if all(set(pattern) == {Wild.RUN} for pattern in side.within):
        first += islice((action for action in like if reference.can_be_on(action, "*")), 1)
    return [*first, *(made for made in _made_up(word, origins) if in_part(made.lower()))]


def _named_actions(clauses: Iterable[Clause]) -> dict[str, str]:
    """Return the whole actions in statements, as written, by lower case."""
    return {
        action.lower(): action
        for clause in clauses
        for action in known((*clause.statement.actions, *clause.statement.not_actions))
        if "*" not in action and "?" not in action
    }


def _known_actions(resources: Sequence[str], budget: Budget) -> Iterator[tuple[str, str]]:
    """Yield known actions, first those that can be on some resources."""
    others = []
    for action, spelled in ordinary.actions():
        budget.spend(1 + len(resources))
        if any(reference.can_be_on(action, text) for text in resources):
            yield action, spelled
        else:
            others.append((action, spelled))
    yield from others


def _made_up(word: str, origins: Sequence[Clause]) -> list[str]:
    """Return an action in the case of the pattern's beginning."""
    for clause in origins:
        for written in known(clause.statement.actions):
            begin = written.partition("*")[0].partition("?")[0]
            if word.startswith(begin.lower()):
                word = begin + word[len(begin) :]
    service, _, name = word.partition(":")
    # Any text would be one letter; a real service reads better.
    return [f"ec2:{name}", word] if len(service) == 1 else [word]


def _resources(
    uncovered: Uncovered,
    actions: Sequence[str],
    origins: Sequence[Clause],
    others: Sequence[Clause],
    base: Context,
    searching: Budget,
    budget: Budget,
) -> list[tuple[str, str]]:
    """Return pairs of action and resource in the uncovered part, those of fewest statements first.

    `searching` is the budget for a search if no ordinary resource fits.
    """
    side = uncovered.region.resources[0]
    patterns = {id(c): Patterns.of(c.resources.element.patterns) for c in (*origins, *others)}
    # Those that do not contain all resources of the side, by their patterns.
    avoidable = [c for c in others if not any(map(c.resources.names, side.within))]

    def is_about(clause: Clause, text: str) -> bool:
        matched = patterns[id(clause)].matches(text, base)
        return matched is not clause.resources.element.negated

    in_particular = bool(uncovered.region.scopes) and not side.has_variables

    def is_new(text: str) -> bool:
        if in_particular:
            budget.spend(_STEPS_OF_A_PATTERN * (len(side.groups) + len(side.excluded)))
            if not side.has(text):
                return False
        return all(is_about(clause, text) for clause in origins)

    def is_likely(action: str, text: str) -> bool:
        return reference.can_be_on(action, text) and not any(is_about(c, text) for c in avoidable)

    pairs = list(_known_pairs(actions, _written(uncovered, base), is_new))
    texts = {key: value for key, value in base.items() if isinstance(value, str)}
    rest = ["*", automata.text(uncovered.resource, texts)]
    if not any(is_likely(action, text) for action, text in pairs):
        rest = [*_words(side, avoidable, base, searching), *rest]
    pairs += [(action, arn) for action in actions for arn in filter(is_new, rest)]
    budget.spend(2 * len(pairs) * (1 + len(patterns)))
    covered = {arn: sum(is_about(c, arn) for c in others) for _, arn in pairs}
    return _most_likely(pairs, covered, actions)


def _written(uncovered: Uncovered, base: Context) -> list[str]:
    """Return resources that the patterns of an uncovered part match."""
    side = uncovered.region.resources[0]
    written = [text for t in side.within for text in ordinary.resource_arns(t, base)]
    if ACCOUNT_OF_ARN in (uncovered.region.scopes or ()):
        written += [text for t in side.within for text in ordinary.named_arns(t, base)]
    return written


def _known_pairs(
    actions: Sequence[str], written: Sequence[str], is_new: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Yield actions with their ordinary resources, and with resources of a policy's patterns."""
    for action in actions:
        usual = islice(filter(is_new, ordinary.resources_of(action)), _KNOWN)
        yield from ((action, arn) for arn in (*usual, *filter(is_new, written)))


def _most_likely(
    pairs: Iterable[tuple[str, str]], covered: Mapping[str, int], actions: Sequence[str]
) -> list[tuple[str, str]]:
    """Return pairs of action and resource, the most likely first.

    `covered` has the number of statements about a resource that should not apply; `actions` are in
    order of preference.
    """
    order = {action: number for number, action in enumerate(actions)}
    pairs = sorted(
        dict.fromkeys(pairs),
        key=lambda pair: (not reference.can_be_on(*pair), covered[pair[1]], order[pair[0]]),
    )
    # If no possible request is newly allowed, an impossible one still shows the new access.
    less_likely = sorted(pairs[_PAIRS:], key=lambda pair: covered[pair[1]])
    return list(dict.fromkeys([*pairs[:_PAIRS], *less_likely[:_OTHER_PAIRS]]))


def _words(side: RegionSide, others: Sequence[Clause], base: Context, budget: Budget) -> list[str]:
    """Return texts that all patterns of a side match, those of fewest other patterns first.

    The budget limits the search: patterns with many wildcards have very many texts.
    """
    groups, excluded = ([_filled(t, base) for t in some] for some in (side.within, side.without))
    if None in groups:
        return []
    avoided = dict.fromkeys(_filled(t, base) for c in others for t in c.resources.element.patterns)
    without, avoiding = ([g for g in globs_ if g is not None] for globs_ in (excluded, avoided))
    first, readers = len(without), [*without, *avoiding]
    ranked: list[tuple[int, str]] = []
    word_classes = automata.word_classes([[glob] for glob in groups if glob], readers, budget)
    with suppress(TooHardError):
        for word_class in islice(word_classes, _READINGS):
            if not any(number < first for number in word_class.accepted):
                ranked.append((len(word_class.accepted), automata.text(word_class.word)))
    return [text for _, text in sorted(ranked)[:_WORDS]]


def _filled(pattern: Pattern, base: Context) -> Glob | None:
    parts = expand(pattern, base)
    return None if parts is None else globs.of(parts)


def _callers(origins: Sequence[Clause]) -> list[str]:
    """Return principals that statements name, and two others; empty if no statement names any.

    The two are in different accounts, since statements that should not apply may name one of them.
    """
    names = [i for c in origins for p in c.statement.principals for i in known(p.identifiers)]
    callers = []
    for name in names:
        account = name if name.isdigit() else name.split(":")[4] if name.endswith(":root") else ""
        if account:
            callers.append(aws.USER.replace(aws.ACCOUNT, account))
        elif name != ANYONE:
            callers.append(name)
    others = (aws.USER, aws.USER.replace(aws.ACCOUNT, aws.OTHER_ACCOUNT))
    return list(dict.fromkeys([*callers, *others])) if names else [""]


def _signers(callers: Sequence[str], context: Context) -> list[str]:
    """Return the possible principals of a request, by its signer.

    Page "AWS global condition context keys": each signed request has aws:PrincipalArn; for a role's
    session, it is the ARN of the role.
    """
    if list(callers) == [""]:
        return [""]
    signer = next((str(v) for key, v in context.items() if key.lower() == aws.SIGNER_KEY), "")
    own = [signer] if re.match(_SIGNS, signer) else []
    own += [caller for caller in callers if covers([("AWS", signer)], [("AWS", caller)])]
    return list(dict.fromkeys([*own, *(c for c in callers if not re.match(_SIGNS, c))]))
