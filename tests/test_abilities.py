"""What the documents say of a scoped policy is what the table of abilities says, and no more."""

import re

import pytest
from tools.generate import abilities
from tools.generate.abilities import ABILITIES, CLAIM, COLUMNS, NO, YES

from conftest import ROOT, run
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.coverage.analysis.reach import CREATE, MODIFY, Attacker
from vpc_cni_iam.coverage.simulate.send import Answers
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.policy.document import Policy

SENTENCE = (
    "A scoped policy lets the role change only network interfaces with its cluster's tag, but the "
    "role can put this tag on any interface. A hardened policy lets it put the tag only on "
    "interfaces that have no cluster's tag."
)
# What was said before, and is more than is so.
TOO_MUCH = re.compile(
    r"limits? the role to|limited to (it,|its interfaces)|can change only the interfaces"
    r"|cannot touch|kept to its own|reaches one cluster|scoped even narrower"
)


def cells(column: int) -> dict[str, str]:
    answers = abilities.answers(COLUMNS[column][1])
    return dict(zip((ability.text for ability in ABILITIES), answers, strict=True))


GENERIC, SCOPED, HARDENED, NARROWED = map(cells, range(4))


def test_the_readme_and_one_page_say_the_sentence() -> None:
    folders = ("docs", "examples", "modules", "generator")
    pages = [*ROOT.glob("*.md"), *(p for f in folders for p in (ROOT / f).rglob("*.md*"))]
    texts = {page: " ".join(page.read_text().split()) for page in pages}
    named = [p for p, text in texts.items() if "put the tag only on interfaces that have" in text]
    assert sorted(named) == [ROOT / "README.md", ROOT / "docs" / "hardening.md"]
    assert all(SENTENCE in texts[page] for page in named)


def test_no_page_says_more() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*/*/README.md")]
    pages += [ROOT / "examples/README.md", *(ROOT / "examples").glob("*/main.tf")]
    assert len(pages) > 30
    for page in pages:
        if page.name != "CHANGELOG.md":
            assert not TOO_MUCH.search(" ".join(page.read_text().split())), page


def test_the_sentence_is_what_the_evaluator_says() -> None:
    """Of each scoped variant: no change without the tag, and the tag on which interfaces."""
    for variant in ("ipv4-scoped", "ipv4-pod-identity"):
        for hardening in (None, Hardening()):
            policy = abilities.document(variant, hardening)
            reach = Attacker(Answers([policy]), RequestSetting(known_versions.newest()))
            tagged = [reach.eni(s, reach.theirs) for s in (reach.here, reach.there)]
            untagged = [reach.eni(s, {}) for s in (reach.here, reach.there)]
            assert not any(map(reach.may_change, (*tagged, *untagged)))
            assert any(map(reach.may_claim, untagged))
            assert any(map(reach.may_claim, tagged)) is (hardening is None)


def test_each_policy_allows_no_more_than_the_one_before() -> None:
    order = (NO, CLAIM, YES)
    for text in SCOPED:
        columns = (NARROWED, HARDENED, SCOPED, GENERIC)
        ranks = [order.index(column[text]) for column in columns]
        assert ranks == sorted(ranks), text
    assert {*GENERIC.values()} == {YES}
    lost = {text: NARROWED[text] for text in HARDENED if NARROWED[text] != HARDENED[text]}
    assert [*lost.values()] == [NO, NO]
    assert all(
        re.match("put any security group|create an interface in any subnet", t) for t in lost
    )


@pytest.mark.parametrize("action", [CREATE, MODIFY])
def test_a_security_group_counts_however_an_interface_gets_it(action: str) -> None:
    """Where one of the two actions takes any group, and the other those that are listed."""
    listed = Hardening(limits=(IdList.security_groups,))
    every, some = (
        abilities.document("ipv4-scoped", each).statements for each in (Hardening(), listed)
    )
    mixed = Policy(tuple(a if action in a.actions else b for a, b in zip(every, some, strict=True)))
    answers = abilities.answers(lambda: mixed)
    (answer,) = (
        a for t, a in zip(SCOPED, answers, strict=True) if t.startswith("put any security")
    )
    assert answer == YES


@pytest.mark.parametrize(
    ("ability", "scoped", "hardened"),
    [
        ("write its cluster's name", YES, NO),
        ("give such an interface, in use on the other cluster's node, other", CLAIM, NO),
        ("take addresses from it", CLAIM, NO),
        ("detach it from the other cluster's node", NO, NO),
        ("delete such an interface that is detached, or attach it", CLAIM, NO),
        ("change an interface of its VPC without the tag", CLAIM, CLAIM),
        ("the same in another VPC", CLAIM, NO),
        ("tag an interface of its VPC that an AWS service manages", YES, YES),
        ("delete such an interface that its service left detached", CLAIM, CLAIM),
        ("put any security group of the VPC on an interface", YES, YES),
        ("create an interface in any subnet of its VPC", YES, YES),
        ("create an interface in another VPC", NO, NO),
        ("move secondary addresses of any interface in its subnet", YES, YES),
        ("turn off the source/destination check", YES, YES),
        ("attach interfaces of its cluster to an instance of another cluster", NO, NO),
        ("detach and delete interfaces of its own cluster's nodes", YES, YES),
        ("write any tag on an interface of its cluster", YES, NO),
        ("read all interfaces", YES, YES),
    ],
)
def test_abilities_are_judged_with_every_resource_that_ec2_checks(
    ability: str, scoped: str, hardened: str
) -> None:
    (text,) = (t for t in SCOPED if t.startswith(ability))
    assert (GENERIC[text], SCOPED[text], HARDENED[text]) == (YES, scoped, hardened)


def test_the_table_has_every_ability_with_a_source() -> None:
    page = (ROOT / "docs/hardening.md").read_text()
    assert abilities.table() in page
    for ability in ABILITIES:
        assert ability.sources, ability.text
        assert {*ability.sources} <= abilities.SOURCES.keys()
    assert {s for a in ABILITIES for s in a.sources} == abilities.SOURCES.keys()
    assert "not tried" in page


def test_what_hardening_leaves_open_is_said_where_a_policy_is_made() -> None:
    names = ("--cluster-name", "prod", "--vpc-id", "vpc-0123456789abcdef0")
    notes = run("policy", "ipv4-scoped", "--harden", *names).err
    assert "docs/hardening.md says what the role can still do" in notes
    page = (ROOT / "docs/hardening.md").read_text()
    for ability in ("any security group of", "move addresses of"):
        assert ability in page
