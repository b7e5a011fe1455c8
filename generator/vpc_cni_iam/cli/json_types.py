"""The types of what each command prints with ``--format json``, and their schemas."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# The types of the values that a command prints; one with several modes prints one of several.
TYPES = {
    "generate": ("files.tree:TreeChanges",),
    "policy": ("policy.document:PolicyDocument",),
    "verify": ("verifying.verify:VerificationData",),
    "catalog": ("versions.listing:CatalogData",),
    "init": ("files.tree:FileChange",),
    "sync": ("vendoring.report.shown:ShownSyncs",),
    "check": ("vendoring.report.shown:ShownChecks",),
    "accept": ("vendoring.report.shown:ShownAccept",),
    "upgrade": ("vendoring.report.shown:ShownUpgrade",),
    "review": ("review.report.shown:ShownReview",),
    "compare": ("comparing.shown:ShownComparison",),
    "coverage": ("coverage.shown:ShownCoverage", "coverage.shown:ShownMatrix"),
    "audit": ("audit.audit:Audit",),
    "explain": ("explain.explain:Explanations",),
    "preflight": ("preflight.findings:Preflight",),
    "convert": ("converting.batch:Batch",),
    "publish": ("publishing.publish:PublishData",),
}


def schema(command: str) -> dict[str, Any]:
    """Return the JSON Schema of what a command prints with ``--format json``."""
    from vpc_cni_iam import json_schema

    names = (name.split(":") for name in TYPES[command])
    kinds = (getattr(import_module(f"vpc_cni_iam.{module}"), name) for module, name in names)
    return json_schema.schema(f"What vpc-cni-iam {command} prints with --format json", *kinds)
