"""The page of other projects' policies: who ships what, what breaks, and when it was fixed."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import groupby, product

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import documents, known_versions, store
from vpc_cni_iam.catalog.facts.calls import FAMILIES, Mode
from vpc_cni_iam.catalog.facts.documents import WORKER_NODE, ManagedVersion
from vpc_cni_iam.catalog.facts.peers import PeerDocument, PeerFile, peer_documents
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.analysis.matrix import Cell, Matrix, matrix
from vpc_cni_iam.coverage.simulate.settings import RequestSetting

# The first version that calls ec2:DescribeSubnets and ec2:DescribeSecurityGroups at start.
BREAKING, BREAKING_DATE = PluginVersion.of("v1.22.0"), "2026-02-18"
_UNVERIFIED = "not verified at its source"
_INTRO = f"""# Who ships which policy, and what breaks

Tools and modules that create EKS clusters have their own policy for the plugin, or attach the one
of AWS. This page lists the policies that were read, and the plugin versions to
{known_versions.newest()} that each works with. Each document was compared with the file at the
named commit. If that was not possible, the table says "{_UNVERIFIED}". If a project builds
the document from its users' options, the table has the document for each IP family alone, in the
partition `aws`.

If a policy equals one of the documents, `coverage` and `audit` say so.

## Days from plugin {BREAKING} to a document that works

Plugin {BREAKING} of {BREAKING_DATE} is the first to call ec2:DescribeSubnets and
ec2:DescribeSecurityGroups at start. If its role does not allow them, `aws-node` exits, and new
nodes stay NotReady. This happens where aws-node has its own role, with IRSA, EKS Pod Identity or
kOps: no other policy allows the calls there. On a node role of EKS, {WORKER_NODE} is
attached, too. Every version of it since 2018 allows both calls, so nodes that use this role start.

Days are counted to the first document that works with this version and every later one. If a
project attaches policies of AWS beside its document, they are counted with it: 0 days means that
nodes never failed. The column "in" says whether a release or only a commit had the document.

<!-- diagram: days -->

