"""Which documents that projects publish a policy was, or becomes."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.catalog.known_documents import KnownDocument
from vpc_cni_iam.review.account.iam_resource import InPlan
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.principals import principal_changes
from vpc_cni_iam.review.diff.published import documents_of, published_by
from vpc_cni_iam.review.findings import AboutPrincipals, Finding, finding
from vpc_cni_iam.review.rules import Rule


class PublishedDocuments(AboutPrincipals, frozen=True):
    """The published documents that a policy equals, the newest first; none on one side at most."""

    before: tuple[KnownDocument, ...]
    after: tuple[KnownDocument, ...]


def check(context: Context) -> Iterator[Finding]:
    """Yield what is published of the two sides of each policy that changes."""
    seen: set[tuple[str, str]] = set()
    for change in principal_changes(context):
        for each in change.grants:
            grant = each.after
            if grant is None or each.before is None or published_by(each):
                continue  # the finding about the access names the document
            place = (grant.address, grant.attribute)
            if grant.policy is not None:
                place = (grant.policy.address if isinstance(grant.policy, InPlan) else "", "policy")
            before, after = documents_of(each.before), documents_of(grant)
            if place[0] and place not in seen and (before or after):
                seen.add(place)
                evidence = PublishedDocuments((change.owner,), before, after)
                yield finding(Rule.PUBLISHED, evidence, place[0], attribute=place[1])
