"""Sends the plugin's calls: evaluates each check, and records the answers."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import CallRange, Impact, Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import RequestTemplate, kind_of, request_templates
from vpc_cni_iam.coverage.simulate.named import named_values
from vpc_cni_iam.coverage.simulate.requests import (
    AnyOf,
    Group,
    NodeInterface,
    OfUnknownId,
    Requests,
)
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Decision, Outcome, Request, compile_policies
from vpc_cni_iam.policy.matching.conditions import Doubt, Undecided

# The limits that must also allow a request, each by itself: a permissions boundary, and the service
# control policies of each level of an organization.
Limits: TypeAlias = Sequence[Sequence[Policy]]

NODE = "i-0123456789abcdef0"
# An undecided one may be a Deny.
_STRONGEST: tuple[Outcome, ...] = (
    Outcome.EXPLICITLY_DENIED,
    Outcome.UNDECIDED,
    Outcome.ALLOWED,
    Outcome.IMPLICITLY_DENIED,
)
# Every layer must allow.
_OF_LAYERS: tuple[Outcome, ...] = (
    Outcome.EXPLICITLY_DENIED,
    Outcome.IMPLICITLY_DENIED,
    Outcome.UNDECIDED,
    Outcome.ALLOWED,
)


class Check(Struct, frozen=True):
    """A request with its answer."""

    request: Request
    decision: Decision


class SentCall(Struct, frozen=True):
    """A call of the plugin: allowed only if every check is."""

    template: RequestTemplate
    range: CallRange  # why this version sends it, with the effect of a denial and the evidence
    on: str  # its object, such as ``primary interface``; empty for a Describe
    checks: tuple[Check, ...]
    # Whether the plugin gets that far; False after a denial that ends ipamd, and on an interface
    # whose creation was denied.
    reached: bool = True
    # Whether it is denied only if an undecided call before it is.
    follows_undecided: bool = False

    @property
    def allowed(self) -> bool:
        """Whether the call is allowed."""
        return all(check.decision.allowed for check in self.checks)

    @property
    def fails(self) -> bool:
        """Whether it is denied and the plugin needs it to serve pods."""
        return not self.allowed and self.range.is_fatal

    @property
    def undecided(self) -> Undecided | None:
        """Why it is undecided; None if it is allowed or denied."""
        if any(check.decision.denied for check in self.checks):
            return Undecided(Doubt.earlier_request) if self.follows_undecided else None
        return next((c.decision.undecided for c in self.checks if c.decision.undecided), None)

    @property
    def breaks(self) -> str:
        """The effect of its denial."""
        return self.range.breaks


class Answers:
    """The answers of policies to requests; equal requests are evaluated once.

    IAM User Guide, "Policy evaluation logic": a request needs an Allow of the policies and of each
    limit (the boundary, and service control policies), and a Deny in any of them wins. In a
    decision, the policies of the limits are numbered after the others; a limit without an Allow has
    the position of its first policy, and no statement.
    """

    def __init__(self, policies: Sequence[Policy], limits: Limits = ()) -> None:
        self._layers = [(0, compile_policies(policies))]
        position = len(policies)
        for limit in limits:
            self._layers.append((position, compile_policies(limit)))
            position += len(limit)
        self.named = named_values([*policies, *chain.from_iterable(limits)])
        self._decisions: dict[Hashable, Decision] = {}

    def evaluate(self, request: Request) -> Decision:
        """Return the decision about a request."""
        context = frozenset(request.context.items())
        key = request.action, request.resource, context, request.may_have, type(request)
        if (decision := self._decisions.get(key)) is None:
            decision = self._decide(request)
            if isinstance(request, OfUnknownId):
                decision = self._with_others(request, decision)
            self._decisions[key] = decision
        return decision

    def _with_others(self, request: OfUnknownId, decision: Decision) -> Decision:
        doubt = Undecided(Doubt.unknown_id, kind_of(request.resource))
        if request.others is None:
            return replace(decision, outcome=Outcome.UNDECIDED, undecided=doubt)
        for each in request.others:
            other = self._decide(replace(request, resource=each))
            if (other.allowed, other.denied) != (decision.allowed, decision.denied):
                refused = decision if other.allowed else other
                why = refused.undecided or doubt
                return replace(refused, outcome=Outcome.UNDECIDED, undecided=why)
        return decision

    def _decide(self, request: Request) -> Decision:
        decisions = []
        for position, layer in self._layers:
            decision = layer.evaluate(request)
            if position and decision.outcome is Outcome.IMPLICITLY_DENIED:
                decision = replace(decision, policy=0)
            if position and decision.policy is not None:
                decision = replace(decision, policy=position + decision.policy)
            decisions.append(decision)
        return min(decisions, key=lambda decision: _OF_LAYERS.index(decision.outcome))


class Sender:
    """Sends calls of one version in one setting, if the version has them."""

    def __init__(
        self, setting: RequestSetting, policies: Answers, *, undecided_allowed: bool = False
    ) -> None:
        """Prepare; with `undecided_allowed`, undecided calls are taken as allowed."""
        self.setting = setting
        self.calls: list[SentCall] = []
        self.requests = Requests(setting, policies.named)
        self.groups: tuple[Group, ...] = ()  # the security groups of the primary interface
        self.starting = False  # whether ipamd is starting: more denials end it then
        self._policies = policies
        self._running = True
        self._undecided_allowed = undecided_allowed

    def call_range(self, name: str) -> CallRange | None:
        """Return why a call is sent here; None if it is not."""
        setting = self.setting
        return _use(name, setting.mode, setting.version, setting.features)

    def send(self, name: str, eni: NodeInterface | None = None) -> bool:
        """Send a call on the kinds of resource that the catalog has, for an interface; see `sent`.

        Reports name the interface if the call is checked on a resource.
        """
        template = request_templates()[name]
        checks = self.requests.of(template, eni, self.groups)
        on = eni.name if eni and template.on != ("*",) else ""
        return self.sent(name, on, checks, reached=eni is None or eni.exists)

    def write(self, name: str, eni: NodeInterface, tags: Mapping[str, str]) -> None:
        """Send a CreateTags call; if it is allowed, the interface has the tags."""
        checks = self.requests.create_tags(eni, tags)
        if self.sent(name, eni.name, checks, reached=eni.exists):
            eni.tags.update(tags)

    def sent(
        self, name: str, on: str, requests: Iterable[Request | AnyOf], *, reached: bool = True
    ) -> bool:
        """Send a call if the version has it; return whether it was sent and allowed.

        `name` is the request template, `on` the object in reports, and `reached` whether the plugin
        gets that far, if ipamd still runs.
        """
        template, call_range = request_templates()[name], self.call_range(name)
        if call_range is None:
            return False
        checks = tuple(map(self._check, requests))
        call = SentCall(template, call_range, on, checks, reached and self._running)
        self.calls.append(call)
        ends = call_range.impact is Impact.EXITS_LATER
        ends |= self.starting and call_range.impact is Impact.EXITS
        effective = call.allowed or (self._undecided_allowed and bool(call.undecided))
        if ends and not effective:
            self._running = False
        return effective

    def _check(self, request: Request | AnyOf) -> Check:
        forms = request.requests if isinstance(request, AnyOf) else (request,)
        checks = (Check(form, self._policies.evaluate(form)) for form in forms)
        return min(checks, key=lambda check: _STRONGEST.index(check.decision.outcome))


@cache
def _use(
    name: str, mode: Mode, version: PluginVersion, features: tuple[str, ...]
) -> CallRange | None:
    return request_templates()[name].sent(mode, version, features)
