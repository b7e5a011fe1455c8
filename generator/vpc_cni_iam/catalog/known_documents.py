"""Recognises published documents of upstream, AWS and other projects, by equality."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cache

from msgspec import Struct

from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.catalog.facts.peers import peer_documents
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.policy import normalise
from vpc_cni_iam.policy.document import Policy, Statement

# JSON output has all.
_SHOWN = 3
_METRICS_HELPER = (
    "aws/amazon-vpc-cni-k8s cmd/cni-metrics-helper/README.md, "
    "852d811434461303ed2fb594edfe5b2feedfa2c4"
)


class KnownDocument(Struct, frozen=True):
    """A document that upstream, AWS or another project has published."""

    name: str  # such as ``AmazonEKS_CNI_Policy v6``
    date: str  # when it was published, as ``2024-07-22``; empty if that was not looked up
    source: str  # the ARN of a managed policy; the repository, file and revision of another

    def __str__(self) -> str:
        return f"{self.name} ({self.date})" if self.date else self.name


@cache
def known_documents() -> dict[KnownDocument, Policy]:
    """Return the catalog's documents, newest first, with holes for names.

    These are all documents of upstream's page and README, AmazonEKS_CNI_Policy from version 2 on,
    those of other projects, and those for cni-metrics-helper.
    """
    return dict(sorted(_published(), key=lambda entry: entry[0].date, reverse=True))


def _published() -> Iterator[tuple[KnownDocument, Policy]]:
    for revision in (*documents.revisions(), *documents.readme_revisions()):
        source = revision.source
        place = "README" if source.path == "README.md" else "page"
        where = f"{source.repository} {source.path}, {source.pin}"
        for kind in revision.kinds:
            name = f"{kind} of upstream's {place}"
            yield KnownDocument(name, revision.name, where), revision.document(kind)
    for name in documents.MANAGED:
        arn = documents.managed_arn(name)
        for version in documents.managed_versions(name):
            title = f"{name} {version.version}"
            yield KnownDocument(title, version.created[:10], arn), version.policy
    for peer in peer_documents():
        name = " ".join(filter(None, (f"{peer.project}'s {peer.name}", peer.versions)))
        where = f"{peer.repository} {peer.path}, {peer.commit}"
        yield KnownDocument(name, peer.date or "", where), peer.policy
    put = Statement(actions=("cloudwatch:PutMetricData",), resources=("*",))
    name = "policy of upstream's README of cni-metrics-helper"
    yield KnownDocument(name, "2022-01-27", _METRICS_HELPER), Policy((put,))
    variant = variants.METRICS_HELPER.name
    known = KnownDocument(f"variant {variant}", "", f"vpc-cni-iam policy {variant}")
    yield known, compose(variants.METRICS_HELPER, select()).policy


def listed(known: Sequence[KnownDocument]) -> list[str]:
    """Return the first few documents in words, each name once, and the number of the others.

    AWS's documents are first, then upstream's.
    """
    dates: dict[str, list[str]] = {}
    for document in sorted(known, key=lambda d: (d.source[:4] != "arn:", "upstream" not in d.name)):
        dates.setdefault(document.name, []).append(document.date)
    texts = [
        f"{name} ({', '.join(filter(None, days))})" if any(days) else name
        for name, days in dates.items()
    ]
    more = [f"and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else []
    return [*texts[:_SHOWN], *more]


def recognise(policy: Policy, names: Mapping[str, str]) -> tuple[KnownDocument, ...]:
    """Return the documents that a policy equals, with its names by parameter; newest first."""
    values = {**parameters.values({}), **names}
    values["vpc_owner_id"] = names.get("vpc_owner_id", values["account_id"])
    return tuple(
        known
        for known, document in _by_actions().get(_actions(policy), ())
        if normalise.equal(policy, parameters.fill(document, values))
    )


def may_be_known(policy: Policy) -> bool:
    """Return whether a document has the actions of a policy, statement by statement."""
    return _actions(policy) in _by_actions()


@cache
def _by_actions() -> dict[Hashable, list[tuple[KnownDocument, Policy]]]:
    by_actions: dict[Hashable, list[tuple[KnownDocument, Policy]]] = {}
    for known, document in known_documents().items():
        by_actions.setdefault(_actions(document), []).append((known, document))
    return by_actions


def _actions(policy: Policy) -> Hashable:
    """Return the normal form of a policy's actions; no document has a hole in them."""
    statements = (
        Statement(s.effect, actions=s.actions, not_actions=s.not_actions) for s in policy.statements
    )
    return normalise.policy(Policy(tuple(statements), policy.version))
