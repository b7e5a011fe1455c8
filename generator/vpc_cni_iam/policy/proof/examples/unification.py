"""Values of policy variables for which two patterns have a text in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from vpc_cni_iam.policy.matching.variables import PolicyVariable, Template
from vpc_cni_iam.policy.proof import automata, globs
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.wildcard import Wild

Assignment = Mapping[str, str]
_TEXTS = 3


def assignments(left: Template, right: Template, budget: Budget) -> Iterator[Assignment]:
    """Yield values of the variables of two patterns with which both match one text."""
    groups = [[globs.of(_opened(pattern))] for pattern in (left, right)]
    for word_class in islice(automata.word_classes(groups, [], budget), _TEXTS):
        text = automata.text(word_class.word)
        for values in islice(_values(left, text, {}, budget), _TEXTS):
            yield from islice(_values(right, text, values, budget), 1)


def _opened(template: Template) -> Template:
    """Return a pattern with any text that is not empty in place of each variable."""
    parts: list[str | Wild | PolicyVariable] = []
    for part in template:
        parts += [Wild.ONE, Wild.RUN] if isinstance(part, PolicyVariable) else [part]
    return tuple(parts)


def _values(
    template: Sequence[str | Wild | PolicyVariable], text: str, known: Assignment, budget: Budget
) -> Iterator[Assignment]:
    """Yield values of a pattern's variables, with others that are known, so that it has a text."""
    budget.spend()
    if not template:
        if not text:
            yield known
        return
    part, rest = template[0], template[1:]
    if isinstance(part, str) or (isinstance(part, PolicyVariable) and part.key in known):
        literal = part if isinstance(part, str) else known[part.key]
        if text.startswith(literal):
            yield from _values(rest, text[len(literal) :], known, budget)
    elif part is Wild.ONE:
        if text:
            yield from _values(rest, text[1:], known, budget)
    else:
        for end in range(1 if isinstance(part, PolicyVariable) else 0, len(text) + 1):
            values = {**known, part.key: text[:end]} if isinstance(part, PolicyVariable) else known
            yield from _values(rest, text[end:], values, budget)
