"""The reports of a review by their names; `report` has a module for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from vpc_cni_iam import formats
from vpc_cni_iam.review.findings import Review

PACKAGE = "vpc_cni_iam.review.report"
Forge = Literal["github", "gitlab", "bitbucket"]
FORGES: tuple[Forge, ...] = ("github", "gitlab", "bitbucket")


@dataclass(frozen=True, slots=True)
class Setting:
    """What reports depend on besides the review.

    Args:
        forge: Where they are read; None for nowhere in particular.
        prefix: Where the root module is in its repository, with forward slashes.
        width: How wide lines of text may be, None where they may be of any length.
        colour: Whether text is in colour.
        details: Whether text has all details.
    """

    forge: Forge | None = None
    prefix: str = ""
    width: int | None = None
    colour: bool = False
    details: bool = False


def _write(name: str, review: Review, setting: Setting) -> str:
    text: str = formats.load(PACKAGE, name).write(review, setting)
    return text


REPORTS: dict[str, Callable[[Review, Setting], str]] = {
    name: partial(_write, name) for name in formats.names(PACKAGE)
}
