"""Distinguishes a plan's JSON from other JSON of engines, by its top-level keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vpc_cni_iam.errors import InputError

MAKE = "make one with: terraform show -json PLANFILE (or tofu show -json PLANFILE)"
_LOG = (
    "is the log of terraform plan -json, not a plan; "
    "save one with -out=PLANFILE, then print it with: terraform show -json PLANFILE"
)
# Source: HashiCorp, "JSON Output Format": 1.2 came with Terraform 1.7.
_KNOWN_MINORS = ("", "0", "1", "2")
# The members of a plan; those about changes are read.
MEMBERS = frozenset(
    (
        *("format_version", "terraform_version", "variables", "planned_values", "proposed_unknown"),
        *("resource_drift", "resource_changes", "deferred_changes", "output_changes", "complete"),
        *("prior_state", "configuration", "relevant_attributes", "checks", "timestamp", "errored"),
        *("applyable", "action_invocations", "deferred_action_invocations"),
    )
)
ACTIONS = frozenset({"no-op", "create", "read", "update", "delete", "forget"})


def check(fields: Mapping[str, Any], source: str) -> None:
    """Refuse anything but a plan of a known format, and say what it is."""
    if "@level" in fields:
        raise InputError(source, "", _LOG)
    if "serial" in fields or ("values" in fields and "configuration" not in fields):
        raise InputError(source, "", f"is a state, not a plan: it has no changes; {MAKE}")
    version = fields.get("format_version")
    if version is None or "configuration" not in fields:
        raise InputError(source, "", f"is JSON, but not that of a plan; {MAKE}")
    if str(version).partition(".")[0] not in ("0", "1"):
        problem = (
            f"is {str(version)[:80]!r}; the formats 0.1 to 1.x are known, of Terraform 0.12 on and "
            "OpenTofu; update vpc-cni-iam"
        )
        raise InputError(source, "$.format_version", problem)
    if fields.get("errored"):
        problem = (
            "planning ended in an error, so the plan is not complete; fix the error and plan again"
        )
        raise InputError(source, "$.errored", problem)
    # Engines compute planned values from changes: a resource with planned values has a change.
    if fields.get("planned_values") and not fields.get("resource_changes"):
        problem = f"is missing or empty, but planned_values has resources: it is filtered; {MAKE}"
        raise InputError(source, "$.resource_changes", problem)


def is_newer_format(version: str) -> bool:
    """Return whether a format 1.x may have unknown members."""
    major, _, minor = version.partition(".")
    return major == "1" and minor not in _KNOWN_MINORS


def after(fields: Mapping[str, Any]) -> str:
    """Return the problem if more text follows."""
    return _LOG if "@level" in fields else "more text follows the JSON of the plan"
