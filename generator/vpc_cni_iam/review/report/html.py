"""A review as one page of HTML: what was found, what each role may do, what changes.

It needs no other file and no network, and says all it has to say without its script, which only
filters. The template escapes every text, and `sanitise` makes what a plan holds visible.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from vpc_cni_iam import markup, resources
from vpc_cni_iam.coverage.report.html import page_style
from vpc_cni_iam.escape import sanitise
from vpc_cni_iam.markup import Markup
from vpc_cni_iam.review import permission_table as permissions
from vpc_cni_iam.review import wording
from vpc_cni_iam.review.findings import Finding, Review
from vpc_cni_iam.review.report_formats import Setting

_ALSO = 8


def write(review: Review, _setting: Setting) -> str:
    """Return a review in this format; it is ASCII."""
    rule_ids = {f.rule for f in review.findings} | {i.finding.rule for i in review.ignored}
    rules = [rule for rule in review.rules if rule.id in rule_ids]
    groups = list(wording.grouped(review.findings, wording.look))
    roles = list(permissions.roles(review))
    sections = {
        "findings": groups or review.ignored or review.clusters,
        "permissions": roles,
        "changes": True,
        "rules": rules,
    }
    return markup.fill(
        "review/report/page.html.jinja",
        about=wording.about,
        also_shown=_ALSO,
        changes=[
            (group[0], [change.address for change in group[1:]])
            for group in wording.changed(review)
        ],
        counts_for=wording.counts_for,
        counted=wording.counted_with_ignored(review),
        digest=_digest,
        is_calm=wording.is_calm,
        judged=wording.judged(review),
        limits=wording.limits(review),
        place_text=wording.where,
        plain=sanitise,
        questions=list(_questions(review, groups)),
        result="fails" if review.failed else "passes",
        review=review,
        roles=roles,
        row_kinds=permissions.KINDS,
        rules=rules,
        script=Markup(resources.text("review/page.js")),
        sections=[name for name, content in sections.items() if content],
        signs=wording.SIGNS,
        style=Markup(page_style() + resources.text("review/page.css")),
        subject=wording.subject,
        title=f"IAM review of {review.plan}",
    )


def _digest(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _questions(
    review: Review, groups: list[list[Finding]]
) -> Iterator[tuple[str, list[list[wording.PluginRow]], list[tuple[Finding, list[str]]]]]:
    """Yield the headings that have an answer: what is said of each cluster, and findings."""
    for section, heading in wording.SECTIONS.items():
        answers = [
            (group[0], [wording.subject(finding) for finding in group[1:]])
            for group in groups
            if wording.section(group[0]) == section
        ]
        clusters = wording.clusters(review) if section == "plugin" else []
        if answers or clusters:
            yield heading, [list(wording.plugin_rows(alike)) for alike in clusters], answers
