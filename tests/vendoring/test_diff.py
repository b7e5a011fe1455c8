"""What is said of each variant when a change cannot be told, or takes the variant away."""

import pytest
from msgspec.structs import replace

from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.options import options, override
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.vendoring.configuration.config import VendoredModule
from vpc_cni_iam.vendoring.edits.diff import meanings
from vpc_cni_iam.vendoring.edits.meaning import AccessChange, ModuleReason
from vpc_cni_iam.vendoring.report.edits import meaning_lines

OPTIONS = options(["ipv4", "ipv6"], cni_version="v1.23.2")
MODULE = VendoredModule("modules/policy", OPTIONS, 1)
GENERATED = render(OPTIONS)
IPV4_ALONE = render(options(["ipv4"], cni_version="v1.23.2"))
MAIN = GENERATED["main.tf"]
UNREAD = {
    **GENERATED,
    "main.tf": MAIN.replace('"ec2:AssignIpv6Addresses"', 'join("", [data.aws_region.x.name])', 1),
}
BROKEN = {**GENERATED, "main.tf": f"{MAIN}x {{"}
REASON = "main.tf: line 61: data.aws_region.x.name cannot be known without an engine"
SAME = ("ipv4", ["no change of access"])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (GENERATED, GENERATED, [SAME, ("ipv6", ["no change of access"])]),
        (UNREAD, GENERATED, [SAME, ("ipv6", [f"cannot be read: {REASON}"])]),
        (GENERATED, UNREAD, [SAME, ("ipv6", [f"cannot be read: {REASON}"])]),
        (UNREAD, IPV4_ALONE, [SAME, ("ipv6", [f"is no longer generated; {REASON}"])]),
    ],
)
def test_a_document_that_is_not_read_is_named_and_hides_no_other(
    before: dict[str, str], after: dict[str, str], expected: list[tuple[str, list[str]]]
) -> None:
    shown = [(m.variant, [*meaning_lines(m)]) for m in meanings(MODULE, before, after)]
    assert shown == expected


@pytest.mark.parametrize(("before", "after"), [(BROKEN, GENERATED), (GENERATED, BROKEN)])
def test_a_file_that_is_not_hcl_leaves_every_variant_open(
    before: dict[str, str], after: dict[str, str]
) -> None:
    (meaning,) = meanings(MODULE, before, after)
    assert meaning.variant == "all variants"
    assert isinstance(meaning.change, NotProven)
    assert meaning.change.reason is ModuleReason.unreadable
    (line,) = meaning_lines(meaning)
    assert line.startswith("cannot be read: main.tf: line ")


def test_a_variant_that_goes_loses_what_it_allowed() -> None:
    same, gone = meanings(MODULE, GENERATED, IPV4_ALONE)
    assert [*meaning_lines(same)] == SAME[1]
    assert isinstance(gone.change, AccessChange)
    assert (gone.variant, gone.change.removed) == ("ipv6", True)
    assert isinstance(gone.change.gained, NoNewAccess) and isinstance(gone.change.lost, NewAccess)
    document, access = meaning_lines(gone)
    assert document == "the document is no longer generated"
    assert access.startswith("less access, for instance ec2:")


def test_a_change_of_a_scoped_document_is_shown_with_its_variables_and_proven() -> None:
    scoped = options(["ipv4-scoped"], cni_version="v1.23.2")
    before = render(scoped)
    text = before["main.tf"].replace('"ec2:DeleteNetworkInterface",', "", 1)
    module = VendoredModule("modules/policy", scoped, 1)
    (meaning,) = meanings(module, before, {**before, "main.tf": text})
    assert isinstance(meaning.change, AccessChange)
    assert isinstance(meaning.change.gained, NoNewAccess)
    assert isinstance(meaning.change.lost, NewAccess)
    access, difference = meaning_lines(meaning)
    assert difference.endswith(": action ec2:DeleteNetworkInterface is removed")
    assert access.startswith("less access, for instance ec2:DeleteNetworkInterface on arn:")


NARROWED = options(
    ["ipv4-scoped"], cni_version="v1.19.3", hardening=Hardening(limits=tuple(IdList))
)


def test_an_upgrade_of_a_narrowed_module_is_proven_for_any_lists() -> None:
    module = VendoredModule("modules/policy", NARROWED, 1)
    newer = override(NARROWED, cni_version="v1.23.2")
    (meaning,) = meanings(module, render(NARROWED), render(newer))
    assert isinstance(meaning.change, AccessChange)
    assert isinstance(meaning.change.lost, NoNewAccess)
    assert isinstance(meaning.change.gained, NewAccess)
    assert "subnet" not in "".join(meaning_lines(meaning))
    hardened = replace(NARROWED, selection=replace(NARROWED.selection, hardening=Hardening()))
    (meaning,) = meanings(module, render(hardened), render(NARROWED))
    assert isinstance(meaning.change, AccessChange)
    assert isinstance(meaning.change.gained, NoNewAccess)
    assert isinstance(meaning.change.lost, NewAccess)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('effect  = "Allow"\n    actions = ["ec2:CreateNetworkInterface"]', 'effect = "Deny"'),
        ("resources = concat(", "not_resources = concat("),
        ('variable = "ec2:Vpc"', 'variable = "ec2:Vpc"\n      values = var.subnet_ids # '),
    ],
)
def test_a_list_is_read_in_the_resources_of_an_allow_alone(old: str, new: str) -> None:
    """Elsewhere the items of a list do not stand for the whole."""
    before = render(NARROWED)
    assert old in before["main.tf"]
    edited = {**before, "main.tf": before["main.tf"].replace(old, new, 1)}
    (meaning,) = meanings(VendoredModule("modules/policy", NARROWED, 1), before, edited)
    assert isinstance(meaning.change, NotProven)
    assert meaning.change.reason is ModuleReason.unreadable


def test_a_document_that_the_evaluator_refuses_is_unknown() -> None:
    scoped = options(["ipv4-scoped"], cni_version="v1.23.2")
    before = render(scoped)
    text = before["main.tf"].replace('"StringEquals"', '"StringSounds"', 1)
    module = VendoredModule("modules/policy", scoped, 1)
    (meaning,) = meanings(module, before, {**before, "main.tf": text})
    (line,) = meaning_lines(meaning)
    assert "StringSounds" in line
