"""What is said of a change: its lines, new access, coverage, the nearest document, its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Effect = Literal["gain", "loss", "no-op"]
Verdict = Literal["no new access", "new access", "not proven", "unknown"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the semantic difference.

    Args:
        effect: ``gain``, ``loss``, or ``no-op``: proven to change nothing.
        kind: The word for it: ``gained``, ``widened``, ``weakened``, ``undenied``, ``lost``,
            ``narrowed``, ``tightened``, ``denied``, ``changed``; ``reordered``, ``relabelled``,
            ``regrouped``, ``respelled``, ``redundant`` of a no-op.
        text: What, such as ``ec2:CreateTags on *``.
    """

    effect: Effect
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """A request that is allowed after and was not before.

    Args:
        action: Such as ``ec2:DeleteTags``.
        resource: The resource's ARN, or ``*``.
        principal: The caller, of a trust policy; else empty.
        context: Context keys with their values, sorted.
        made_up: What of it comes of the policies' patterns alone, so that AWS may have no such
            thing: ``action``, ``resource``, ``action and resource``, or empty.
    """

    action: str
    resource: str
    principal: str
    context: tuple[tuple[str, tuple[str, ...]], ...]
    made_up: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a change allows anything that was not allowed before.

    Args:
        verdict: ``no new access`` is proven; ``new access`` has a witness.
        witness: The request of the latter, where it may be shown; of ``not proven``, a request that
            is new in what was read, where not all was.
        reason: Why nothing could be proven, of the other two; of new access, why no request is
            shown.
    """

    verdict: Verdict
    witness: Example | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MissingPermission:
    """A call of the plugin that is no longer allowed, or not allowed.

    Args:
        action: Such as ``ec2:DescribeSubnets``.
        impact: ``fatal`` or ``degraded``.
        breaks: What its denial breaks, or when it is called, in words.
        evidence: Where in the plugin's source it was read.
    """

    action: str
    impact: Literal["fatal", "degraded"]
    breaks: str
    evidence: str


@dataclass(frozen=True, slots=True)
class CoverageChange:
    """What a change does to what the plugin needs at a version.

    Args:
        version: The plugin's version, such as ``v1.23.0``.
        mode: ``ipv4`` or ``ipv6``.
        lost: What was allowed before and is not after.
        lacking: What is not allowed after, lost or not.
        gained: What was not allowed before and is after.
    """

    version: str
    mode: str
    lost: tuple[MissingPermission, ...]
    lacking: tuple[MissingPermission, ...]
    gained: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The document of the catalog that a policy equals or comes nearest to.

    Args:
        name: Such as ``ipv4-scoped of 2022-01-31`` or ``AmazonEKS_CNI_Policy v6``.
        variant: The variant, ``managed`` for AWS's managed policy.
        equal: Whether IAM reads the two alike.
        filled: The names that the policy has in place of the document's placeholders, such as
            ``cluster_name = prod``.
        differences: How the policy differs from it, in words.
    """

    name: str
    variant: str
    equal: bool
    filled: tuple[str, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """A size beside its limit.

    Args:
        what: What is measured, such as ``managed policy`` or ``inline policies of the role``.
        size: Characters without white space.
        limit: IAM's limit.
    """

    what: str
    size: int
    limit: int

    @property
    def over(self) -> bool:
        """Whether IAM will refuse it."""
        return self.size > self.limit
