"""The plugin's calls that can send a denied request, and the statements that allow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.calls import Basis, CallRange, Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import (
    CREATED_AT,
    RequestTemplate,
    kind_of,
    request_templates,
)
from vpc_cni_iam.catalog.parameters import used
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.trust import SERVICE_ACCOUNT
from vpc_cni_iam.coverage import subject
from vpc_cni_iam.explain.reading.denial import Denial
from vpc_cni_iam.policy.document import Policy, Statement, to_json
from vpc_cni_iam.policy.evaluate import Request, evaluate, unmet
from vpc_cni_iam.policy.matching.variables import UNKNOWN, UnknownValue

# The global condition keys that a denial's message contains.
_TOLD = ("aws:requesttag/", "aws:resourcetag/", "aws:tagkeys")
_TAGS, _CREATE_ACTION = "ec2:CreateTags", "ec2:CreateAction"


class PossibleCall(Struct, frozen=True):
    """A call of the plugin that can send a denied request."""

    name: str  # its name in the catalog
    does: str
    modes: tuple[Mode, ...]  # the IP families in which it is sent
    first: str  # the first plugin version that sends it
    last: str | None  # the last one, None if the newest known one still does
    feature: str | None  # the optional feature for which it is sent, None if always
    breaks: str  # what its denial breaks
    effect: str  # what its denial does to a node, in the catalog's words
    known_by: Basis  # the basis of the effect at the version
    evidence: str  # the source of the effect


class AllowingStatements(Struct, frozen=True):
    """The statements of a variant about an action."""

    variant: str
    statements: tuple[dict[str, Any], ...]  # each in the JSON of IAM
    names: tuple[str, ...]  # the parameters whose values they contain
    allows: bool | None = None  # whether they allow the request; None if its context is not known
    # The condition keys that the request does not meet, if it is denied.
    unmet: tuple[str, ...] = ()
    features: tuple[str, ...] = ()  # the features that the variant needs for the action


def possible_calls(
    denial: Denial, modes: tuple[Mode, ...], version: PluginVersion
) -> tuple[PossibleCall, ...]:
    """Return the calls that can send a denied request, at a plugin version.

    A call whose denial breaks something else in another IP family is there for each family, the
    worse first.
    """
    features = tuple(f for f in calls.features() if calls.feature_since(f) <= version)
    return tuple(
        _possible(template, families, call_range, version)
        for template in request_templates().values()
        if _fits(template, denial)
        for families, call_range in _ranges(template, modes, version, features)
    )


def _ranges(
    template: RequestTemplate,
    modes: tuple[Mode, ...],
    version: PluginVersion,
    features: tuple[str, ...],
) -> Iterator[tuple[tuple[Mode, ...], CallRange]]:
    """Yield what a denied call breaks, with the IP families in which it does, the worse first."""
    sent = {m: c for m in modes if (c := template.sent(m, version, features))}
    alike: dict[object, list[Mode]] = {}
    for mode, call_range in sent.items():
        same = call_range.effect, call_range.breaks, call_range.feature
        alike.setdefault(same, []).append(mode)
    for families in sorted(alike.values(), key=lambda same: not sent[same[0]].is_fatal):
        yield tuple(families), sent[families[0]]


def _possible(
    template: RequestTemplate,
    families: tuple[Mode, ...],
    call_range: CallRange,
    version: PluginVersion,
) -> PossibleCall:
    return PossibleCall(
        template.name,
        template.does,
        families,
        str(call_range.first),
        str(call_range.last) if call_range.last else None,
        call_range.feature,
        call_range.breaks,
        call_range.effect,
        call_range.basis(version),
        call_range.evidence,
    )


def _fits(template: RequestTemplate, denial: Denial) -> bool:
    """Return whether a call's request can be the denied one, by what is known of it."""
    context = {key.lower(): values for key, values in denial.context or ()}
    if denial.action == _TAGS and context.get(_CREATE_ACTION.lower()):
        return template.name == "create"
    if template.action != denial.action:
        return False
    tags = tag_keys(denial)
    if denial.action == _TAGS and tags is not None:
        return (set(tags) == {CREATED_AT}) == (template.name == "tag-leaked")
    # A denied call on all resources can be reported with an ARN, as log-group::log-stream: is.
    kind = kind_of(denial.resource) if "*" not in template.on else ""
    return not (kind and template.on) or kind in (*template.on, "*")


