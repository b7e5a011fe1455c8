"""Coverage as JSON."""

from __future__ import annotations

from vpc_cni_iam import json_output
from vpc_cni_iam.coverage.analysis.cover import Coverage
from vpc_cni_iam.coverage.analysis.matrix import Matrix
from vpc_cni_iam.coverage.shown import shown_coverage, shown_matrix
from vpc_cni_iam.coverage.subject import Subject


def version(subject: Subject, coverage: Coverage, *, verbose: bool) -> str:
    """Return the report about one version; it is complete without ``verbose``."""
    del verbose
    return json_output.dumps(shown_coverage(subject, coverage)) + "\n"


def matrix(subject: Subject, matrix: Matrix, *, verbose: bool) -> str:
    """Return the report about every version; it is complete without ``verbose``."""
    del verbose
    return json_output.dumps(shown_matrix(subject, matrix)) + "\n"
