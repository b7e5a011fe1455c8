"""A review as JUnit XML for Jenkins and GitLab, with a test case for each finding and policy."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import normpath
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from vpc_cni_iam.escape import sanitise
from vpc_cni_iam.review.report import words
from vpc_cni_iam.review.report.shown import ShownFinding, ShownReview
from vpc_cni_iam.review.report_formats import Setting

_SUITE = "vpc-cni-iam review"


def write(review: ShownReview, setting: Setting) -> str:
    """Return a review in this format; it is ASCII.

    A finding that fails the review is a failed test. Other findings are passed tests with a text,
    ignored ones skipped tests, and policies that change without a finding passed tests. For GitLab,
    each test has its file; the schema of Jenkins does not allow that.
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


def _cases(review: ShownReview, files: str | None) -> Iterator[Element]:
    for finding in review.findings:
        case = _finding(finding, files)
        if words.fails(finding, review.fail_on):
            failure = {"type": finding.level, "message": sanitise(finding.message)}
            SubElement(case, "failure", failure).text = _text(finding)
        else:
            SubElement(case, "system-out").text = f"{finding.level}: {_text(finding)}"
        yield case
    for ignored in review.ignored:
        until = f" (until {ignored.until})" if ignored.until else ""
        case = _finding(ignored.finding, files)
        SubElement(case, "skipped", {"message": sanitise(ignored.reason) + until})
        yield case
    every = [*review.findings, *(ignored.finding for ignored in review.ignored)]
    reported = {(finding.address, finding.attribute) for finding in every}
    for policy in review.policies:
        if (policy.address, policy.attribute) not in reported:
            name = sanitise(words.title(policy))
            yield Element("testcase", {"classname": "no finding", "name": name})


def _finding(finding: ShownFinding, files: str | None) -> Element:
    about = words.about(finding) or f"{finding.rule} {finding.attribute}".rstrip()
    case = Element("testcase", {"classname": finding.rule, "name": sanitise(about)})
    if finding.place and files is not None:
        case.attrib["file"] = sanitise(normpath(f"{files}/{finding.place.file}").lstrip("/"))
    return case


def _text(finding: ShownFinding) -> str:
    fix = (f"fix: {finding.fix}",) if finding.fix else ()
    where = (words.where(finding.place),) if finding.place else ()
    return "\n".join(map(sanitise, (finding.message, *finding.details, *fix, *where)))
