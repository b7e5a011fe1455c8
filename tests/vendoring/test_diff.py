"""What is said of each variant when a change cannot be told, or takes the variant away."""

import pytest

from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.vendoring.configuration.config import VendoredModule
from vpc_cni_iam.vendoring.diff import meanings

OPTIONS = options(["ipv4", "ipv6"], cni_version="v1.23.2")
MODULE = VendoredModule("modules/policy", OPTIONS, 1)
GENERATED = render(OPTIONS)
IPV4_ALONE = render(options(["ipv4"], cni_version="v1.23.2"))
MAIN = GENERATED["main.tf"]
UNREAD = {
    **GENERATED,
    "main.tf": MAIN.replace('"ec2:AssignIpv6Addresses"', "lower(data.aws_region.x.name)", 1),
}
BROKEN = {**GENERATED, "main.tf": f"{MAIN}x {{"}
REASON = "main.tf: line 55: data.aws_region.x.name cannot be known without an engine"
SAME = ("ipv4", [], "")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (GENERATED, GENERATED, [SAME, ("ipv6", [], "")]),
        (UNREAD, GENERATED, [SAME, ("ipv6", [], REASON)]),
        (GENERATED, UNREAD, [SAME, ("ipv6", [], REASON)]),
        (UNREAD, IPV4_ALONE, [SAME, ("ipv6", [], f"is no longer generated; {REASON}")]),
    ],
)
def test_a_document_that_is_not_read_is_named_and_hides_no_other(
    before: dict[str, str], after: dict[str, str], expected: list[tuple[str, list[str], str]]
) -> None:
    shown = [
        (meaning.variant, [str(change) for change in meaning.changes], meaning.note)
        for meaning in meanings(MODULE, before, after)
    ]
    assert shown == expected


@pytest.mark.parametrize(("before", "after"), [(BROKEN, GENERATED), (GENERATED, BROKEN)])
def test_a_file_that_is_not_hcl_leaves_every_variant_open(
    before: dict[str, str], after: dict[str, str]
) -> None:
    (meaning,) = meanings(MODULE, before, after)
    assert (meaning.variant, meaning.changes) == ("all variants", ())
    assert meaning.note.startswith("cannot be read: main.tf: line ")


def test_a_variant_that_goes_loses_what_it_allowed() -> None:
    same, gone = meanings(MODULE, GENERATED, IPV4_ALONE)
    assert (same.variant, same.changes, gone.variant) == ("ipv4", (), "ipv6")
    assert {str(change).partition(":")[0] for change in gone.changes} == {"no longer allowed"}
