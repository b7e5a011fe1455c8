"""The verdicts on a change: its lines, new access, coverage, the nearest document, its size."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from vpc_cni_iam.catalog.facts.calls import Mode

Effect = Literal["gain", "loss", "no-op"]
Verdict = Literal["no new access", "new access", "not proven", "unknown"]


class Line(Struct, frozen=True):
    """One line of the semantic difference."""

    effect: Effect  # ``gain``, ``loss``, or ``no-op``: proven to change nothing
    # The word for it: ``allowed``, ``widened``, ``weakened``, ``no longer denied``,
    # ``no longer allowed``, ``narrowed``, ``tightened``, ``denied``, ``changed``; ``reordered``,
    # ``relabelled``, ``regrouped``, ``respelled``, ``redundant`` of a no-op.
    kind: str
    text: str  # what, such as ``ec2:CreateTags on *``


class Example(Struct, frozen=True):
    """A request that is allowed after and was not before."""

    action: str  # such as ``ec2:DeleteTags``
    resource: str  # the resource's ARN, or ``*``
    principal: str  # the caller, of a trust policy; else empty
    context: tuple[tuple[str, tuple[str, ...]], ...]  # context keys with their values, sorted
    # What of it comes of the policies' patterns alone, so that AWS may have no such thing:
    # ``action``, ``resource``, ``action and resource``, or empty.
    made_up: str = ""


class Access(Struct, frozen=True):
    """Whether a change allows anything that was not allowed before."""

    verdict: Verdict  # ``no new access`` is proven; ``new access`` has a witness
    # The request of the latter, where it may be shown; of ``not proven``, a request that is new in
    # what was read, where not all was.
    witness: Example | None = None
    # Why nothing could be proven, of the other two; of new access, why no request is shown.
    reason: str = ""


class MissingPermission(Struct, frozen=True):
    """A call of the plugin that is no longer allowed, or not allowed."""

    action: str  # such as ``ec2:DescribeSubnets``
    impact: Literal["fatal", "degraded", "none"]  # ``none`` if its denial has no effect
    breaks: str  # what its denial breaks, or when it is called, in words
    evidence: str  # where in the plugin's source it was read
    undecided: bool = False  # whether it is open if it is denied; `breaks` says why
    on: str = ""  # such as ``trunk interface``, if the action is allowed on others


class CoverageChange(Struct, frozen=True):
    """What a change does to what the plugin needs at a version."""

    version: str  # the plugin's version, such as ``v1.23.0``
    mode: Mode
    lost: tuple[MissingPermission, ...]  # what was allowed before and is not after
    lacking: tuple[MissingPermission, ...]  # what is not allowed after, lost or not
    gained: tuple[str, ...]  # what was not allowed before and is after


class Nearest(Struct, frozen=True):
    """The document of the catalog that a policy equals or comes nearest to."""

    name: str  # such as ``ipv4-scoped of 2022-01-31`` or ``AmazonEKS_CNI_Policy v6``
    variant: str  # the variant, ``managed`` for AWS's managed policy
    equal: bool  # whether IAM reads the two alike
    # The names that the policy has in place of the document's placeholders, such as ``cluster_name
    # = prod``.
    filled: tuple[str, ...]
    differences: tuple[str, ...]  # how the policy differs from it, in words


class Size(Struct, frozen=True):
    """A size beside its limit."""

    what: str  # what is measured, such as ``managed policy`` or ``inline policies of the role``
    size: int  # characters without white space
    limit: int  # IAM's limit

    @property
    def over(self) -> bool:
        """Whether IAM will refuse it."""
        return self.size > self.limit
