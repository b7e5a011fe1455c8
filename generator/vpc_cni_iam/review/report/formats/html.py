"""A review as one page of HTML: the verdict and the findings first, details folded.

It needs no other file, no network and no script. The template escapes every text, and `sanitise`
shows control characters.
"""

from __future__ import annotations

import base64
import hashlib

from vpc_cni_iam import markup, resources
from vpc_cni_iam.escape import sanitise
from vpc_cni_iam.markup import Markup
from vpc_cni_iam.review.report import words
from vpc_cni_iam.review.report.rule_texts import rules_of
from vpc_cni_iam.review.report.shown import ShownReview
from vpc_cni_iam.review.report.words import Section
from vpc_cni_iam.review.report_formats import Setting

_FOLDER = "review/report"
_ALSO = 8


def write(review: ShownReview, _setting: Setting) -> str:
    """Return a review in this format; it is ASCII."""
    groups = words.in_sections(review)
    answers = {part: words.answer_to(part, review, groups[part]) for part in Section}
    style = resources.text(f"{_FOLDER}/page.css")
    return markup.fill(
        f"{_FOLDER}/page.html.jinja",
        also_shown=_ALSO,
        answers=answers,
        counted=words.counted_with_ignored(review),
        digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        last_line=words.last_line(review, names=None),
        others_of=lambda alike: list(map(words.in_cluster, alike[1:])),
        owners=list(words.grouped(words.policies(review), lambda alike: alike[0].owner)),
        plain=sanitise,
        plugins=words.plugins(review),
        result="fails" if review.failed else "passes",
        review=review,
        rules=rules_of(review),
        sections=groups,
        style=Markup(style),
        title=f"IAM review of {review.plan}",
        unchanged=words.UNCHANGED,
        words=words,
    )
