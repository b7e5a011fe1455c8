"""The policies of a role without unused actions, proven to allow no more than before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.coverage.analysis.cover import PluginVerdict, cover
from vpc_cni_iam.coverage.simulate.scenarios import find
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.policy.document import Policy, Statement, to_json
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NoNewAccess


class SmallerPolicy(Struct, frozen=True):
    """A policy without unused actions."""

    name: str  # its name in the input, empty if there is only one
    policy: dict[str, Any] | None  # None if none of it is used


class SmallerPolicies(Struct, frozen=True):
    """The policies of a role without unused actions."""

    policies: tuple[SmallerPolicy, ...]
    proven: bool  # whether they are proven to allow no more than the old policies
    verdict: PluginVerdict  # whether the plugin works with them at the version
    before: PluginVerdict  # whether it works with the old policies

    @property
    def is_good(self) -> bool:
        """Whether they can replace the old policies."""
        return self.proven and self.verdict.rank <= self.before.rank


def smaller_policies(
    subject: Subject, setting: RequestSetting, needed: Mapping[str, tuple[str, ...]]
) -> SmallerPolicies | None:
    """Return policies without unused actions; None if nothing changes.

    `needed` has the replacement of each Action element of the Allow statements.
    """
    policies = [replace(p, statements=tuple(_smaller(p, needed))) for p in subject.policies]
    if tuple(policies) == subject.policies:
        return None
    rest = [policy for policy in policies if policy.statements]
    proven = isinstance(no_new_access(subject.policies, rest), NoNewAccess)
    scenarios = find([subject.program] if subject.program else ())
    verdict, before = (
        cover(some, setting, scenarios, subject.limiting, subject.regions).verdict
        for some in (rest or [Policy(())], subject.policies)
    )
    documents = (
        SmallerPolicy(opened.name, to_json(policy) if policy.statements else None)
        for opened, policy in zip(subject.opened, policies, strict=True)
    )
    return SmallerPolicies(tuple(documents), proven, verdict, before)


def _smaller(policy: Policy, needed: Mapping[str, tuple[str, ...]]) -> Iterator[Statement]:
    """Yield the statements of a policy with the needed actions; Deny statements do not change."""
    for statement in policy.statements:
        if statement.effect != "Allow" or statement.not_actions:
            yield statement
            continue
        actions = (needed.get(str(action), (action,)) for action in statement.actions)
        if some := tuple(dict.fromkeys(action for each in actions for action in each)):
            yield replace(statement, actions=some)
