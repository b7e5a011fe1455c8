"""A policy against one release of the plugin: what is allowed, what breaks, what is too much."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.analysis.excess import Wider, wider
from vpc_cni_iam.coverage.simulate.node import Node
from vpc_cni_iam.coverage.simulate.scenarios import SITUATIONS, Situation
from vpc_cni_iam.coverage.simulate.send import Call
from vpc_cni_iam.coverage.simulate.settings import Setting
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Compiled, Request, compile_policies

Verdict = Literal["allowed", "degraded", "fatal"]


@dataclass(frozen=True, slots=True)
class Played:
    """One situation as it went.

    Args:
        situation: The situation.
        calls: What the plugin sent, in order.
    """

    situation: Situation
    calls: tuple[Call, ...]

    @property
    def fails(self) -> bool:
        """Whether a call is denied without which the plugin does not serve pods."""
        return any(not call.allowed and call.use.severity == "fatal" for call in self.calls)


@dataclass(frozen=True, slots=True)
class Coverage:
    """A policy against a release.

    Args:
        setting: Where the plugin runs.
        played: The situations that can arise there, as they went.
        unused: Actions as the policies name them, of which the release calls none.
        wider: Patterns that grant more than what the release calls.
    """

    setting: Setting
    played: tuple[Played, ...]
    unused: tuple[str, ...]
    wider: tuple[Wider, ...] = ()

    def denied(self) -> tuple[tuple[Situation, Call], ...]:
        """Return the calls that are denied, each with its situation."""
        return tuple((p.situation, c) for p in self.played for c in p.calls if not c.allowed)

    @property
    def verdict(self) -> Verdict:
        """The gravest that any denied call breaks."""
        impacts = {call.use.severity for _, call in self.denied()}
        return "fatal" if "fatal" in impacts else "degraded" if impacts else "allowed"


def cover(
    policies: Sequence[Policy],
    setting: Setting,
    situations: Iterable[Situation] = SITUATIONS,
) -> Coverage:
    """Return how policies cover what a release of the plugin sends.

    Args:
        policies: The policies of the plugin's role, taken together.
        setting: Where the plugin runs.
        situations: The situations to play; those that cannot arise are left out.

    Raises:
        InputError: A policy that the evaluator refuses.
        UsageError: None of the situations arises.
    """
    chosen = tuple(situations)
    played = play(compile_policies(policies), setting, chosen)
    if not played:
        raise nothing_played(chosen, setting.mode, setting.release)
    idle = unused(policies, setting)
    found = wider(policies, called_actions(setting))
    return Coverage(setting, played, idle, tuple(w for w in found if w.pattern not in idle))


def nothing_played(
    situations: Iterable[Situation], mode: Mode, release: PluginVersion | None = None
) -> UsageError:
    """Return the error that no situation arises, since silence must not pass for an answer.

    Args:
        situations: What was to be played.
        mode: The IP family.
        release: The release, None for any.
    """
    words = f"in {'IPv6' if mode == 'ipv6' else 'IPv4'} mode"
    if release is not None:
        words += f" at plugin {release}"
    since = [
        f"{s.name} (from {s.since[mode]} on)" if mode in s.since else f"{s.name} (never)"
        for s in situations
    ]
    if not since:
        return UsageError("--situation and --skip leave no situation to play")
    return UsageError(
        f"{words} the plugin is in none of these situations: {', '.join(since)}, "
        "or the policy and --env rule them out"
    )


def play(
    policies: Compiled, setting: Setting, situations: Iterable[Situation]
) -> tuple[Played, ...]:
    """Play situations, and return how they went.

    Args:
        policies: The policies, ready.
        setting: Where the plugin runs.
        situations: The situations; those that cannot arise, or in which the release sends
            nothing, are left out.
    """
    played = []
    for situation in situations:
        if situation.arises(setting):
            node = Node(situation.prepare(setting), policies)
            situation.play(node)
            if node.calls:
                played.append(Played(situation, tuple(node.calls)))
    return tuple(played)


def unused(policies: Sequence[Policy], setting: Setting) -> tuple[str, ...]:
    """Return the actions that policies name and a release never calls in its mode.

    Args:
        policies: The policies.
        setting: Where the plugin runs.
    """
    called = called_actions(setting)
    found = []
    for action in dict.fromkeys(a for policy in policies for a in policy.actions()):
        alone = granted([Policy((Statement(actions=(action,)),))])
        if not any(alone.evaluate(Request(c, "*")).allowed for c in called):
            found.append(action)
    return tuple(found)


def called_actions(setting: Setting) -> tuple[str, ...]:
    """Return the actions that a release calls in its mode with the features in use.

    Args:
        setting: Where the plugin runs.
    """
    wanted = (None, *setting.features)
    found = (u.action for f in wanted for u in calls.uses((setting.mode,), setting.release, f))
    return tuple(dict.fromkeys(found))


def granted(policies: Sequence[Policy]) -> Compiled:
    """Return policies that allow each action which the given ones allow under some condition.

    Args:
        policies: The policies.
    """
    return compile_policies(
        [
            Policy(
                tuple(
                    replace(s, resources=("*",), not_resources=(), conditions=())
                    for s in policy.statements
                    if s.effect == "Allow"
                ),
                policy.version,
            )
            for policy in policies
        ]
    )