def tag_keys(denial: Denial) -> tuple[str, ...] | None:
    """Return the tag keys of a request, None if they are not known."""
    if denial.tags is not None or denial.context is None:
        return denial.tags
    return next((v for k, v in denial.context if k.lower() == "aws:tagkeys"), None)


def request_of(denial: Denial) -> Request | None:
    """Return a denied request with its context; None if that is not known."""
    if denial.context is None:
        return None
    # aws:TagKeys has any number of values; other keys with one value are compared as one.
    context = {
        key: values if len(values) != 1 or key.lower() == "aws:tagkeys" else values[0]
        for key, values in denial.context
    }
    known = {key.lower() for key in context}
    for key, value in [*context.items()]:  # EC2 gives each tag of a resource two keys
        service, separator, tag = key.partition(":ResourceTag/")
        other = f"{'ec2' if service == 'aws' else 'aws'}:ResourceTag/{tag}"
        if separator and other.lower() not in known:
            context[other] = value
    return Request(denial.action, denial.resource or "*", "", context, _not_told)


def _not_told(key: str) -> UnknownValue | None:
    """Return an unknown value: messages only have the condition keys of the service and of tags."""
    told = not key.startswith("aws:") or key.startswith(_TOLD)
    return None if told else UNKNOWN


def modes_of(possible: Sequence[PossibleCall]) -> list[Mode]:
    """Return the IP families in which calls are sent."""
    return [mode for mode in calls.FAMILIES if any(mode in call.modes for call in possible)]


def features_of(possible: Sequence[PossibleCall]) -> tuple[str, ...]:
    """Return the optional features for which calls are sent; none if one is sent without any."""
    needed = dict.fromkeys(call.feature for call in possible)
    return tuple(filter(None, needed)) if None not in needed else ()


def service_account_of(possible: Sequence[PossibleCall]) -> str:
    """Return the service account of the program that sends calls."""
    features = features_of(possible)
    others = (v.service_account for v in variants.every() if (v.program,) == features)
    return next(others, SERVICE_ACCOUNT)


def allowing(
    denial: Denial,
    possible: Sequence[PossibleCall],
    version: PluginVersion,
    names: Mapping[str, str | None],
) -> Iterator[AllowingStatements]:
    """Yield the statements about an action: of the scoped variant, and of the generic one.

    `possible` are the calls that can send the request. `names` are names such as the cluster's, by
    parameter.
    """
    modes = modes_of(possible)
    features = [f for f in calls.features() if calls.call_ranges(modes, version, f)]
    selection = select(cni_version=str(version), features=features)
    for name in (f"{modes[0]}-scoped", modes[0]):
        (variant,) = variants.find((name,))
        if version < variant.minimum:
            continue
        policy = subject.of_variant(name, selection, names).policies[0]
        open_statements = compose(variant, selection).policy.statements
        about = [
            (s, with_holes)
            for s, with_holes in zip(policy.statements, open_statements, strict=True)
            if _is_about(s, denial)
        ]
        own = tuple(replace(s, actions=(denial.action,), sid="") for s, _ in about)
        parameters_of_own = used(Policy(tuple(with_holes for _, with_holes in about)))
        if not own:
            continue
        policy, request = Policy(own), request_of(denial)
        allows = evaluate([policy], request).allowed if request else None
        conditions = unmet(own, request) if request and not allows else ()
        yield AllowingStatements(
            name,
            tuple(to_json(policy)["Statement"]),
            tuple(parameter.name for parameter in parameters_of_own),
            allows,
            tuple(str(condition.key) for condition in conditions),
            features_of(possible),
        )


def allows_action(statement: Statement, action: str) -> bool:
    """Return whether a statement allows an action on any resource, under any condition."""
    return statement.effect == "Allow" and statement.is_about(action)


def _is_about(statement: Statement, denial: Denial) -> bool:
    if not allows_action(statement, denial.action):
        return False
    kinds = {kind_of(resource) for resource in statement.resources}
    return not denial.resource or "*" in kinds or kind_of(denial.resource) in kinds
