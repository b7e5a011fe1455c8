"""How two policies of one meaning are written differently: order, list or scalar, labels, case.

A line here is about statements that are paired by their normal form, so that what it says is
proven to change nothing (see `vpc_cni_iam.policy.normalise` for why).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from vpc_cni_iam.policy import normalise
from vpc_cni_iam.policy.document import TEXT_ELEMENTS, Policy, Statement
from vpc_cni_iam.review.diff.verdicts import Line


def has_variables(policy: Policy) -> bool:
    """Say whether a policy has anything that is a variable in version 2012-10-17."""
    return any("${" in text for s in policy.statements for text in map(str, s.texts()))


def lines(old: Policy, new: Policy, texts: tuple[str, str]) -> tuple[Line, ...]:
    """Return what is spelled differently and means the same; `texts` are both as JSON, or empty."""
    pairs = _pairs(old, new)
    rewordings = [Line("no-op", kind, text) for kind, text in _statements(old, new, pairs)]
    rewordings += [Line("no-op", kind, text) for kind, text in _json(texts, pairs)]
    if not rewordings and normalise.equal(old, new) and texts[0] != texts[1]:
        rewordings.append(
            Line("no-op", "respelled", "white space, or the order of keys in the JSON")
        )
    return tuple(rewordings)


def _pairs(old: Policy, new: Policy) -> list[tuple[int, int]]:
    waiting: dict[normalise.Normal, list[int]] = {}
    for place, statement in enumerate(new.statements):
        waiting.setdefault(normalise.statement(statement), []).append(place)
    pairs = []
    for place, statement in enumerate(old.statements):
        partners = waiting.get(normalise.statement(statement))
        if partners:
            pairs.append((place, partners.pop(0)))
    return pairs


def _statements(
    old: Policy, new: Policy, pairs: list[tuple[int, int]]
) -> Iterator[tuple[str, str]]:
    if any(a[1] > b[1] for a, b in pairwise(pairs)):
        yield "reordered", "statements"
    if old.id != new.id:
        yield "relabelled", f"Id from {old.id!r} to {new.id!r}"
    for here, there in pairs:
        before, after = old.statements[here], new.statements[there]
        label = f"statement {there + 1}"
        if before.sid != after.sid:
            yield "relabelled", f"Sid of {label} from {before.sid!r} to {after.sid!r}"
        yield from _elements(before, after, label)


def _elements(old: Statement, new: Statement, label: str) -> Iterator[tuple[str, str]]:
    for name, field in TEXT_ELEMENTS.items():
        values, others = getattr(old, field), getattr(new, field)
        if values != others:
            yield from _values(values, others, f"{name} of {label}")
    if old.principals != new.principals or old.not_principals != new.not_principals:
        yield "reordered", f"principals of {label}"
    if old.conditions == new.conditions:
        return
    mine = {(c.operator, c.key.lower()): c for c in old.conditions}
    if [*mine] != [(c.operator, c.key.lower()) for c in new.conditions]:
        yield "reordered", f"conditions of {label}"
    for c in new.conditions:
        before = mine[c.operator, c.key.lower()]
        if before.key != c.key:
            yield "respelled", f"condition key {before.key} of {label} as {c.key}"
        if before.values != c.values:
            yield from _values(before.values, c.values, f"values of {c.key} of {label}", str)


def _values(
    old: tuple[str, ...],
    new: tuple[str, ...],
    where: str,
    fold: Callable[[str], str] = str.lower,
) -> Iterator[tuple[str, str]]:
    before, after = [fold(v) for v in old], [fold(v) for v in new]
    if len(before) != len(after):
        yield "respelled", f"{where}: a value that stands twice"
    elif before != after:
        yield "reordered", where
    if sorted(set(old)) != sorted(set(new)):
        yield "respelled", f"{where}: upper and lower case"


def _json(texts: tuple[str, str], pairs: list[tuple[int, int]]) -> Iterator[tuple[str, str]]:
    if not all(texts) or texts[0] == texts[1]:
        return
    old, new = (_raw_statements(text) for text in texts)
    lists = empty = False
    for here, there in pairs:
        before, after = old[here], new[there]
        if before == after:
            continue
        lists = lists or _shape(before) != _shape(after)
        empty = empty or (before.get("Sid") == "") != (after.get("Sid") == "")
    if lists:
        yield "respelled", "a list of one value, or the value alone"
    if empty:
        yield "relabelled", "an empty Sid"


def _raw_statements(text: str) -> list[dict[str, Any]]:
    statements = json.loads(text)["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _shape(value: Any) -> Any:
    """Return which of a statement's elements are single values and which are lists."""
    if isinstance(value, dict):
        return {k.lower(): _shape(v) for k, v in value.items() if k != "Sid"}
    return isinstance(value, list)
