"""Coverage as JSON."""

from __future__ import annotations

import json

from vpc_cni_iam.coverage import matrix_wording
from vpc_cni_iam.coverage.analysis.cover import Coverage
from vpc_cni_iam.coverage.analysis.matrix import Matrix
from vpc_cni_iam.coverage.analysis.risks import Risk
from vpc_cni_iam.coverage.report import text
from vpc_cni_iam.coverage.subject import Subject


def release(subject: Subject, coverage: Coverage, risks: tuple[Risk, ...], *, verbose: bool) -> str:
    """Return the report about one release; it is complete without ``verbose``."""
    del verbose
    return json.dumps(text.data(subject, coverage, risks), indent=2) + "\n"


def matrix(subject: Subject, matrix: Matrix, *, verbose: bool) -> str:
    """Return the report about every release; it is complete without ``verbose``."""
    del verbose
    return json.dumps(matrix_wording.data(subject, matrix), indent=2) + "\n"
