"""Findings of a review: typed facts. `vpc_cni_iam.review.report` writes the sentences."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Self, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.levels import Level
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.review.rules import Consequence, Rule

T = TypeVar("T")
# The subject of a finding; None for the resource at its address.
FindingSubject: TypeAlias = IamResource | EksCluster | None


class AboutPrincipals(Struct, frozen=True):
    """Evidence about principals; one finding may be about several."""

    owners: tuple[IamResource, ...]

    @property
    def same(self) -> Self:
        """The evidence without what may differ between principals with the same finding."""
        return replace(self, owners=())


class Finding(Struct, frozen=True):
    """One finding: a rule, a subject and the evidence."""

    rule: Rule
    level: Level
    means: tuple[Consequence, ...]
    subject: FindingSubject
    address: str  # the resource that causes it; empty if it is about the plan as a whole
    attribute: str  # its argument; may be empty
    evidence: Struct  # `says` has the sentences of each type

    def __hash__(self) -> int:
        """Evidence may hold a request, whose context has no hash."""
        return hash((self.rule, self.subject, self.address, self.attribute))


def finding(
    rule: Rule,
    evidence: Struct,
    address: str = "",
    *,
    attribute: str = "",
    subject: FindingSubject = None,
    level: Level | None = None,
    means: Iterable[Consequence] | None = None,
) -> Finding:
    """Return a finding, with the level and the consequences of its rule as defaults."""
    counts_for = rule.means if means is None else tuple(m for m in Consequence if m in {*means})
    return Finding(rule, level or rule.level, counts_for, subject, address, attribute, evidence)


def together(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings about principals, merged if they differ only in the principal."""
    alike: dict[Hashable, list[Finding]] = {}
    for each in findings:
        assert isinstance(each.evidence, AboutPrincipals)  # noqa: S101
        key = (each.rule, each.level, each.means, each.address, each.attribute)
        alike.setdefault((*key, each.evidence.same), []).append(each)
    for same in alike.values():
        owners = tuple(dict.fromkeys(each.subject for each in same))
        evidence = replace(same[0].evidence, owners=owners)
        yield replace(same[0], evidence=evidence, subject=owners[0] if len(owners) == 1 else None)


class Saying(Struct, frozen=True):
    """The sentences of a finding; they have texts from the plan, which are not escaped."""

    message: str  # one or two sentences with everything that matters
    details: tuple[str, ...] = ()  # more lines: an example request, what a denial breaks
    fix: str = ""  # what to do, in the imperative; empty if there is nothing to do


_SENTENCES: dict[type, Callable[[Finding, Any], Saying]] = {}


def says(
    evidence: type[T],
) -> Callable[[Callable[[Finding, T], Saying]], Callable[[Finding, T], Saying]]:
    """Take a function for the one that returns the sentences about a type of evidence."""

    def register(sentence: Callable[[Finding, T], Saying]) -> Callable[[Finding, T], Saying]:
        _SENTENCES[evidence] = sentence
        return sentence

    return register


def say(finding: Finding) -> Saying:
    """Return the sentences of a finding."""
    return _SENTENCES[type(finding.evidence)](finding, finding.evidence)
