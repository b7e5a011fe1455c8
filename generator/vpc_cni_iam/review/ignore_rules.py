"""The rules about the ignore file."""

from __future__ import annotations

from vpc_cni_iam.review.findings import rule

RULES = (
    rule(
        "ignore-expired",
        "warning",
        "",
        "An entry of the ignore file has expired.",
        "Its findings count again. Fix its findings, or give it a new date and a reason.",
    ),
    rule(
        "ignore-unused",
        "note",
        "",
        "An entry of the ignore file matches no finding.",
        "Take it out, so that it hides nothing later.",
    ),
)
