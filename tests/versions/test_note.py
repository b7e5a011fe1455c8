"""The note of generated documents with which the plugin fails at some versions."""

from typing import Any

import pytest

from vpc_cni_iam.catalog.facts import documents, known_versions
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.catalog.selection import Additions
from vpc_cni_iam.versions.note import failure_note

OLDEST = documents.revisions()[0].name
NEWEST = str(known_versions.newest())

SUBNETS = "the plugin fails from v1.22.0 on: ec2:DescribeSubnets is not allowed"
GROUPS = "the plugin fails at v1.22.0 to v1.22.1: ec2:DescribeSecurityGroups is not allowed"


@pytest.mark.parametrize(
    ("names", "chosen", "reasons", "advice"),
    [
        # What fails for good is said; what fails there besides, for some versions, is not.
        ("ipv4", {"revision": OLDEST}, (f"{SUBNETS} (ipv4)",), "Leave --revision out"),
        ("ipv6", {"revision": OLDEST}, (f"{SUBNETS} (ipv6)",), "Leave --revision out"),
        ("ipv4-ipv6", {"revision": OLDEST}, (f"{SUBNETS} (ipv4-ipv6)",), "Leave --revision out"),
        (
            "ipv4 ipv6 ipv4-scoped",
            {"revision": OLDEST},
            (f"{SUBNETS} (ipv4, ipv6, ipv4-scoped)",),
            "Leave --revision out",
        ),
        (
            "ipv4 ipv4-scoped",
            {"revision": "2026-06-01"},
            (f"{GROUPS} (ipv4-scoped)",),
            "Leave --revision out",
        ),
        ("ipv4", {"revision": "2026-06-01"}, (), ""),
        (
            "ipv4 ipv6",
            {"cni_version": "v1.22.1", "additions": Additions.none},
            (f"{GROUPS} (ipv4)", f"{SUBNETS} (ipv6)"),
            "Without --no-additions, the action is added",
        ),
        (
            "ipv4 ipv6",
            {"cni_version": "v1.22.4", "additions": Additions.none},
            (f"{SUBNETS} (ipv6)",),
            "Without --no-additions, the action is added",
        ),
    ],
)
def test_a_notice_says_each_reason_once_with_its_documents(
    names: str, chosen: dict[str, Any], reasons: tuple[str, ...], advice: str
) -> None:
    text = failure_note(options(names.split(), **chosen))
    head, _, rest = text.partition(": ")
    revision = chosen.get("revision") or "2024-07-22"
    assert head == f"revision {revision} of upstream's page"
    listed, _, end = rest.partition("). ")
    assert [*filter(None, f"{listed})".split("; "))] == ([*reasons] or [")"])
    assert end.startswith(advice)


def test_a_notice_says_that_a_document_stands_in_and_nothing_where_all_is_well() -> None:
    text = "no document existed at plugin v1.5.7; revision 2022-01-31 of upstream's page stands in"
    assert failure_note(options(["ipv4"], cni_version="v1.5.7")) == text
    for version in ("v1.20.4", "v1.22.0", NEWEST):
        assert failure_note(options(["ipv4", "ipv6"], cni_version=version)) == ""
