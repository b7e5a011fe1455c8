"""The reports of a review by their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vpc_cni_iam.review import (
    html_report,
    json_report,
    junit_report,
    markdown_report,
    sarif_report,
)
from vpc_cni_iam.review.findings import Review


@dataclass(frozen=True, slots=True)
class Setting:
    """What reports depend on besides the review.

    Args:
        forge: Where they are read; None for nowhere in particular.
        prefix: Where the root module is in its repository, with forward slashes.
    """

    forge: markdown_report.Forge | None = None
    prefix: str = ""


def _markdown(review: Review, setting: Setting) -> str:
    return markdown_report.report(review, setting.forge or "github")


def _sarif(review: Review, setting: Setting) -> str:
    return sarif_report.report(review, setting.prefix, suppressed=setting.forge != "github")


def _junit(review: Review, setting: Setting) -> str:
    return junit_report.report(review, setting.prefix if setting.forge == "gitlab" else None)


REPORTS: dict[str, Callable[[Review, Setting], str]] = {
    "json": lambda review, _: json_report.report(review),
    "markdown": _markdown,
    "sarif": _sarif,
    "junit": _junit,
    "html": lambda review, _: html_report.report(review),
}
