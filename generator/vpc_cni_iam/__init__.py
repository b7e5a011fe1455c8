"""IAM policies for the Amazon VPC CNI plugin as Terraform and OpenTofu modules.

The names in ``__all__`` are the public API. Each is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpc_cni_iam.catalog.hardening import Hardening
    from vpc_cni_iam.catalog.options import Options, options
    from vpc_cni_iam.coverage.analysis.cover import Coverage
    from vpc_cni_iam.coverage.check import check_coverage
    from vpc_cni_iam.errors import InputError, UsageError, VpcCniIamError
    from vpc_cni_iam.policy.diff import (
        ConditionChange,
        StatementAdded,
        StatementChanged,
        StatementRemoved,
        ValuesChange,
        VersionChanged,
        differences,
    )
    from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement
    from vpc_cni_iam.policy.document import dumps as dump_policy
    from vpc_cni_iam.policy.evaluate import Decision, Outcome, Request, evaluate
    from vpc_cni_iam.policy.parse import loads as load_policy
    from vpc_cni_iam.policy.proof.access import no_new_access
    from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
    from vpc_cni_iam.policy.proof.beside import no_new_access_beside_others
    from vpc_cni_iam.policy.report import answer_text, difference_lines
    from vpc_cni_iam.rendering.kinds import render

__version__ = "0.1.0"

__all__ = [
    "Condition",
    "ConditionChange",
    "Coverage",
    "Decision",
    "Hardening",
    "InputError",
    "NewAccess",
    "NoNewAccess",
    "NotProven",
    "Options",
    "Outcome",
    "Policy",
    "Principal",
    "Request",
    "Statement",
    "StatementAdded",
    "StatementChanged",
    "StatementRemoved",
    "UsageError",
    "ValuesChange",
    "VersionChanged",
    "VpcCniIamError",
    "__version__",
    "answer_text",
    "check_coverage",
    "difference_lines",
    "differences",
    "dump_policy",
    "evaluate",
    "load_policy",
    "no_new_access",
    "no_new_access_beside_others",
    "options",
    "render",
]

# The module of each public name; names that differ in their module follow below.
_MODULES = {
    "catalog.hardening": ("Hardening",),
    "catalog.options": ("Options", "options"),
    "coverage.analysis.cover": ("Coverage",),
    "coverage.check": ("check_coverage",),
    "errors": ("InputError", "UsageError", "VpcCniIamError"),
    "policy.diff": (
        "ConditionChange",
        "StatementAdded",
        "StatementChanged",
        "StatementRemoved",
        "ValuesChange",
        "VersionChanged",
        "differences",
    ),
    "policy.proof.access": ("no_new_access",),
    "policy.proof.answer": ("NewAccess", "NoNewAccess", "NotProven"),
    "policy.proof.beside": ("no_new_access_beside_others",),
    "policy.report": ("answer_text", "difference_lines"),
    "policy.document": ("Condition", "Policy", "Principal", "Statement", "dump_policy"),
    "policy.evaluate": ("Decision", "Outcome", "Request", "evaluate"),
    "policy.parse": ("load_policy",),
    "rendering.kinds": ("render",),
}
_INTERNAL_NAMES = {"dump_policy": "dumps", "load_policy": "loads"}


def __getattr__(name: str) -> object:
    """Return a public name; load its module if necessary."""
    for module, names in _MODULES.items():
        if name in names:
            home = import_module(f"{__name__}.{module}")
            value: object = getattr(home, _INTERNAL_NAMES.get(name, name))
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
