"""Findings of a review: typed facts. `vpc_cni_iam.review.report` writes the sentences."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.levels import Level
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.review.rules import Consequence, Rule

# The subject of a finding; None for the resource at its address.
FindingSubject: TypeAlias = IamResource | EksCluster | None


class AboutPrincipals(Struct, frozen=True):
    """Evidence about principals; one finding may be about several."""

    owners: tuple[IamResource, ...]


class Finding(Struct, frozen=True):
    """One finding: a rule, a subject and the evidence."""

    rule: Rule
    level: Level
    means: tuple[Consequence, ...]
    subject: FindingSubject
    address: str  # the resource that causes it; empty if it is about the plan as a whole
    attribute: str  # its argument; may be empty
    # Each type has one function in `vpc_cni_iam.review.report.sentences`.
    evidence: Struct

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


_OF_ONE = {"owners": (), "example": None}  # the fields of evidence that differ between principals


def together(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings about principals, merged if they differ only in the principal."""
    alike: dict[Hashable, list[Finding]] = {}
    for each in findings:
        # Examples may differ although the statements are the same.
        own = {k: v for k, v in _OF_ONE.items() if k in each.evidence.__struct_fields__}
        key = (each.rule, each.level, each.means, each.address, each.attribute)
        alike.setdefault((*key, replace(each.evidence, **own)), []).append(each)
    for same in alike.values():
        owners = tuple(dict.fromkeys(each.subject for each in same))
        evidence = replace(same[0].evidence, owners=owners)
        yield replace(same[0], evidence=evidence, subject=owners[0] if len(owners) == 1 else None)
