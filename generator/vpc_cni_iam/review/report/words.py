"""Texts that the formats for people share; they are not escaped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from enum import Enum
from functools import partial
from typing import TypeVar

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.levels import Level
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.review.checks.coverage import COVERAGE_LACKING, COVERAGE_LOST, PERMISSION_MISSING
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.locate import SourcePlace
from vpc_cni_iam.review.report.shown import ShownFinding, ShownPlugin, ShownPolicy, ShownReview
from vpc_cni_iam.review.rules import Consequence, Topic

SIGNS = {Change.added: "+", Change.removed: "-", Change.changed: "~"}
NOT_SHOWN = "aws-node: not in the plan"
UNCHANGED = "No policy changes."
# The key of count or for_each in an address; the key of for_each if it is a name; that of count.
_KEY = re.compile(r"(?<=\w)\[(?:\d+|\"[^\"]*\")\]")
_NAME, _NUMBER = map(re.compile, (r'\["([A-Za-z][\w.-]+)"\]', r"\[\d+\]"))
# Identifiers of AWS resources and of OIDC providers: each cluster has its own.
_ID = r"(?<![\w-])[a-z]+-(?:[\da-f]{17}|[\da-f]{8})(?![\w-])|(?<=/id/)\w+"
_unkeyed = partial(_KEY.sub, "[]")
_IGNORED = "Only ignored findings, see below."
# The message of these rules has the first items of a list, the details have all.
_LISTS = (COVERAGE_LOST, COVERAGE_LACKING, PERMISSION_MISSING)
T = TypeVar("T")


class Section(Enum):
    """A section of a report, by its heading."""

    PLUGIN = "VPC CNI (aws-node)"
    ACCESS = "Who can do more"
    OTHER = "Other findings"


# The first line of a section without findings; `answer_to` has those of ACCESS.
_EMPTY = {Section.PLUGIN: "", Section.OTHER: "None."}


def section(finding: ShownFinding) -> Section:
    """Return the section of a finding."""
    question = finding.rule.question
    loses = Consequence.COVERAGE_LOST in finding.means
    gains = Consequence.NEW_ACCESS in finding.means
    if question is Topic.PLUGIN or (loses and question is Topic.PLAN):
        return Section.PLUGIN
    if loses and not gains and finding.level is Level.ERROR:
        return Section.PLUGIN
    may_gain = question in (Topic.TRUST, Topic.CREDENTIALS)
    is_grave = gains or may_gain
    return Section.ACCESS if is_grave and finding.level is not Level.NOTE else Section.OTHER


def in_sections(review: ShownReview) -> dict[Section, list[list[ShownFinding]]]:
    """Return the findings by section; instances of count and for_each are a group."""
    groups: dict[Section, list[list[ShownFinding]]] = {part: [] for part in Section}
    for alike in grouped(review.findings, looks):
        groups[section(alike[0])].append(alike)
    return groups


def answer_to(part: Section, review: ShownReview, groups: Sequence[list[ShownFinding]]) -> str:
    """Return the first line of a section; empty if its findings are the answer."""
    if groups:
        return ""
    ignored = [entry.finding for entry in review.ignored]
    if part in _EMPTY:
        return _IGNORED if any(section(finding) is part for finding in ignored) else _EMPTY[part]
    gains = [finding for finding in review.findings if Consequence.NEW_ACCESS in finding.means]
    if any(finding.level is not Level.NOTE for finding in gains):
        return "Nobody else."
    if any(Consequence.NEW_ACCESS in finding.means for finding in ignored):
        return _IGNORED
    of_plan = [finding.rule.question is Topic.PLAN for finding in gains]
    who = "Nobody" if all(of_plan) else "Only what the notes show"
    is_partial = review.not_read or any(of_plan)
    return f"{who}, according to the resources that are read." if is_partial else f"{who}."


def plugins(review: ShownReview) -> list[list[ShownPlugin]]:
    """Return the clusters, grouped by their answer; those that fail are first."""

    def look(plugin: ShownPlugin) -> Hashable:
        texts = (plugin.answer, *(f"{label} {text}" for label, text in facts(plugin)))
        return plugin.verdict, bool(plugin.cluster), *map(_unkeyed, texts)

    return list(grouped(sorted(review.plugins, key=lambda plugin: -plugin.verdict.rank), look))


def answer(plugin: ShownPlugin) -> str:
    """Return whether the plugin works in a cluster, in a sentence."""
    return f"{f'aws-node {in_cluster(plugin)}'.rstrip()}: {plugin.answer}"


def in_cluster(plugin: ShownPlugin) -> str:
    """Return the cluster of the plugin, or its role if no cluster is known."""
    if plugin.cluster:
        return f"in {plugin.cluster}{f' ({plugin.region})' if plugin.region else ''}"
    return f"with {' and '.join(plugin.roles_after)}" if plugin.roles_after else ""


def facts(plugin: ShownPlugin) -> Iterator[tuple[str, str]]:
    """Yield a changed version and the identity of the plugin, each with its label."""
    versions = [v for v in dict.fromkeys((plugin.version_before, plugin.version_after)) if v]
    if len(versions) > 1:
        yield "version", " -> ".join(versions)
    before = _identity(plugin.identity_before, plugin.roles_before)
    after = _identity(plugin.identity_after, plugin.roles_after)
    if before and after and before != after:
        yield "identity", f"{before} -> {after}"
    elif after:
        yield "identity", after


def _identity(identity: str, roles: Iterable[str]) -> str:
    """Return an identity with its role; empty if the plan does not show it."""
    if identity == Identity.unknown.value:
        return ""
    named = " and ".join(roles)
    return f"{named} ({identity})" if named and identity else identity


def grouped(every: Iterable[T], look: Callable[[T], Hashable]) -> Iterator[list[T]]:
    """Yield groups that look alike, such as instances of count and for_each."""
    groups: dict[Hashable, list[T]] = {}
    for each in every:
        groups.setdefault(look(each), []).append(each)
    yield from groups.values()


def looks(shown: ShownFinding | ShownPolicy) -> Hashable:
    """Return how a finding or a policy looks, with a number for each name of its instance."""
    return _instance(shown)[1]


def others(
    alike: Sequence[ShownFinding | ShownPolicy], mark: Callable[[str], str] = str
) -> list[str]:
    """Return the other instances, each with the names that it has instead of the first one's.

    The address of an instance is left out if these names are all that it has instead.
    """
    own, texts = _instance(alike[0])[0], []
    for shown in alike[1:]:
        of, moved = (x.owner if isinstance(x, ShownPolicy) else about(x) for x in (shown, alike[0]))
        names = []
        for name, first in zip(_instance(shown)[0], own, strict=True):
            if name != first:
                names.append(f"{mark(name)} instead of {mark(first)}")
                moved = moved.replace(first, name)
        address = "" if names and moved == of else mark(of)
        texts.append(f"{address} with {' and '.join(names)}".lstrip() if names else address)
    return texts


def _instance(shown: ShownFinding | ShownPolicy) -> tuple[list[str], Hashable]:
    """Return the names that one instance may have alone, and its texts with their numbers."""
    if isinstance(shown, ShownPolicy):
        of, texts = shown.owner, [shown.policy, _NUMBER.sub("[]", shown.address)]
        texts += [text for line in shown.lines for text in (line.text, *line.conditions)]
        look: Hashable = shown.kind, shown.action, *(line.change for line in shown.lines)
    else:
        of, texts = shown.subject, [*map(_unkeyed, (shown.message, *shown.details, shown.fix))]
        look = shown.rule, shown.level, shown.means
    keys = "|".join(map(re.escape, _NAME.findall(f"{shown.address} {of}")))
    name = re.compile(rf"(?<!\w)(?:{keys})(?!\w)|{_ID}" if keys else _ID)
    numbers: dict[str, int] = {}
    for own in name.findall("\n".join(texts)):
        numbers.setdefault(own, len(numbers))
    texts = [text.replace("\0", "\0\0") for text in texts]
    numbered = (name.sub(lambda match: f"\0{numbers[match[0]]};", text) for text in texts)
    return [*numbers], (look, *numbered)


def fix(alike: Sequence[ShownFinding]) -> str:
    """Return the fix of findings that are shown together; it may name only the first."""
    differ = len({finding.fix for finding in alike}) > 1
    return alike[0].fix + (f" (and likewise {len(alike) - 1} more)" if differ else "")


def first_details(finding: ShownFinding) -> tuple[str, ...]:
    """Return the details for the first screen: the first one, and the example of new access."""
    if finding.level is Level.NOTE or finding.rule in _LISTS:
        return ()
    last = finding.details[-1:] if section(finding) is Section.ACCESS else ()
    return tuple(dict.fromkeys((*finding.details[:1], *last)))


def policies(review: ShownReview) -> Iterator[list[ShownPolicy]]:
    """Yield the policies that change, grouped if they change alike."""
    yield from grouped(review.policies, looks)


def title(policy: ShownPolicy, mark: Callable[[str], str] = str) -> str:
    """Return the policy, its owner and what is done to it; `mark` formats each name."""
    name = f"{policy.kind} {mark(policy.policy) if policy.policy else ''}".rstrip()
    of = "" if policy.policy == policy.owner else f" of {mark(policy.owner)}"
    return f"{name}{of} {policy.action}"


def where_changed(policy: ShownPolicy) -> str:
    """Return where a policy is written, without what its title says."""
    if policy.address == policy.policy or policy.attribute == "assume_role_policy":
        return ""
    return policy.attribute if policy.address == policy.owner else about(policy)


def counted(findings: Iterable[ShownFinding]) -> str:
    """Return how many findings there are, such as ``2 errors, 1 warning``."""
    numbers = Counter(finding.level for finding in findings)
    named = [
        f"{numbers[level]} {level}{'s' * (numbers[level] != 1)}"
        for level in reversed(Level)
        if numbers[level]
    ]
    return ", ".join(named) or "no findings"


def counted_with_ignored(review: ShownReview) -> str:
    """Return how many findings there are, and how many are ignored."""
    text = counted(review.findings)
    ignored = [entry.finding for entry in review.ignored]
    return f"{text}, {counted(ignored)} ignored" if ignored else text


def counts_for(finding: ShownFinding, review: ShownReview) -> str:
    """Return which kinds fail the review at a warning or note, such as ``fails by new-access``."""
    kinds = [kind for kind in finding.means if kind in review.fail_on]
    return f"fails by {', '.join(kinds)}" if kinds and finding.level != "error" else ""


def where(place: SourcePlace | None) -> str:
    """Return a place as ``main.tf:12``; empty for none."""
    return f"{place.file}:{place.line}" if place else ""


def about(thing: ShownFinding | ShownPolicy) -> str:
    """Return the address and the attribute of a finding or a policy; empty for the plan."""
    return f"{thing.address} {thing.attribute}".rstrip() if thing.address else ""


def last_line(review: ShownReview, *, names: int | None = 3) -> str:
    """Return the counts of changes, the first `names` that are not read, and what is not shown."""
    counts = [f"{review.read:,} read"]
    if review.others:
        counts.append(f"{review.others:,} of other types")
    if count := len(review.not_read):
        listed = first_of(review.not_read, names or count)
        counts.append(f"{count:,} about IAM, EKS or credentials not read: {listed}")
    text = f"Changed resources: {', '.join(counts)}."
    text += "" if count else " Nothing else about IAM, EKS or credentials changes."
    shown = "; ".join(review.not_shown)
    return f"{text} Not shown by a plan: {shown}." if shown else text


def fails(finding: Finding | ShownFinding, fail_on: Iterable[str]) -> bool:
    """Return whether a finding fails a review."""
    reached = [level for level in Level if level.rank <= finding.level.rank]
    return not {*finding.means, *reached}.isdisjoint(fail_on)
