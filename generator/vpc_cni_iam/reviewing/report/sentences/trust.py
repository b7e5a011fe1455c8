"""Sentences about who can assume a role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vpc_cni_iam.reviewing.findings import Finding
from vpc_cni_iam.reviewing.report.saying import Saying

SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {}
