"""Requests near two policies, to be tried as witnesses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from itertools import islice, permutations, product
from typing import TypeAlias

from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching import conditions
from vpc_cni_iam.policy.matching.keys import KeyType, find
from vpc_cni_iam.policy.matching.matches import Check
from vpc_cni_iam.policy.matching.operators import Family
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.variables import Context, Template, Variable, Wild, is_plain
from vpc_cni_iam.policy.proof import automata
from vpc_cni_iam.policy.proof.automata import Budget
from vpc_cni_iam.policy.proof.clauses import Clause, Side
from vpc_cni_iam.policy.proof.coverage import Hole
from vpc_cni_iam.policy.proof.examples import example
from vpc_cni_iam.policy.proof.implication import implied

Value: TypeAlias = str | tuple[str, ...]

_REGION, _ACCOUNT = "us-east-1", "111122223333"
_FILLS = ("", "x")
_OF_A_KEY = 24
_CONTEXTS = 1500
_ACTIONS = 6
_TRUTHS = ("true", "false")


def requests(
    hole: Hole, wanted: Sequence[Clause], others: Sequence[Clause], budget: Budget
) -> Iterator[Request]:
    """Yield requests in a hole, the likeliest witnesses first.

    Args:
        hole: The hole.
        wanted: The statements that are to apply.
        others: The statements that are not to apply.
        budget: What looking for values may cost.

    Raises:
        TooHardError: The budget is used up.
    """
    callers, actions = _callers(wanted), _actions(hole, wanted, others)
    word = automata.text(hole.action)
    near = [*wanted, *(c for c in others if c.actions.has(word))]
    hints = _hints(hole.region.checks, near, budget)
    for base in _bases(near):
        for context in islice(_contexts(hole.region.checks, near, hints, base), _CONTEXTS):
            variables = {k.lower(): v for k, v in context.items() if isinstance(v, str)}
            for action in actions:
                for resource in _resources(hole, action, variables):
                    for caller in callers:
                        yield Request(action, resource, caller, context)


def _hints(checks: Sequence[Check], near: Sequence[Clause], budget: Budget) -> dict[str, list[str]]:
    """Return values that conditions want and those of other statements do not, by key."""
    hints: dict[str, list[str]] = {}
    for key in dict.fromkeys(check.key for check in checks):
        value = example(checks, key, budget)
        if value is not None:
            hints.setdefault(key, []).append(value)
    for conclusion in dict.fromkeys(check for clause in near for check in clause.checks):
        gap = implied(checks, conclusion, budget)
        if gap is not None and gap.value is not None:
            hints.setdefault(conclusion.key, []).append(gap.value)
    return {key: sorted(values) for key, values in hints.items()}


def _actions(hole: Hole, wanted: Sequence[Clause], others: Sequence[Clause]) -> list[str]:
    """Return actions in the hole, then others nearby, in the case in which they are written."""
    named = dict.fromkeys(
        action
        for clause in others
        for action in clause.statement.actions + clause.statement.not_actions
        if "*" not in action and "?" not in action
    )
    near = (a for a in named if all(c.actions.has(a.lower()) for c in wanted))
    return list(dict.fromkeys([*_own_actions(hole, wanted), *islice(near, _ACTIONS)]))


def _own_actions(hole: Hole, wanted: Sequence[Clause]) -> list[str]:
    word = automata.text(hole.action)
    for clause in wanted:
        for written in clause.statement.actions:
            begin = written.partition("*")[0].partition("?")[0]
            if word.startswith(begin.lower()):
                word = begin + word[len(begin) :]
    service, _, name = word.partition(":")
    # One letter is what stands for any text; a service that there is reads better.
    return [f"ec2:{name}", word] if len(service) == 1 else [word]


def _resources(hole: Hole, action: str, variables: Mapping[str, str]) -> list[str]:
    """Return resources in the hole, those that look like ARNs first."""
    service = action.partition(":")[0].lower()
    found = [*_like_arn(hole.region.resources[0], variables)]
    found.append(f"arn:aws:{service}:{_REGION}:{_ACCOUNT}:x")
    found.append(automata.text(hole.resource, variables))
    return list(dict.fromkeys([*found, "*"]))


def _like_arn(side: Side, variables: Mapping[str, str]) -> Iterator[str]:
    for fill in ("x", ""):
        texts = [""]
        for part in side.template:
            if isinstance(part, str):
                texts[-1] += part
            elif isinstance(part, Variable):
                texts[-1] += variables.get(part.key, part.default or "v")
            elif part is Wild.ONE:
                texts[-1] += "x"
            else:
                texts.append("")
        text = texts[0]
        for rest in texts[1:]:
            known = {3: _REGION, 4: _ACCOUNT}.get(text.count(":"))
            whole = text.endswith(":") and rest.startswith(":")
            text += (known if known and whole else fill) + rest
        if text.startswith("arn:") and text.count(":") >= ARN_PARTS - 1:
            yield text


def _callers(wanted: Sequence[Clause]) -> list[str]:
    """Return principals that statements name, and one that none does; none where none asks."""
    names = [i for c in wanted for p in c.statement.principals for i in p.identifiers]
    found = []
    for name in names:
        account = name if name.isdigit() else name.split(":")[4] if name.endswith(":root") else ""
        found.append(f"arn:aws:iam::{account}:user/x" if account else name)
    return list(dict.fromkeys([*found, f"arn:aws:iam::{_ACCOUNT}:user/x"])) if found else [""]


def _contexts(
    checks: Sequence[Check],
    clauses: Sequence[Clause],
    hints: Mapping[str, list[str]],
    base: Context,
) -> Iterator[Context]:
    """Yield contexts that satisfy conditions, near those of other statements."""
    near = [*checks, *(check for clause in clauses for check in clause.checks)]
    written = {c.key.lower(): c.key for clause in clauses for c in clause.statement.conditions}
    keys = list(dict.fromkeys(check.key for check in near))
    choices = []
    for key in keys:
        tests = [conditions.test(check) for check in checks if check.key == key]
        options = _values(key, [c for c in near if c.key == key], base, hints.get(key, []))
        choices.append([v for v in options if _holds(tests, base, key, v)])
    if not all(choices):
        return
    for values in _diagonal(choices):
        made = dict(base)
        for key, value in zip(keys, values, strict=True):
            if value is None:
                made.pop(key, None)
            else:
                made[key] = value
        yield {written.get(key, key): value for key, value in made.items()}


def _diagonal(choices: Sequence[Sequence[Value | None]]) -> Iterator[tuple[Value | None, ...]]:
    """Yield combinations: those that differ from the first in one place, then all."""
    first = tuple(options[0] for options in choices)
    yield first
    for index, options in enumerate(choices):
        for option in options[1:]:
            yield (*first[:index], option, *first[index + 1 :])
    yield from product(*choices)


def _holds(tests: Sequence[conditions.Test], base: Context, key: str, value: Value | None) -> bool:
    context = {k: v for k, v in base.items() if k != key}
    if value is not None:
        context[key] = value
    return all(test(context) is True for test in tests)


def _bases(clauses: Sequence[Clause]) -> Iterator[Context]:
    """Yield values of the policy variables: all different, then each as another text has it."""
    templates = [t for c in clauses for check in c.checks for t in check.templates]
    templates += [t for c in clauses for t in c.resources.element.templates]
    keys = dict.fromkeys(p.key for t in templates for p in t if isinstance(p, Variable))
    first: dict[str, Value] = {key: f"v{number}" for number, key in enumerate(keys, 1)}
    yield first
    if not keys:
        return
    texts = dict.fromkeys(_fill(t, {}, "x") for t in templates if is_plain(t))
    for template in dict.fromkeys(templates):
        found = [n for n, part in enumerate(template) if isinstance(part, Variable)]
        for number in found[:1] if len(found) == 1 else ():
            begin = _fill(template[:number], {}, "")
            end = _fill(template[number + 1 :], {}, "")
            variable = template[number]
            for text in texts:
                long_enough = len(text) >= len(begin) + len(end)
                if long_enough and text.startswith(begin) and text.endswith(end):
                    value = text[len(begin) : len(text) - len(end)]
                    yield {**first, getattr(variable, "key", ""): value}
    for key in keys:
        yield {**first, key: ""}
        yield {k: v for k, v in first.items() if k != key}
    yield dict.fromkeys(keys, "v")


def _values(
    key: str, checks: Sequence[Check], base: Context, hints: list[str]
) -> list[Value | None]:
    """Return values of a key worth trying; None for none."""
    texts = (text for check in checks for text in _texts(check, base))
    # AWS sends a truth value for a key that is compared with one.
    likely = _TRUTHS if any(c.operator.base.family is Family.BOOL for c in checks) else ()
    known = find(key)
    any_text = ("x", "") if known.type in (KeyType.STRING, KeyType.UNKNOWN) else (known.example,)
    found = list(dict.fromkeys([*likely, *hints, *texts, *any_text]))[:_OF_A_KEY]
    pairs: Iterator[tuple[str, ...]] = iter(())
    if not known.is_single and any(check.operator.quantifier for check in checks):
        pairs = islice(permutations(found, 2), 2 * _OF_A_KEY)
    return [None, *found, *pairs]


def _texts(check: Check, base: Context) -> Iterator[str]:
    """Yield single values that satisfy a condition, or nearly do."""
    family = check.operator.base.family
    if family in (Family.NUMERIC, Family.DATE):
        for value in check.values:
            yield value
            if value.lstrip("-").isdigit():
                yield from (str(int(value) + 1), str(int(value) - 1))
        yield from ("0", "4102444800", "1970-01-01")
    elif family is Family.IP:
        yield from (str(ip_network(value, strict=False)[0]) for value in check.values)
        yield from ("198.51.100.7", "2001:db8::7")
    elif family in (Family.BOOL, Family.NULL):
        yield from ("true", "false", "x")
    elif family is Family.BINARY:
        yield from (*check.values, "QQ==", "eA==")
    for template in check.templates:
        for fill in _FILLS:
            text = _fill(template, base, fill)
            yield from (text, text.swapcase(), text + "x", "x" + text)


def _fill(template: Template, base: Context, fill: str) -> str:
    parts = []
    for part in template:
        if isinstance(part, Variable):
            value = base.get(part.key, "")
            parts.append(value if isinstance(value, str) else "")
        elif isinstance(part, Wild):
            parts.append("x" if part is Wild.ONE else fill)
        else:
            parts.append(part)
    return "".join(parts)
