"""The words of a review that its reports for people share; texts in them are not made safe."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Literal, TypeAlias, TypeVar

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.review.diff.changes import Change, Place
from vpc_cni_iam.review.diff.plugin import ClusterChange, PluginIdentity
from vpc_cni_iam.review.diff.verdicts import Access, Effect, Nearest
from vpc_cni_iam.review.findings import LEVELS, Finding, Review
from vpc_cni_iam.review.make_finding import example_text, identity_text

Tone = Literal["plain", "good", "warn", "bad", "quiet"]
SIGNS: dict[Effect, str] = {"gain": "+", "loss": "-", "no-op": "="}
# As many details, or differences, of one thing are shown.
MOST = 12
_VERDICTS: dict[str, tuple[Tone, str]] = {
    "no new access": ("good", "no new access (proven)"),
    "new access": ("bad", "new access"),
    "not proven": ("warn", "new access is neither proven nor ruled out"),
    "unknown": ("warn", "new access cannot be ruled out"),
}
# The key in an address.
_KEY = re.compile(r"(?<=\w)\[(?:\d+|\"[^\"]*\")\]")
_UNNAMED = "not named in the plan"
T = TypeVar("T")
# A label, a text, and whether it is about a change.
PluginRow: TypeAlias = tuple[str, str, bool]


def counted(findings: Sequence[Finding]) -> str:
    """Return how many findings there are, such as ``2 errors, 1 warning``."""
    numbers = {level: sum(f.level == level for f in findings) for level in reversed(LEVELS)}
    named = [f"{n} {level}{'s' * (n != 1)}" for level, n in numbers.items() if n]
    return ", ".join(named) or "no findings"


def counted_with_ignored(review: Review) -> str:
    """Return how many findings there are, and how many are ignored."""
    text = counted(review.findings)
    ignored = [entry.finding for entry in review.ignored]
    return f"{text}, {counted(ignored)} ignored" if ignored else text


def counts_for(finding: Finding, review: Review) -> str:
    """Return by what a warning or note fails the review, such as ``counts for new-access``."""
    kinds = [kind for kind in finding.means if kind in review.fail_on]
    return f"counts for {', '.join(kinds)}" if kinds and finding.level != "error" else ""


def modes(review: Review) -> str:
    """Return the IP families in words."""
    return " or ".join(review.modes)


def where(place: Place | None) -> str:
    """Return a place as ``main.tf:12``; empty for none."""
    return f"{place.file}:{place.line}" if place else ""


def subject(thing: Change | Finding) -> str:
    """Return what a change or finding is about: the address and the attribute, if any."""
    return f"{thing.address} {thing.attribute}".rstrip() if thing.address else ""


def grouped(things: Iterable[T], look: Callable[[T], Hashable]) -> Iterator[list[T]]:
    """Yield what looks alike together, as count and for_each make it, each in its place."""
    groups: dict[Hashable, list[T]] = {}
    for thing in things:
        groups.setdefault(look(thing), []).append(thing)
    yield from groups.values()


def changed(review: Review) -> Iterator[list[Change]]:
    """Yield what the plan changes, those together that look alike."""

    def look(change: Change) -> Hashable:
        about = (change.type, change.attribute, change.action, change.imported, change.moved_from)
        states = (change.before, change.after, change.principals, change.bounds)
        return about, states, change.lines, change.access, change.place

    yield from grouped((c for c in review.changes if c.changes), look)


def look(finding: Finding) -> Hashable:
    """Return how a finding looks without the keys of count and for_each."""
    texts = (finding.message, *finding.details)
    return finding.rule, finding.level, tuple(_KEY.sub("[]", text) for text in texts)


def about(change: Change) -> Iterator[tuple[Tone, str]]:
    """Yield what else is to be said of a change, each line with its tone."""
    for way, state in (("before", change.before), ("after", change.after)):
        for why in state.why:
            yield "warn", f"{way}: {why}"
    if change.imported:
        yield "plain", f"imported as {change.imported}"
    if change.moved_from:
        yield "plain", f"moved from {change.moved_from}"
    if change.principals and change.kind == "permissions":
        yield "plain", f"applies to {', '.join(change.principals)}"
    if change.bounds:
        yield "plain", f"permissions boundary of {', '.join(change.bounds)}"
    if change.access:
        tone, text = verdict(change.access)
        yield "plain" if is_calm(change) else tone, text
    if change.nearest and (change.nearest.equal or change.kind == "permissions"):
        yield from _nearest(change.nearest, differs=any(x.effect != "no-op" for x in change.lines))
    for size in change.sizes:
        if size.over:
            yield "bad", f"{size.what}: {size.size} of {size.limit} characters"


def is_calm(change: Change) -> bool:
    """Say whether a policy is a document of the catalog, so that what it allows does not alarm."""
    return change.nearest is not None and change.nearest.equal


def verdict_name(access: Access) -> str:
    """Return whether there is new access, in a few words."""
    return _VERDICTS[access.verdict][1]


def verdict(access: Access) -> tuple[Tone, str]:
    """Return whether there is new access, in words with their tone."""
    tone, words = _VERDICTS[access.verdict]
    if access.verdict in ("new access", "not proven") and access.reason:
        words += f": {access.reason}"
    if access.witness and access.verdict == "not proven":
        words += f"; what was read newly allows, for instance, {example_text(access.witness)}"
    elif access.witness:
        words += f", for instance {example_text(access.witness)}"
    return tone, words


def _nearest(nearest: Nearest, *, differs: bool) -> Iterator[tuple[Tone, str]]:
    how = "equal to" if nearest.equal else "nearest to"
    filled = f" with {', '.join(nearest.filled)}" if nearest.filled else ""
    yield "plain", f"{how} {nearest.name}{filled}"
    first = nearest.differences[: MOST if differs else 0]
    for difference in first:
        yield "quiet", difference
    more = len(nearest.differences) - len(first)
    if more > 0:
        yield "quiet", f"and {more} more difference{'s' * (more > 1)}"


Section = Literal["plugin", "access", "other"]
SECTIONS: dict[Section, str] = {
    "plugin": "VPC CNI (aws-node)",
    "access": "Who can do more",
    "other": "Other changes",
}
_WHO = ("trust-", "irsa-", "pod-identity-")


def section(finding: Finding) -> Section:
    """Return which question a finding is an answer to."""
    plugin = finding.rule.startswith(("plugin-", "coverage-")) or finding.rule == (
        "managed-policy-attached"
    )
    plugin = plugin or (finding.rule == "unread-resource" and "coverage-lost" in finding.means)
    if plugin or set(finding.means) == {"coverage-lost", "any-change"}:
        return "plugin"
    if "new-access" in finding.means or finding.rule.startswith(_WHO):
        return "access"
    return "other"


def clusters(review: Review) -> list[list[ClusterChange]]:
    """Return the clusters, those together that differ in keys alone, and first what changes."""

    def look(cluster: ClusterChange) -> Hashable:
        keys: dict[str, str] = {}
        texts = " ".join(text for _, text, _ in _rows(replace(cluster, cluster="")))
        return _KEY.sub(lambda match: keys.setdefault(match[0], f"[{len(keys)}]"), texts)

    def stays(alike: list[ClusterChange]) -> bool:
        return not any(changes for _, _, changes in _rows(alike[0]))

    return sorted(grouped(review.clusters, look), key=stays)


def plugin_rows(alike: list[ClusterChange], also: int | None = None) -> Iterator[PluginRow]:
    """Yield the rows about the plugin in the first of some clusters, and names of the others."""
    yield from _rows(alike[0])
    names = [cluster.cluster or _UNNAMED for cluster in alike[1:]]
    if names:
        yield "also", first_of(names, also or len(names)), False


def _rows(cluster: ClusterChange) -> Iterator[PluginRow]:
    modes = dict.fromkeys((cluster.mode_before, cluster.mode_after))
    family = " -> ".join(FAMILIES[mode] for mode in modes)
    yield "cluster", f"{cluster.cluster or _UNNAMED}, {family}", len(modes) > 1
    yield "version", *_version_row(cluster)
    yield "identity", *_identity_row(cluster)


def _version_row(cluster: ClusterChange) -> tuple[str, bool]:
    before, after = cluster.version_before, cluster.version_after
    text = after or before or _UNNAMED
    changes = before != after
    if changes and cluster.installer:
        text = f"{before or 'none in the plan'} -> {after or 'none in the plan'}"
    if cluster.source == "option":
        text += f"; judged by {cluster.judged_after} (--cni-version)"
    elif cluster.source == "newest":
        text += f"; judged by {cluster.judged_after}, the newest known"
    return ", ".join(filter(None, (text, cluster.installer, where(cluster.place)))), changes


def _identity_row(cluster: ClusterChange) -> tuple[str, bool]:
    after = _identity(cluster.after)
    if cluster.after.deleted:
        return f"{after}; the plan deletes {' and '.join(cluster.after.deleted)}", True
    if not cluster.identity_changes and set(cluster.before.roles) == set(cluster.after.roles):
        return (f"{after}, unchanged" if cluster.after.roles else after), False
    before = _identity(cluster.before)
    same = before == after
    return f"{after}, its session policy changes" if same else f"{before} -> {after}", True


def _identity(identity: PluginIdentity) -> str:
    return identity_text(identity) if identity.roles else "not in the plan"


def judged(review: Review) -> str:
    """Return by what policies are judged, such as ``for plugin v1.23.2, ipv4 or ipv6``."""
    if review.clusters:
        return "with the plugin versions that it names"
    return f"for plugin {review.version}, {modes(review)}"


def judged_by(review: Review) -> str:
    """Return by which version the plugin's policies are judged, where no cluster says one."""
    return f"the plan names none; judged by {review.version}, {modes(review)}"


_UNREAD = {
    "unread-resource": "about access",
    "unread-command": "that run commands",
    "unread-resource-policy": "with a policy that changes",
}


def limits(review: Review) -> str:
    """Return what is not known, and what was not read."""
    unknown = [
        subject(change)
        for change in review.changes
        if change.changes
        and change.after.known in ("unknown", "partly known")
        # Of what is only named, the name is what may be unknown.
        and (change.kind not in ("exclusive", "membership") or "known after" in change.attribute)
    ]
    text = "Unknown until apply: nothing."
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        text = f"Unknown until apply: {unknown[0]}{more}."
    rules = [finding.rule for finding in review.findings]
    unread = [f"{n} {what}" for rule, what in _UNREAD.items() if (n := rules.count(rule))]
    if unread:
        text += f" Not read, though it may give access: {', '.join(unread)}."
    if review.others:
        text += f" Not read: {review.others} changing resource"
        text += "s" if review.others > 1 else ""
        text += " of other types, with the policies that they have themselves."
    return text
