"""Explanations of denied requests as lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.explain.calls import AllowingStatements, PossibleCall
from vpc_cni_iam.explain.explain import Explanation, Explanations
from vpc_cni_iam.inputs.report import skipped_lines

_DECODE = "aws sts decode-authorization-message --encoded-message MESSAGE"
_SHOWN = 20
_WIDTH = 200


def lines(explanations: Explanations) -> Iterator[str]:
    """Yield explanations as lines."""
    for number, explanation in enumerate(explanations.denials):
        if number:
            yield ""
        yield from _denial(explanation)
    for line in explanations.unknown[:_SHOWN]:
        yield f"not explained, it does not say which call was denied: {line[:_WIDTH]}"
    if (more := len(explanations.unknown) - _SHOWN) > 0:
        yield f"and {more:,} more lines like these; --format json has them all"
    if explanations.unknown:
        yield f"give the whole error, or decode its message first: {_DECODE}"
    yield from skipped_lines(explanations.skipped)


def _denial(explanation: Explanation) -> Iterator[str]:
    on = f" on {explanation.resource}" if explanation.resource else ""
    times = f" ({explanation.count:,} times)" if explanation.count > 1 else ""
    yield f"{explanation.action}{on} was denied{times}"
    if explanation.principal:
        yield f"  principal: {explanation.principal}"
    if explanation.reason:
        yield f"  AWS says: {explanation.reason}"
    if not explanation.calls:
        yield f"  not a call of plugin {explanation.cni_version}, as far as the catalog knows"
        if explanation.called_by:
            by = ", ".join(explanation.called_by)
            yield f"    plugin {by} calls it: give your plugin version with --cni-version"
    for cause in explanation.causes:
        yield f"  {cause.certainty} cause, {cause.name}: {cause.text}"
        yield f"    {cause.fix}"
    if explanation.calls and not explanation.causes:
        yield "  cause not known: give the policy of the role with --policy"
    yield from _statements(explanation.statements)
    if explanation.example_names:
        options = " and ".join(f"--{n.replace('_', '-')}" for n in explanation.example_names)
        yield f"  the statements have example names: give yours with {options}"
    if explanation.encoded:
        yield f"  the message says more when decoded: {_DECODE}"
    for call in explanation.calls:
        yield from _call(call, explanation.cni_version)


def _call(call: PossibleCall, version: str) -> Iterator[str]:
    modes = " and ".join(FAMILIES[mode] for mode in call.modes)
    only = f", only with {call.feature}" if call.feature else ""
    last = f" to {call.last}" if call.last else ""
    yield f"  call {call.name} of plugin {version} ({modes}{only}; from {call.first}{last})"
    yield f"    {call.does}"
    yield f"    breaks: {call.breaks}"
    yield f"    {call.effect}, {call.known_by}: {call.evidence}"


def _statements(allowing: Iterable[AllowingStatements]) -> Iterator[str]:
    """Yield the statements; those that are the same in several variants are shown once."""
    verdict = {None: "", True: ", which allows this request", False: ", which denies this request"}
    variants: dict[tuple[str, ...], list[str]] = {}
    for statements in allowing:
        shown = [verdict[statements.allows]]
        for statement in statements.statements:
            shown += json.dumps(statement, indent=2).split("\n")
        if statements.unmet:
            unmet = ", ".join(statements.unmet)
            shown.append(f"conditions that the request does not meet: {unmet}")
        variants.setdefault(tuple(shown), []).append(statements.variant)
    for (verdict_text, *lines), names in variants.items():
        yield f"  statement of variant{'s' * (len(names) > 1)} {' and '.join(names)}{verdict_text}:"
        yield from (f"    {line}" for line in lines)
