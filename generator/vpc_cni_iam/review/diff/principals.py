"""Roles, users and groups with all their policies together, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.calls import DenialSeverity, Mode, call_ranges
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.examples.reference import has_no_resource
from vpc_cni_iam.policy.quotas import INLINE
from vpc_cni_iam.policy.report import condition_text
from vpc_cni_iam.review.account.effective import PrincipalPolicies
from vpc_cni_iam.review.account.plugin_policy import concerns_plugin
from vpc_cni_iam.review.account.policy_state import ReadPolicy, judged_policies, with_stand_ins
from vpc_cni_iam.review.diff.changes import Grade, MatrixRow, PrincipalChange
from vpc_cni_iam.review.diff.coverage import (
    ReviewTarget,
    coverage_change,
    mode_for,
)
from vpc_cni_iam.review.diff.proofs import DENY_REMOVED, deny_removed, new_access, without_example
from vpc_cni_iam.review.diff.same_shape import Names
from vpc_cni_iam.review.diff.trust import trusts_plugin
from vpc_cni_iam.review.diff.verdicts import Access, Size
from vpc_cni_iam.review.renamed import are_told_apart, other_text, renamed

# What EKS asks every node role to have: aws-node may use that role.
_NODE_POLICY = "AmazonEKSWorkerNodePolicy"
_NOT_GRADED: tuple[Grade, tuple[str, ...]] = ("unknown", ())


def principal(
    name: str,
    has: PrincipalPolicies,
    label: str,
    plugin: ReviewTarget | None,
    target: ReviewTarget,
    budget: Budget,
    *,
    stand_ins: bool,
) -> PrincipalChange:
    """Return a principal with what is said of all its policies together.

    `name` is its address, else its name; `label` its IAM name, empty where it is not known;
    `plugin` for what its policies are judged where aws-node has the role, else None.
    """
    asked, names = _with_stand_ins(has)
    # The target may name the cluster or the VPC, as the policies do: no stand-in is for both.
    if names and stand_ins and not (plugin and plugin.has_names):
        change = _judge(name, asked, label, plugin, target, budget)
        if are_told_apart(names, other_text((change.access, change.coverage, change.matrix))):
            return renamed(change, names)
    return _judge(name, has, label, plugin, target, budget)


def _with_stand_ins(has: PrincipalPolicies) -> tuple[PrincipalPolicies, Names]:
    others = (*has.bounds, has.trust)
    reads = (*has.before.values(), *has.after.values(), *(read for read in others if read))
    shaped, names = with_stand_ins(reads)
    known = dict(zip(map(id, reads), shaped, strict=True))
    before, after = ({k: known[id(r)] for k, r in side.items()} for side in (has.before, has.after))
    old, new, trusted = (known[id(read)] if read else None for read in others)
    return replace(has, before=before, after=after, trust=trusted, bounds=(old, new)), names


def _judge(
    name: str,
    has: PrincipalPolicies,
    label: str,
    plugin: ReviewTarget | None,
    target: ReviewTarget,
    budget: Budget,
) -> PrincipalChange:
    opaque = tuple(
        dict.fromkeys(
            key
            for side in (has.before, has.after)
            for key, read in side.items()
            if not read.in_full
        )
    )
    before, after = judged_policies(*has.before.values()), judged_policies(*has.after.values())
    trusted = has.trust.judged if has.trust else None
    concerns = any(map(concerns_plugin, (*before, *after)))
    concerns = concerns or bool(trusted and trusts_plugin(trusted)) or plugin is not None
    concerns = concerns or any(aws_managed.name_of(key) == _NODE_POLICY for key in has.before)
    target = plugin or target
    changed = has.before != has.after or has.bounds[0] != has.bounds[1]
    coverage = None
    if concerns and changed:
        coverage = coverage_change(before, after, target, _limits(has, target))
    return PrincipalChange(
        name=name,
        type="role" if has.type == "role" else "user" if has.type == "user" else "group",
        label=label,
        before=tuple(sorted(has.before)),
        after=tuple(sorted(has.after)),
        opaque=opaque,
        access=_access(has, before, after, opaque, budget) if changed else None,
        coverage=coverage,
        matrix=tuple(_matrix(has, target, budget.answer(), opaque=bool(opaque)))
        if concerns
        else (),
        sizes=tuple(_sizes(has)),
        concerns_plugin=concerns,
    )


def _limits(
    has: PrincipalPolicies, target: ReviewTarget
) -> tuple[tuple[Policy, ...], tuple[Policy, ...]]:
    """Return what limits its policies, before and after."""
    old, new = (judged_policies(bound) for bound in has.bounds)
    return (*old, *target.sessions[0]), (*new, *target.sessions[1])


def _shown(side: Mapping[str, ReadPolicy]) -> list[Policy]:
    return [read.state.policy for read in side.values() if read.state.policy]


def _access(
    has: PrincipalPolicies,
    before: list[Policy],
    after: list[Policy],
    opaque: tuple[str, ...],
    budget: Budget,
) -> Access:
    """Say whether all policies together newly allow anything.

    A policy whose document is not known may be left out where it is there before and after: it
    adds as much on both sides, unless a Deny held back what it allows.
    """
    alike = all(has.before.get(key) == has.after.get(key) for key in opaque)
    denies = any(s.effect == "Deny" for p in (*before, *after) for s in p.statements)
    if opaque and (denies or not alike):
        return Access("unknown", reason=f"not known: {', '.join(opaque)}")
    budget = budget.answer()
    access = new_access(before, after, budget)
    if any(read.has_secrets for side in (has.before, has.after) for read in side.values()):
        access = without_example(access)
    if access.verdict == "no new access" and deny_removed(before, after, budget):
        return Access("not proven", reason=DENY_REMOVED)
    return access


def _sizes(has: PrincipalPolicies) -> Iterator[Size]:
    known = [size for size in has.inline.values() if size is not None]
    if known:
        what = f"inline policies of the {has.type} together"
        yield Size(what, sum(known), INLINE[has.type])


def _matrix(
    has: PrincipalPolicies, target: ReviewTarget, budget: Budget, *, opaque: bool
) -> Iterator[MatrixRow]:
    before, after = _shown(has.before), _shown(has.after)
    mode = mode_for(before or after, target)
    needed = _needed(mode, target.version)
    named = {a for p in (*before, *after) for a in p.actions()}
    # A policy may have an action that the plugin needs in another spelling.
    spelled = {action.lower(): action for action in (*sorted(named), *needed)}
    steps = sum(_steps_of_grading(s) for p in (*before, *after) for s in p.statements)
    for key in sorted(spelled):
        action = spelled[key]
        # Of very many actions not all are looked up but those that the plugin needs.
        graded = action in needed or budget.affords(steps)
        (old, on_old), (new, on_new) = (
            _grade(action, p, opaque=opaque) if graded else _NOT_GRADED for p in (before, after)
        )
        yield MatrixRow(action, old, new, needed.get(action, ""), on_old, on_new)


def _needed(mode: Mode, version: PluginVersion) -> dict[str, DenialSeverity]:
    impacts: dict[str, DenialSeverity] = {}
    for call_range in call_ranges((mode,), version):
        if impacts.get(call_range.action) != "fatal":
            impacts[call_range.action] = call_range.severity
    return impacts


def _steps_of_grading(statement: Statement) -> int:
    """Return what it takes to look an action up in a statement, and to tell on what it is."""
    patterns = (*statement.actions, *statement.not_actions)
    named = (*statement.resources, *statement.not_resources)
    return 2 + 3 * len(patterns) + sum(map(len, named)) // 10


def _grade(action: str, policies: list[Policy], *, opaque: bool) -> tuple[Grade, tuple[str, ...]]:
    """Say whether policies allow an action: on everything, on some things, or not at all."""
    about = [s for p in policies for s in p.statements if s.is_about(action)]
    if has_no_resource(action):
        about = [statement for statement in about if _is_about_everything(statement)]
    allowing = [s for s in about if s.effect == "Allow"]
    if not allowing:
        return "unknown" if opaque else "no", ()
    whole = any("*" in s.resources and not s.conditions for s in allowing)
    grade: Grade = "yes" if whole and len(allowing) == len(about) else "some"
    return grade, tuple(dict.fromkeys(map(_on, about)))


def _is_about_everything(statement: Statement) -> bool:
    if statement.not_resources:
        return not any(wildcard.matches(pattern, "*") for pattern in statement.not_resources)
    return any(wildcard.matches(pattern, "*") for pattern in statement.resources)


def _on(statement: Statement) -> str:
    on = ", ".join(statement.resources) or f"all but {', '.join(statement.not_resources)}"
    words = "".join(f" if {condition_text(c)}" for c in statement.conditions)
    return f"{'not ' if statement.effect == 'Deny' else ''}{on}{words}"
