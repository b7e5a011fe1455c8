"""Explanations of incidents as lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.explain.calls import AllowingStatements, PossibleCall
from vpc_cni_iam.explain.explain import ExplainedError, Explanation, Explanations
from vpc_cni_iam.explain.known import ErrorKind
from vpc_cni_iam.explain.reading.denial import ProgramBasis
from vpc_cni_iam.inputs.report import skipped_lines

_DECODE = "aws sts decode-authorization-message --encoded-message MESSAGE"
_UPGRADE = (
    "`aws eks update-addon --addon-name vpc-cni --cluster-name CLUSTER --addon-version VERSION`"
)
_SHOWN = 20
_KINDS = {
    ErrorKind.credentials: "no credentials",
    ErrorKind.cluster_role: "another role was denied",
    ErrorKind.not_iam: "not caused by IAM",
    ErrorKind.no_cause: "the cause is in another log",
}
_PROGRAMS = {
    ProgramBasis.agent: "the user agent names {}",
    ProgramBasis.principal: "{} made it",
    ProgramBasis.event: "{} made it",
    ProgramBasis.action: "no version makes it; {} may have made it",
}


def lines(explanations: Explanations) -> Iterator[str]:
    """Yield explanations as lines, errors of credentials first."""
    errors = explanations.errors
    first = [e for e in errors if e.kind is ErrorKind.credentials]
    blocks = [
        *map(_error, first),
        *map(_denial, explanations.denials),
        *(_error(e) for e in errors if e not in first),
    ]
    for number, block in enumerate(blocks):
        if number:
            yield ""
        yield from block
    yield from _unknown(explanations)
    yield from skipped_lines(explanations.skipped)


def _unknown(explanations: Explanations) -> Iterator[str]:
    shown = explanations.unknown[:_SHOWN]
    for text in shown:
        yield f"not explained, the text does not name the denied call: {text}"
    if (more := explanations.unknown_count - len(shown)) > 0:
        yield f"and {more:,} more lines like these"
    if shown:
        yield f"paste the whole error, or decode its message first: {_DECODE}"


def _times(count: int) -> str:
    return f" ({count:,} times)" if count > 1 else ""


def _error(error: ExplainedError) -> Iterator[str]:
    yield f"{_KINDS[error.kind]}, {error.name}{_times(error.count)}"
    yield f"  text: {error.text}"
    yield f"  cause: {error.cause}"
    yield from (f"  or: {alternative}" for alternative in error.alternatives)
    yield from (f"  run: {command}" for command in error.commands)


def _denial(explanation: Explanation) -> Iterator[str]:
    yield from _request(explanation)
    if explanation.reason:
        yield f"  AWS says: {explanation.reason}"
    if program := explanation.program:
        yield f"  not a call of the plugin: {_PROGRAMS[program.known_by].format(program.name)}"
    elif explanation.not_called_from:
        by = ", ".join(explanation.called_by)
        yield f"  only plugin {by} makes this call; without it, {explanation.calls[0].breaks}"
    elif not explanation.calls:
        version = explanation.cni_version
        yield f"  plugin {version} does not make this call, according to the catalog"
        if explanation.called_by:
            by = ", ".join(explanation.called_by)
            yield f"    plugin {by} makes it: name your plugin version with --cni-version"
    for cause in explanation.causes:
        yield f"  {cause.certainty} cause, {cause.name}: {cause.text}"
        yield f"    {cause.fix}"
    if explanation.calls and not explanation.causes:
        yield "  cause not known: name the role's policy with --policy"
    yield from _statements(explanation.statements)
    if first := explanation.not_called_from:
        upgrade = f"upgrade the plugin to {first} or later, which does not make this call"
        yield f"  or {upgrade}: {_UPGRADE}"
    if explanation.example_names:
        options = " ".join(f"--set {n.replace('_', '-')}=VALUE" for n in explanation.example_names)
        yield f"  the statements have example names: give yours with {options}"
    if explanation.encoded:
        yield f"  decode the message for more details: {_DECODE}"
    for call in explanation.calls:
        yield from _call(call, explanation.cni_version)


def _request(explanation: Explanation) -> Iterator[str]:
    """Yield the denied request and its principals."""
    resources, principals = explanation.resources, explanation.principals
    on = f" on {resources.first[0]}" if resources.count == 1 else ""
    if resources.count > 1:
        on = f" on {_number(resources.count, more=resources.more)} resources"
    yield f"{explanation.action}{on} was denied{_times(explanation.count)}"
    if resources.count > 1:
        yield f"  such as {', '.join(resources.first)}"
    if principals.count == 1:
        yield f"  principal: {principals.first[0]}"
    elif principals.count > 1:
        number = _number(principals.count, more=principals.more)
        sessions = ", ".join(p.removeprefix(f"{explanation.role}/") for p in principals.first)
        yield f"  principal: {explanation.role}, {number} sessions such as {sessions}"


def _number(count: int, *, more: bool) -> str:
    return f"more than {count:,}" if more else f"{count:,}"


def _call(call: PossibleCall, version: str) -> Iterator[str]:
    modes = " and ".join(FAMILIES[mode] for mode in call.modes)
    only = f", only with {call.feature}" if call.feature else ""
    last = f" to {call.last}" if call.last else ""
    yield f"  call {call.name} of plugin {version} ({modes}{only}; from {call.first}{last})"
    yield f"    {call.does}"
    yield f"    breaks: {call.breaks}"
    yield f"    {call.effect}, {call.known_by}: {call.evidence}"


def _statements(allowing: Iterable[AllowingStatements]) -> Iterator[str]:
    """Yield the statements; if several variants have the same ones, show them once."""
    verdict = {None: "", True: ", which allows this request", False: ", which denies this request"}
    variants: dict[tuple[str, ...], list[str]] = {}
    for statements in allowing:
        shown = [verdict[statements.allows]]
        for statement in statements.statements:
            shown += json.dumps(statement, indent=2).split("\n")
        if statements.unmet:
            unmet = ", ".join(statements.unmet)
            shown.append(f"conditions that the request does not meet: {unmet}")
        options = "".join(f" --feature {name}" for name in statements.features)
        variants.setdefault(tuple(shown), []).append(statements.variant + options)
    for (verdict_text, *lines), names in variants.items():
        yield f"  statement of variant{'s' * (len(names) > 1)} {' and '.join(names)}{verdict_text}:"
        yield from (f"    {line}" for line in lines)
