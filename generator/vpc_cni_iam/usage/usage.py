"""Which actions of its policies a role used, and which can be removed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import calls, known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.analysis.cover import run_scenarios
from vpc_cni_iam.coverage.analysis.excess import granted, not_denied
from vpc_cni_iam.coverage.simulate.scenarios import Scenario, find
from vpc_cni_iam.coverage.simulate.send import Answers
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.errors import Message, UsageError, first_of
from vpc_cni_iam.inputs.aws.cloudtrail import Count, Result, Trail
from vpc_cni_iam.inputs.skipped import Reason, Skipped, is_complete
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.usage.smaller import SmallerPolicies, smaller_policies

# Every trail records requests to Amazon EC2, as management events: AWS CloudTrail User Guide,
# "Logging management events". Some requests to other services are data events, or not recorded.
_RECORDED = "ec2:"
# A request that creates a resource with tags needs it, too, and its event does not say so. Source:
# Amazon EC2 User Guide, "Grant permission to tag Amazon EC2 resources during creation".
_TAGS = "ec2:CreateTags"
# A trail can leave out read or write events: AWS CloudTrail User Guide, "Logging management
# events", "Read and write events".
_READING = ("describe", "get", "list", "search")


class Status(StrEnum):
    """Whether an Action element of a policy is needed."""

    used = "used"
    refused = "denied or failed"  # every request was denied or failed
    callable = "not used, but callable"
    droppable = "safe to drop"
    undecided = "not decided"


class UsedAction(Struct, frozen=True):
    """What events show about an action."""

    action: str  # the action
    allowed: int  # how many requests were allowed
    denied: int  # how many were denied
    failed: int  # how many failed for another reason, whether or not IAM had allowed them
    first: str  # the time of the first event
    last: str  # the time of the last one
    of_plugin: bool  # whether the plugin calls it at the version in the configuration
    # Whether a statement allows it on any resource under any condition, and none denies all of it.
    in_policy: bool


class CallableAction(Struct, frozen=True):
    """An action that the plugin can call at the version in the configuration."""

    action: str  # the action
    scenarios: tuple[str, ...]  # the scenarios in which the plugin calls it
    requests: tuple[str, ...]  # the purposes of the calls
    recorded: bool  # whether CloudTrail is certain to record it


class ActionElement(Struct, frozen=True):
    """An Action element of the Allow statements."""

    text: str  # the action, or a pattern
    status: Status  # whether it is needed
    why: Message  # why, in words
    used: tuple[str, ...]  # matching actions with an allowed request
    refused: tuple[str, ...]  # matching actions whose requests were all denied or failed
    # Matching actions without an event that the plugin can call.
    not_used: tuple[CallableAction, ...]
    # The actions to which a pattern can be narrowed; empty for an action, or if the events cannot
    # show that nothing else is needed.
    narrowed: tuple[str, ...] = ()


class Usage(Struct, frozen=True):
    """Which actions of its policies a role used."""

    policy: str  # the name of the policies
    cni_version: str  # the plugin version
    mode: Mode  # the IP family
    features: tuple[str, ...]  # the optional features in use
    roles: tuple[str, ...]  # the ARNs of the roles whose events are used
    recognised_by: str  # how the roles were identified
    versions: tuple[str, ...]  # the plugin versions that the events name
    events: int  # how many events were read, of all principals
    repeated: int  # how many of them had the ID of an earlier event and were ignored
    first: str  # the time of the first event of the roles
    last: str  # the time of the last one
    elements: tuple[ActionElement, ...]  # the Action elements of the policies
    actions: tuple[UsedAction, ...]  # the actions of the events
    not_allowed: tuple[str, ...]  # actions of allowed requests that the policies do not allow
    unread: tuple[Skipped, ...]  # what was not read
    complete: bool  # whether everything was read
    # The policies without unused actions; None if nothing can be removed, or if it is not certain
    # that nothing else is needed.
    smaller: SmallerPolicies | None = None


class OpenSettings(Struct, frozen=True):
    """What is not known about the plugin that has the role, and is not one value."""

    version: bool = False  # its versions are also those in the events
    mode: bool = False  # its clusters may have either IP family


_ALL_KNOWN = OpenSettings()


def usage(
    subject: Subject,
    setting: RequestSetting,
    trail: Trail,
    roles: Sequence[str],
    unknown: OpenSettings = _ALL_KNOWN,
) -> Usage:
    """Return which actions of its policies a role used.

    If `roles` is empty, it is the role whose events have the plugin's user agent; `UsageError` if
    there is none or more than one.
    """
    chosen, recognised_by = _roles(trail, roles)
    counts: dict[str, list[Count]] = {}
    for (role, action), count in trail.counts.items():
        if role in chosen:
            counts.setdefault(action, []).append(count)
    every = list(chain.from_iterable(counts.values()))
    versions = tuple(sorted(set().union(*(count.versions for count in every))))
    settings, of_others = _settings(setting, versions, unknown)
    sent = _callable(settings, find([subject.program] if subject.program else ()))
    limits = (subject.policies, *subject.limiting)
    layers = [layer for limit in limits for layer in (granted(limit), not_denied(limit))]
    allowed = {a for a in counts if all(x.evaluate(Request(a, "*")).allowed for x in layers)}
    actions = tuple(
        _used(action, counts[action], of_plugin=action in sent, in_policy=action in allowed)
        for action in sorted(counts)
    )
    unread = (*subject.skipped, *trail.unread, *of_others)
    elements = tuple(_elements(subject, settings, actions, sent))
    not_allowed = tuple(a.action for a in actions if a.allowed and not a.in_policy)
    is_whole = is_complete(unread)
    is_certain = is_whole and not not_allowed
    needed = {element.text: _kept(element) for element in elements}
    return Usage(
        subject.title,
        str(setting.version),
        setting.mode,
        setting.features,
        chosen,
        recognised_by,
        versions,
        trail.events,
        trail.repeated,
        *_period(every),
        elements,
        actions,
        not_allowed,
        unread,
        is_whole,
        smaller_policies(subject, setting, needed) if is_certain else None,
    )


def _kept(element: ActionElement) -> tuple[str, ...]:
    """Return the replacement of an element in a policy without unused actions."""
    if element.status is Status.droppable:
        return ()
    return element.narrowed or (element.text,)


def _roles(trail: Trail, chosen: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Return the ARNs of the roles to check, and how they were identified."""
    arns = sorted({role for role, _ in trail.counts})
    for name in chosen:
        own = [arn for arn in arns if name in (arn, arn.rpartition("/")[2])]
        if not own:
            seen = f"none of the {trail.events:,} events that were read is from this role"
            raise UsageError(f"--role {name}: {seen}; check the name, the account and the period")
        if len(own) > 1:
            raise UsageError(f"--role {name} is the name of {first_of(own)}; use the ARN of one")
    if chosen:
        return tuple(arns), "--role"
    plugins = sorted({role for (role, _), count in trail.counts.items() if count.versions})
    if len(plugins) == 1:
        return tuple(plugins), "the user agent of its events"
    if plugins:
        problem = f"the plugin sent events with {len(plugins)} roles: {first_of(plugins)}"
        raise UsageError(f"{problem}; name the roles that have this policy with --role")
    seen = f"; the events are from {first_of(arns)}" if arns else ""
    problem = "no event has the plugin's user agent, which some versions such as v1.20.4 do not set"
    raise UsageError(f"{problem}{seen}; name the plugin's role with --role")


