"""A policy against every release: one cell for each release and action."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from vpc_cni_iam.catalog.facts import calls, releases
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion, VersionRange
from vpc_cni_iam.catalog.facts.requests import forms, tag_keys
from vpc_cni_iam.coverage.analysis.cover import Played, Verdict, granted, nothing_played, play
from vpc_cni_iam.coverage.analysis.excess import Wider, wider
from vpc_cni_iam.coverage.simulate.node import CHANGES
from vpc_cni_iam.coverage.simulate.scenarios import ORDINARY, SITUATIONS, Situation
from vpc_cni_iam.coverage.simulate.send import Call
from vpc_cni_iam.coverage.simulate.settings import Setting
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Request, compile_policies

Cell = Literal["allowed", "fatal", "degraded", "unused", "not called"]


@dataclass(frozen=True, slots=True)
class Row:
    """One release.

    Args:
        release: The release.
        cells: One for each action, in the order of `Matrix.actions`.
        failing: The situations with a denied call that is fatal.
    """

    release: PluginVersion
    cells: tuple[Cell, ...]
    failing: tuple[str, ...] = ()

    @property
    def fatal(self) -> bool:
        """Whether a call is denied without which the plugin does not serve pods."""
        return "fatal" in self.cells


@dataclass(frozen=True, slots=True)
class Denial:
    """One way in which a call is denied, over a run of releases.

    Args:
        action: The action.
        first: The first row of the run.
        last: The last.
        situation: The situation in which it was seen first.
        call: The call at the first release.
    """

    action: str
    first: Row
    last: Row
    situation: str
    call: Call


@dataclass(frozen=True, slots=True)
class Matrix:
    """A policy against every release that has its mode.

    Args:
        setting: Where the plugin runs; its release is the newest.
        actions: The columns: what some release calls in this mode, or the policy names.
        rows: One for each release, oldest first.
        reasons: Why cells are denied, by release and action: the first denied call and the name
            of its situation.
        situations: The names of the situations that were played.
        wider: Patterns that grant more than what any of the releases calls.
    """

    setting: Setting
    actions: tuple[str, ...]
    rows: tuple[Row, ...]
    reasons: dict[tuple[PluginVersion, str], tuple[str, Call]]
    situations: tuple[str, ...]
    wider: tuple[Wider, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The gravest of all cells."""
        every = {cell for row in self.rows for cell in row.cells}
        return "fatal" if "fatal" in every else "degraded" if "degraded" in every else "allowed"

    def works(self) -> tuple[VersionRange, ...]:
        """Return the releases at which no denied call is fatal, as runs."""
        return releases.spans(frozenset(row.release for row in self.rows if not row.fatal))

    def works_but_for(self) -> tuple[tuple[str, ...], tuple[VersionRange, ...]]:
        """Return special situations, and at which releases the plugin works outside of them.

        Those are situations in which it fails where a fresh node works; empty if there are none.
        """
        some = [r for r in self.rows if ORDINARY not in r.failing and ORDINARY in self.situations]
        names = tuple(s for s in self.situations if any(s in row.failing for row in some))
        if not names:
            return (), ()
        return names, releases.spans(frozenset(row.release for row in some))

    def denials(self) -> tuple[Denial, ...]:
        """Return why cells are denied, each reason once for a run of releases."""
        found: list[Denial] = []
        for action in self.actions:
            before: Denial | None = None
            for row in self.rows:
                reason = self.reasons.get((row.release, action))
                if reason is None:
                    before = None
                    continue
                situation, call = reason
                same = before is not None and (before.call.form, before.call.use, before.situation)
                if before is not None and same == (call.form, call.use, situation):
                    found[-1] = before = replace(before, last=row)
                else:
                    before = Denial(action, row, row, situation, call)
                    found.append(before)
        return tuple(found)

    def runs(self) -> tuple[tuple[Row, Row], ...]:
        """Return the first and last row of each run of releases whose cells are alike."""
        found: list[tuple[Row, Row]] = []
        for row in self.rows:
            if found and found[-1][0].cells == row.cells:
                found[-1] = (found[-1][0], row)
            else:
                found.append((row, row))
        return tuple(found)


def matrix(
    policies: Sequence[Policy], setting: Setting, situations: Iterable[Situation] = SITUATIONS
) -> Matrix:
    """Return how policies cover every release that has the setting's mode.

    Releases that send the same are played once.

    Args:
        policies: The policies of the plugin's role, taken together.
        setting: Where the plugin runs; every release in turn takes the place of its own.
        situations: The situations to play.

    Raises:
        InputError: A policy that the evaluator refuses.
        UsageError: No situation arises at any release.
    """
    ready, some = compile_policies(policies), granted(policies)
    chosen = tuple(situations)
    named = tuple(a for p in policies for a in p.actions() if "*" not in a and "?" not in a)
    wanted = [c.action for c in calls.calls() if _in_mode(c, setting)]
    beyond = wider(policies, wanted)
    spelled = {a.lower() for a in wanted}
    wanted += [a for a in dict.fromkeys(named) if a.lower() not in spelled]
    may = {action: some.evaluate(Request(action, "*")).allowed for action in wanted}
    rows, reasons = [], {}
    alike: dict[object, tuple[tuple[Played, ...], dict[str, tuple[str, Call]]]] = {}
    for release in releases.known()[1:]:
        at = setting.at(release)
        key = _profile(at, chosen)
        if key not in alike:
            played = play(ready, at, chosen)
            alike[key] = played, _denied(played)
        played, denied = alike[key]
        if not played:
            continue  # nothing was asked, so that nothing is known
        sent = _sent(played)
        cells: list[Cell] = []
        for action in wanted:
            if action in denied:
                cells.append(denied[action][1].use.severity)
                reasons[release, action] = denied[action]
            elif action in sent:
                cells.append("allowed")
            else:
                cells.append("unused" if may[action] else "not called")
        failing = tuple(p.situation.name for p in played if p.fails)
        rows.append(Row(release, tuple(cells), failing))
    if not rows:
        raise nothing_played(chosen, setting.mode)
    names = tuple(s.name for s in chosen)
    return Matrix(setting, tuple(wanted), tuple(rows), reasons, names, beyond)


def _in_mode(call: calls.Call, setting: Setting) -> bool:
    features = (None, *setting.features)
    return any(u.mode == setting.mode and u.feature in features for u in call.uses)


def _profile(setting: Setting, situations: Iterable[Situation]) -> object:
    """Return all by which the requests of one release differ from those of another."""
    return (
        tuple(f.sent(setting.mode, setting.release, setting.features) for f in forms().values()),
        tag_keys(setting.release),
        tuple(setting.release < r for r in CHANGES),
        setting.features,
        tuple(s.name for s in situations if s.arises(setting)),
    )


def _sent(played: Iterable[Played]) -> set[str]:
    calls = [call for p in played for call in p.calls]
    checked = {check.request.action for call in calls for check in call.checks}
    return checked | {call.form.action for call in calls}


def _denied(played: Iterable[Played]) -> dict[str, tuple[str, Call]]:
    """Return the gravest denied call by action: its own, and those of its denied checks."""
    found: dict[str, tuple[str, Call]] = {}
    for one in played:
        for call in one.calls:
            refused = [c.request.action for c in call.checks if not c.decision.allowed]
            for action in (call.form.action, *refused) if refused else ():
                before = found[action][1].use.severity if action in found else ""
                if before != "fatal" and (not before or call.use.severity == "fatal"):
                    found[action] = (one.situation.name, call)
    return found
