"""Reviews in the formats that people and programs read, as they are stored."""

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from conftest import Stored
from shown_reviews import (
    BROKEN,
    CLEAN,
    NEW_ACCESS,
    PLUGIN,
    POLICY,
    REWRITTEN,
    example,
    review,
)
from vpc_cni_iam.review.report.formats import html, junit, markdown, sarif, text
from vpc_cni_iam.review.report.shown import ShownIgnored, ShownReview
from vpc_cni_iam.review.report_formats import Setting

AGREED = ShownIgnored(CLEAN, "agreed", "2099-12-31")
MANY_CLUSTERS = [replace(PLUGIN, cluster=f"c{n}", version_before=f"v1.{n}.0") for n in range(6)]
NO_FACTS = replace(PLUGIN, version_before="", identity_before="unknown", identity_after="unknown")
REVIEWS = {
    "example": example(),
    "no findings": review(),
    "a finding that changes nothing": review(REWRITTEN),
    "notes": review(REWRITTEN, CLEAN),
    "ten alike": review(
        *(replace(NEW_ACCESS, address=f"aws_iam_policy.p[{n}]") for n in range(10)),
        policies=tuple(replace(POLICY, owner=f"aws_iam_role.r[{n}]") for n in range(10)),
        ignored=(AGREED,),
    ),
    "many details": review(replace(NEW_ACCESS, details=tuple(f"detail {n}" for n in range(9)))),
    "clusters alike": review(plugins=(*(replace(PLUGIN, cluster=c) for c in "abc"), BROKEN)),
    "clusters that differ": review(plugins=tuple(MANY_CLUSTERS)),
    "a plugin without facts": review(plugins=(NO_FACTS,)),
    "not read": review(read=0, not_read=("a.b", "c.d", "e.f")),
}


def page(shown: ShownReview, setting: Setting) -> str:
    """The page without its style."""
    return re.sub(r"(?s)<style>.*?</style>", "<style></style>", html.write(shown, setting))


@pytest.mark.parametrize(
    ("name", "write", "setting"),
    [
        ("review.txt", text.write, Setting()),
        ("review-details.txt", text.write, Setting(details=True)),
        ("review.md", markdown.write, Setting()),
        ("review-bitbucket.md", markdown.write, Setting("bitbucket")),
        ("review-html.txt", page, Setting()),
        ("review-junit.txt", junit.write, Setting("gitlab", "live/eu")),
    ],
)
def test_reports(
    name: str, write: Callable[[ShownReview, Setting], str], setting: Setting, stored: Stored
) -> None:
    stored(name, {about: write(shown, setting) for about, shown in REVIEWS.items()})


def test_sarif(stored: Stored) -> None:
    shown = review(NEW_ACCESS, ignored=(AGREED,))
    stored("review.sarif", sarif.write(shown, Setting(prefix="live/eu")))
