"""Placeholder."""

from __future__ import annotations

from vpc_cni_iam.coverage.matrix import Matrix
from vpc_cni_iam.coverage.subject import Subject


def svg(subject: Subject, matrix: Matrix) -> str:
    return ""


def html(subject: Subject, matrix: Matrix) -> str:
    return ""