def _period(counts: Sequence[Count]) -> tuple[str, str]:
    """Return the times of the first and the last event; empty if there are none."""
    first = min((count.first for count in counts if count.first), default="")
    return first, max((count.last for count in counts), default="")


def _settings(
    setting: RequestSetting, versions: Iterable[str], unknown: OpenSettings
) -> tuple[list[RequestSetting], list[Skipped]]:
    """Return the settings that the plugin may have, and the versions whose calls are not known.

    The first one is the setting to check.
    """
    settings, skipped = [setting], []
    for text in versions if unknown.version else ():
        version = known_versions.stand_in(text) or PluginVersion.parse(text)
        if version in known_versions.known():
            settings.append(setting.at(version))
        else:
            detail = "its calls are not known; name the version to check with --cni-version"
            skipped.append(Skipped(f"plugin {text}", Reason.not_read, detail))
    if unknown.mode:
        modes: dict[Mode, Mode] = {"ipv4": "ipv6", "ipv6": "ipv4"}
        settings += [replace(each, mode=modes[each.mode]) for each in settings]
    return settings, skipped


def _callable(
    settings: Iterable[RequestSetting], scenarios: Sequence[Scenario]
) -> dict[str, CallableAction]:
    """Return the actions that the plugin can call in one of some settings."""
    sent: dict[str, dict[tuple[str, str], None]] = {}
    for run in chain(*(run_scenarios(Answers(()), each, scenarios) for each in settings)):
        for call in run.calls:
            for action in (call.template.action, *(c.request.action for c in call.checks)):
                sent.setdefault(action, {})[run.scenario.name, call.template.does] = None
    return {
        action: CallableAction(
            action,
            tuple(dict.fromkeys(scenario for scenario, _ in requests)),
            tuple(dict.fromkeys(does for _, does in requests)),
            action.startswith(_RECORDED),
        )
        for action, requests in sent.items()
    }


