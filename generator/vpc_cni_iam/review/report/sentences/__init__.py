"""The sentences of findings: a module for each question, a function for each evidence type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vpc_cni_iam.review.checks.drift import Drifted
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.sentences import (
    access,
    credentials,
    ignore_file,
    plan,
    plugin,
    plugin_setup,
    trust,
)

_SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    **plugin.SENTENCES,
    **plugin_setup.SENTENCES,
    **access.SENTENCES,
    **trust.SENTENCES,
    **credentials.SENTENCES,
    **plan.SENTENCES,
    **ignore_file.SENTENCES,
}


def say(finding: Finding) -> Saying:
    """Return the sentences of a finding."""
    if isinstance(finding.evidence, Drifted):
        return plan.drifted(finding.evidence, say(finding.evidence.finding))
    return _SENTENCES[type(finding.evidence)](finding, finding.evidence)
