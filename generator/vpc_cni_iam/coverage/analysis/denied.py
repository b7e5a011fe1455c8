"""Actions that the plugin needs and that a role is not allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from vpc_cni_iam.coverage.judge.judge import ScenarioRun
from vpc_cni_iam.coverage.simulate.send import SentCall
from vpc_cni_iam.policy.evaluate import Decision, Outcome
from vpc_cni_iam.policy.matching.conditions import Undecided


class DeniedAction(Struct, frozen=True):
    """An action that the plugin needs and that the role is not allowed."""

    action: str
    scenario: str  # the first scenario with it
    breaks: str  # the effect
    by: str = ""  # the boundary or statement that does not allow it; empty if no policy allows it
    undecided: Undecided | None = None  # why it may still be allowed; None if it is denied
    explicit: bool = False  # whether a Deny denies it
    is_fatal: bool = True  # whether the plugin fails without it; else it works, degraded


def denied_actions(
    scenario: str, call: SentCall, by: Callable[[Decision], str]
) -> tuple[DeniedAction, ...]:
    """Return the denied actions of a call; `by` names what denies one."""
    refused = [check for check in call.checks if check.decision.denied]
    return tuple(
        DeniedAction(
            check.request.action,
            scenario,
            call.breaks,
            by(check.decision),
            call.undecided,
            check.decision.outcome is Outcome.EXPLICITLY_DENIED,
            call.range.is_fatal,
        )
        for check in refused or [c for c in call.checks if not c.decision.allowed]
    )


def denied_calls(runs: Iterable[ScenarioRun]) -> dict[str, tuple[str, SentCall]]:
    """Return the most severe denied call of each action, with its scenario's name.

    It is a call of the action, or one with denied checks of it. If calls have the same severity, a
    certain denial comes first.
    """
    denied: dict[str, tuple[str, SentCall]] = {}
    for run in runs:
        for call in run.calls:
            refused = [c.request.action for c in call.checks if not c.decision.allowed]
            for action in (call.template.action, *refused) if refused else ():
                known = denied.get(action)
                if known is None or _severity(call) > _severity(known[1]):
                    denied[action] = (run.scenario.name, call)
    return denied


def _severity(call: SentCall) -> tuple[bool, bool]:
    return call.fails, not call.undecided