def _used(action: str, counts: Sequence[Count], *, of_plugin: bool, in_policy: bool) -> UsedAction:
    allowed, denied, failed = (sum(c.results.get(r, 0) for c in counts) for r in Result)
    first, last = _period(counts)
    return UsedAction(action, allowed, denied, failed, first, last, of_plugin, in_policy)


def _elements(
    subject: Subject,
    settings: Sequence[RequestSetting],
    actions: Sequence[UsedAction],
    sent: Mapping[str, CallableAction],
) -> Iterator[ActionElement]:
    statements = [s for policy in subject.policies for s in policy.statements]
    allows = [s for s in statements if s.effect == "Allow"]
    for text in dict.fromkeys(str(a) for s in allows for a in s.actions):
        yield _element(text, settings, actions, sent)
    for statement in allows:
        if statement.not_actions:
            text = f"all but {', '.join(map(str, statement.not_actions))}"
            why = "NotAction allows every other action; list the needed actions instead"
            yield ActionElement(text, Status.undecided, why, (), (), ())


def _element(
    text: str,
    settings: Sequence[RequestSetting],
    actions: Sequence[UsedAction],
    sent: Mapping[str, CallableAction],
) -> ActionElement:
    own = [a for a in actions if _matches(text, a.action)]
    used = tuple(a.action for a in own if a.allowed)
    refused = tuple(a.action for a in own if not a.allowed)
    not_used = tuple(
        possible
        for action, possible in sent.items()
        if action not in (*used, *refused) and _matches(text, action)
    )
    version = _configuration(settings)
    needed = (*used, *refused, *(possible.action for possible in not_used))
    doubt = _doubt(text, actions, needed)
    is_pattern = not {"*", "?"}.isdisjoint(text)
    if own:
        status, why = Status.used if used else Status.refused, _words_of_use(own)
    elif not_used:
        status, why = Status.callable, f"no event shows it, but the plugin can call it at {version}"
    else:
        status = Status.undecided if doubt else Status.droppable
        why = f"no call of {version} needs it, and no event shows it"
        why += doubt or _otherwise(text, settings[0])
    if is_pattern and needed:
        why += f"; the pattern can be narrowed to {', '.join(needed)}{doubt}"
    narrowed = needed if is_pattern and not doubt else ()
    return ActionElement(text, status, why, used, refused, not_used, narrowed)


def _configuration(settings: Iterable[RequestSetting]) -> str:
    versions = " or ".join(dict.fromkeys(str(each.version) for each in settings))
    return f"{versions} in this configuration"


def _doubt(text: str, actions: Sequence[UsedAction], needed: Collection[str]) -> str:
    """Return why more of an element may be needed than is known; empty if not."""
    is_recorded = text.lower().startswith(_RECORDED)
    if not is_recorded or (_matches(text, _TAGS) and _TAGS not in needed):
        return "; CloudTrail may not record it: check that no other program needs it"
    # Only Amazon EC2 names its read-only requests as `_kind` expects.
    shown = {_kind(a.action) for a in actions if a.action.startswith(_RECORDED)}
    if kinds := " and no ".join(sorted(_kinds(text) - shown)):
        return f"; but the events have no {kinds} requests to EC2, so the trail may leave them out"
    return ""


def _matches(pattern: str, action: str) -> bool:
    return wildcard.matches(pattern.lower(), action.lower())


def _kind(action: str) -> str:
    return "read-only" if action.partition(":")[2].lower().startswith(_READING) else "write"


def _kinds(pattern: str) -> set[str]:
    """Return the kinds of requests that a pattern may match."""
    start, *more = re.split("[*?]", pattern, maxsplit=1)
    name = start.partition(":")[2].lower()
    open_end = bool(more) and any(w != name and w.startswith(name) for w in _READING)
    return {"read-only", "write"} if open_end else {_kind(start)}


def _words_of_use(actions: Sequence[UsedAction]) -> str:
    totals = {
        "allowed": sum(a.allowed for a in actions),
        "denied": sum(a.denied for a in actions),
        "failed": sum(a.failed for a in actions),
    }
    parts = [f"{total:,} {word}" for word, total in totals.items() if total]
    return f"{', '.join(parts)}, last {max(a.last for a in actions)}"


def _otherwise(text: str, setting: RequestSetting) -> str:
    """Return when the plugin calls an action that it does not call in this setting, in words."""
    ranges = [r for call in calls.calls() if _matches(text, call.action) for r in call.ranges]
    if any(r.mode == setting.mode and r.at(setting.version) and not r.feature for r in ranges):
        return "; the plugin calls it with other environment variables"
    if features := sorted({r.feature for r in ranges if r.at(setting.version) and r.feature}):
        return f"; the plugin calls it with the feature {' or '.join(features)}"
    if ranges:
        return "; the plugin calls it in other versions or with the other IP family"
    return ""
