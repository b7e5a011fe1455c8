"""The page of other projects' policies: who ships what, and what breaks."""

import re
from collections.abc import Iterator
from itertools import groupby

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.catalog.peers import BREAKING, BREAKING_DATE, PeerReport, Repair, peers

_UNVERIFIED = "not verified at its source"
_INTRO = f"""# Who ships which policy, and what breaks

Tools and modules that create EKS clusters have their own policy for the plugin, or attach the one
of AWS. This page lists the policies that were read, and the plugin versions to
{known_versions.newest()} that each works with. Each document was compared with the file at the
named commit. If that was not possible, the table says "{_UNVERIFIED}". If a project builds
the document from its users' options, the table has the document for each IP family alone, in the
partition `aws`.

`vpc-cni-iam catalog --peers` prints the same. If a policy equals one of the documents, `coverage`
and `audit` say so.

## Days from plugin {BREAKING} to a document that works

Plugin {BREAKING} of {BREAKING_DATE} is the first to call ec2:DescribeSubnets and
ec2:DescribeSecurityGroups at start. Days are counted to the first document that works with this
version and every later one.

<!-- diagram: days -->

A star marks a date that is {_UNVERIFIED}. "None by" and a date means: the project was
read up to this date, and had no such document.
"""
# Repository, path and commit.
_SOURCE = re.compile(r"([\w.-]+/[\w.-]+) (\S+), ([0-9a-f]{40})")


def page() -> str:
    """Return the page as Markdown."""
    known = peers()
    lines = [
        _INTRO,
        "| project | IP family | document of | days |",
        "| --- | --- | --- | --- |",
        *map(_repair, known.repairs),
        "",
        "## The documents",
    ]
    for project, reports in groupby(known.documents, key=lambda report: report.project):
        lines += ["", f"### {project}", "", *_section(list(reports))]
    return "\n".join(lines) + "\n"


def _repair(repair: Repair) -> str:
    day, days = repair.date or "", str(repair.days)
    if repair.date is None:
        known = repair.read_until and repair.read_until >= BREAKING_DATE
        until = f", read to {repair.read_until}" if repair.read_until else ""
        days = f"none by {repair.read_until}" if known else f"not known{until}"
    elif not repair.verified:
        day = f"{day}, {_UNVERIFIED}"
    return f"| {repair.project} | {FAMILIES[repair.mode]} | {day} | {days} |"


def _section(reports: list[PeerReport]) -> Iterator[str]:
    yield "| document | works with | lacks |"
    yield "| --- | --- | --- |"
    for report in reports:
        facts = [
            f"{report.document} {report.versions}".strip(),
            FAMILIES[report.mode],
            report.date or "date not known",
            _source(report.source),
            *(() if report.verified else (_UNVERIFIED,)),
        ]
        lacks = "<br>".join(report.breaks) or "nothing"
        yield f"| {'<br>'.join(facts)} | {report.works_with} | {lacks} |"


def _source(source: str) -> str:
    """Return the place of a document: for a file at a commit, a link to its page."""
    match = _SOURCE.fullmatch(source)
    if match is None:
        return source
    repository, path, commit = match.groups()
    return f"[{repository} {path}](https://github.com/{repository}/blob/{commit}/{path})"
