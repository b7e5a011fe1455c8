"""Tags of principals and sessions that policies use."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import ROLE, USER
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.grants import Grant, known_policies
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.account.resolve import is_there
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.principal_tags import (
    OF_SESSIONS,
    SWITCH,
    asked_tags,
    roles_without_tags,
    switches,
)
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Level, Rule


class SessionTagsOff(Struct, frozen=True):
    """A policy of a role uses session tags that an association disables."""

    tags: tuple[str, ...]
    stays: bool  # whether the association did so before the plan


class TagsChanged(Struct, frozen=True):
    """Tags that policies use change."""

    tags: tuple[str, ...]
    is_known: bool = True  # whether the plan shows all tags
    role: IamResource | None = None  # of an association that enables session tags


def check(context: Context) -> Iterator[Finding]:
    """Yield changes of tags that policies use."""
    for resource, was_off, is_off in switches(context):
        is_on = was_off and not is_off and is_there(resource, Side.AFTER)
        for path in ("role_arn", "target_role_arn") if is_on else ():
            for role in context.reader.named_by(resource, path, ROLE, Side.AFTER):
                if tags := _of_sessions(context.accounts.after.policies(role).values()):
                    evidence, where = TagsChanged(tags, role=role), resource.address
                    rule = Rule.TAGS_CHANGED
                    yield finding(rule, evidence, where, attribute=SWITCH, subject=role)
    for role, off_before in roles_without_tags(context).items():
        yield from _without_tags(role, context, off_before=off_before)
    yield from _of_principals(context)


def _without_tags(role: IamResource, context: Context, *, off_before: bool) -> Iterator[Finding]:
    """Yield the first policy of a role that uses session tags."""
    before, after = (side.policies(role) for side in context.accounts.sides)
    for key, grant in after.items():
        if tags := _of_sessions([grant]):
            old = before.get(key)
            stays = off_before and old is not None and old.content == grant.content
            evidence, level = SessionTagsOff(tags, stays), Level.NOTE if stays else None
            rule, where, name = Rule.PODS_TAGS_OFF, grant.address, grant.attribute
            yield finding(rule, evidence, where, attribute=name, subject=role, level=level)
            return


def _of_principals(context: Context) -> Iterator[Finding]:
    """Yield principals whose tags change, if a policy uses these tags."""
    resources = [
        r
        for r in context.reader.resources
        if r.type in (ROLE, USER) and r.before is not None and r.after is not None
        if not r.is_unchanged
    ]
    sides = context.accounts.sides if resources else ()
    grants = [g for side in sides for owner in side.grants for g in side.of(owner).values()]
    asked = asked_tags(known_policies(grants))
    for resource in resources:
        tags = _changed(resource)
        own = asked if tags is None else asked & tags
        if own:
            evidence = TagsChanged(_shown(own, grants), tags is not None)
            yield finding(Rule.TAGS_CHANGED, evidence, resource.address, attribute="tags")


def _of_sessions(grants: Collection[Grant]) -> tuple[str, ...]:
    """Return the session tags that policies use."""
    asked = {tag for tag in asked_tags(known_policies(grants)) if tag.startswith(OF_SESSIONS)}
    return _shown(asked, grants)


def _shown(tags: set[str], grants: Iterable[Grant]) -> tuple[str, ...]:
    """Return tags in a form that reports may show."""
    shown = asked_tags(grant.document.shown for grant in grants if grant.document)
    return tuple(sorted(tag if tag in shown else "(sensitive)" for tag in tags))


def _changed(resource: Resource) -> set[str] | None:
    """Return the keys of changed tags, in lower case as IAM compares them; None if unknown."""
    tags: set[str] = set()
    for name in ("tags", "tags_all"):
        # Marks replace sensitive values, one for each value.
        sides = [(side or {}).get(name) for side in (resource.before, resource.after)]
        old, new = (side if isinstance(side, dict) else {} for side in sides)
        later = resource.unknown.get(name) if isinstance(resource.unknown, dict) else None
        if later is True:
            return None
        keys = {*old, *new, *(later or {})}
        changed = (k for k in keys if old.get(k) != new.get(k) or (later or {}).get(k))
        tags |= {str(key).lower() for key in changed}
    return tags
