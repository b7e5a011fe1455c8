"""Identifies the kind of an input, by `KINDS`, and opens the policies in it.

Every command that reads policies uses this module to identify its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from vpc_cni_iam.account.account import Account
from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.inputs import hcl, json_documents
from vpc_cni_iam.inputs.aws import ec2
from vpc_cni_iam.inputs.json_documents import JsonDocument, documents
from vpc_cni_iam.inputs.kind import Content, Kind, ModuleValues
from vpc_cni_iam.inputs.plan import policies as plan
from vpc_cni_iam.inputs.variables import check_declared
from vpc_cni_iam.texts import refuse_yaml

# The first match wins: first paths, then JSON of a known kind, then any JSON.
KINDS: tuple[Kind, ...] = (
    hcl.DIRECTORY,
    hcl.FILE,
    hcl.JSON_SYNTAX,
    plan.KIND,
    ec2.KIND,
    json_documents.KIND,
)
# An account's details name thousands.
_SHOWN = 5


def identify(content: Content) -> Kind:
    """Return the kind of an input; raises `InputError` with a list of known kinds."""
    for kind in KINDS:
        if kind.matches(content):
            return kind
    refuse_yaml(content.text, content.source)
    names = ", ".join(kind.name for kind in KINDS)
    raise content.refuse(f"is not JSON, and is none of: {names}", "line 1, column 1")


def of_path(target: str) -> Kind | None:
    """Return the kind of a path that is read as HCL; None for any other."""
    content = Content.of(target, str)
    return next((kind for kind in (hcl.DIRECTORY, hcl.FILE) if kind.matches(content)), None)


def check_used(user_values: GivenVariables, targets: Iterable[str]) -> None:
    """Raise `UsageError` for values that no module uses, or for an engine without a module."""
    if any(of_path(target) for target in targets if target):
        check_declared(user_values)
    elif user_values.names:
        raise UsageError("--var and --var-file fill the variables of HCL, and no input is HCL")
    else:
        raise UsageError("--engine renders policies of HCL, and no input is HCL")


def listing() -> str:
    """Return a table of the kinds in Markdown, for the documentation."""
    rows = "".join(f"| {kind.name} | {kind.examples} |\n" for kind in KINDS)
    return f"| kind of input | examples |\n| --- | --- |\n{rows}"


def open_account(
    target: str,
    stdin: Callable[[], str],
    values: Mapping[str, str],
    user_values: GivenVariables | None = None,
) -> Account:
    """Return the account of a path, or of ``-`` for standard input; it has at least one policy.

    `values` are names and IDs for a module's variables with these names, and `user_values` a user's
    values; other variables have their defaults.
    """
    content = Content.of(target, stdin)
    chosen = ModuleValues(values, user_values or GivenVariables())
    kind = identify(content)
    account = Account.of(kind.facts(content, chosen), content.source)
    if not account.policies:
        raise content.refuse(_why_none(kind, account.not_known))
    return account


def _why_none(kind: Kind, skipped: Iterable[NotKnown]) -> str:
    """Return that an input has no usable policy, and what to give instead."""
    every = [s for s in skipped if not s.reason.is_note and s.reason is not Reason.may_be_absent]
    every.sort(key=lambda s: ("cni" not in s.name.lower(), not s.counts))
    parts = [f"{s.name}: {s.reason}: {s.detail}" for s in every]
    problem = f"this {kind.noun} has no identity policy"
    if not parts:
        return f"{problem}; give {kind.instead}"
    shown = parts[:_SHOWN] + ([f"and {len(parts) - _SHOWN:,} more"] if parts[_SHOWN:] else [])
    return f"{problem} that can be read; give {kind.instead} ({'; '.join(shown)})"


def policy_documents(text: str, source: str) -> tuple[JsonDocument, ...]:
    """Return all policy documents of JSON text, unchecked, not only those of identities."""
    content = Content(source, text=lambda: text)
    kind = identify(content)
    if kind is not json_documents.KIND:
        raise content.refuse(f"is {kind.name}, not {json_documents.KIND.name}")
    if not (every := documents(content.value, source)):
        raise content.refuse(f"this {kind.noun} has no policy; give {kind.instead}")
    return every
