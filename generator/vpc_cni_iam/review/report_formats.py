"""The report formats by name; `report.formats` has a module for each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

from msgspec import Struct

from vpc_cni_iam import formats
from vpc_cni_iam.review.report.shown import ShownReview

PACKAGE = "vpc_cni_iam.review.report.formats"
ForgeName = Literal["github", "gitlab", "bitbucket"]
FORGES: tuple[ForgeName, ...] = ("github", "gitlab", "bitbucket")


class Setting(Struct, frozen=True):
    """The settings of a report."""

    forge: ForgeName | None = None  # the forge that shows it; None for no particular one
    prefix: str = ""  # where the root module is in its repository, with forward slashes
    width: int | None = None  # the width of lines of text; None for any length
    colour: bool = False  # whether text is in colour
    details: bool = False  # whether text has all details


def pieces(name: str, review: ShownReview, setting: Setting) -> Iterator[str]:
    """Yield a report in pieces, so that a large one is not in memory as a whole."""
    module = formats.load(PACKAGE, name)
    if hasattr(module, "pieces"):
        yield from module.pieces(review, setting)
    else:
        yield module.write(review, setting)


def write(name: str, review: ShownReview, setting: Setting) -> str:
    """Return a report."""
    return "".join(pieces(name, review, setting))


REPORTS = {name: partial(write, name) for name in formats.names(PACKAGE)}
