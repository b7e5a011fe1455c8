"""Hardened documents, in every scenario of every version that they are offered for."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from msgspec.structs import replace

from conftest import run
from coverage_policies import NAMES as COVERAGE_NAMES
from vpc_cni_iam.catalog import narrowing, parameters
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.notes import hardening_notes
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.catalog.variants import VARIANTS, Scope, Variant
from vpc_cni_iam.coverage.analysis.cover import Coverage, cover
from vpc_cni_iam.coverage.analysis.risks import find_risks
from vpc_cni_iam.coverage.names import names_of
from vpc_cni_iam.coverage.simulate.scenarios import EXAMPLE_TAGS, SCENARIOS, find
from vpc_cni_iam.coverage.simulate.settings import EXAMPLE, RequestSetting
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.versions.works_with import document_versions

TIED = [v for v in VARIANTS if v.cluster_scoped]
EVERY = find([s.name for s in SCENARIOS])
NAMES = parameters.values({name: EXAMPLE[name] for name in ("cluster_name", "vpc_id")})
LISTED = Hardening(tuple(EXAMPLE_TAGS))
IDS = {
    IdList.subnets: ["subnet-01234567", "subnet-89abcdef"],
    IdList.security_groups: ["sg-01234567", "sg-89abcdef"],
}
ADDED = {IdList.subnets: "subnet-added", IdList.security_groups: "security-group-added"}
LISTING_VARIANTS = ("ipv4-scoped", "ipv4-pod-identity")
FEATURES = ("multi-nic", "excluded-primary-subnet")


def policy(variant: Variant, setting: RequestSetting, how: Hardening | None = LISTED) -> Policy:
    (document,) = options(
        (variant.name,),
        cni_version=str(setting.version),
        features=setting.features,
        hardening=how,
    ).composed()
    return parameters.substitute(document.policy, NAMES)


def setting(variant: Variant, version: PluginVersion | None = None) -> RequestSetting:
    chosen = version or known_versions.newest()
    return RequestSetting(chosen, variant.modes[0], FEATURES, COVERAGE_NAMES).at(chosen)


def denied(coverage: Coverage) -> set[tuple[str, str, str]]:
    return {(s.name, call.template.name, call.on) for s, call in coverage.denied()}


@pytest.mark.parametrize("variant", TIED, ids=lambda v: v.name)
def test_hardening_denies_only_a_cluster_name_that_changes(variant: Variant) -> None:
    """Only a cluster's name that is changed is told apart from another cluster's interface."""
    for version in known_versions.known():
        if version < variant.minimum:
            continue
        there = setting(variant, version)
        before, after = (
            denied(cover([policy(variant, there, h)], there, EVERY)) for h in (None, LISTED)
        )
        assert before <= after
        lost = after - before
        assert {scenario for scenario, _, _ in lost} == {"cluster-name-corrected"}, version
        assert "tag-managed" in {template for _, template, _ in lost}


@pytest.mark.parametrize("limits", [(), tuple(IdList)], ids=["any", "listed"])
@pytest.mark.parametrize("variant", TIED, ids=lambda v: v.name)
def test_a_shared_vpc_with_every_name_given(variant: Variant, limits: tuple[IdList, ...]) -> None:
    """The VPC is its owner's, the interfaces in it are of the account that makes them."""
    if limits and variant.name not in LISTING_VARIANTS:
        return
    known = {"cluster_name": "prod", "vpc_id": "vpc-01234567", "region": "cn-north-1"}
    known |= {"account_id": "111122223333", "vpc_owner_id": "444455556666"}
    known |= {"partition": "aws-cn"}
    there = setting(variant)
    lost: set[str] = set()
    for how in (None, replace(LISTED, limits=limits)):
        (document,) = options(
            (variant.name,), cni_version="latest", features=there.features, hardening=how
        ).composed()
        lists = {name: IDS[name] for name in limits if how}
        policy_ = narrowing.filled(document.policy, parameters.values(known), lists)
        where = replace(there, names=names_of(known, [policy_]))
        lost ^= {scenario for scenario, _, _ in denied(cover([policy_], where, EVERY))}
    assert lost == {"cluster-name-corrected", *(ADDED[name] for name in limits)}


@pytest.mark.parametrize("variant", TIED, ids=lambda v: v.name)
def test_a_claim_needs_the_tag_of_the_nodes_maker(variant: Variant) -> None:
    """On each attached interface that lacks the cluster's: also on one made without a cluster."""
    claim = Hardening(tuple(EXAMPLE_TAGS), ("made-by", "us"))
    there = replace(setting(variant), features=("multi-nic",))
    ready = replace(there, primary_tags={"made-by": "us"})
    whole = policy(variant, there, claim)
    before = denied(cover([policy(variant, there, None)], there, EVERY))
    lost = denied(cover([whole], ready, EVERY)) - before
    assert {s for s, _, _ in lost} == {"cluster-name-corrected", "interface-from-before"}
    lost = denied(cover([whole], there)) - before
    assert ("fresh-node", "tag-managed") in {(s, template) for s, template, _ in lost}


