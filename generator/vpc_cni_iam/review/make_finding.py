"""How a finding is made and what it says: lines, example requests, sizes, calls that are lost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.review.diff.changes import Change, PrincipalChange
from vpc_cni_iam.review.diff.plugin import PluginIdentity
from vpc_cni_iam.review.diff.verdicts import CoverageChange, Example, Line, MissingPermission, Size
from vpc_cni_iam.review.findings import BY_ID, Finding, Level, Meaning

_MOST = 20
_IDENTITIES = {
    "pod-identity": "EKS Pod Identity",
    "irsa": "IRSA",
    "node-role": "the node role",
    "unknown": "",
}


def finding(
    rule: str,
    message: str,
    address: str = "",
    *,
    attribute: str = "",
    details: tuple[str, ...] = (),
    level: Level | None = None,
    means: tuple[Meaning, ...] | None = None,
) -> Finding:
    """Return a finding of a rule, with its level and meaning unless others are given.

    The place of its address is added when all checks are done.
    """
    known = BY_ID[rule]
    key = "\0".join((rule, address, attribute))
    return Finding(
        rule,
        level or known.level,
        known.means if means is None else means,
        address,
        attribute,
        _sentence(message),
        details,
        None,
        hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:16],
    )


def _sentence(message: str) -> str:
    """Return a message that begins with a capital, unless an address or a quoted text does."""
    return message[:1].upper() + message[1:] if message.partition(" ")[0].isalpha() else message


def lines_of(change: Change, effect: Literal["gain", "loss"]) -> tuple[Line, ...]:
    """Return the lines of a change that add access, or that take it away."""
    return tuple(line for line in change.lines if line.effect == effect)


_KINDS = {
    "trust": "The trust policy",
    "attachment": "The attachment",
    "boundary": "The permissions boundary",
    "exclusive": "An exclusive list",
    "membership": "The membership",
}


def kind_of(change: Change) -> str:
    """Return what a change is about, at the beginning of a sentence."""
    if change.bounds and not change.principals:
        return f"The permissions boundary of {first_of(change.bounds)}"
    return _KINDS.get(change.kind, "The policy")


def finding_of(
    change: Change,
    rule: str,
    message: str,
    details: tuple[str, ...] = (),
    level: Level | None = None,
    means: tuple[Meaning, ...] | None = None,
) -> Finding:
    """Return a finding about a change; see `finding`."""
    return finding(
        rule,
        message,
        change.address,
        attribute=change.attribute,
        details=details,
        level=level,
        means=means,
    )


def coverage_findings(
    coverage: CoverageChange,
    address: str,
    attribute: str = "",
    *,
    new: bool,
    unknown: tuple[str, ...] = (),
    unsure: bool = False,
    others: Sequence[str] = (),
) -> Iterator[Finding]:
    """Yield what the plugin can no longer do, or cannot do.

    `new` is whether there was nothing before, so that what is lacking is of this plan's making.
    `unknown` has policies whose documents are not known, which may allow it after all, and `unsure`
    is whether any of them changes, too, so that nothing is lost for certain. `others` has roles
    that the plugin may have in place of this one.
    """
    plugin = f"The plugin {coverage.version} ({FAMILIES[coverage.mode]})"
    unless, unsure = _unless(unknown, others), unsure or bool(others)

    def of(
        rule: str, lacks: Sequence[MissingPermission], level: Level, sure: str, doubtful: str
    ) -> Iterator[Finding]:
        if lacks:
            doubt = (unsure and rule == "coverage-lost") or are_undecided(lacks)
            calls = ", ".join(" on the ".join(filter(None, (k.action, k.on))) for k in lacks)
            yield finding(
                rule,
                f"{plugin} {doubtful if doubt else sure} {calls}{unless}",
                address,
                attribute=attribute,
                details=tuple(f"{lack.action}: {lack.breaks}" for lack in lacks),
                level="warning" if doubt and level == "error" else level,
            )

    levels: dict[str, Level] = {"fatal": "error", "degraded": "warning", "none": "note"}
    for impact, level in levels.items():
        lost = [lack for lack in coverage.lost if lack.impact == impact]
        yield from of("coverage-lost", lost, level, "can no longer call", "may no longer call")
    if new:
        lacking = [lack for lack in coverage.lacking if lack.impact == "fatal"]
        yield from of(
            "coverage-lacking", lacking, "warning", "cannot call", "may be unable to call"
        )


def _unless(unknown: Sequence[str], others: Sequence[str]) -> str:
    reasons = [f"{' or '.join(unknown)} allows it"] if unknown else []
    reasons += [f"aws-node has {first_of(others, 1)}"] if others else []
    return f", unless {' or '.join(reasons)}" if reasons else ""


def are_undecided(lacks: Iterable[MissingPermission]) -> bool:
    """Say whether none of the calls is denied for certain."""
    return all(lack.undecided for lack in lacks)


def may_gain_access(principal: PrincipalChange | None) -> bool:
    """Say whether somebody may do more by all policies together, as far as is known."""
    if principal is None or principal.access is None:
        return principal is None
    return principal.access.verdict != "no new access"


def identity_text(identity: PluginIdentity) -> str:
    """Return an identity of aws-node in words, such as ``aws_iam_role.cni (IRSA)``."""
    if not identity.roles:
        return "an identity that the plan does not show"
    limited = f", limited by {' and '.join(identity.sessions)}" if identity.sessions else ""
    return f"{' and '.join(identity.roles)} ({_IDENTITIES[identity.kind]}{limited})"


def oversize_text(size: Size) -> str:
    """Return what is too large, in a sentence."""
    return f"The {size.what}: {size.size} characters without white space; IAM takes {size.limit}"


def line_texts(lines: tuple[Line, ...]) -> tuple[str, ...]:
    """Return lines of a difference as text, the first of them."""
    texts = tuple(f"{line.kind}: {line.text}" for line in lines[:_MOST])
    more = len(lines) - len(texts)
    return (*texts, f"and {more} more") if more > 0 else texts


def example_text(witness: Example) -> str:
    """Return a request that is newly allowed, in words."""
    # What a trust policy is about is the role itself, which its requests need not name.
    by = f"by {witness.principal}" if witness.principal else f"on {witness.resource}"
    text = f"{witness.action} {by}"
    if witness.context:
        text += " with " + ", ".join(f"{k} = {' or '.join(v)}" for k, v in witness.context)
    if witness.made_up:
        text += f" ({witness.made_up} made up from the policy's patterns)"
    return text
