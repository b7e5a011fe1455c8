"""Service accounts that get a role, other than the plugin's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from vpc_cni_iam.catalog.trust import SERVICE_ACCOUNT
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.arguments import OF_KUBERNETES, ROLE_ANNOTATION
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.inputs.plan.secrets import Secrets, is_mark
from vpc_cni_iam.review.account.attribute_value import flagged, side
from vpc_cni_iam.review.account.binding import action_of
from vpc_cni_iam.review.account.owners import UNKNOWN_ROLE
from vpc_cni_iam.review.account.plugin import ASSOCIATION, is_for_plugin
from vpc_cni_iam.review.account.plugin_config import is_plugin
from vpc_cni_iam.review.account.policy_state import ABSENT, ReadPolicy, judged_policies
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.proofs import new_access
from vpc_cni_iam.review.diff.verdicts import Access
from vpc_cni_iam.review.findings import Finding, Level, rule
from vpc_cni_iam.review.gains import SESSION_CHANGES, access_of_roles, more_text, reach_of_role
from vpc_cni_iam.review.make_finding import finding

rule(
    "service-account-role",
    "warning",
    "new-access any-change",
    "A service account gets an existing role, by EKS Pod Identity, an add-on or an annotation.",
    "Every pod that runs with the service account can do what the role may do. It is an error "
    "where the role may do everything, or change IAM permissions. A role that the plan creates has "
    "no such finding; its policies have findings of their own. A session policy that changes is an "
    "error where it lets through of the role what the one before did not, and a note where not. "
    "Values of a chart or an add-on that the plan does not show are a note.",
)
# How YAML may spell a character, or break a line, in a text and in JSON of a text.
_ESCAPE = r"\\{1,4}(?:(?:x|u00|U000000)([2-7][0-9a-fA-F])|([/.])|(?:\r|\\r)?(?:\n|\\n)\s*)"
_ADDON = "aws_eks_addon"
_ANNOTATING = ("helm_release", *OF_KUBERNETES, _ADDON)
_IN_TEXT = re.escape(ROLE_ANNOTATION) + r"""[\\"']*\s*[:=]\s*[\\"']*([^\s"'\\,}]+)"""
_VALUES = {"helm_release": "values", _ADDON: "configuration_values"}
_BLOCK = "pod_identity_association"
_POD_IDENTITY = "EKS Pod Identity"


class _AccountRole(NamedTuple):
    """A role of a service account: of which cluster, whose, which, and how it gets it."""

    cluster: object
    who: str
    role: str
    how: str
    session: ReadPolicy = ABSENT  # the session policy that limits it
    by_way: bool = False  # whether by a role that assumes it: which of them is limited is not known


def check(context: Context) -> Iterator[Finding]:
    """Yield service accounts that get a role that they did not have."""
    for resource in context.plan.resources:
        if action_of(resource) not in ("create", "update", "replace"):
            continue
        if unseen := _unseen(resource, context):
            message = f"{resource.address} has {unseen}: a service account may get a role by them"
            yield finding("service-account-role", message, resource.address, level="note")
        before = set(_uses(resource, context, after=False))
        for use in dict.fromkeys(_uses(resource, context, after=True)):
            had = next((b for b in before if b._replace(session=use.session) == use), None)
            if had is None and use.role not in context.created:
                yield _gets(resource, use, context)
            elif had and had.session not in (use.session, ABSENT):  # without one, it had no less
                yield _other_session(resource, had, use, context)


def _uses(resource: Resource, context: Context, *, after: bool) -> Iterator[_AccountRole]:
    if resource.type == ASSOCIATION:
        yield from _association(resource, context, after=after)
    if resource.type == _ADDON:
        yield from _addon(resource, context, after=after)
    if resource.type.startswith(_ANNOTATING) and not is_plugin(resource):
        yield from _annotated(resource, context, after=after)


def _association(resource: Resource, context: Context, *, after: bool) -> Iterator[_AccountRole]:
    values = resource.after if after else resource.before
    if values is None or is_for_plugin(values):
        return
    target = side(resource, "target_role_arn", after=after)
    argument = "target_role_arn" if target.value or target.unknown else "role_arn"
    role = context.owners.role_at(resource, (argument,), values.get(argument))
    namespace, account = values.get("namespace"), values.get("service_account")
    who = "a service account known after apply"
    if namespace and account:
        who = f"service account {namespace}/{account}"
    session = context.policies.session_policy(resource, after=after)
    by_way = argument != "role_arn"
    yield _AccountRole(values.get("cluster_name"), who, role, _POD_IDENTITY, session, by_way)


def _addon(resource: Resource, context: Context, *, after: bool) -> Iterator[_AccountRole]:
    values = (resource.after if after else resource.before) or {}
    cluster, name = values.get("cluster_name"), values.get("addon_name")
    addon = f"the add-on {name}" if name else "an add-on known after apply"
    blocks = side(resource, _BLOCK, after=after)
    known = values.get(_BLOCK)
    for place, block in enumerate(known if isinstance(known, list) else ()):
        account = block.get("service_account") if isinstance(block, Mapping) else None
        if isinstance(block, Mapping) and not (
            is_plugin(resource) and account in (None, SERVICE_ACCOUNT)
        ):
            path = (_BLOCK, str(place), "role_arn")
            role = context.owners.role_at(resource, path, block.get("role_arn"))
            yield _AccountRole(
                cluster, f"service account {account} of {addon}", role, _POD_IDENTITY
            )
    if is_plugin(resource):
        return
    if blocks.unknown and not isinstance(known, list) and _is_written(resource, _BLOCK, context):
        yield _AccountRole(cluster, f"a service account of {addon}", UNKNOWN_ROLE, _POD_IDENTITY)
    arn = side(resource, "service_account_role_arn", after=after)
    if arn.value or arn.unknown:
        role = context.owners.role_at(resource, ("service_account_role_arn",), arn.value)
        yield _AccountRole(cluster, f"the service account of {addon}", role, "IRSA")


def _annotated(resource: Resource, context: Context, *, after: bool) -> Iterator[_AccountRole]:
    values = resource.after if after else resource.before
    who = f"a service account of {resource.address}"
    marks = resource.unknown if after else False
    for place, arn in _annotations(values, marks, context.plan.secrets):
        yield _AccountRole(None, who, context.owners.role_below(resource, place, arn), "IRSA")


def _annotations(
    value: Any, marks: Any, secrets: Secrets, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """Yield the roles that annotations name, with their places; None for one that is not known."""
    if isinstance(value, str):
        for arn in _in_text(secrets.judged(value)):
            yield path, secrets.mark_of(arn) if arn and is_mark(value) else arn
    elif isinstance(value, list):
        for number, item in enumerate(value):
            mark = marks[number] if isinstance(marks, list) and number < len(marks) else False
            yield from _annotations(item, mark, secrets, (*path, str(number)))
    elif isinstance(value, Mapping) or isinstance(marks, Mapping):
        known, later = (part if isinstance(part, Mapping) else {} for part in (value, marks))
        yield from _annotations_of(known, later, secrets, path)


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else escape[2] or ""


def _in_text(text: str) -> list[str | None]:
    """Return the roles that annotations name in text of JSON or YAML; None for one not known."""
    spelled = re.sub(_ESCAPE, _character, text) if "\\" in text else text
    arns: list[str | None] = re.findall(_IN_TEXT, spelled)
    if ROLE_ANNOTATION not in spelled or (arns and all(str(a).startswith("arn:") for a in arns)):
        return arns
    # An alias, or an anchor before one.
    from vpc_cni_iam.inputs.yaml_text import load_yaml  # noqa: PLC0415 - seldom needed

    with suppress(InputError):
        values = load_yaml(text, "")
        known = () if values == [text] else _annotations(values, False, Secrets())
        return [arn for _, arn in known]
    return arns or [None]


def _annotations_of(
    known: Mapping[str, Any], later: Mapping[str, Any], secrets: Secrets, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str | None]]:
    # A value of a chart, in whose name dots are escaped; Flux may take it from another object.
    named, elsewhere = (
        secrets.judged(str(known.get(key))).replace("\\.", ".").endswith(ROLE_ANNOTATION)
        for key in ("name", "targetPath")
    )
    if elsewhere:
        yield (*path, "targetPath"), UNKNOWN_ROLE
    for key in {**known, **later}:
        item, where = known.get(key), (*path, key)
        if not (key.endswith(ROLE_ANNOTATION) or (named and key == "value")):
            yield from _annotations(item, later.get(key), secrets, where)
        elif item or later.get(key) is True:
            yield where, str(item) if item else None


def _unseen(resource: Resource, context: Context) -> str:
    """Return which values of a chart or an add-on the plan does not show; empty for none."""
    if is_plugin(resource):
        return ""
    argument = _VALUES.get(resource.type, "")
    later = bool(argument) and flagged(resource.unknown, argument)
    if later and (resource.type != _ADDON or _is_written(resource, argument, context)):
        return f"{argument} that are known after apply"
    before, after = (
        (values or {}).get("set_wo_revision") for values in (resource.before, resource.after)
    )
    return "write-only values, which no plan shows" if before != after else ""


def _is_written(resource: Resource, argument: str, context: Context) -> bool:
    """Say whether an argument is set, which may also be computed."""
    configuration = context.plan.configuration
    return configuration.expression(resource.module, resource.block, argument) is not None


def _gets(resource: Resource, use: _AccountRole, context: Context) -> Finding:
    reach = reach_of_role(use.role, context)
    message = f"{use.who} gets {use.role} by {use.how}" + (f", and {reach}" if reach else "")
    level: Level | None = "error" if reach else None
    return finding("service-account-role", message, resource.address, level=level)


def _other_session(
    resource: Resource, had: _AccountRole, use: _AccountRole, context: Context
) -> Finding:
    """Return whether a session policy lets through what the one before did not."""
    access = Access("unknown", reason="which of the two roles it limits is not known")
    if not use.by_way:
        access = access_of_roles([had.role], [use.role], context, (had.session, use.session))
    sessions = had.session, use.session
    if access.verdict == "unknown" and ABSENT not in sessions and all(s.in_full for s in sessions):
        # Less of a role is less, whatever the role allows.
        old, new = judged_policies(*sessions)
        alone = new_access([old], [new], context.budget.answer())
        access = alone if alone.verdict == "no new access" else access
    what = SESSION_CHANGES[True, use.session != ABSENT]
    message = f"The session policy of {use.who} with {use.role} {what}"
    more, details, level = more_text(access)
    reach = "" if level else reach_of_role(use.role, context, newly=False)
    if reach:
        more, level = f"{more}; the role {reach}", "error"
    return finding(
        "service-account-role", message + more, resource.address, details=details, level=level
    )
