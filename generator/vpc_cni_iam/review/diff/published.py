"""Published documents of the plugin that a policy equals before and after."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from vpc_cni_iam.catalog.known_documents import KnownDocument, may_be_known, recognise
from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.review.account.grants import Grant, known_policies
from vpc_cni_iam.review.diff.principals import GrantChange


class PublishedUpdate(Struct, frozen=True):
    """The document of upstream or AWS that a policy becomes."""

    before: KnownDocument | None  # the older document that it was; None for a new policy
    after: KnownDocument
    added: tuple[str, ...]  # the actions that the newer document adds


def documents_of(grant: Grant | None) -> tuple[KnownDocument, ...]:
    """Return the published documents that a policy equals, the newest first."""
    return next(map(_documents_of, known_policies([grant] if grant else [])), ())


@lru_cache(4096)  # several changes have the same policy
def _documents_of(policy: Policy) -> tuple[KnownDocument, ...]:
    return recognise(policy, names_in([policy])) if may_be_known(policy) else ()


def _of_plugin(grant: Grant | None) -> list[KnownDocument]:
    """Return the documents of the plugin that a policy equals."""
    named = "upstream", "AmazonEKS_CNI"
    return [d for d in documents_of(grant) if any(name in d.name for name in named)]


def published_by(change: GrantChange) -> PublishedUpdate | None:
    """Return the document of upstream or AWS that a changed policy newly equals."""
    after = _of_plugin(change.after)
    if not after:
        return None
    before = _of_plugin(change.before)
    old, new = (known_policies([g] if g else []) for g in (change.before, change.after))
    if not old:
        return PublishedUpdate(None, after[0], ())
    names = names_in(new)
    if any(names.get(parameter, name) != name for parameter, name in names_in(old).items()):
        return None  # the policy is for another cluster or VPC
    for newer in after:
        for older in before:
            if older.name.split()[0] == newer.name.split()[0] and older.date < newer.date:
                added = sorted({*new[0].actions()} - {*old[0].actions()})
                return PublishedUpdate(older, newer, tuple(added)) if newer not in before else None
    return None