@pytest.mark.parametrize("variant", TIED, ids=lambda v: v.name)
def test_a_key_that_is_not_listed_stops_the_start(variant: Variant) -> None:
    there = setting(variant)
    denials = denied(cover([policy(variant, there, Hardening())], there, EVERY))
    assert {s for s, template, _ in denials if template == "tag-managed"} == {
        "additional-tags-changed",
        "cluster-name-corrected",
    }


@pytest.mark.parametrize("made_for", ["v1.8.0", "v1.19.3", "v1.22.1"])
def test_a_hardened_policy_works_with_the_versions_that_it_names(made_for: str) -> None:
    """A version that sends another tag key is not served, and every other is as before."""
    variant = TIED[0]
    (document,) = options((variant.name,), cni_version=made_for, hardening=Hardening()).composed()
    works_at = document_versions(document.policy, variant).works
    whole = parameters.substitute(document.policy, NAMES)
    for version in known_versions.known():
        if version >= variant.minimum:
            verdict = cover([whole], RequestSetting(version, names=COVERAGE_NAMES)).verdict
            works = any(version in span for span in works_at)
            assert (verdict not in ("unknown", "fails")) == works, version


def narrowed(policy: Policy) -> list[int]:
    return [n for n, s in enumerate(policy.statements) if s.actions == ("ec2:CreateTags",)]


def test_each_of_the_three_statements_is_needed() -> None:
    variant = TIED[0]
    there = setting(variant)
    whole = policy(variant, there)
    base = denied(cover([whole], there))
    lost = []
    for number in narrowed(whole):
        remaining = whole.statements[:number] + whole.statements[number + 1 :]
        lost.append(denied(cover([replace(whole, statements=remaining)], there)) - base)
    create, claim, own = ({(s, template) for s, template, _ in some} for some in lost)
    assert ("fresh-node", "create") in create
    assert ("fresh-node", "tag-managed") in claim and ("fresh-node", "create") not in claim
    assert ("upgrade-adds-tag", "tag-managed") in own
    assert ("fresh-node", "tag-managed") not in own


def test_each_tag_key_is_needed() -> None:
    """But the cluster's and the instance's where they are set already, for a start that lags."""
    variant = TIED[0]
    there = setting(variant).with_environment(ADDITIONAL_ENI_TAGS=json.dumps(EXAMPLE_TAGS))
    whole = policy(variant, there)
    base = denied(cover([whole], there, EVERY))
    idle = []
    for number in narrowed(whole):
        statement = whole.statements[number]
        (keys,) = (c for c in statement.conditions if c.key == "aws:TagKeys")
        for key in keys.values:
            fewer = replace(keys, values=tuple(k for k in keys.values if k != key))
            conditions = tuple(fewer if c == keys else c for c in statement.conditions)
            changed = list(whole.statements)
            changed[number] = replace(statement, conditions=conditions)
            fewer_keys = replace(whole, statements=tuple(changed))
            if denied(cover([fewer_keys], there, EVERY)) == base:
                idle.append((number, key))
    own = narrowed(whole)[-1]
    assert idle == [
        (own, "node.k8s.amazonaws.com/instance_id"),
        (own, "cluster.k8s.amazonaws.com/name"),
    ]


@pytest.mark.parametrize("variant", TIED, ids=lambda v: v.name)
@pytest.mark.parametrize("claim", [None, ("made-by", "us")], ids=["any", "marked"])
def test_the_notes_on_hardening_are_the_risks_that_coverage_finds(
    variant: Variant, claim: tuple[str, str] | None
) -> None:
    there = setting(variant)
    how = Hardening((), claim)
    ready = replace(there, primary_tags=dict([claim] if claim else []))
    identifiers = {f.identifier for f in find_risks([policy(variant, there, how)], ready)}
    chosen = options((variant.name,), cni_version="latest", features=there.features, hardening=how)
    messages = {c.identifier for c in hardening_notes(chosen)}
    reached = (
        "untagged-interfaces-claimable"
        if (variant.scope is Scope.CLUSTER_NAME)
        else "unconditioned-create-tags"
    )
    assert reached in messages
    assert messages - identifiers == ({"claim-tag-needed", reached} if claim else set())
    # Said at all scoped documents, not only at hardened ones.
    assert identifiers - messages <= {"instance-tag-not-set"}
    before = {f.identifier for f in find_risks([policy(variant, there, None)], there)}
    assert "any-tag-key" in before - identifiers
    assert ("unconditioned-create-tags" in before - identifiers) == (
        (variant.scope is Scope.CLUSTER_NAME) or bool(claim)
    )


def test_the_notes_on_hardening_are_of_each_document() -> None:
    both = options(
        ("ipv4-scoped", "ipv4-pod-identity"), cni_version="latest", hardening=Hardening()
    )
    identifiers = {c.identifier for c in hardening_notes(both)}
    assert {"untagged-interfaces-claimable", "unconditioned-create-tags"} <= identifiers


