"""Hardened documents: they allow less, what is closed is closed, and nothing in them is idle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.hardening import Hardening, allowed_tag_keys
from vpc_cni_iam.catalog.notes import hardening_notes
from vpc_cni_iam.catalog.options import options, override, stated
from vpc_cni_iam.catalog.variants import VARIANTS, Scope
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Policy, dumps
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess
from vpc_cni_iam.versions.works_with import document_versions

CLUSTER = "cluster.k8s.amazonaws.com/name"
INSTANCE = "node.k8s.amazonaws.com/instance_id"
ENI = "arn:aws:ec2:eu-west-1:111122223333:network-interface/eni-1"
GROUP = "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-1"
VPC = "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-01234567"
OTHER_VPC = "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-89abcdef"
NAMES = parameters.values({"cluster_name": "prod", "vpc_id": "vpc-01234567"})
TIED = [v for v in VARIANTS if v.cluster_scoped]
MANY = Hardening(("Cost Center", "team"), ("node-pool", "main"))


def composed(
    name: str = "ipv4-scoped", version: str = "v1.23.0", how: Hardening | None = None
) -> Composed:
    (document,) = options((name,), cni_version=version, hardening=how).composed()
    return document


def filled(document: Composed) -> Policy:
    return parameters.substitute(document.policy, NAMES)


@pytest.mark.parametrize("how", [Hardening(), MANY], ids=["plain", "many"])
@pytest.mark.parametrize("variant", TIED, ids=lambda v: v.name)
def test_it_allows_nothing_new_at_any_release(how: Hardening, variant: object) -> None:
    proven = set()
    for version in known_versions.known():
        if version < variant.minimum:  # type: ignore[attr-defined]
            continue
        name = variant.name  # type: ignore[attr-defined]
        old, new = (filled(composed(name, str(version), h)) for h in (None, how))
        if (old, new) not in proven:
            assert no_new_access([old], [new]) == NoNewAccess(), version
            assert isinstance(no_new_access([new], [old]), NewAccess), version
            proven.add((old, new))
    assert proven


# What upstream's scoped document allows and a hardened one must not; the tags as sent and there.
SET = {CLUSTER: "prod", INSTANCE: "i-1"}
CREATION = {"ec2_CreateAction": "CreateNetworkInterface"}


def tagging(sent: dict[str, str], there: dict[str, str], **context: str) -> Request:
    values: dict[str, str | tuple[str, ...]] = {f"aws:RequestTag/{k}": v for k, v in sent.items()}
    values |= {f"aws:ResourceTag/{k}": v for k, v in there.items()}
    values |= {k.replace("_", ":"): v for k, v in context.items()}
    return Request("ec2:CreateTags", ENI, "", {**values, "aws:TagKeys": tuple(sent)})


CLOSED = {
    "claim in another VPC": tagging(SET, {}, ec2_Vpc=OTHER_VPC),
    "claim where the VPC is not said": tagging(SET, {}),
    "take over another cluster's": tagging(SET, {CLUSTER: "test"}, ec2_Vpc=VPC),
    "claim for another cluster": tagging({CLUSTER: "test"}, {}, ec2_Vpc=VPC),
    "claim with another key": tagging({**SET, "Name": "x"}, {}, ec2_Vpc=VPC),
    "claim in another case": tagging({CLUSTER.upper(): "prod"}, {}, ec2_Vpc=VPC),
    "tag without claiming": tagging({INSTANCE: "i-1"}, {}, ec2_Vpc=VPC),
    "give away": tagging({CLUSTER: "test"}, {CLUSTER: "prod"}, ec2_Vpc=VPC),
    "own with another key": tagging({"Name": "x"}, {CLUSTER: "prod"}, ec2_Vpc=VPC),
    "own in another VPC": tagging({INSTANCE: "i-1"}, {CLUSTER: "prod"}, ec2_Vpc=OTHER_VPC),
    "created by another call": tagging(SET, {}, ec2_Vpc=VPC, ec2_CreateAction="RunInstances"),
    "created without the tag": tagging({INSTANCE: "i-1"}, {}, **CREATION),
    "created for another": tagging(
        {CLUSTER: "test"}, {}, ec2_CreateAction="CreateNetworkInterface"
    ),
    "created with another key": tagging(
        {**SET, "Name": "x"}, {}, ec2_CreateAction="CreateNetworkInterface"
    ),
    "change in another VPC": Request(
        "ec2:DeleteNetworkInterface",
        ENI,
        "",
        {f"aws:ResourceTag/{CLUSTER}": "prod", "ec2:Vpc": OTHER_VPC},
    ),
    "groups of another VPC": Request(
        "ec2:ModifyNetworkInterfaceAttribute", GROUP, "", {"ec2:Vpc": OTHER_VPC}
    ),
}


@pytest.mark.parametrize("name", CLOSED)
def test_what_is_closed(name: str) -> None:
    before, after = (compile_policies([filled(composed(how=h))]) for h in (None, Hardening()))
    assert before.evaluate(CLOSED[name]).allowed
    assert not after.evaluate(CLOSED[name]).allowed


def test_a_claim_may_ask_for_a_tag_of_the_nodes_maker() -> None:
    claim = Hardening((), ("made-by", "us"))
    plain, narrow = (compile_policies([filled(composed(how=h))]) for h in (Hardening(), claim))
    bare, made = tagging(SET, {}, ec2_Vpc=VPC), tagging(SET, {"made-by": "us"}, ec2_Vpc=VPC)
    assert plain.evaluate(bare).allowed and plain.evaluate(made).allowed
    assert not narrow.evaluate(bare).allowed and narrow.evaluate(made).allowed


def test_a_start_that_reads_old_tags_may_send_them_again() -> None:
    policy = compile_policies([filled(composed(how=Hardening()))])
    assert policy.evaluate(tagging(SET, SET, ec2_Vpc=VPC)).allowed


def without_a_condition(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """Yield a policy with each condition left out that hardening has put in."""
    for number, statement in enumerate(policy.statements):
        for condition in statement.conditions:
            remaining = tuple(c for c in statement.conditions if c != condition)
            changed = list(policy.statements)
            changed[number] = replace(statement, conditions=remaining)
            yield f"{number}: {condition.key}", Policy(tuple(changed))


@pytest.mark.parametrize("variant", TIED, ids=lambda v: v.name)
def test_no_condition_is_idle(variant: object) -> None:
    """Without any one of them something more is allowed."""
    policy = filled(composed(variant.name, how=MANY))  # type: ignore[attr-defined]
    tried = dict(without_a_condition(policy))
    assert len(tried) >= 10
    for name, wider in tried.items():
        assert isinstance(no_new_access([policy], [wider]), NewAccess), name


@pytest.mark.parametrize("version", ["v1.8.0", "v1.19.3", "v1.19.4", "v1.23.0"])
def test_the_tag_keys_are_those_of_the_release(version: str) -> None:
    keys = allowed_tag_keys(composed(version=version, how=MANY).policy)
    always = {CLUSTER, INSTANCE, "node.k8s.amazonaws.com/createdAt", "Cost Center", "team"}
    owned = known_versions.find(version) >= known_versions.find("v1.19.4")
    assert keys == always | ({"eks:eni:owner"} if owned else set())
    assert allowed_tag_keys(composed(version=version).policy) is None


def test_a_later_release_that_sends_another_key_is_not_served() -> None:
    document = composed(version="v1.19.3", how=Hardening())
    served = document_versions(document.policy, document.variant)
    assert served.works_with == "v1.8.0 to v1.19.3"
    (tagging,) = (m for m in served.missing if m.action == "ec2:CreateTags")
    assert min(tagging.versions) == PluginVersion("v1.19.4")
    document, plain = (
        document_versions(c.policy, c.variant) for c in (composed(how=Hardening()), composed())
    )
    assert document.works == plain.works


def test_only_what_makes_interfaces_may_tag_new_ones() -> None:
    text = dumps(composed("ipv6-scoped", how=Hardening()).policy)
    assert "CreateNetworkInterface" not in text and "createdAt" not in text
    (made,) = options(
        ("ipv6-scoped",), cni_version="latest", features=["multi-nic"], hardening=Hardening()
    ).composed()
    assert '"ec2:CreateAction": "CreateNetworkInterface"' in dumps(made.policy)


def test_documents_that_are_not_tied_to_a_cluster_stay_as_they_are() -> None:
    plain = options(cni_version="latest").composed()
    some = options(cni_version="latest", hardening=MANY).composed()
    changed = [a.variant.name for a, b in zip(plain, some, strict=True) if a.policy != b.policy]
    assert changed == ["ipv4-scoped"]


def test_the_largest_that_is_taken_fits_a_managed_policy() -> None:
    keys = tuple(f"{n:02}{'k' * 98}" for n in range(40))
    with pytest.raises(UsageError, match=r"ipv4-scoped has 1\d,\d{3} characters, and IAM allows"):
        composed(how=Hardening(keys))
    for variant in TIED:
        (document,) = options(
            (variant.name,),
            cni_version="v1.22.0",
            features=[] if variant.scope is Scope.SESSION_TAGS else ["multi-nic"],
            hardening=Hardening(keys[:4]),
        ).composed()
        assert len(dumps(parameters.fill(document.policy, parameters.SAMPLE), None)) <= 6144


def test_a_module_states_it_and_is_read_back() -> None:
    chosen = options(["ipv4-scoped"], cni_version="v1.23.0", hardening=MANY)
    assert "--additional-tag-key 'Cost Center' --additional-tag-key team" in chosen.command
    assert "--eni-claim-tag node-pool=main" in chosen.command
    assert stated(f"# {chosen.command}\n") == chosen
    assert override(chosen, cni_version="v1.22.4").selection.hardening == MANY


@pytest.mark.parametrize(
    ("expected", "keys", "claim", "message"),
    [
        (False, ["team"], None, "--additional-tag-key needs --harden"),
        (False, [], "a=b", "--eni-claim-tag needs --harden"),
        (True, ["cluster.k8s.amazonaws.com/name"], None, "the plugin drops keys"),
        (True, ["aws:x"], None, "is reserved for AWS"),
        (True, [""], None, "is not a tag key"),
        (True, ["-x"], None, "is not a tag key"),
        (True, [" x"], None, "is not a tag key"),
        (True, ["x\n"], None, "is not a tag key"),
        (True, ["${aws:x}"], None, "is not a tag key"),
        (True, ["*"], None, "is not a tag key"),
        (True, ["'"], None, "is not a tag key"),
        (True, ["größe"], None, "is not a tag key"),
        (True, ["k" * 129], None, "is not a tag key"),
        (True, [str(n) for n in range(47)], None, "is given 47 times"),
        (True, [], "a", "is not KEY=VALUE"),
        (True, [], "a=", "the value must be of"),
        (True, [], "a=-b", "the value must be of"),
        (True, [], "a=*", "the value must be of"),
        (True, [], "a=" + "b" * 257, "the value must be of"),
        (True, [], "=b", "is not a tag key"),
        (True, [], "Cluster.k8s.amazonaws.com/name=x", "is the tag that the role sets"),
    ],
)
def test_refusals(expected: bool, keys: list[str], claim: str | None, message: str) -> None:
    with pytest.raises(UsageError) as error:
        Hardening.of(harden=expected, additional_tag_keys=keys, eni_claim_tag=claim)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("keys", "claim"),
    [
        (["k" * 128], "a=" + "b" * 256),
        ([f"key-{n:02}" for n in range(46)], None),
        (["a b", "a", "a"], "Name=one two"),
        (["x_.:/=+@-"], "k" * 128 + "=v=w"),
    ],
)
def test_tags_at_the_limits_of_ec2_are_taken(keys: list[str], claim: str | None) -> None:
    how = Hardening.of(harden=True, additional_tag_keys=keys, eni_claim_tag=claim)
    assert how is not None and how.additional_tag_keys == tuple(sorted({*keys}))
    assert how.eni_claim_tag == (tuple(claim.split("=", 1)) if claim else None)


def test_it_is_for_the_newest_version_unless_another_is_named() -> None:
    hardened = options(["ipv4-scoped"], hardening=Hardening())
    assert hardened.selection.version == known_versions.newest()
    assert hardening_notes(options(cni_version="latest")) == ()


CLAIMING = "still allows claiming an interface of"
MADE = Hardening(("team",), ("made-by", "us"))


@pytest.mark.parametrize(
    ("names", "how", "lines"),
    [
        (
            ["ipv4-scoped"],
            Hardening(),
            (
                f"{CLAIMING} its VPC without {CLUSTER}, and changing it as its own; restrict that "
                "with --eni-claim-tag",
                "giving its own interfaces any security group of their VPC (security-groups",
                "other interfaces in a subnet to its own interfaces (addresses-reassignable)",
                "listed: none",
            ),
        ),
        (["ipv6-scoped"], MADE, (f"{CLAIMING} its VPC with made-by=us and without {CLUSTER}",)),
        (
            ["ipv4-pod-identity"],
            MADE,
            (
                f"{CLAIMING} any VPC with made-by=us and without {CLUSTER}",
                "still allows creating its interfaces in every VPC",
                "still allows attaching its interfaces to any instance",
                "listed: team",
            ),
        ),
    ],
)
def test_notes_of_a_hardened_document_say_what_stays_open_and_what_stops_the_plugin(
    names: list[str], how: Hardening, lines: tuple[str, ...]
) -> None:
    notes = [note.line for note in hardening_notes(options(names, hardening=how))]
    assert all(any(line in note for note in notes) for line in lines), notes
    effects = [note.partition(" ")[0] for note in notes]
    assert effects == sorted(effects) and {*effects} == {"still", "stops"}
    claimed = f"an attached interface has neither {CLUSTER} nor made-by=us"
    assert any(claimed in note for note in notes) is (how == MADE)
    of_any_vpc = [note for note in notes if "any VPC" in note or "every VPC" in note]
    assert bool(of_any_vpc) is (names == ["ipv4-pod-identity"])
