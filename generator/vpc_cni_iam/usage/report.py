"""The text report about what a role used."""

from __future__ import annotations

import json
from collections.abc import Iterator

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.report import skipped_lines
from vpc_cni_iam.usage.smaller import SmallerPolicies
from vpc_cni_iam.usage.usage import ActionElement, Status, Usage

_SHOWN = 3  # scenarios
_ORDER = (Status.droppable, Status.callable, Status.undecided, Status.refused, Status.used)


def to_text(usage: Usage) -> Iterator[str]:
    """Yield the lines of a report."""
    features = f", with {', '.join(usage.features)}" if usage.features else ""
    yield f"{usage.policy} against plugin {usage.cni_version}, {FAMILIES[usage.mode]}{features}"
    for role in usage.roles:
        yield f"events of {role}, identified by {usage.recognised_by}"
    events = "event" if usage.events == 1 else "events"
    repeated = f", {usage.repeated:,} of them repeated and ignored"
    repeated = repeated if usage.repeated else ""
    period = f"the role's events are from {usage.first} to {usage.last}"
    yield f"{usage.events:,} {events} read{repeated}; {period}"
    if usage.versions and usage.versions != (usage.cni_version,):
        yield f"the events come from plugin {', '.join(usage.versions)}"
    for status in _ORDER:
        elements = [element for element in usage.elements if element.status is status]
        if elements:
            yield ""
            yield f"{status}:"
        for element in elements:
            yield from _element_lines(element)
    yield from _action_lines(usage)
    yield ""
    yield from skipped_lines(usage.unread)
    yield conclusion(usage)
    yield from _smaller_lines(usage, usage.smaller)


def _action_lines(usage: Usage) -> Iterator[str]:
    """Yield the actions that were denied, and those that are not the plugin's."""
    if denied := [a for a in usage.actions if a.denied]:
        yield ""
        yield "denied requests; for the causes, use vpc-cni-iam explain:"
        for action in denied:
            yield f"  {action.action}: {action.denied:,} denied, {action.allowed:,} allowed"
    if others := [a.action for a in usage.actions if a.allowed and not a.of_plugin]:
        yield ""
        yield f"used, but not called by the plugin in this configuration: {', '.join(others)}"


def _smaller_lines(usage: Usage, smaller: SmallerPolicies | None) -> Iterator[str]:
    """Yield the policy to paste, and what is known about it."""
    if smaller is None:
        return
    yield ""
    if not smaller.proven:
        yield "no smaller policy: it is not proven that it would allow no more than before"
    elif not smaller.is_good:
        yield f"no smaller policy: its coverage at {usage.cni_version} would be {smaller.verdict}"
    if not smaller.is_good:
        return
    seldom = (p.action for e in usage.elements for p in e.not_used)
    if callable_ := ", ".join(dict.fromkeys(seldom)):
        yield f"kept, because the plugin can call it: {callable_}"
    yield (
        "the policy without unused actions, proven to allow no more than before; coverage at "
        f"{usage.cni_version}: {smaller.verdict}"
    )
    for policy in smaller.policies:
        if policy.policy is None:
            yield f"{policy.name or 'the policy'} is not needed"
            continue
        if len(smaller.policies) > 1:
            yield f"{policy.name}:"
        yield from json.dumps(policy.policy, indent=2).split("\n")


def _element_lines(element: ActionElement) -> Iterator[str]:
    yield f"  {element.text}: {element.why}"
    for possible in element.not_used:
        name = f"{possible.action}: " if possible.action != element.text else ""
        yield f"    {name}{'; '.join(possible.requests)}"
        yield f"    in {first_of(possible.scenarios, _SHOWN)}"
        if not possible.recorded:
            yield "    CloudTrail may not record it, so it may be in use without an event"


def conclusion(usage: Usage) -> str:
    """Return the result in a line."""
    droppable = [e.text for e in usage.elements if e.status is Status.droppable]
    result = f"safe to drop: {', '.join(droppable)}" if droppable else "nothing is safe to drop"
    if usage.not_allowed:
        result += f"; used, but not allowed by the policy: {', '.join(usage.not_allowed)}"
    return result if usage.complete else f"incomplete, see above what was not read: {result}"