@pytest.mark.parametrize("limits", [(IdList.subnets,), (IdList.security_groups,), tuple(IdList)])
@pytest.mark.parametrize("name", LISTING_VARIANTS)
def test_lists_take_nothing_from_any_default_scenario(
    name: str, limits: tuple[IdList, ...]
) -> None:
    """What is added to the cluster later is denied, and only what needs a list that is there."""
    variant = next(v for v in TIED if v.name == name)
    for version in known_versions.known():
        if version < variant.minimum:
            continue
        there = setting(variant, version)
        how = replace(LISTED, limits=limits)
        (document,) = options(
            (name,), cni_version=str(version), features=there.features, hardening=how
        ).composed()
        policy_ = narrowing.filled(document.policy, NAMES, {x: IDS[x] for x in limits})
        there = replace(there, names=names_of({"vpc_id": EXAMPLE["vpc_id"]}, [policy_]))
        hardened = policy(variant, there)
        before, after = (denied(cover([p], there, SCENARIOS)) for p in (hardened, policy_))
        assert after == before, version
        before, after = (denied(cover([p], there, EVERY)) for p in (hardened, policy_))
        assert {scenario for scenario, _, _ in after - before} == {
            ADDED[x]
            for x in limits
            if x is not IdList.subnets or version >= PluginVersion.of("v1.18.0")
        }, version


def test_what_to_do_keeps_the_tags_of_a_hardened_policy(tmp_path: Path) -> None:
    tags = ("--additional-tag-key", "team", "--eni-claim-tag", "made-by=us")
    (tmp_path / "p.json").write_text(run("policy", *SCOPED_BY, "--harden", *OLD, *tags).out)
    # With interfaces that lack the tag of the claim.
    ready = ("--scenario", "no-interface-from-before")
    for words, listed in (
        (ready, tags),
        ((*ready, "--env", 'ADDITIONAL_ENI_TAGS={"cost": "1"}'), (*tags, "cost")),
        ((), tags[:2]),
    ):
        made = ("coverage", "p.json", "--primary-tag", "made-by=us", *words)
        (repair,) = json.loads(run(*made, "--format", "json", cwd=tmp_path).out)["repairs"]
        arguments = shlex.split(repair.split("`")[1])[1:]
        assert {w for w in arguments if w in ("--harden", *tags, "cost")} == {"--harden", *listed}
        (tmp_path / "new.json").write_text(run(*arguments).out)
        assert run("coverage", "new.json", *made[2:], cwd=tmp_path).code == 0


def test_without_subnet_discovery_no_subnet_is_added(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(run("policy", *SCOPED_BY, "--harden", *LISTING).out)
    words = ("coverage", "p.json", "--env", "ENABLE_SUBNET_DISCOVERY=false")
    assert "subnet-added" not in run(*words, cwd=tmp_path).out
    done = run(*words, "--scenario", "subnet-added", cwd=tmp_path)
    assert (done.code, done.out) == (2, "") and "none of these scenarios: subnet-added" in done.err


SCOPED_BY = ("ipv4-scoped", "--cluster-name", "prod", "--vpc-id", "vpc-01234567")
LISTING = ("--subnet-id", "subnet-01234567", "--security-group-id", "sg-01234567")
OLD = ("--cni-version", "v1.19.3")  # whose next version sends one more tag key


@pytest.mark.parametrize(
    ("made", "scenario", "instead", "replacement"),
    [
        (OLD, (), "", ("--harden",)),
        ((*OLD, *LISTING), (), "", ("--harden", *LISTING)),
        (
            LISTING,
            ("subnet-added",),
            "add the subnet to those that the policy lists",
            ("--harden",),
        ),
        (
            LISTING,
            ("security-group-added",),
            "add the security group to those that the policy lists",
            ("--harden",),
        ),
        ((), ("cluster-name-corrected",), "leave CLUSTER_NAME as it is", ()),
        ((), ("additional-tags-changed",), "leave ADDITIONAL_ENI_TAGS as it is", ()),
        (
            (),
            ("cluster-name-corrected", "additional-tags-changed"),
            "leave CLUSTER_NAME as it is and leave ADDITIONAL_ENI_TAGS as it is",
            (),
        ),
    ],
)
def test_what_to_do_keeps_a_policy_as_narrow_as_it_can(
    made: tuple[str, ...],
    scenario: tuple[str, ...],
    instead: str,
    replacement: tuple[str, ...],
    tmp_path: Path,
) -> None:
    (tmp_path / "p.json").write_text(run("policy", *SCOPED_BY, "--harden", *made).out)
    words = ("coverage", "p.json", *(w for name in scenario for w in ("--scenario", name)))
    (repair,) = json.loads(run(*words, "--format", "json", cwd=tmp_path).out)["repairs"]
    before, _, command = repair[:-1].partition("replace its policy with the output of `")
    assert before == (f"{instead}, or " if instead else "")
    arguments = shlex.split(command)[1:]
    assert [w for w in arguments if w in ("--harden", *LISTING)] == [*replacement]
    done = run(*arguments)
    assert done.code == 0, done.err
    (tmp_path / "p.json").write_text(done.out)
    listed = "added" in "".join(scenario)  # arises with lists alone
    assert run(*(words[:2] if listed else words), cwd=tmp_path).code == 0