A star marks a date that is {_UNVERIFIED}.
"""


@dataclass(frozen=True)
class Repair:
    """When a project first had a document for plugin v1.22.0 and all later versions."""

    project: str
    mode: Mode
    date: str | None  # when; None if no such document is known
    days: int | None  # how many days after v1.22.0
    read_until: str | None  # the date up to which the project was read; None for AWS
    verified: bool  # whether that document was compared with its source
    source: str = ""  # the release, commit or page that has it


def page() -> str:
    """Return the page as Markdown."""
    lines = [
        _INTRO,
        "| project | IP family | in | document of | days |",
        "| --- | --- | --- | --- | --- |",
        *map(_repair_row, repairs()),
        "",
        "## The documents",
    ]
    for project, shipped in groupby(every(), key=lambda document: document.project):
        lines += ["", f"### {project}", "", *_section(shipped)]
    return "\n".join(lines) + "\n"


@cache
def every() -> tuple[PeerDocument, ...]:
    """Return the versions of the plugin's managed policy, and other projects' documents."""
    return (*_of_aws(), *peer_documents())


def _of_aws() -> Iterator[PeerDocument]:
    versions = documents.managed_versions()
    for version in versions:
        yield PeerDocument(
            project="AWS",
            name=documents.CNI_POLICY,
            mode="ipv4",
            repository="",
            path=documents.managed_arn(),
            commit=version.version,
            date=version.created[:10],
            first=version.version,
            last=version.version if version is not versions[-1] else None,
            verified=True,
            beside=(),
            document=version.document,
        )


def _newest_beside(document: PeerDocument) -> tuple[ManagedVersion, ...]:
    return tuple(documents.managed_versions(name)[-1] for name in document.beside)


@cache
def checked(document: PeerDocument, beside: tuple[ManagedVersion, ...]) -> Matrix:
    """Return how the plugin works with a document and the managed policies beside it."""
    policies = [document.policy, *(version.policy for version in beside)]
    return matrix(policies, RequestSetting(known_versions.newest(), document.mode), excess=False)


@cache
def repairs() -> tuple[Repair, ...]:
    """Return when each project followed plugin v1.22.0, by IP family."""
    until = {file.project: file.read_to for file in store.every("peers", PeerFile)}
    subjects = dict.fromkeys((document.project, document.mode) for document in every())
    return tuple(_repair(project, mode, until.get(project)) for project, mode in subjects)


def _repair(project: str, mode: Mode, until: str | None) -> Repair:
    own = [d for d in every() if (d.project, d.mode) == (project, mode)]
    dated = [
        (max((document.date, *(m.created[:10] for m in beside))), document)
        for document in own
        if document.date
        for beside in product(*map(documents.managed_versions, document.beside))
        if _is_repaired(document, beside)
    ]
    if not dated:
        undated = [d for d in own if d.date is None and not d.beside and _is_repaired(d, ())]
        source = _published_in(undated[0]) if undated else ""
        return Repair(project, mode, None, None, until, all(d.verified for d in own), source)
    day, document = min(dated, key=lambda pair: pair[0])
    days = (date.fromisoformat(day) - date.fromisoformat(BREAKING_DATE)).days
    source = _published_in(document)
    return Repair(project, mode, day, max(days, 0), until, document.verified, source)


def _is_repaired(document: PeerDocument, beside: tuple[ManagedVersion, ...]) -> bool:
    """Return whether v1.22.0 and every later version works with a document."""
    rows = checked(document, beside).rows
    return not any(row.fatal for row in rows if row.version >= BREAKING)


def _published_in(document: PeerDocument) -> str:
    """Return where users get a document: in a release, a commit without one, or a page."""
    if document.beside:
        return f"node role with {' and '.join(document.beside)}"
    if document.first is None:
        return document.commit if document.commit.startswith("pull") else "page"
    if document.project == "AWS":
        return f"version {document.first}"
    if document.first.startswith("after "):
        return f"commit {document.first}, in no release when read"
    return f"release {document.first}"


def _repair_row(repair: Repair) -> str:
    day, days = repair.date or "", str(repair.days)
    if repair.date is None:
        known = repair.read_until and repair.read_until >= BREAKING_DATE
        until = f", read to {repair.read_until}" if repair.read_until else ""
        days = f"none by {repair.read_until}" if known else f"not known{until}"
        if repair.source:
            days = f"not known: it is merged, {_UNVERIFIED}"
    elif not repair.verified:
        day = f"{day}, {_UNVERIFIED}"
    return f"| {repair.project} | {FAMILIES[repair.mode]} | {repair.source} | {day} | {days} |"


def _section(shipped: Iterable[PeerDocument]) -> Iterator[str]:
    yield "| document | works with | lacks |"
    yield "| --- | --- | --- |"
    for document in shipped:
        beside = _newest_beside(document)
        attached = [
            f"{name} {version.version}"
            for name, version in zip(document.beside, beside, strict=True)
        ]
        facts = [
            f"{document.name} {document.versions}".strip(),
            *((f"beside {' and '.join(attached)}",) if attached else ()),
            FAMILIES[document.mode],
            document.date or "date not known",
            _source(document),
            *(() if document.verified else (_UNVERIFIED,)),
        ]
        result = checked(document, beside)
        works = ", ".join(map(str, result.works())) or "no known version"
        missing = [*(lacks(result) or ["nothing"]), *_without_the_node_policy(document)]
        yield f"| {'<br>'.join(facts)} | {works} | {'<br>'.join(missing)} |"


def _without_the_node_policy(document: PeerDocument) -> list[str]:
    """Return what a document of node roles lacks on a role that only aws-node has."""
    if WORKER_NODE not in document.beside:
        return []
    others = tuple(name for name in document.beside if name != WORKER_NODE)
    alone = replace(document, beside=others)
    return [
        f"without {WORKER_NODE}, {text}" for text in lacks(checked(alone, _newest_beside(alone)))
    ]


def lacks(result: Matrix) -> list[str]:
    """Return the denied actions without which the plugin fails, with its versions."""
    fatal: dict[str, set[PluginVersion]] = {}
    for row in result.rows:
        for action, cell in zip(result.actions, row.cells, strict=True):
            if cell is Cell.fatal:
                fatal.setdefault(action, set()).add(row.version)
    return [
        f"{', '.join(map(str, known_versions.spans(frozenset(versions))))}: {action}"
        for action, versions in fatal.items()
    ]


def _source(document: PeerDocument) -> str:
    """Return the place of a document: for a file at a commit, a link to its page."""
    repository, path, commit = document.repository, document.path, document.commit
    if not re.fullmatch("[0-9a-f]{40}", commit):
        return f"{repository} {path}, {commit}".strip()
    return f"[{repository} {path}](https://github.com/{repository}/blob/{commit}/{path})"
