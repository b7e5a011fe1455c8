"""Who ships which policy for the plugin, what breaks with it, and when it was fixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from itertools import product

from msgspec import Struct

from vpc_cni_iam.catalog.compatibility import Compatibility, compatibility
from vpc_cni_iam.catalog.facts import documents, known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.documents import ManagedVersion
from vpc_cni_iam.catalog.facts.peers import PeerDocument, peer_documents, read_until
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.variants import find
from vpc_cni_iam.policy.document import Policy

# The first version that calls ec2:DescribeSubnets and ec2:DescribeSecurityGroups at start.
BREAKING, BREAKING_DATE = PluginVersion.of("v1.22.0"), "2026-02-18"


class PeerReport(Struct, frozen=True):
    """A document of another project, and how the plugin works with it."""

    project: str
    document: str
    mode: Mode
    versions: str  # the versions of the project that have it
    date: str | None
    source: str  # repository, file and commit
    works_with: str  # the plugin versions that it works with
    breaks: tuple[str, ...]  # what it lacks at the others, with their plugin versions
    verified: bool  # whether it was compared with its source


class Repair(Struct, frozen=True):
    """When a project first had a document for plugin v1.22.0 and all later versions."""

    project: str
    mode: Mode
    date: str | None  # when; None if no such document is known
    days: int | None  # how many days after v1.22.0
    read_until: str | None  # the date up to which the project was read; None for AWS
    verified: bool  # whether that document was compared with its source


class Peers(Struct, frozen=True):
    """The documents of other projects, and how long each took to follow plugin v1.22.0."""

    documents: tuple[PeerReport, ...]
    repairs: tuple[Repair, ...]


@cache
def peers() -> Peers:
    """Return the documents of other projects and of AWS, and what breaks with them."""
    every = (*managed_documents(), *peer_documents())
    reports = tuple(map(_report, every))
    subjects = dict.fromkeys((document.project, document.mode) for document in every)
    return Peers(reports, tuple(_repair(every, *subject) for subject in subjects))


def managed_documents() -> Iterator[PeerDocument]:
    """Yield the versions of the plugin's managed policy as documents of AWS."""
    versions = documents.managed_versions()
    for version in versions:
        yield PeerDocument(
            project="AWS",
            name=version.name,
            mode="ipv4",
            repository="",
            path=f"arn:aws:iam::aws:policy/{version.name}",
            commit=version.version,
            date=version.created[:10],
            first=version.version,
            last=version.version if version is not versions[-1] else None,
            verified=True,
            beside=(),
            policy=version.policy,
        )


def _compatibility(document: PeerDocument, beside: Sequence[ManagedVersion]) -> Compatibility:
    (variant,) = find((document.mode,))
    policies = (document.policy, *(version.policy for version in beside))
    return compatibility(Policy(tuple(s for p in policies for s in p.statements)), variant)


def _report(document: PeerDocument) -> PeerReport:
    beside = [documents.managed_versions(name)[-1] for name in document.beside]
    result = _compatibility(document, beside)
    place = f"{document.repository} {document.path}, {document.commit}".strip()
    return PeerReport(
        project=document.project,
        document=" and ".join((document.name, *(f"{m.name} {m.version}" for m in beside))),
        mode=document.mode,
        versions=document.versions,
        date=document.date,
        source=place,
        works_with=result.works_with,
        breaks=tuple(
            f"{', '.join(map(str, spans))}: {action}" for action, spans in result.failures().items()
        ),
        verified=document.verified,
    )


def _repair(every: tuple[PeerDocument, ...], project: str, mode: Mode) -> Repair:
    own = [d for d in every if (d.project, d.mode) == (project, mode)]
    dated = [
        (max((document.date, *(m.created[:10] for m in beside))), document)
        for document in own
        if document.date
        for beside in product(*map(documents.managed_versions, document.beside))
        if _works_from(_compatibility(document, beside))
    ]
    until = read_until().get(project)
    if not dated:
        return Repair(project, mode, None, None, until, verified=all(d.verified for d in own))
    day, document = min(dated, key=lambda pair: pair[0])
    days = (date.fromisoformat(day) - date.fromisoformat(BREAKING_DATE)).days
    return Repair(project, mode, day, max(days, 0), until, document.verified)


def _works_from(result: Compatibility) -> bool:
    """Return whether a document works with v1.22.0 and every later version."""
    later = [version for version in known_versions.known() if version >= BREAKING]
    return all(any(version in span for span in result.works) for version in later)
