"""A review as JUnit XML, as Jenkins and GitLab take it: a test for each change and finding."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import normpath
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from vpc_cni_iam.escape import sanitise
from vpc_cni_iam.review import wording
from vpc_cni_iam.review.findings import Finding, Review
from vpc_cni_iam.review.report_formats import Setting
from vpc_cni_iam.review.run import fails

_SUITE = "vpc-cni-iam review"


def write(review: Review, setting: Setting) -> str:
    """Return a review in this format; it is ASCII.

    A finding that fails the review is a test that fails, another one a test that passes and has
    something to say, an ignored one a test that is skipped; a change without any passes. For
    GitLab, each test has its file, which the schema of Jenkins refuses.
    """
    cases = list(_cases(review, setting.prefix if setting.forge == "gitlab" else None))
    numbers = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": "0",
    }
    skipped = str(sum(case.find("skipped") is not None for case in cases))
    name = f"{_SUITE}: {sanitise(review.plan)}"
    root = Element("testsuites", {"name": _SUITE, **numbers})
    SubElement(root, "testsuite", {"name": name, **numbers, "skipped": skipped}).extend(cases)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root).decode("ascii")}\n'


def _cases(review: Review, files: str | None) -> Iterator[Element]:
    every = [*review.findings, *(i.finding for i in review.ignored)]
    places = {(f.address, f.attribute) for f in every}
    for finding in review.findings:
        case = _finding(finding, files)
        if fails(finding, review.fail_on):
            what = {"type": finding.level, "message": sanitise(finding.message)}
            SubElement(case, "failure", what).text = _text(finding)
        else:
            SubElement(case, "system-out").text = f"{finding.level}: {_text(finding)}"
        yield case
    for ignored in review.ignored:
        until = f" (until {ignored.until})" if ignored.until else ""
        case = _finding(ignored.finding, files)
        SubElement(case, "skipped", {"message": sanitise(ignored.reason) + until})
        yield case
    for change in review.changes:
        if (change.address, change.attribute) not in places:
            name = sanitise(f"{change.action} {wording.subject(change)}")
            yield Element("testcase", {"classname": "no finding", "name": name})


def _finding(finding: Finding, files: str | None) -> Element:
    about = wording.subject(finding) or f"{finding.rule} {finding.attribute}".rstrip()
    case = Element("testcase", {"classname": finding.rule, "name": sanitise(about)})
    if finding.place and files is not None:
        case.attrib["file"] = sanitise(normpath(f"{files}/{finding.place.file}").lstrip("/"))
    return case


def _text(finding: Finding) -> str:
    where = (wording.where(finding.place),) if finding.place else ()
    return "\n".join(map(sanitise, (finding.message, *finding.details, *where)))
