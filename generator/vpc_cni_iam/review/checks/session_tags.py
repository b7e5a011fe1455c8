"""Tags of principals and of their sessions that policies ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import ASSOCIATION, ROLE, USER
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known
from vpc_cni_iam.review.account.documents import Document
from vpc_cni_iam.review.account.grants import Grant, known_policies
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.review.account.resolve import is_there
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.principal_tags import OF_SESSIONS, asked_tags
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Level, Rule

_ROLES = ("role_arn", "target_role_arn")
_SWITCH = "disable_session_tags"


class SessionTagsOn(Struct, frozen=True):
    """An association switches session tags on that policies of the role ask for."""

    role: IamResource
    tags: tuple[str, ...]


class SessionTagsOff(Struct, frozen=True):
    """A policy of a role asks for session tags that an association switches off."""

    tags: tuple[str, ...]
    stays: bool  # whether it did so before the plan


class TagsChanged(Struct, frozen=True):
    """Tags of a role or user change that policies ask for."""

    tags: tuple[str, ...]
    is_known: bool  # whether they change for certain; the plan does not show all tags where not
    is_drift: bool  # whether they changed outside of the configuration


def check(context: Context) -> Iterator[Finding]:
    """Yield what tags change that policies ask for."""
    yield from _of_sessions(context)
    yield from _of_principals(context)


def _of_sessions(context: Context) -> Iterator[Finding]:
    """Yield the associations that switch tags on or off that policies of their roles ask for."""
    for resource in (r for r in context.filler.resources if r.type == ASSOCIATION):
        was_off, is_off = (one(resource, _SWITCH, side) == Known(True) for side in Side)
        if was_off and not is_off and is_there(resource, Side.AFTER):
            for role in _roles(resource, context):
                policies = context.accounts.after.policies(role).values()
                if tags := _session_tags(policies):
                    on, where = SessionTagsOn(role, tags), resource.address
                    yield finding(Rule.TAGS_CHANGED, on, where, attribute=_SWITCH, subject=role)

    for role, off_before in roles_without_tags(context).items():
        yield from _without_tags(role, context, off_before=off_before)


def roles_without_tags(context: Context) -> dict[IamResource, bool]:
    """Return the roles whose session tags an association switches off; whether before, too."""
    roles: dict[IamResource, bool] = {}
    for resource in (r for r in context.filler.resources if r.type == ASSOCIATION):
        was_off, is_off = (one(resource, _SWITCH, side) == Known(True) for side in Side)
        for role in _roles(resource, context, _ROLES[:1]) if is_off else ():
            roles[role] = roles.get(role, True) and was_off
    return roles


def _without_tags(role: IamResource, context: Context, *, off_before: bool) -> Iterator[Finding]:
    """Yield the first policy of a role that asks for session tags."""
    before, after = (side.policies(role) for side in context.accounts.sides)
    for key, grant in after.items():
        if tags := _session_tags([grant]):
            old = before.get(key)
            stays = off_before and old is not None and old.content == grant.content
            yield finding(
                Rule.PODS_TAGS_OFF,
                SessionTagsOff(tags, stays),
                grant.address,
                attribute=grant.attribute,
                subject=role,
                level=Level.NOTE if stays else None,
            )
            return


def _roles(
    resource: Resource, context: Context, paths: Iterable[str] = _ROLES
) -> Iterator[IamResource]:
    for path in paths:
        yield from context.filler.named_by(resource, path, ROLE, Side.AFTER)


def _session_tags(grants: Collection[Grant]) -> tuple[str, ...]:
    """Return the session tags that policies ask for."""
    asked = {tag for tag in asked_tags(known_policies(grants)) if tag.startswith(OF_SESSIONS)}
    return _shown(asked, grants)


def _shown(tags: set[str], grants: Iterable[Grant]) -> tuple[str, ...]:
    """Return tags as reports may show them."""
    documents = (grant.content for grant in grants)
    shown = asked_tags(each.shown for each in documents if isinstance(each, Document))
    return tuple(sorted(tag if tag in shown else "(sensitive)" for tag in tags))


def _of_principals(context: Context) -> Iterator[Finding]:
    """Yield whose tags change that policies of anyone ask for."""
    resources = [r for r in context.plan.resources if r.type in (ROLE, USER) and not r.deposed]
    changed = [(r, tags) for r in resources if (tags := _changed(r)) is None or tags]
    if not changed:
        return
    sides = (context.accounts.before, context.accounts.after)
    grants = [g for side in sides for owner in side.grants for g in side.of(owner).values()]
    asked = asked_tags(known_policies(grants))
    planned = {r.address: tags for r, tags in changed if not r.drift}
    gone = context.accounts.deleted
    for resource, tags in changed:
        if InPlan(resource.address) in gone:
            continue
        known = asked if tags is None else asked & tags
        if resource.drift:
            # What the plan does about a tag that drifted is found in place of the drift.
            of_plan = planned.get(resource.address, set())
            known = set() if of_plan is None else known - of_plan
        if known:
            evidence = TagsChanged(_shown(known, grants), tags is not None, resource.drift)
            yield finding(Rule.TAGS_CHANGED, evidence, resource.address, attribute="tags")


def _changed(resource: Resource) -> set[str] | None:
    """Return the keys of tags that change, in lower case as IAM compares them; None for unknown."""
    tags: set[str] = set()
    if resource.before is None or resource.after is None:
        return tags
    for name in ("tags", "tags_all"):
        # Marks stand for what is sensitive, one for each value.
        old, new = ((side.get(name) or {}) for side in (resource.before, resource.after))
        later = resource.unknown.get(name) if isinstance(resource.unknown, dict) else None
        if later is True:
            return None
        unknown = {k for k, is_later in later.items() if is_later} if later else set()
        changed = {k for k in old.keys() | new.keys() if old.get(k) != new.get(k)}
        tags |= {str(key).lower() for key in changed | unknown}
    return tags
