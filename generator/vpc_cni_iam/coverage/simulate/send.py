"""How the plugin's calls are sent: evaluated check by check, and remembered with the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from vpc_cni_iam.catalog.facts.calls import Mode, Use
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import Form, forms
from vpc_cni_iam.coverage.simulate.log_requests import AnyOf
from vpc_cni_iam.coverage.simulate.requests import Interface, Requests
from vpc_cni_iam.coverage.simulate.settings import Setting
from vpc_cni_iam.policy.evaluate import Compiled, Decision, Outcome, Request

NODE = "i-0123456789abcdef0"
# One that is undecided may be a Deny.
_STRONGEST: tuple[Outcome, ...] = (
    Outcome.EXPLICITLY_DENIED,
    Outcome.UNDECIDED,
    Outcome.ALLOWED,
    Outcome.IMPLICITLY_DENIED,
)


@dataclass(frozen=True, slots=True)
class Check:
    """One request with the answer to it.

    Args:
        request: The request.
        decision: What the policies say.
    """

    request: Request
    decision: Decision


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the plugin: allowed only if every check is.

    Args:
        form: How it is sent.
        use: Why it is sent at this release, with what a denial breaks and the evidence.
        on: What it is about, such as ``primary interface``; empty for a Describe.
        checks: What IAM is asked.
        reached: Whether the plugin gets that far; False after a denial that ends ipamd, and on
            an interface whose making was denied.
    """

    form: Form
    use: Use
    on: str
    checks: tuple[Check, ...]
    reached: bool = True

    @property
    def allowed(self) -> bool:
        """Whether the call goes through."""
        return all(check.decision.allowed for check in self.checks)

    @property
    def undecided(self) -> str:
        """Why AWS leaves open whether it goes through; empty if it is allowed or denied."""
        if any(check.decision.denied for check in self.checks):
            return ""
        return next((c.decision.reason for c in self.checks if c.decision.reason), "")

    @property
    def breaks(self) -> str:
        """What its denial breaks, and whether that is open."""
        breaks = self.form.broken_by(self.use)
        return f"{breaks} (undecided: {self.undecided})" if self.undecided else breaks


class Sender:
    """Sends calls of one release in one setting, each only if the release has it.

    Args:
        setting: Where the plugin runs.
        policies: The policies of its role.
    """

    def __init__(self, setting: Setting, policies: Compiled) -> None:
        self.setting = setting
        self.calls: list[Call] = []
        self.requests = Requests(setting)
        self._policies = policies
        self._running = True

    def use(self, name: str) -> Use | None:
        """Return why a form is sent here, None if it is not.

        Args:
            name: The name of the form.
        """
        setting = self.setting
        return _use(name, setting.mode, setting.release, setting.features)

    def describe(self, name: str, about: Interface | None = None) -> bool:
        """Send a call that is checked on no resource, or not at all; say as `sent` does.

        Args:
            name: The name of the form.
            about: The interface for whose sake it is sent, if any.
        """
        form = forms()[name]
        checks = self.requests.on_nothing(form.action) if form.on else ()
        return self.sent(name, "", checks, about is None or about.exists)

    def send(self, name: str, eni: Interface, more: tuple[Request, ...] = ()) -> None:
        """Send a call about an interface.

        Args:
            name: The name of the form.
            eni: The interface.
            more: What is checked besides it.
        """
        checks = (self.requests.on_interface(forms()[name].action, eni), *more)
        self.sent(name, eni.name, checks, eni.exists)

    def write(self, name: str, eni: Interface, tags: Mapping[str, str]) -> None:
        """Send a CreateTags call; if it is allowed, the interface bears the tags.

        Args:
            name: The name of the form.
            eni: The interface.
            tags: What it writes.
        """
        checks = self.requests.create_tags(eni, tags)
        if self.sent(name, eni.name, checks, eni.exists):
            eni.tags.update(tags)

    def instance(self, action: str) -> tuple[Request, ...]:
        """Return the check of an action on the node's own instance.

        Args:
            action: The action.
        """
        return (self.requests.on_instance(action, NODE),)

    def sent(
        self, name: str, on: str, requests: Iterable[Request | AnyOf], reached: bool = True
    ) -> bool:
        """Send a call if the release does, and say whether it was sent and allowed.

        Args:
            name: The name of the form.
            on: What reports call that which it is about.
            requests: What IAM is asked.
            reached: Whether the plugin gets that far, if ipamd still runs.
        """
        form, use = forms()[name], self.use(name)
        if use is None:
            return False
        checks = tuple(map(self._check, requests))
        call = Call(form, use, on, checks, reached and self._running)
        self.calls.append(call)
        if form.stops and use.severity == "fatal" and not call.allowed:
            self._running = False
        return call.allowed

    def _check(self, request: Request | AnyOf) -> Check:
        forms = request.requests if isinstance(request, AnyOf) else (request,)
        checks = (Check(form, self._policies.evaluate(form)) for form in forms)
        return min(checks, key=lambda check: _STRONGEST.index(check.decision.outcome))


@cache
def _use(name: str, mode: Mode, release: PluginVersion, features: tuple[str, ...]) -> Use | None:
    return forms()[name].sent(mode, release, features)
