"""Turns the typed findings of a review into plain data with sentences."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import TypeAlias

from msgspec.structs import replace

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.levels import Level
from vpc_cni_iam.names import resolve
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.review.checks.boundaries import BOUNDARY_WEAKENED
from vpc_cni_iam.review.checks.drift import DRIFT
from vpc_cni_iam.review.checks.hidden_policies import UNREADABLE
from vpc_cni_iam.review.checks.new_access import ADMIN, NEW_ACCESS, Gain
from vpc_cni_iam.review.checks.plugin import PLUGIN_REMOVED
from vpc_cni_iam.review.checks.sizes import SIZE_LIMIT
from vpc_cni_iam.review.checks.trust import TRUST_WIDENED
from vpc_cni_iam.review.checks.trust_anybody import TRUST_ANYBODY
from vpc_cni_iam.review.diff.harm import HarmRank
from vpc_cni_iam.review.diff.not_shown import NotShownKind, not_shown
from vpc_cni_iam.review.diff.plugin.answers import plugin_answers
from vpc_cni_iam.review.diff.plugin.roles import only_identities
from vpc_cni_iam.review.diff.principal_tags import tags_not_read
from vpc_cni_iam.review.findings import Finding, FindingSubject, say
from vpc_cni_iam.review.ignore import Ignored
from vpc_cni_iam.review.locate import SourcePlace
from vpc_cni_iam.review.report import words
from vpc_cni_iam.review.report.plugins import shown_plugin
from vpc_cni_iam.review.report.policies import shown_policies
from vpc_cni_iam.review.report.shown import ShownFinding, ShownIgnored, ShownReview
from vpc_cni_iam.review.rules import Consequence, every
from vpc_cni_iam.review.run import Review
from vpc_cni_iam.review.texts.names import name_of

Locate: TypeAlias = Callable[[str], SourcePlace | None]
# What IAM certainly refuses, then the most harmful; the others are in the order of the rules.
_HARM = (
    *(SIZE_LIMIT, UNREADABLE, ADMIN, TRUST_ANYBODY, TRUST_WIDENED, BOUNDARY_WEAKENED),
    *(NEW_ACCESS, PLUGIN_REMOVED),
)
_ORDER = {rule: number for number, rule in enumerate(dict.fromkeys((*_HARM, *every())))}
_NOT_SHOWN = {
    NotShownKind.INLINE_POLICIES: "inline policies of dynamic blocks in new roles",
    NotShownKind.REFERENCES: "values known after apply, taken as what they refer to",
}


def check_fail_on(values: Iterable[str]) -> tuple[str, ...]:
    """Return the values of ``--fail-on`` without repeats, or raise `UsageError`."""
    known = (*Consequence, *Level)
    return tuple(dict.fromkeys(resolve(value, known, "--fail-on", "--fail-on") for value in values))


def shown(review: Review, fail_on: tuple[str, ...] = (Level.WARNING.value,)) -> ShownReview:
    """Return a review as data."""
    place = review.context.locator.place
    context, plan = review.context, review.context.plan
    order = sorted(review.findings, key=lambda finding: _harm(finding, fail_on))
    findings = [_finding(finding, place) for finding in order]
    # Whoever changed something outside of the configuration is not named in a fix.
    drifted = {(f.address, f.attribute) for f in findings if f.rule is DRIFT}
    for number, each in enumerate(findings):
        if each.rule is not DRIFT and (each.address, each.attribute) in drifted:
            fix = f"Look at what was changed in {each.address} outside of the configuration"
            findings[number] = replace(each, fix=fix if each.fix else "")
    plugins = map(shown_plugin, plugin_answers(context))
    ignored = tuple(_ignored(ignored, place) for ignored in review.ignored)
    hidden = not_shown(context)
    tagged = tuple(f"{address} (tags)" for address in tags_not_read(context))
    read = only_identities(context)
    not_read = (*(n for n in plan.counts.not_read if n.partition(" ")[0] not in read), *tagged)
    return ShownReview(
        plan=plan.source,
        engine=plan.version,
        fail_on=fail_on,
        failed=any(words.fails(finding, fail_on) for finding in findings),
        plugins=tuple(dict.fromkeys(plugins)),
        findings=tuple(findings),
        ignored=ignored,
        policies=tuple(shown_policies(context, place)),
        rules=(),
        read=plan.counts.read + len(plan.counts.not_read) - len(not_read),
        not_read=not_read,
        others=plan.counts.others,
        not_shown=tuple(f"{_NOT_SHOWN[p.kind]} ({first_of(p.addresses, 1)})" for p in hidden),
    )


def _finding(finding: Finding, place: Locate) -> ShownFinding:
    saying = say(finding)
    key = "\0".join((finding.rule, finding.address, finding.attribute))
    return ShownFinding(
        finding.rule,
        finding.level,
        finding.means,
        _subject(finding.subject),
        finding.address,
        finding.attribute,
        _sentence(saying.message),
        saying.details,
        saying.fix,
        place(finding.address),
        hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:16],
    )


def _sentence(message: str) -> str:
    """Return a message with a capital, unless it begins with an address or another name."""
    return message[:1].upper() + message[1:] if message.partition(" ")[0].isalpha() else message


def _subject(subject: FindingSubject) -> str:
    match subject:
        case None:
            return ""
        case EksCluster(name):
            return name
    return name_of(subject)


def _ignored(ignored: Ignored, place: Locate) -> ShownIgnored:
    until = ignored.entry.until
    last_day = until.isoformat() if until else ""
    return ShownIgnored(_finding(ignored.finding, place), ignored.entry.reason, last_day)


def _harm(finding: Finding, fail_on: tuple[str, ...]) -> tuple[object, ...]:
    """Return the key that sorts findings: by severity, then by harm."""
    level = -finding.level.rank, not words.fails(finding, fail_on)
    if finding.level is Level.NOTE:  # the notes of a role stay together
        place = _subject(finding.subject), finding.address, finding.attribute
        return *level, _ORDER[finding.rule], *place
    harm, destroys = HarmRank.CHANGE, False
    match finding.evidence:
        case Gain(parts=[first, *_] as parts):
            harm, destroys = first.harm, any(part.destroys for part in parts)
    about = finding.address, finding.attribute
    return *level, _ORDER[finding.rule], harm, not destroys, *about
