"""Policy documents by revision of upstream's page, and those derived from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from vpc_cni_iam.catalog.facts.releases import Release
from vpc_cni_iam.catalog.facts.store import managed_data, revisions_data
from vpc_cni_iam.catalog.variants import Variant
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.parse import parse

CLUSTER_TAG = "${aws:PrincipalTag/eks-cluster-name}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a revision comes from.

    Args:
        repository: Owner and name on GitHub.
        path: The file in it.
        blob: Git's name of the file's content, by which anyone finds it in the repository.
        release: The first release that shipped the revision.
        commit: The commit that brought it, None where that is not known.
        date: When, in ISO 8601: of the commit, of the release where that is not known.
    """

    repository: str
    path: str
    blob: str
    release: str
    commit: str | None
    date: str

    @property
    def pin(self) -> str:
        """What names the content exactly, in words."""
        if self.commit is None:
            return f"git blob {self.blob} in release {self.release}"
        return f"commit {self.commit}"


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of upstream's page.

    Args:
        name: Its date, as ``--revision`` takes it.
        source: Where it comes from.
        first: The first release that shipped it.
        last: The last one, None for the newest revision.
        kinds: The names of its documents: upstream's variants, and features with one.
    """

    name: str
    source: Source
    first: Release
    last: Release | None
    kinds: tuple[str, ...]

    def document(self, kind: str) -> Policy:
        """Return one of upstream's documents, with its placeholders.

        Args:
            kind: One of `kinds`.
        """
        return _document(self.name, kind)


@cache
def revisions() -> tuple[Revision, ...]:
    """Return every revision, oldest first."""
    return tuple(map(_revision, revisions_data()))


def _revision(entry: dict[str, Any]) -> Revision:
    source, commit = entry["source"], entry["source"]["commits"][0]
    return Revision(
        name=entry["revision"],
        source=Source(
            source["repository"],
            source["path"],
            source["git_blob"],
            commit["first_release"],
            commit["commit"],
            commit["date"],
        ),
        first=Release.of(entry["first_release"]),
        last=Release.of(entry["last_release"]) if entry["last_release"] else None,
        kinds=tuple(entry["documents"]),
    )


@cache
def _document(revision: str, kind: str) -> Policy:
    entry = next(r for r in revisions_data() if r["revision"] == revision)
    return parse(entry["documents"][kind], f"revision {revision}, {kind}")


def managed_policy() -> Policy:
    """Return the AWS managed policy AmazonEKS_CNI_Policy in the version the catalog has."""
    return parse(managed_data()["document"], managed_data()["arn"])


def find(name: str) -> Revision:
    """Return the revision of this date.

    Args:
        name: The date, such as ``2022-01-31``.

    Raises:
        UsageError: No such revision.
    """
    for revision in revisions():
        if revision.name == name:
            return revision
    every = ", ".join(r.name for r in revisions())
    raise UsageError(f"unknown revision {name!r}; known are {every}")


def in_force(release: Release) -> Revision:
    """Return the revision a release shipped; the oldest for a release before any was.

    Args:
        release: A known release.
    """
    shipped = [r for r in revisions() if r.first <= release]
    return shipped[-1] if shipped else revisions()[0]


def base(variant: Variant, revision: Revision) -> Policy:
    """Return a variant's document at a revision: upstream's own, or the one derived from it.

    Args:
        variant: The variant.
        revision: The revision.
    """
    if not variant.derived:
        return revision.document(variant.name)
    if variant.session_tags:
        return by_session_tags(revision.document("ipv4-scoped"))
    return _ipv6_scoped(revision) if variant.scoped else _union(revision)


def by_session_tags(policy: Policy) -> Policy:
    """Return a scoped document in which a session tag stands for the cluster's name.

    IAM takes a policy variable in a condition's value and not in its key, and no session tag
    names the VPC: conditions on those are left out, so that one document serves many clusters.
    Source: Amazon EKS User Guide, "Grant Pods access to AWS resources based on tags".

    Args:
        policy: A document with upstream's placeholders.
    """
    return replace(policy, statements=tuple(map(_by_session_tags, policy.statements)))


def _by_session_tags(statement: Statement) -> Statement:
    kept = []
    for c in statement.conditions:
        values = tuple(v.replace("${CLUSTER_NAME}", CLUSTER_TAG) for v in c.values)
        if "${CLUSTER_NAME}" not in c.key and not any("${VPC_ID}" in v for v in values):
            kept.append(replace(c, values=values))
    return replace(statement, conditions=tuple(kept))


def scoped_statements(actions: Iterable[str], revision: Revision) -> tuple[Statement, ...]:
    """Return upstream's scoped statements reduced to the given actions.

    A statement that names none of them is left out; a Describe action, which IAM cannot scope,
    gets a statement on every resource.

    Args:
        actions: EC2 actions.
        revision: The revision whose scoped document says the conditions.
    """
    wanted = tuple(actions)
    found = []
    describe = tuple(a for a in wanted if a.startswith("ec2:Describe"))
    if describe:
        found.append(Statement(actions=describe, resources=("*",)))
    for statement in revision.document("ipv4-scoped").statements:
        kept = tuple(a for a in wanted if a in statement.actions and a not in describe)
        if kept:
            found.append(replace(statement, actions=kept))
    return tuple(found)


def _ipv6_scoped(revision: Revision) -> Policy:
    """Upstream's IPv6 actions under upstream's scoped conditions."""
    actions, tags = revision.document("ipv6").statements
    (assign,) = scoped_statements(("ec2:AssignPrivateIpAddresses",), revision)
    describe = tuple(a for a in actions.actions if a.startswith("ec2:Describe"))
    return Policy(
        (
            Statement(actions=describe, resources=("*",)),
            tags,
            replace(assign, actions=("ec2:AssignIpv6Addresses",)),
        )
    )


def _union(revision: Revision) -> Policy:
    """Upstream's IPv4 document with the actions that only its IPv6 document has."""
    ipv4, ipv6 = revision.document("ipv4"), revision.document("ipv6")
    (star, *rest), (star6, *rest6) = ipv4.statements, ipv6.statements
    joined = tuple(dict.fromkeys(star.actions + star6.actions))
    extra = [s for s in rest6 if s not in rest]
    return Policy((replace(star, actions=joined), *rest, *extra))
